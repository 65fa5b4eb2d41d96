-- Vulnerabilities of which the lists of CISA and EPSS said something else: readers of changes are told so, and nothing is matched again. In the
-- same count as vulnerability.touched; of all that lists changed, the last one's is the setting `told`.
CREATE TABLE told (
    vulnerability_id BIGINT PRIMARY KEY REFERENCES vulnerability,
    mark             BIGINT NOT NULL
);
CREATE INDEX told_mark ON told (mark, vulnerability_id);
