"""Writes documents with other people's libraries into a folder: one BOM in every version of CycloneDX that we read, SPDX, OpenVEX."""
import datetime
import sys

from cyclonedx.model import HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType, Patch, PatchClassification, Pedigree
from cyclonedx.model.impact_analysis import ImpactAnalysisState
from cyclonedx.model.issue import IssueClassification, IssueType
from cyclonedx.model.vulnerability import BomTarget, Vulnerability, VulnerabilityAnalysis
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from spdx_tools.spdx.model import (Actor, ActorType, CreationInfo, Document, ExternalPackageRef, ExternalPackageRefCategory, Package,
                                   Relationship, RelationshipType, SpdxNoAssertion)
from spdx_tools.spdx.writer.write_anything import write_file
from vexipy import Product
from vexipy import Document as Vex
from vexipy import Statement, StatusLabel
from vexipy import Vulnerability as Known

folder = sys.argv[1]
path = "/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-zlib-1.2.11"

zlib = Component(name="zlib", version="1.2.11", type=ComponentType.LIBRARY, bom_ref="zlib", purl=PackageURL("nix", None, "zlib", "1.2.11"),
                 cpe="cpe:2.3:a:zlib:zlib:1.2.11:*:*:*:*:*:*:*", hashes=[HashType(alg=HashAlgorithm.SHA_256, content="00" * 32)],
                 properties=[Property(name="nix:output_path", value=path)],
                 pedigree=Pedigree(patches=[Patch(type=PatchClassification.BACKPORT, resolves=[
                     IssueType(type=IssueClassification.SECURITY, id="CVE-2018-25032", references=[XsUri("https://example.org/")])])]))
curl = Component(name="curl", version="7.71.1", type=ComponentType.APPLICATION, bom_ref="curl")
bom = Bom(components=[zlib])
bom.metadata.component = curl
bom.register_dependency(curl, [zlib])
bom.vulnerabilities.add(Vulnerability(id="CVE-2022-37434", affects=[BomTarget(ref="zlib")],
                                      analysis=VulnerabilityAnalysis(state=ImpactAnalysisState.NOT_AFFECTED, detail="not used")))
for version in [SchemaVersion.V1_4, SchemaVersion.V1_5, SchemaVersion.V1_6, SchemaVersion.V1_7]:
    text = make_outputter(bom, OutputFormat.JSON, version).output_as_string()
    open(f"{folder}/{version.to_version()}.cdx.json", "w", encoding="utf-8").write(text)

made = CreationInfo("SPDX-2.3", "SPDXRef-DOCUMENT", "system", "https://example.org/spdx/1", [Actor(ActorType.TOOL, "other")],
                    datetime.datetime(2026, 1, 1))
refs = [ExternalPackageRef(ExternalPackageRefCategory.PACKAGE_MANAGER, "purl", "pkg:nix/zlib@1.2.11"),
        ExternalPackageRef(ExternalPackageRefCategory.OTHER, "store-path", path)]
packages = [Package("SPDXRef-curl", "curl", SpdxNoAssertion(), version="7.71.1", files_analyzed=False),
            Package("SPDXRef-zlib", "zlib", SpdxNoAssertion(), version="1.2.11", files_analyzed=False, external_references=refs)]
relationships = [Relationship("SPDXRef-DOCUMENT", RelationshipType.DESCRIBES, "SPDXRef-curl"),
                 Relationship("SPDXRef-zlib", RelationshipType.DEPENDENCY_OF, "SPDXRef-curl")]
write_file(Document(made, packages, relationships=relationships), f"{folder}/other.spdx.json")

vex = Vex(id="https://example.org/vex/1", author="A", timestamp=datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc), version=1,
          statements=[Statement(vulnerability=Known(name="CVE-2022-37434", aliases=["GHSA-cfmr-vrgj-vqwv"]), status=StatusLabel.FIXED,
                                products=[Product(id="pkg:nix/zlib@1.2.11", identifiers={"cpe23": "cpe:2.3:a:zlib:zlib:1.2.11:*:*:*:*:*:*:*"})])])
open(f"{folder}/other.openvex.json", "w", encoding="utf-8").write(vex.to_json(by_alias=True, exclude_none=True))
