-- Vulnerabilities of which the lists of CISA and EPSS said something else: readers of changes are told so, and nothing is matched again. In the
-- same count as vulnerability.touched; of all that lists changed, the last one's is the setting `told`.
CREATE TABLE told (
    vulnerability_id INTEGER PRIMARY KEY REFERENCES vulnerability,
    mark             INTEGER NOT NULL
) STRICT;
CREATE INDEX told_mark ON told (mark);
