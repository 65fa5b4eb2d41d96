-- What the tests of the pages look at: two channels, a handful of made-up vulnerabilities, one package with many.
-- Documents are added by fixture.rs.

INSERT INTO source (name, last_attempt, last_success, last_error, data_date) VALUES
    ('cve', 1795000000, 1795000000, NULL, '2024-10-30'),
    ('nvd', 1795000000, 1795000000, NULL, '2020-03-01'),
    ('osv', 1795000000, 1795000000, NULL, '2026-08-15'),
    ('kev', 1795000000, 1795000000, NULL, '2025-08-25'),
    ('epss', 1795000000, NULL, 'fetch https://example.org/epss.csv.gz: <refused>', NULL),
    ('nixpkgs/nixos-unstable', 1795000000, 1795000000, NULL, NULL);

INSERT INTO taken (source, url, sha256, size, data_date, taken_at, records, changed, problems) VALUES
    ('cve', 'cvelistV5/2024-10-30_all.zip.zip', x'00', 70000000, '2024-10-30', 1795000000, 130, 130, 1);

INSERT INTO vulnerability (id, name, year, number, title, description, state, published, modified, score, severity, kev_date, epss, epss_percentile, ssvc, tags, touched) VALUES
    (1, 'CVE-2024-90001', 2024, 90001, 'Lumen writes behind the end of a buffer',
     'Lumen 2.4.0 through 2.4.6 writes behind the end of a buffer when it reads a crafted lamp file.' || char(10) || char(10) || 'It is the same mistake as CVE-2023-90003.',
     'published', '2024-05-02T10:00:00.000Z', '2024-06-10T08:00:00.000', 9.8, 'critical', '2024-05-20', 0.94217, 0.9991, 'active', 'disputed', 1),
    (2, 'CVE-2024-90002', 2024, 90002, '<script>alert(''title'')</script>', '</p><img src=x onerror=alert(''description'')>', 'published',
     '2024-07-01T00:00:00.000Z', NULL, 6.1, 'medium', NULL, 0.0002, 0.1, NULL, '', 2),
    (3, 'CVE-2023-90003', 2023, 90003, 'Lumen reads behind the end of a buffer', 'Lumen reads behind the end of a buffer.', 'published', '2023-01-01T00:00:00.000Z', NULL,
     7.5, 'high', NULL, 0.3, 0.9, 'poc', '', 3),
    (4, 'CVE-2022-90004', 2022, 90004, '', '', 'rejected', '2022-01-01T00:00:00.000Z', NULL, NULL, 'unknown', NULL, NULL, NULL, NULL, '', 4),
    (5, 'CVE-2021-90005', 2021, 90005, 'Candle for Windows runs code', 'Candle for Windows runs code.', 'published', '2021-01-01', NULL, 9.0, 'critical', '2021-11-03', NULL, NULL, NULL, '', 5),
    (6, 'GO-2024-0001', 0, 0, 'Panic in the wick parser', 'A crafted wick makes the parser panic.', 'published', '2024-02-01T00:00:00Z', '2024-03-01T00:00:00Z', NULL, 'unknown', NULL, NULL, NULL, NULL, '', 6);
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120)
INSERT INTO vulnerability (id, name, year, number, title, description, state, published, score, severity, epss, epss_percentile, touched)
SELECT 1000 + i, printf('CVE-2020-%d', 10000 + i), 2020, 10000 + i, 'linux: flaw ' || i, 'A flaw in a driver, number ' || i || '.', 'published', '2020-02-02T00:00:00.000Z',
       5.5, 'medium', i / 1000.0, 0.5, 10 + i FROM n;
INSERT INTO vulnerability_text (vulnerability_text) VALUES ('rebuild');

INSERT INTO kev VALUES
    ('CVE-2024-90001', '2024-05-20', '2024-06-10', 'Known', 'Apply updates per vendor instructions.'),
    ('CVE-2021-90005', '2021-11-03', NULL, NULL, 'Apply updates.');
INSERT INTO epss VALUES ('CVE-2024-90001', 0.94217, 0.9991), ('CVE-2024-90002', 0.0002, 0.1), ('CVE-2023-90003', 0.3, 0.9);
INSERT INTO alias VALUES ('GHSA-abcd-efgh-2345', 6);

INSERT INTO package (id, sha256, attr, pname, version, facts) VALUES
    (1, x'01', 'lumen', 'lumen', '2.4.6', '{"attr":"lumen","pname":"lumen","version":"2.4.6","description":"Lights lamps","homepages":["https://lumen.example.org/"],"licenses":["MIT"],"maintainers":[{"name":"Ada Example","github":"ada-example"},{"name":"No Handle"},{"name":"Bad","github":"../evil"}],"teams":["lamps"],"position":"pkgs/by-name/lu/lumen/package.nix:12"}'),
    (2, x'02', 'lumen', 'lumen', '2.4.5', '{"attr":"lumen","pname":"lumen","version":"2.4.5","patches":["cve-2023-90003.patch","fix-build.patch"]}'),
    (3, x'03', 'evil"><b>pkg', 'evil"><b>pkg', '<i>1</i>', '{"attr":"evil\"><b>pkg","pname":"evil\"><b>pkg","version":"<i>1</i>","description":"<script>alert(1)</script>","homepages":["javascript:alert(1)"],"known_vulnerabilities":["CVE-2024-90002: <b>bad</b>"],"patches":["<u>.patch"]}'),
    (4, x'04', 'linux', 'linux', '5.4.61', '{"attr":"linux","pname":"linux","version":"5.4.61"}'),
    (5, x'05', 'nodePackages.json', 'json', '11.0.0', '{"attr":"nodePackages.json","pname":"json","version":"11.0.0"}'),
    (6, x'06', 'linux_latest', 'linux', '5.8.5', '{"attr":"linux_latest","pname":"linux","version":"5.8.5"}');
