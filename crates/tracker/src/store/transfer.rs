//! All rows of a database, to move them into another one: from SQLite to PostgreSQL, back, into a backup and out of it.
//!
//! Both schemas have the same tables and columns, which a test holds. The words of the text index are no rows: each database makes them anew.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::{Store, StoreError};

/// Rows handed over at a time.
const BATCH: usize = 1000;

/// Bytes handed over at a time, beside the last row.
const BATCH_BYTES: usize = 4 << 20;

/// What a database says that is to take rows and has some.
pub const FULL: &str = "the database holds something already";

/// A value of any column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// BIGINT, INTEGER
    Int(i64),
    /// DOUBLE PRECISION, REAL
    Real(f64),
    /// TEXT
    Text(String),
    /// BYTEA, BLOB
    Bytes(Vec<u8>),
}

/// A table and its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Name.
    pub name: &'static str,
    /// Columns, in the order in which rows are handed over.
    pub columns: &'static [&'static str],
    /// What its rows are ordered by when they are read.
    pub key: &'static str,
}

/// All tables, those that others point at first.
pub const TABLES: [Table; 22] = [
    table(
        "document",
        &["id", "source", "key", "url", "fetched_at", "sha256", "size", "bytes"],
        "id",
    ),
    table(
        "taken",
        &[
            "source",
            "url",
            "sha256",
            "size",
            "data_date",
            "etag",
            "taken_at",
            "records",
            "changed",
            "problems",
            "took_ms",
        ],
        "source, url",
    ),
    table(
        "source",
        &["name", "last_attempt", "last_success", "last_error", "data_date"],
        "name",
    ),
    table("record", &["id", "source", "key", "document_id", "state", "modified"], "id"),
    table(
        "problem",
        &["id", "source", "key", "document_id", "pointer", "message", "seen_at"],
        "id",
    ),
    table(
        "vulnerability",
        &[
            "id",
            "name",
            "year",
            "number",
            "title",
            "description",
            "state",
            "published",
            "modified",
            "score",
            "severity",
            "kev_date",
            "epss",
            "epss_percentile",
            "ssvc",
            "tags",
            "touched",
        ],
        "id",
    ),
    table(
        "record_vulnerability",
        &["vulnerability_id", "record_id"],
        "vulnerability_id, record_id",
    ),
    table("alias", &["alias", "vulnerability_id"], "alias, vulnerability_id"),
    table("told", &["vulnerability_id", "mark"], "vulnerability_id"),
    table("kev", &["name", "date_added", "due_date", "ransomware", "action"], "name"),
    table("epss", &["name", "score", "percentile"], "name"),
    table("package", &["id", "sha256", "attr", "pname", "version", "facts"], "id"),
    table(
        "channel",
        &["id", "name", "set_id", "matched_set", "matched_mark", "matched_rules", "matched_at"],
        "id",
    ),
    table(
        "package_set",
        &[
            "id",
            "channel_id",
            "revision",
            "first_revision",
            "digest",
            "first_at",
            "taken_at",
            "packages",
            "with_meta",
            "with_derivation",
        ],
        "id",
    ),
    table(
        "package_in",
        &["channel_id", "package_id", "from_set", "until_set", "paths"],
        "channel_id, package_id, from_set",
    ),
    table("cluster", &["id", "channel_id", "name", "pname", "version", "package_id"], "id"),
    table("cluster_attr", &["channel_id", "attr", "cluster_id"], "attr, channel_id"),
    table("evidence", &["id", "digest", "lines"], "id"),
    table(
        "verdict",
        &[
            "vulnerability_id",
            "cluster_id",
            "channel_id",
            "verdict",
            "confidence",
            "fixed_in",
            "evidence_id",
            "since_set",
        ],
        "channel_id, vulnerability_id, cluster_id",
    ),
    table(
        "disposition",
        &["vulnerability_id", "channel_id", "disposition", "near_misses"],
        "vulnerability_id, channel_id",
    ),
    table(
        "channel_count",
        &["channel_id", "verdict", "severity", "count"],
        "channel_id, verdict, severity",
    ),
    table(
        "verdict_past",
        &[
            "id",
            "vulnerability_id",
            "channel_id",
            "package",
            "version",
            "verdict",
            "since_set",
            "until_set",
            "until_at",
            "because",
        ],
        "id",
    ),
];

