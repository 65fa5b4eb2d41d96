-- Times are unix seconds (INTEGER) where the tracker made them, the source's own ISO 8601 text (TEXT) where a record states them.
-- No version order and no verdict logic in SQL: see ARCHITECTURE.md.

-- Raw documents as they came, compressed (zstd), never edited. A record that changed has several.
CREATE TABLE document (
    id          INTEGER PRIMARY KEY,
    source      TEXT    NOT NULL,           -- cve, nvd, osv, kev, epss, nixpkgs
    key         TEXT    NOT NULL,           -- the record's id, else the name of the file or entry
    url         TEXT    NOT NULL,           -- file or URL; an entry of an archive after '!'
    fetched_at  INTEGER NOT NULL,
    sha256      BLOB    NOT NULL,           -- of the uncompressed bytes
    size        INTEGER NOT NULL,           -- uncompressed
    bytes       BLOB    NOT NULL,           -- zstd
    UNIQUE (source, key, sha256)
) STRICT;

-- What each source took: one row a file, so that only what is new is taken again.
CREATE TABLE taken (
    source      TEXT    NOT NULL,
    url         TEXT    NOT NULL,           -- without the mirror's root: cvelistV5/2024-10-24_all_CVEs_at_midnight.zip.zip
    sha256      BLOB    NOT NULL,
    size        INTEGER NOT NULL,
    data_date   TEXT,                       -- the date of the data, where the name or the file states one
    etag        TEXT,                       -- of the server it came from: asked before it is fetched again
    taken_at    INTEGER NOT NULL,
    records     INTEGER NOT NULL,
    changed     INTEGER NOT NULL,
    problems    INTEGER NOT NULL,
    PRIMARY KEY (source, url)
) STRICT, WITHOUT ROWID;

CREATE TABLE source (
    name         TEXT    PRIMARY KEY,       -- cve, nvd, osv, kev, epss, and nixpkgs/CHANNEL
    last_attempt INTEGER NOT NULL,
    last_success INTEGER,
    last_error   TEXT,
    data_date    TEXT                       -- newest date of the data taken
) STRICT, WITHOUT ROWID;

-- The current record of each source about each id.
CREATE TABLE record (
    id          INTEGER PRIMARY KEY,
    source      TEXT    NOT NULL,           -- cve, nvd, osv
    key         TEXT    NOT NULL,           -- CVE-..., GO-..., BIT-...
    document_id INTEGER NOT NULL REFERENCES document,
    state       TEXT    NOT NULL,           -- published, rejected
    modified    TEXT,
    UNIQUE (source, key)
) STRICT;