INSERT INTO channel (id, name, set_id, matched_set, matched_mark, matched_rules, matched_at) VALUES
    (1, 'nixos-20.09pre', NULL, NULL, 6, 'x', 1795000000), (2, 'nixos-unstable', NULL, NULL, 6, 'x', 1795000000), (3, 'nixos-22.11', NULL, NULL, 0, '', NULL);
INSERT INTO package_set (id, channel_id, revision, first_revision, digest, first_at, taken_at, packages, with_meta, with_derivation) VALUES
    (1, 1, '25ad9efeb06195bef67b28ea5df04d55c84c01e3', '25ad9efeb06195bef67b28ea5df04d55c84c01e3', x'01', 1794990000, 1794990000, 4, 3, 2), (2, 2, '3b090d6aceccb418007f7062c4625f527b6b8e9c', '3b090d6aceccb418007f7062c4625f527b6b8e9c', x'02', 1794990000, 1794990000, 5, 0, 0);
UPDATE channel SET set_id = id, matched_set = id WHERE id < 3;
INSERT INTO cluster (id, channel_id, name, pname, version, package_id) VALUES
    (1, 2, 'lumen', 'lumen', '2.4.6', 1), (2, 1, 'lumen', 'lumen', '2.4.5', 2), (3, 2, 'evil"><b>pkg', 'evil"><b>pkg', '<i>1</i>', 3),
    (4, 2, 'linux', 'linux', '5.4.61', 4), (5, 2, 'nodePackages.json', 'json', '11.0.0', 5), (6, 1, 'linux_latest', 'linux', '5.8.5', 6);
INSERT INTO cluster_attr (channel_id, attr, cluster_id) VALUES
    (2, 'lumen', 1), (2, 'lumenFull', 1), (1, 'lumen', 2), (2, 'evil"><b>pkg', 3), (2, 'linux', 4), (2, 'nodePackages.json', 5), (1, 'linux_latest', 6);

INSERT INTO evidence (id, lines) VALUES
    (1, '[{"rule":"cpe-vendor-homepage","detail":"CPE vendor \"lumen\" is the owner of the homepage https://lumen.example.org/"},{"rule":"cve5-range","detail":"2.4.6 is inside 2.4.0 before 2.4.7"}]'),
    (2, '[{"rule":"cve5-range","detail":"2.4.5 is inside 2.4.0 before 2.4.7"}]'),
    (3, '[{"rule":"<b>rule</b>","detail":"<img src=x onerror=alert(''evidence'')>"}]'),
    (4, '[{"rule":"cve5-range","detail":"2.4.6 is past the fix 2.4.1"}]'),
    (5, '[{"rule":"patch-names-id","detail":"the patch cve-2023-90003.patch names it"}]'), (6, '[]');
INSERT INTO verdict (vulnerability_id, cluster_id, channel_id, verdict, confidence, fixed_in, evidence_id) VALUES
    (1, 1, 2, 'affected', 0.95, '2.4.7', 1), (1, 2, 1, 'affected', 0.95, '2.4.7', 2), (2, 3, 2, 'known_vulnerable', 0.5, NULL, 3),
    (3, 1, 2, 'fixed', 0.9, '2.4.1', 4), (3, 2, 1, 'patched', 0.9, NULL, 5);
INSERT INTO verdict (vulnerability_id, cluster_id, channel_id, verdict, confidence, fixed_in, evidence_id)
SELECT id, 4, 2, CASE WHEN id % 4 = 0 THEN 'unknown' ELSE 'affected' END, 0.7, NULL, 6 FROM vulnerability WHERE id > 1000;
INSERT INTO verdict (vulnerability_id, cluster_id, channel_id, verdict, confidence, fixed_in, evidence_id)
SELECT id, 6, 1, 'not_affected', 0.7, NULL, 6 FROM vulnerability WHERE id > 1110;
INSERT INTO channel_count (channel_id, verdict, severity, count)
SELECT t.channel_id, t.verdict, v.severity, count(*) FROM verdict t JOIN vulnerability v ON v.id = t.vulnerability_id GROUP BY 1, 2, 3;

INSERT INTO disposition (vulnerability_id, channel_id, disposition, near_misses)
SELECT v.id, c.id, CASE WHEN v.id = 4 THEN 'rejected' WHEN v.id = 5 THEN 'other_platform' WHEN v.id = 6 THEN 'nothing_in_nixpkgs' ELSE 'matched' END,
       CASE WHEN v.id = 6 AND c.id = 2 THEN '[{"name":"lumen","pname":"lumen","version":"2.4.6","confidence":0.2,"evidence":[{"rule":"name-alone","detail":"only the word wick is alike"}]}]' END
FROM vulnerability v, channel c WHERE c.id < 3;
INSERT INTO problem (id, source, key, document_id, pointer, message, seen_at) VALUES (1, 'cve', 'CVE-2024-90001', NULL, '/containers/cna/affected/0', 'version is no text: <b>5</b>', 1795000000);
