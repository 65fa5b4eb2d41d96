"""Reads a bundle as the libraries of in-toto and securesystemslib do; prints how many statements are signed and well-formed."""

import base64
import json
import sys

from google.protobuf.json_format import Parse
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

bundle, public = sys.argv[1:]
digits = open(public).read().strip().removeprefix("firn-key-1:")
count = 0
for line in open(bundle):
    wire = json.loads(line)
    key = SSlibKey(wire["signatures"][0]["keyid"], "ed25519", "ed25519", {"public": digits})
    Envelope.from_dict(wire).verify([key], 1)
    payload = base64.b64decode(wire["payload"])
    Statement.copy_from_pb(Parse(payload, statement_pb2.Statement())).validate()
    Parse(json.dumps(json.loads(payload)["predicate"]), provenance_pb2.Provenance())
    count += 1
print(count)
