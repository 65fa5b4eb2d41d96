-- Packages that may name a vulnerability themselves (in a patch, in knownVulnerabilities): found without reading the others.
CREATE INDEX package_naming ON package (id) WHERE strpos(upper(facts), 'CVE') > 0 OR strpos(upper(facts), 'GHSA') > 0;
