-- A database of full size with made-up content, the same each time: numbers come from arithmetic, not from random().
-- 180,000 vulnerabilities, 5 channels with 80,000 packages each (60,000 clusters), 150,000 verdicts, 900,000 dispositions,
-- 360,000 EPSS scores. Cluster 1 of each channel is 'linux', with 4,000 vulnerabilities.

INSERT INTO setting VALUES ('origin', 'synthetic');

INSERT INTO source (name, last_attempt, last_success, last_error, data_date)
VALUES ('cve', 1795000000, 1795000000, NULL, '2026-11-21'), ('nvd', 1795000000, 1795000000, NULL, '2026-11-20'),
       ('osv', 1795000000, 1795000000, NULL, '2026-11-20'), ('kev', 1795000000, 1795000000, NULL, '2026-11-19'),
       ('epss', 1795000000, 1794900000, 'read https://example.org/epss.csv.gz: connection refused', '2026-11-18');

WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 180000)
INSERT INTO vulnerability (id, name, year, number, title, description, state, published, modified, score, severity, kev_date, epss,
                           epss_percentile, ssvc, tags, touched)
SELECT i,
       printf('CVE-%d-%04d', 2000 + i % 27, 1000 + i),
       2000 + i % 27,
       1000 + i,
       printf('Flaw %d in the %s of product-%d', i, CASE i % 5 WHEN 0 THEN 'parser' WHEN 1 THEN 'scheduler' WHEN 2 THEN 'allocator' WHEN 3 THEN 'decoder' ELSE 'login form' END, i % 9973),
       printf('A %s in product-%d before %d.%d.%d allows %s attackers to %s through a crafted %s. ', CASE i % 4 WHEN 0 THEN 'buffer overflow' WHEN 1 THEN 'use after free' WHEN 2 THEN 'missing check' ELSE 'race' END, i % 9973, i % 9, i % 31, i % 17, CASE i % 3 WHEN 0 THEN 'remote' ELSE 'local' END, CASE i % 7 WHEN 0 THEN 'run code' WHEN 1 THEN 'read memory' ELSE 'stop the service' END, CASE i % 6 WHEN 0 THEN 'file' WHEN 1 THEN 'packet' ELSE 'request' END)
           || replace(hex(zeroblob(10 + (i * 7919) % 120)), '00', 'w' || (i % 1013) || ' '),
       CASE WHEN i % 211 = 0 THEN 'rejected' ELSE 'published' END,
       printf('%d-%02d-%02dT12:00:00.000Z', 2000 + i % 27, 1 + i % 12, 1 + i % 28),
       printf('2026-%02d-%02dT12:00:00.000Z', 1 + i % 10, 1 + i % 28),
       CASE WHEN i % 9 = 0 THEN NULL ELSE ((i * 7919) % 100) / 10.0 END,
       CASE WHEN i % 9 = 0 THEN 'unknown' WHEN (i * 7919) % 100 >= 90 THEN 'critical' WHEN (i * 7919) % 100 >= 70 THEN 'high' WHEN (i * 7919) % 100 >= 40 THEN 'medium' WHEN (i * 7919) % 100 > 0 THEN 'low' ELSE 'none' END,
       CASE WHEN i % 128 = 0 THEN printf('202%d-%02d-%02d', 1 + i % 5, 1 + i % 12, 1 + i % 28) END,
       CASE WHEN i % 20 = 0 THEN NULL ELSE ((i * 104729) % 100000) / 100000.0 END,
       ((i * 104729) % 100000) / 100000.0,
       CASE i % 40 WHEN 0 THEN 'active' WHEN 1 THEN 'poc' WHEN 2 THEN 'none' END,
       CASE WHEN i % 300 = 0 THEN 'disputed' ELSE '' END,
       i
FROM n;
INSERT INTO vulnerability_text (vulnerability_text) VALUES ('rebuild');

INSERT INTO epss (name, score, percentile)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 360000)
SELECT printf('CVE-%d-%04d', 2000 + i % 27, 1000 + i), ((i * 104729) % 100000) / 100000.0, 0.5 FROM n;
INSERT INTO kev (name, date_added, due_date, ransomware, action)
SELECT name, kev_date, '2026-01-01', 'Known', 'Apply mitigations.' FROM vulnerability WHERE kev_date IS NOT NULL;

INSERT INTO document (id, source, key, url, fetched_at, sha256, size, bytes)
SELECT id, CASE id % 2 WHEN 0 THEN 'cve' ELSE 'nvd' END, name, 'synthetic', 1795000000, randomblob(32), 10, x'00' FROM vulnerability;
INSERT INTO record (id, source, key, document_id, state, modified)
SELECT id, CASE id % 2 WHEN 0 THEN 'cve' ELSE 'nvd' END, name, id, state, modified FROM vulnerability;
INSERT INTO record_vulnerability SELECT id, id FROM vulnerability;
INSERT INTO alias SELECT 'GHSA-' || id, id FROM vulnerability WHERE id % 4 = 0;
INSERT INTO problem (source, key, document_id, pointer, message, seen_at)
SELECT CASE id % 2 WHEN 0 THEN 'cve' ELSE 'nvd' END, name, id, '/containers/cna/affected/0', 'version has no bound', 1795000000 FROM vulnerability WHERE id % 10 = 0;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
INSERT INTO taken (source, url, sha256, size, data_date, taken_at, records, changed, problems)
SELECT CASE i % 2 WHEN 0 THEN 'cve' ELSE 'nvd' END, 'file-' || i, x'00', 1000, '2026-11-01', 1795000000 - i, 500, 400, i % 7 FROM n;

