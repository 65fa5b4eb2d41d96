//! The only door to the database: a trait in domain terms, synchronous, no SQL in its words and no version order behind it.
//!
//! Two databases are two products (`sqlite`, `postgres`): each implements the trait in its own SQL, one conformance suite holds both.

pub mod hidden;
mod parts;
pub mod postgres;
pub mod queue;
pub mod read;
pub mod result;
mod spans;
pub mod sqlite;
pub mod taking;
pub mod transfer;

use std::path::Path;
use std::sync::Arc;

pub use queue::Queue;
pub use read::Read;
use vuln::verdict::Verdict;

use crate::config::Database;
use crate::document::Digest;
use result::{ChannelState, Derived, Exploitation, KeptRevision, MatchResult, StoredPackage, StoredVulnerability, Suggestion};
use taking::{BatchReport, CurrentDocument, Document, EpssLine, Incoming, KevLine, PackageSet, SetReport, TakenFile};
use transfer::{Rows, Sender};

/// Everything the tracker asks of a database, beside what its pages [`Read`]. A method that writes does all of it or nothing.
pub trait Store: Read + Queue {
    /// Whether a file with these contents was the last one taken under its name.
    fn was_taken(&self, source: &str, sha256: Digest) -> Result<bool, StoreError>;

    /// The file taken last under this name.
    fn taken_file(&self, source: &str, url: &str) -> Result<Option<TakenFile>, StoreError>;

