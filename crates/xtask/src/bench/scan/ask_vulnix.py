"""Runs vulnix 1.10 without a network or a Nix store: `fill CACHE NVD-FOLDER YEAR..` makes its database, `scan CACHE FOLDER` asks it.

The program itself fetches feeds of format 1.1, which NVD no longer has, and asks nix-store for closures. What is called here is what
its `main` calls between those two.
"""

import datetime
import gzip
import json
import os
import sys

import transaction
from vulnix import derivation
from vulnix.nvd import NVD
from vulnix.vulnerability import Vulnerability


def item_of(cve):
    """A record of format 2.0 as one of 1.1, as far as vulnix reads it."""
    def match(m):
        rest = {k: m[k] for k in m if k.startswith("version")}
        return {"vulnerable": m["vulnerable"], "cpe23Uri": m["criteria"], **rest}

    nodes = [n for c in cve.get("configurations", []) for n in c["nodes"]]
    return {
        "cve": {
            "CVE_data_meta": {"ID": cve["id"]},
            "description": {"description_data": cve.get("descriptions", [])},
        },
        "configurations": {"nodes": [{"cpe_match": [match(m) for m in n["cpeMatch"]]} for n in nodes]},
    }


def fill(cache, folder, years):
    with NVD(mirror="http://127.0.0.1:9/", cache_dir=cache) as nvd:
        for year in years:
            with gzip.open(os.path.join(folder, f"nvdcve-2.0-{year}.json.gz")) as feed:
                for entry in json.load(feed)["vulnerabilities"]:
                    vuln = Vulnerability.parse(item_of(entry["cve"]))
                    nvd._root["advisory"][vuln.cve_id] = vuln
        nvd.meta.last_update = datetime.datetime.now()
        nvd.reindex()
        transaction.commit()


def scan(cache, folder):
    derivations = set()
    for base, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".drv"):
                try:
                    derivations.add(derivation.load(os.path.join(base, name)))
                except derivation.SkipDrv:
                    pass
    packages, findings = 0, 0
    with NVD(mirror="http://127.0.0.1:9/", cache_dir=cache) as nvd:
        for drv in sorted(derivations):
            found = drv.check(nvd)
            packages += bool(found)
            findings += len(found)
            for vuln in found:
                # What its output shows of each.
                (vuln.cve_id, vuln.cvssv3, vuln.description)
    print(f"vulnix: {packages} packages, {findings} findings")


if sys.argv[1] == "fill":
    fill(sys.argv[2], sys.argv[3], sys.argv[4:])
else:
    scan(sys.argv[2], sys.argv[3])
