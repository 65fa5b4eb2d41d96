"""Reads a document with SPDX' own library and prints what that complains of, and how much there is."""
import sys

from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

document = parse_file(sys.argv[1])
for message in validate_full_spdx_document(document):
    print("invalid", message.validation_message[:300])
kinds = [r.relationship_type.name for r in document.relationships]
print("packages", len(document.packages), *(f"{kind} {kinds.count(kind)}" for kind in sorted(set(kinds))))
references = [r for p in document.packages for r in p.external_references]
for kind in ["purl", "advisory", "fix"]:
    print(kind, sum(r.reference_type == kind for r in references))
