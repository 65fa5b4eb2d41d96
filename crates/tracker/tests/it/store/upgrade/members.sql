-- Rows as a tracker left them. <hex> stands for bytes.
INSERT INTO document (id, source, key, url, fetched_at, sha256, size, bytes) VALUES
    (1001, 'cve', 'CVE-2024-0001', 'cvelistV5/x.zip!a.json', 1700000000, <2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881>, 1, <28b52ffd200109000078>);
INSERT INTO taken (source, url, sha256, size, data_date, etag, taken_at, records, changed, problems) VALUES
    ('cve', 'cvelistV5/x.zip', <2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881>, 1, '2023-11-14', '"tag"', 1700000000, 5, 4, 1);
INSERT INTO source (name, last_attempt, last_success, last_error, data_date) VALUES ('cve', 1700000000, 1700000000, NULL, '2023-11-14');
INSERT INTO record (id, source, key, document_id, state, modified) VALUES (1001, 'cve', 'CVE-2024-0001', 1001, 'published', '2023-01-01T00:00:00Z');
INSERT INTO problem (id, source, key, document_id, pointer, message, seen_at) VALUES (1001, 'cve', 'CVE-2024-0001', 1001, '/x', 'odd', 1700000000);
INSERT INTO vulnerability (id, name, year, number, title, description, state, severity, touched) VALUES
    (1001, 'CVE-2024-0001', 2024, 1, 'A flaw', 'An overflow', 'published', 'high', 1),
    (1002, 'CVE-2024-0002', 2024, 2, 'Another', 'A leak', 'published', 'low', 1);
INSERT INTO record_vulnerability (vulnerability_id, record_id) VALUES (1001, 1001);
INSERT INTO alias (alias, vulnerability_id) VALUES ('GO-2024-0001', 1001);
INSERT INTO kev (name, date_added, due_date, ransomware, action) VALUES ('CVE-2024-0001', '2024-01-01', NULL, NULL, 'update');
INSERT INTO epss (name, score, percentile) VALUES ('CVE-2024-0001', 0.5, 0.75);
INSERT INTO package (id, sha256, attr, pname, version, facts) VALUES
    (1001, <01>, 'frobnicate', 'frobnicate', '1.0', '{"attr":"frobnicate","pname":"frobnicate","version":"1.0"}'),
    (1002, <02>, 'hello', 'hello', '2.12', '{"attr":"hello","pname":"hello","version":"2.12"}');
INSERT INTO channel (id, name, set_id, matched_set, matched_mark, matched_rules, matched_at) VALUES (1001, 'nixos-unstable', NULL, 1002, 1, 'rules', 1700000000);
INSERT INTO package_set (id, channel_id, revision, digest, taken_at, packages, with_meta, with_derivation) VALUES
    (1001, 1001, 'rev-1', <0a>, 1700000000, 1, 0, 0),
    (1002, 1001, 'rev-2', <0b>, 1700000001, 2, 0, 0);
INSERT INTO package_set_member (set_id, package_id, paths) VALUES (1001, 1001, ''), (1002, 1001, 'out=x-frobnicate'), (1002, 1002, '');
UPDATE channel SET set_id = 1002;
INSERT INTO cluster (id, channel_id, name, pname, version, package_id) VALUES (1001, 1001, 'frobnicate', 'frobnicate', '1.0', 1001);
INSERT INTO cluster_attr (channel_id, attr, cluster_id) VALUES (1001, 'frobnicate', 1001);
INSERT INTO disposition (vulnerability_id, channel_id, disposition, near_misses) VALUES (1001, 1001, 'matched', NULL);
INSERT INTO channel_count (channel_id, verdict, severity, count) VALUES (1001, 'affected', 'high', 1);
INSERT INTO event (id, at, actor, kind, subject, data) VALUES (1001, 1700000000, 'tracker', 'taken', 'cve', '{}');
INSERT INTO setting (name, value) VALUES ('a', 'b');
