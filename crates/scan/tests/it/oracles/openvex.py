"""Reads a document with a library for OpenVEX, which checks each member, and prints the statements."""
import json
import sys

from vexipy import Document

text = open(sys.argv[1], encoding="utf-8").read()
document = Document.from_json(text)
raw = json.loads(text)
known = {"@context", "@id", "author", "role", "timestamp", "last_updated", "version", "tooling", "statements"}
in_statement = {"@id", "version", "vulnerability", "timestamp", "last_updated", "products", "status", "supplier", "status_notes",
                "justification", "impact_statement", "action_statement", "action_statement_timestamp"}
# What the published schema says beyond the model: nothing else, something at all, each statement once, one reason and not two.
for key in raw.keys() - known:
    print("invalid", key)
statements = raw["statements"]
if not statements or len({json.dumps(s, sort_keys=True) for s in statements}) != len(statements):
    print("invalid", "statements")
for statement in statements:
    for key in statement.keys() - in_statement:
        print("invalid", key)
    if statement["status"] == "not_affected" and ("justification" in statement) == ("impact_statement" in statement):
        print("invalid", "reason", statement)
    if statement["status"] == "affected" and "action_statement" not in statement:
        print("invalid", "action", statement)
print("statements", len(document.statements))
print("states", *sorted(s.status.value for s in document.statements))