    /// The newest date of the data that a source brought.
    fn data_date(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// A source is about to be taken.
    fn source_begins(&self, name: &str, at: i64) -> Result<(), StoreError>;

    /// A source could not be taken (to its end); what it had before stays.
    fn source_failed(&self, name: &str, at: i64, error: &str) -> Result<(), StoreError>;

    /// A source was looked at to the end, whether it had anything new or not.
    fn source_succeeded(&self, name: &str, at: i64) -> Result<(), StoreError>;

    /// A file was taken to its end.
    fn file_taken(&self, file: &TakenFile, at: i64) -> Result<(), StoreError>;

    /// Forgets the problems of a file and of the entries of an archive, before it is taken (again).
    fn forget_problems(&self, source: &str, url: &str) -> Result<(), StoreError>;

    /// The current documents of these records.
    fn current_documents(&self, source: &str, keys: &[&str]) -> Result<Vec<Option<CurrentDocument>>, StoreError>;

    /// Takes records and problems, in their order. An older record never replaces a newer one; of two of
    /// one time the one with the greater digest stays, whichever comes first.
    fn take(&self, batch: &[Incoming], at: i64) -> Result<BatchReport, StoreError>;

    /// Replaces CISA's list of known exploited vulnerabilities.
    fn take_kev(&self, document: &Document, lines: &[KevLine], at: i64) -> Result<u64, StoreError>;

    /// Replaces the exploit prediction scores. Answers how many vulnerabilities show another score now.
    fn take_epss(&self, document: &Document, lines: &[EpssLine], at: i64) -> Result<u64, StoreError>;

    /// Makes a package set the current one of its channel.
    fn take_package_set(&self, set: &PackageSet, at: i64) -> Result<SetReport, StoreError>;

    /// The revisions that a channel keeps, newest first.
    fn revisions(&self, channel: &str) -> Result<Vec<KeptRevision>, StoreError>;

    /// Takes a set out of its channel's history; the channel goes with its last one. Whether there was such a set.
    fn forget_set(&self, set: i64) -> Result<bool, StoreError>;

    /// All channels.
    fn channel_states(&self) -> Result<Vec<ChannelState>, StoreError>;

    /// The packages of a set, in any order.
    fn package_set(&self, set: i64) -> Result<Vec<StoredPackage>, StoreError>;

    /// The mark of the newest change to any vulnerability, by its records or by a list. One by a list touches nothing: it is not matched.
    fn mark(&self) -> Result<i64, StoreError>;

    /// How many vulnerabilities changed after a mark.
    fn touched_after(&self, mark: i64) -> Result<u64, StoreError>;

    /// At most `limit` vulnerabilities with rows above `after`, in the order of rows, that changed after `mark`.
    fn vulnerabilities(&self, mark: i64, after: i64, limit: usize) -> Result<Vec<StoredVulnerability>, StoreError>;

    /// What something derived was derived from, without reading it.
    fn derived_basis(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Something derived.
    fn derived(&self, name: &str) -> Result<Option<Derived>, StoreError>;

    /// Keeps something derived.
    fn put_derived(&self, name: &str, derived: &Derived, at: i64) -> Result<(), StoreError>;

    /// Writes what matching found: with clusters it replaces all that a channel had, without it replaces the outcomes of the
    /// vulnerabilities it holds. Answers how many verdicts were written.
    fn take_match(&self, result: MatchResult<'_>, at: i64) -> Result<u64, StoreError>;

    /// All verdicts, as lines for export, in a stable order.
    fn suggestions(&self, channel: Option<&str>, each: &mut dyn FnMut(Suggestion) -> std::io::Result<()>) -> Result<(), StoreError>;

    /// The store paths of a set's packages: (row, `drv` or the output's name, path without the folder).
    fn package_paths(&self, set: i64, each: &mut dyn FnMut(i64, &str, &str)) -> Result<(), StoreError>;

    /// The clusters of a channel's last match: (row, name).
    fn cluster_names(&self, channel: i64) -> Result<Vec<(i64, String)>, StoreError>;

    /// All verdicts: (row of the vulnerability, row of the cluster, verdict).
    fn verdict_rows(&self, each: &mut dyn FnMut(i64, i64, Verdict)) -> Result<(), StoreError>;

    /// What is known of exploits, for every vulnerability of which anything is: (row, EPSS score and percentile, date of CISA's list).
    fn exploitation(&self) -> Result<Vec<Exploitation>, StoreError>;

    /// A fact about the database itself.
    fn setting(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Sets such a fact; `None` removes it.
    fn put_setting(&self, name: &str, value: Option<&str>) -> Result<(), StoreError>;

    /// Empties the database.
    fn clear(&self) -> Result<(), StoreError>;

    /// Hands over all rows of one state of the database, in the order of [`transfer::tables`].
    fn export(&self, to: &mut Sender<'_>) -> Result<(), StoreError>;

    /// Takes all rows of another database. One that is not empty is refused, or emptied first where it is to be replaced.
    fn import(&self, rows: &mut Rows, replace: bool, seen: &(dyn Fn(u64) + Sync)) -> Result<(), StoreError>;

    /// Writes one state of the database to a new SQLite file, while others read and write it.
    fn backup(&self, file: &Path) -> Result<(), StoreError>;

    /// What is wrong with the database; `seen` is called for each raw document that was checked.
    fn check(&self, seen: &(dyn Fn(u64) + Sync)) -> Result<Vec<String>, StoreError>;
}

/// What failed in the store. The database's own error is the source.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct StoreError {
    /// What was tried.
    what: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl StoreError {
    /// Failed at `what`.
    pub fn new(what: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            what: what.into(),
            source: source.into(),
        }
    }
}

/// Opens the database for pages and exports: without its private channels, if it has any. What is written by way of it is not hidden, so nothing
/// should be.
pub fn open_public(database: &Database) -> Result<Arc<dyn Store>, StoreError> {
    match database {
        Database::Sqlite(path) => Ok(Arc::new(sqlite::Sqlite::open(path)?.public())),
        Database::Postgres(address) => Ok(Arc::new(postgres::Postgres::open(address)?.public()?)),
    }
}

/// Opens the database, creating or migrating it where needed.
pub fn open(database: &Database) -> Result<Arc<dyn Store>, StoreError> {
    match database {
        Database::Sqlite(path) => Ok(Arc::new(sqlite::Sqlite::open(path)?)),
        Database::Postgres(address) => Ok(Arc::new(postgres::Postgres::open(address)?)),
    }
}