INSERT INTO channel (id, name, set_id, matched_set, matched_mark, matched_rules, matched_at)
VALUES (1, 'nixos-25.05', NULL, NULL, 180000, 'synthetic', 1795000000), (2, 'nixos-25.11', NULL, NULL, 180000, 'synthetic', 1795000000),
       (3, 'nixos-26.05', NULL, NULL, 180000, 'synthetic', 1795000000), (4, 'nixos-unstable-small', NULL, NULL, 180000, 'synthetic', 1795000000),
       (5, 'nixos-unstable', NULL, NULL, 180000, 'synthetic', 1795000000);
INSERT INTO package_set (id, channel_id, revision, first_revision, digest, first_at, taken_at, packages, with_meta, with_derivation)
SELECT id, id, '25ad9efeb06195bef67b28ea5df04d55c84c01e' || id, '25ad9efeb06195bef67b28ea5df04d55c84c01e' || id, x'00', 1795000000, 1795000000, 80000, 80000, 0 FROM channel;
UPDATE channel SET set_id = id, matched_set = id;

WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 80000)
INSERT INTO package (id, sha256, attr, pname, version, facts)
SELECT (c.id - 1) * 80000 + i, CAST(printf('%d/%d', c.id, i) AS BLOB),
       CASE i WHEN 1 THEN 'linux' ELSE printf('%sproduct-%d', CASE i % 4 WHEN 0 THEN 'python3Packages.' WHEN 1 THEN 'perlPackages.' ELSE '' END, i) END,
       CASE i WHEN 1 THEN 'linux' ELSE 'product-' || (i % 50000) END,
       printf('%d.%d.%d', i % 9, c.id, i % 17),
       json_object('attr', CASE i WHEN 1 THEN 'linux' ELSE printf('%sproduct-%d', CASE i % 4 WHEN 0 THEN 'python3Packages.' WHEN 1 THEN 'perlPackages.' ELSE '' END, i) END,
                   'pname', CASE i WHEN 1 THEN 'linux' ELSE 'product-' || (i % 50000) END,
                   'version', printf('%d.%d.%d', i % 9, c.id, i % 17),
                   'description', 'Made-up package number ' || i, 'homepages', json_array('https://example.org/product-' || i),
                   'licenses', json_array('MIT'), 'position', printf('pkgs/by-name/pr/product-%d/package.nix:12', i),
                   'maintainers', json_array(json_object('name', 'Person ' || (i % 3000), 'github', 'person' || (i % 3000))))
FROM n, channel c;
INSERT INTO package_in (channel_id, package_id, from_set) SELECT (id - 1) / 80000 + 1, id, (id - 1) / 80000 + 1 FROM package;
INSERT INTO cluster (id, channel_id, name, pname, version, package_id)
SELECT p.id, (p.id - 1) / 80000 + 1, p.attr, p.pname, p.version, p.id FROM package p WHERE (p.id - 1) % 80000 < 60000;
INSERT INTO cluster_attr (channel_id, attr, cluster_id)
SELECT (p.id - 1) / 80000 + 1, p.attr,
       CASE WHEN (p.id - 1) % 80000 < 60000 THEN p.id ELSE p.id - 60000 END FROM package p;

-- 4,000 vulnerabilities for linux in each channel, 26,000 others a channel spread over the clusters.
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
INSERT INTO evidence (id, lines)
SELECT i, json_array(json_object('rule', 'cpe-vendor-homepage', 'detail', 'CPE vendor "example" is the owner of the homepage https://example.org/product-' || i),
                     json_object('rule', 'range-below-fix', 'detail', 'version 5.1.1 is inside [2.6.12, 6.6.63) under the generic scheme, as the CNA of this record states'))
FROM n;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
INSERT OR IGNORE INTO verdict (vulnerability_id, cluster_id, channel_id, verdict, confidence, fixed_in, evidence_id)
SELECT 1 + (i * 5) % 180000,
       (c.id - 1) * 80000 + CASE WHEN i <= 4000 THEN 1 ELSE 2 + (i * 31) % 59990 END,
       c.id,
       CASE (i + c.id) % 10 WHEN 0 THEN 'affected' WHEN 1 THEN 'affected' WHEN 2 THEN 'affected' WHEN 3 THEN 'unknown' WHEN 4 THEN 'known_vulnerable' WHEN 5 THEN 'patched' WHEN 6 THEN 'not_affected' ELSE 'fixed' END,
       0.5 + (i % 50) / 100.0,
       printf('%d.%d', i % 9, i % 31), i
FROM n, channel c;
INSERT INTO channel_count (channel_id, verdict, severity, count)
SELECT t.channel_id, t.verdict, v.severity, count(*) FROM verdict t JOIN vulnerability v ON v.id = t.vulnerability_id GROUP BY 1, 2, 3;
-- Where nothing came close either there is no row.
INSERT INTO disposition (vulnerability_id, channel_id, disposition, near_misses)
SELECT * FROM (
    SELECT v.id, c.id,
           CASE WHEN EXISTS (SELECT 1 FROM verdict t WHERE t.vulnerability_id = v.id AND +t.channel_id = c.id) THEN 'matched' ELSE 'nothing_in_nixpkgs' END AS found,
           CASE WHEN v.id % 3 = 0 THEN json_array(json_object('name', 'product-' || v.id, 'pname', 'product', 'version', '1.0', 'confidence', 0.3, 'evidence', json_array())) END AS near
    FROM vulnerability v, channel c)
WHERE found = 'matched' OR near IS NOT NULL;
INSERT INTO source (name, last_attempt, last_success, last_error, data_date)
SELECT 'nixpkgs/' || name, 1795000000, 1795000000, NULL, NULL FROM channel;
ANALYZE;
