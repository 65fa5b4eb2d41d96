-- Work that waits, is being done, or was given up. Who does it holds a lease: one that ran out is anybody's.
CREATE TABLE job (
    kind        TEXT COLLATE "C" NOT NULL,     -- sync, match, evaluate
    subject     TEXT COLLATE "C" NOT NULL,     -- what of: cve; '' where there is only one. What is asked for twice is done once
    priority    BIGINT NOT NULL,               -- lower goes first
    state       TEXT COLLATE "C" NOT NULL,     -- waiting, running, dead
    run_at      BIGINT NOT NULL,               -- not before, unix seconds
    asked_again BIGINT NOT NULL DEFAULT 0,     -- 1: asked for while it ran, so it runs once more
    failures    BIGINT NOT NULL DEFAULT 0,     -- in a row
    last_error  TEXT COLLATE "C",
    holder      TEXT COLLATE "C",              -- of the lease
    lease_until BIGINT,
    changed_at  BIGINT NOT NULL,
    PRIMARY KEY (kind, subject)
);

-- How long taking a file took: what a source's rate is made of. NULL where it was taken before this was noted.
ALTER TABLE taken ADD COLUMN took_ms BIGINT;
CREATE INDEX taken_newest ON taken (source, taken_at);
