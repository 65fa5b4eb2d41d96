-- Evidence once: four of five verdicts have the words of another one.
CREATE TABLE evidence (
    id     INTEGER PRIMARY KEY,
    digest BLOB    UNIQUE,                     -- first 16 bytes of the SHA-256 of `lines`; NULL where they were written before it was kept
    lines  TEXT    NOT NULL                    -- JSON list of {rule, detail}
) STRICT;
INSERT INTO evidence (lines) SELECT DISTINCT evidence FROM verdict;
CREATE INDEX evidence_lines ON evidence (lines);

CREATE TABLE verdict_new (
    vulnerability_id INTEGER NOT NULL REFERENCES vulnerability,
    cluster_id       INTEGER NOT NULL REFERENCES cluster,
    channel_id       INTEGER NOT NULL REFERENCES channel,
    verdict          TEXT    NOT NULL,         -- vuln::verdict::Verdict::name
    confidence       REAL    NOT NULL,
    fixed_in         TEXT,
    evidence_id      INTEGER NOT NULL,         -- no reference that is held at each change: evidence goes when no verdict is left
    since_set        INTEGER,                  -- the first set of the channel that held the package as it is; NULL where that was before history was kept
    UNIQUE (vulnerability_id, cluster_id)
) STRICT;
INSERT INTO verdict_new
SELECT t.vulnerability_id, t.cluster_id, t.channel_id, t.verdict, t.confidence, t.fixed_in, e.id, t.since_set
FROM verdict t CROSS JOIN evidence e ON e.lines = t.evidence ORDER BY t.rowid;
DROP TABLE verdict;
ALTER TABLE verdict_new RENAME TO verdict;
CREATE INDEX verdict_cluster ON verdict (cluster_id, vulnerability_id);
CREATE INDEX verdict_channel ON verdict (channel_id, vulnerability_id, cluster_id, verdict, confidence); -- holds all that lists are made of
DROP INDEX evidence_lines;

-- A vulnerability that a channel has nothing of, and nothing close, is the usual one: that it was matched says so.
DELETE FROM disposition WHERE disposition = 'nothing_in_nixpkgs' AND near_misses IS NULL;