-- What was wrong with a document: replaced when the record is taken again.
CREATE TABLE problem (
    id          INTEGER PRIMARY KEY,
    source      TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    document_id INTEGER REFERENCES document,
    pointer     TEXT    NOT NULL,           -- where in the document
    message     TEXT    NOT NULL,
    seen_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX problem_record ON problem (source, key);
CREATE INDEX problem_source ON problem (source);  -- newest first is by id, which ends each index

-- One vulnerability, whatever the number of records about it. The columns repeat what lists sort and show.
CREATE TABLE vulnerability (
    id              INTEGER PRIMARY KEY,
    name            TEXT    NOT NULL UNIQUE,   -- CVE-2024-3094, or the record's id where it has no CVE
    year            INTEGER NOT NULL,          -- of the id; 0 where it has none
    number          INTEGER NOT NULL,
    title           TEXT    NOT NULL,
    description     TEXT    NOT NULL,
    state           TEXT    NOT NULL,          -- published, rejected
    published       TEXT,
    modified        TEXT,
    score           REAL,                      -- highest-version CVSS base score
    severity        TEXT    NOT NULL,          -- unknown, none, low, medium, high, critical
    kev_date        TEXT,
    epss            REAL,
    epss_percentile REAL,
    ssvc            TEXT,                      -- exploitation: none, poc, active
    tags            TEXT    NOT NULL DEFAULT '', -- space separated: disputed, exclusively-hosted-service, unsupported-when-assigned
    touched         INTEGER NOT NULL           -- grows with each change; what a channel has not matched yet is above its mark
) STRICT;
CREATE INDEX vulnerability_touched ON vulnerability (touched);
CREATE INDEX vulnerability_severity ON vulnerability (id, severity); -- counting verdicts by severity reads no descriptions
CREATE INDEX vulnerability_order ON vulnerability (year DESC, number DESC);

CREATE TABLE record_vulnerability (
    vulnerability_id INTEGER NOT NULL REFERENCES vulnerability,
    record_id        INTEGER NOT NULL REFERENCES record,
    PRIMARY KEY (vulnerability_id, record_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX record_vulnerability_record ON record_vulnerability (record_id);

CREATE TABLE alias (
    alias            TEXT    NOT NULL,
    vulnerability_id INTEGER NOT NULL REFERENCES vulnerability,
    PRIMARY KEY (alias, vulnerability_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_vulnerability ON alias (vulnerability_id);

CREATE TABLE kev (
    name       TEXT PRIMARY KEY,               -- CVE id
    date_added TEXT NOT NULL,
    due_date   TEXT,
    ransomware TEXT,
    action     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE epss (
    name       TEXT PRIMARY KEY,
    score      REAL NOT NULL,
    percentile REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE VIRTUAL TABLE vulnerability_text USING fts5 (name, title, description, content = 'vulnerability', content_rowid = 'id');

-- Packages by content: the same attribute with the same facts is stored once, whatever the number of channels and revisions.
CREATE TABLE package (
    id      INTEGER PRIMARY KEY,
    sha256  BLOB    NOT NULL UNIQUE,           -- of facts
    attr    TEXT    NOT NULL,
    pname   TEXT    NOT NULL,
    version TEXT    NOT NULL,
    facts   TEXT    NOT NULL                   -- vuln::package::Package as JSON, without the store paths: they change with each rebuild
) STRICT;

CREATE TABLE channel (
    id           INTEGER PRIMARY KEY,
    name         TEXT    NOT NULL UNIQUE,
    set_id       INTEGER REFERENCES package_set,  -- the current one
    matched_set  INTEGER,                         -- the set that the verdicts are about
    matched_mark INTEGER NOT NULL DEFAULT 0,      -- vulnerabilities up to this `touched` are matched
    matched_rules TEXT   NOT NULL DEFAULT '',     -- digest of the rules used
    matched_at   INTEGER
) STRICT;

CREATE TABLE package_set (
    id         INTEGER PRIMARY KEY,
    channel_id INTEGER NOT NULL REFERENCES channel,
    revision   TEXT    NOT NULL,
    digest     BLOB    NOT NULL,               -- of the sorted package digests
    taken_at   INTEGER NOT NULL,
    packages   INTEGER NOT NULL,
    with_meta  INTEGER NOT NULL,               -- packages with a homepage or description
    with_derivation INTEGER NOT NULL,          -- packages whose .drv was read: patches are known
    UNIQUE (channel_id, digest)
) STRICT;

CREATE TABLE package_set_member (
    set_id     INTEGER NOT NULL REFERENCES package_set,
    package_id INTEGER NOT NULL REFERENCES package,
    paths      TEXT    NOT NULL DEFAULT '',    -- lines "output=path" ("drv" names the derivation), paths without /nix/store/
    PRIMARY KEY (set_id, package_id)
) STRICT, WITHOUT ROWID;

-- Result of a match: clusters of attributes that are one package, replaced as a whole with each new set.
CREATE TABLE cluster (
    id         INTEGER PRIMARY KEY,
    channel_id INTEGER NOT NULL REFERENCES channel,
    name       TEXT    NOT NULL,               -- the most plain attribute
    pname      TEXT    NOT NULL,
    version    TEXT    NOT NULL,
    package_id INTEGER REFERENCES package,     -- of that attribute
    UNIQUE (channel_id, name)
) STRICT;
CREATE INDEX cluster_name ON cluster (name);
CREATE INDEX cluster_pname ON cluster (pname);

CREATE TABLE cluster_attr (
    channel_id INTEGER NOT NULL REFERENCES channel,
    attr       TEXT    NOT NULL,
    cluster_id INTEGER NOT NULL REFERENCES cluster,
    PRIMARY KEY (attr, channel_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX cluster_attr_cluster ON cluster_attr (cluster_id);

CREATE TABLE verdict (
    vulnerability_id INTEGER NOT NULL REFERENCES vulnerability,
    cluster_id       INTEGER NOT NULL REFERENCES cluster,
    channel_id       INTEGER NOT NULL REFERENCES channel,
    verdict          TEXT    NOT NULL,         -- vuln::verdict::Verdict::name
    confidence       REAL    NOT NULL,
    fixed_in         TEXT,
    evidence         TEXT    NOT NULL,         -- JSON list of {rule, detail}
    UNIQUE (vulnerability_id, cluster_id)
) STRICT;                                      -- with a rowid: a channel's evidence is appended, only small index entries go in between
CREATE INDEX verdict_cluster ON verdict (cluster_id, vulnerability_id);
CREATE INDEX verdict_channel ON verdict (channel_id, vulnerability_id, cluster_id, verdict, confidence); -- holds all that lists are made of

CREATE TABLE disposition (
    vulnerability_id INTEGER NOT NULL REFERENCES vulnerability,
    channel_id       INTEGER NOT NULL REFERENCES channel,
    disposition      TEXT    NOT NULL,         -- vuln::verdict::Disposition::name
    near_misses      TEXT,                     -- JSON list of {name, pname, version, confidence, evidence}
    PRIMARY KEY (vulnerability_id, channel_id)
) STRICT, WITHOUT ROWID;

-- Counts that list pages show, kept by the match that changes them.
CREATE TABLE channel_count (
    channel_id INTEGER NOT NULL REFERENCES channel,
    verdict    TEXT    NOT NULL,
    severity   TEXT    NOT NULL,
    count      INTEGER NOT NULL,               -- (vulnerability, cluster) pairs
    PRIMARY KEY (channel_id, verdict, severity)
) STRICT, WITHOUT ROWID;

-- Derived once over all records and used until the next full match: product profiles, identity facts.
CREATE TABLE derived (
    name    TEXT PRIMARY KEY,
    basis   TEXT NOT NULL,                     -- digest of what it was derived from
    made_at INTEGER NOT NULL,
    bytes   BLOB NOT NULL                      -- zstd
) STRICT, WITHOUT ROWID;

-- Append-only: what happened, in the same transaction as the change.
CREATE TABLE event (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    kind    TEXT    NOT NULL,                  -- taken, package-set, matched, failed
    subject TEXT    NOT NULL,
    data    TEXT    NOT NULL                   -- JSON
) STRICT;

-- Facts about the database itself: 'sample' = '1' where it holds the sample set.
CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
