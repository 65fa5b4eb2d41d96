-- Channels over time. A channel keeps its revisions; what a revision changes is stored, not what it holds.

-- A channel that goes back to packages it had before gets a new set: sets are in the order of time. Their rows are never used again.
CREATE TABLE package_set_new (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    channel_id INTEGER NOT NULL REFERENCES channel,
    revision   TEXT    NOT NULL,               -- seen last with these packages
    first_revision TEXT NOT NULL,              -- seen first with them: what brought them
    digest     BLOB    NOT NULL,               -- of the sorted package digests
    first_at   INTEGER NOT NULL,
    taken_at   INTEGER NOT NULL,               -- of `revision`
    packages   INTEGER NOT NULL,
    with_meta  INTEGER NOT NULL,               -- packages with a homepage or description
    with_derivation INTEGER NOT NULL           -- packages whose .drv was read: patches are known
) STRICT;
INSERT INTO package_set_new SELECT id, channel_id, revision, revision, digest, taken_at, taken_at, packages, with_meta, with_derivation FROM package_set;
DROP TABLE package_set;
ALTER TABLE package_set_new RENAME TO package_set;
CREATE INDEX package_set_channel ON package_set (channel_id, id);

-- Which packages a channel had when: one row for each time that a package came and stayed.
CREATE TABLE package_in (
    channel_id INTEGER NOT NULL REFERENCES channel,
    package_id INTEGER NOT NULL REFERENCES package,
    from_set   INTEGER NOT NULL,               -- the first set that holds it
    until_set  INTEGER,                        -- the first set that does not any more; NULL while the current one does
    paths      TEXT    NOT NULL DEFAULT '',    -- of the current set: lines "output=path" ("drv" names the derivation), without /nix/store/
    PRIMARY KEY (channel_id, package_id, from_set)
) STRICT, WITHOUT ROWID;

-- Sets of a channel in order, and runs of sets that hold a package without a gap.
WITH numbered AS (SELECT id, channel_id, row_number() OVER (PARTITION BY channel_id ORDER BY id) AS n FROM package_set),
     held AS (SELECT s.channel_id, m.package_id, s.id, s.n, m.paths,
                     s.n - row_number() OVER (PARTITION BY s.channel_id, m.package_id ORDER BY s.n) AS run
              FROM package_set_member m JOIN numbered s ON s.id = m.set_id),
     runs AS (SELECT channel_id, package_id, min(id) AS from_set, max(n) AS last, max(paths) AS paths
              FROM held GROUP BY channel_id, package_id, run)
INSERT INTO package_in
SELECT r.channel_id, r.package_id, r.from_set, (SELECT s.id FROM numbered s WHERE s.channel_id = r.channel_id AND s.n = r.last + 1), r.paths
FROM runs r;
DROP TABLE package_set_member;
-- A channel's newest set is its current one: a set that it went back to came to stand before those it left. It is taken again.
UPDATE channel SET set_id = (SELECT max(id) FROM package_set s WHERE s.channel_id = channel.id);
CREATE INDEX package_attr ON package (attr);

-- The first set of the channel that held the package as it is; NULL where that was before history was kept.
ALTER TABLE verdict ADD COLUMN since_set INTEGER;

-- Verdicts that a channel had before: append-only.
CREATE TABLE verdict_past (
    id               INTEGER PRIMARY KEY,
    vulnerability_id INTEGER NOT NULL REFERENCES vulnerability,
    channel_id       INTEGER NOT NULL REFERENCES channel,
    package          TEXT    NOT NULL,         -- name of the cluster
    version          TEXT    NOT NULL,         -- the last that had the verdict
    verdict          TEXT    NOT NULL,
    since_set        INTEGER,                  -- as in verdict
    until_set        INTEGER NOT NULL,         -- the first set matched without it
    until_at         INTEGER NOT NULL,
    because          TEXT    NOT NULL          -- packages: another set was matched; records: the same one, with other records or rules
) STRICT;
CREATE INDEX verdict_past_vulnerability ON verdict_past (vulnerability_id);
CREATE INDEX verdict_past_package ON verdict_past (package);
