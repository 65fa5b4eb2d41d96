-- Work that waits, is being done, or was given up. Who does it holds a lease: one that ran out is anybody's.
CREATE TABLE job (
    kind        TEXT    NOT NULL,              -- sync, match, evaluate
    subject     TEXT    NOT NULL,              -- what of: cve; '' where there is only one. What is asked for twice is done once
    priority    INTEGER NOT NULL,              -- lower goes first
    state       TEXT    NOT NULL,              -- waiting, running, dead
    run_at      INTEGER NOT NULL,              -- not before, unix seconds
    asked_again INTEGER NOT NULL DEFAULT 0,    -- 1: asked for while it ran, so it runs once more
    failures    INTEGER NOT NULL DEFAULT 0,    -- in a row
    last_error  TEXT,
    holder      TEXT,                          -- of the lease
    lease_until INTEGER,
    changed_at  INTEGER NOT NULL,
    PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;

-- How long taking a file took: what a source's rate is made of. NULL where it was taken before this was noted.
ALTER TABLE taken ADD COLUMN took_ms INTEGER;
CREATE INDEX taken_newest ON taken (source, taken_at);
