"""Checks a document against the schema of CycloneDX 1.6, then reads it with CycloneDX' own library. Prints what that finds."""
import json
import sys

from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

text = open(sys.argv[1], encoding="utf-8").read()
for error in JsonStrictValidator(SchemaVersion.V1_6).validate_str(text, all_errors=True) or []:
    print("invalid", error.data.message[:300], list(error.data.path))
bom = Bom.from_json(json.loads(text))
bom.validate()
states = sorted(v.analysis.state.value for v in bom.vulnerabilities)
patched = sorted(i.id for c in bom.components if c.pedigree for p in c.pedigree.patches for i in p.resolves)
print("components", len(bom.components), "dependencies", sum(len(d.dependencies) for d in bom.dependencies))
print("states", *states)
print("resolved by patches", *patched)
