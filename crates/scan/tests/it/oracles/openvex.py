"""Holds a document against the schema of OpenVEX with a validator of JSON schemas, reads it with a library for OpenVEX, and prints the statements."""
import json
import pathlib
import sys

from jsonschema import Draft202012Validator
from vexipy import Document

schema = json.loads(pathlib.Path(__file__).with_name("openvex.schema.json").read_text())
Draft202012Validator.check_schema(schema)
text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
broken = [f"{'/'.join(map(str, e.path))}: {e.message[:200]}" for e in validator.iter_errors(json.loads(text))]
for error in broken:
    print("invalid", error)
if not broken:
    document = Document.from_json(text)
    print("statements", len(document.statements))
    print("states", *sorted(s.status.value for s in document.statements))
