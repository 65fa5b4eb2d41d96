-- Packages that may name a vulnerability themselves (in a patch, in knownVulnerabilities): found without reading the others.
CREATE INDEX package_naming ON package (id) WHERE instr(upper(facts), 'CVE') > 0 OR instr(upper(facts), 'GHSA') > 0;