/// The tables of the tracker's own books.
pub const BOOKS: [Table; 3] = [
    table("derived", &["name", "basis", "made_at", "bytes"], "name"),
    table("event", &["id", "at", "actor", "kind", "subject", "data"], "id"),
    table("setting", &["name", "value"], "name"),
];

/// What is not handed over: the work of the processes on this database.
pub const WORK: [Table; 1] = [table(
    "job",
    &[
        "kind",
        "subject",
        "priority",
        "state",
        "run_at",
        "asked_again",
        "failures",
        "last_error",
        "holder",
        "lease_until",
        "changed_at",
    ],
    "kind, subject",
)];

const fn table(name: &'static str, columns: &'static [&'static str], key: &'static str) -> Table {
    Table { name, columns, key }
}

/// All tables in the order in which they are handed over.
pub fn tables() -> impl DoubleEndedIterator<Item = &'static Table> {
    TABLES.iter().chain(&BOOKS)
}

impl Table {
    /// All its rows.
    pub fn select(&self) -> String {
        format!("SELECT {} FROM {} ORDER BY {}", self.columns.join(", "), self.name, self.key)
    }

    /// Whether its rows have numbers that the database gives.
    pub fn is_numbered(&self) -> bool {
        self.columns.first() == Some(&"id")
    }
}

/// Rows of one table.
#[derive(Debug)]
pub struct Batch {
    /// The table.
    pub table: &'static Table,
    /// Its next rows.
    pub rows: Vec<Vec<Cell>>,
}

/// The rows of a database on their way.
pub struct Rows {
    from: Receiver<Result<Batch, StoreError>>,
}

impl Rows {
    /// The next of them; `None` at the end.
    pub fn batch(&mut self) -> Result<Option<Batch>, StoreError> {
        match self.from.recv() {
            Ok(Ok(batch)) if batch.rows.is_empty() => Ok(None),
            Ok(batch) => batch.map(Some),
            Err(gone) => Err(StoreError::new("read all rows", gone)),
        }
    }
}

/// Takes rows one by one and hands them over in batches.
pub struct Sender<'a> {
    to: &'a SyncSender<Result<Batch, StoreError>>,
    open: Option<Batch>,
    bytes: usize,
}

impl Sender<'_> {
    /// Adds a row. Whether anybody still wants rows.
    pub fn push(&mut self, table: &'static Table, row: Vec<Cell>) -> bool {
        self.bytes += row.iter().map(Cell::len).sum::<usize>();
        let is_full = |batch: &Batch| batch.table != table || batch.rows.len() >= BATCH;
        if self.open.as_ref().is_some_and(is_full) || self.bytes > BATCH_BYTES {
            self.bytes = 0;
            if !self.send() {
                return false;
            }
        }
        self.open.get_or_insert_with(|| Batch { table, rows: Vec::new() }).rows.push(row);
        true
    }

    fn send(&mut self) -> bool {
        self.open.take().is_none_or(|batch| self.to.send(Ok(batch)).is_ok())
    }
}

impl Cell {
    fn len(&self) -> usize {
        match self {
            Cell::Text(text) => text.len(),
            Cell::Bytes(bytes) => bytes.len(),
            _ => 8,
        }
    }
}

/// Writes all rows of one state of a database into another, which must be empty unless it is to be replaced. All of it happens or nothing.
/// `seen` is told how many rows were written.
pub fn copy(from: &dyn Store, to: &dyn Store, replace: bool, seen: &(dyn Fn(u64) + Sync)) -> Result<(), StoreError> {
    let (send, receive) = sync_channel(4);
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut sender = Sender {
                to: &send,
                open: None,
                bytes: 0,
            };
            let done = from.export(&mut sender);
            let end = match done {
                Ok(()) if sender.send() => Ok(Batch {
                    table: &TABLES[0],
                    rows: Vec::new(),
                }),
                Ok(()) => return,
                Err(error) => Err(error),
            };
            // Nobody listens any more: the other side failed and says so.
            let _ = send.send(end);
        });
        let mut rows = Rows { from: receive };
        to.import(&mut rows, replace, seen)
    })
}
