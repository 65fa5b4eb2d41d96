//! SQLite: one file, one writer, any number of readers.
//!
//! WAL keeps readers and the writer out of each other's way, in this process and in others. Writes begin `IMMEDIATE`, so that two
//! processes queue at the start of a transaction instead of failing in the middle of one.

mod books;
mod feeds;
mod matched;
mod migrate;
mod packages;
mod queue;
mod read;
mod records;
mod transfer;
mod whole;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};

use super::result::{ChannelState, Derived, Exploitation, KeptRevision, MatchResult, StoredPackage, StoredVulnerability, Suggestion};
use super::taking::{BatchReport, CurrentDocument, Document, EpssLine, Incoming, KevLine, PackageSet, SetReport, TakenFile};
use super::transfer::{Rows, Sender};
use super::{Store, StoreError, hidden};
use crate::document::{Digest, Packer, unpack};
pub use migrate::MIGRATIONS;
use vuln::verdict::Verdict;

/// How long a process waits for another one's transaction. The longest, a full match, takes a minute or two on a busy machine.
const BUSY: Duration = Duration::from_secs(600);

/// KiB of pages that a reader keeps: there are several, and the system keeps the file's pages once for all of them.
const READER_CACHE: i64 = 8 << 10;

/// KiB of pages that the writer keeps: an index that is written all over is tens of megabytes, and what does not fit is written twice.
const WRITER_CACHE: i64 = 48 << 10;

/// Idle read connections kept for the next reader.
const IDLE_READERS: usize = 8;

/// A database file.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    // Dropped before the writer: the last connection to close folds the log into the file, and readers cannot.
    readers: Mutex<Vec<Connection>>,
    /// What each reader begins with.
    views: Option<String>,
    /// Sees the commits of all others. One for all: each connection counts them for itself.
    watch: Mutex<Connection>,
    writer: Mutex<Connection>,
}

impl Sqlite {
    /// Opens the file; makes it (and its folder, for the owner alone) and brings its schema up to date where needed.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let tried = || format!("open the database {}", path.display());
        if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty() && !dir.exists()) {
            use std::os::unix::fs::DirBuilderExt;
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(dir)
                .map_err(|e| StoreError::new(tried(), e))?;
        }
        let mut writer =
            connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE).map_err(|e| StoreError::new(tried(), e))?;
        migrate::run(&mut writer).map_err(|e| StoreError::new(tried(), e))?;
        let watch = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|e| StoreError::new(tried(), e))?;
        Ok(Self {
            path: path.to_owned(),
            watch: Mutex::new(watch),
            writer: Mutex::new(writer),
            readers: Mutex::default(),
            views: None,
        })
    }

    /// The same without private channels: those there are, and those that another process brings later.
    pub fn public(mut self) -> Self {
        self.views = Some(hidden::views("main"));
        lock(&self.readers).clear();
        self
    }

    /// Runs a read. It sees one state of the database only if it is one statement or begins a transaction itself.
    pub(crate) fn read<T>(&self, what: &str, work: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>) -> Result<T, StoreError> {
        let pooled = lock(&self.readers).pop();
        let connection = match pooled {
            Some(connection) => Ok(connection),
            None => connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY).and_then(|connection| {
                if let Some(views) = &self.views {
                    connection.execute_batch(views)?;
                }
                Ok(connection)
            }),
        };
        let connection = connection.map_err(|e| StoreError::new(what, e))?;
        let answer = work(&connection).map_err(|e| StoreError::new(what, e))?;
        let mut idle = lock(&self.readers);
        if idle.len() < IDLE_READERS {
            idle.push(connection);
        }
        Ok(answer)
    }

    /// Runs one write transaction: all of `work` happens or nothing.
    pub(crate) fn write<T>(&self, what: &str, work: impl FnOnce(&Transaction<'_>) -> Result<T, rusqlite::Error>) -> Result<T, StoreError> {
        let mut writer = lock(&self.writer);
        transact(&mut writer, work).map_err(|e| StoreError::new(what, e))
    }
}

/// The writer, while it does not look up references. A match writes a million rows whose references it has just read: looking each up again, and
/// looking for what refers to rows that go, is a fifth of all writing. The pragma has no effect inside of a transaction.
struct Unchecked<'a>(MutexGuard<'a, Connection>);

impl<'a> Unchecked<'a> {
    fn new(writer: MutexGuard<'a, Connection>) -> Result<Self, rusqlite::Error> {
        writer.pragma_update(None, "foreign_keys", false)?;
        Ok(Self(writer))
    }
}

impl Drop for Unchecked<'_> {
    fn drop(&mut self) {
        // What was written is written, and a fault of ours in between must not leave the writer like this.
        if let Err(error) = self.0.pragma_update(None, "foreign_keys", true) {
            tracing::error!(error = %error, "store.references_stay_unchecked");
        }
    }
}

/// Runs one write transaction.
fn transact<T>(writer: &mut Connection, work: impl FnOnce(&Transaction<'_>) -> Result<T, rusqlite::Error>) -> Result<T, rusqlite::Error> {
    let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let answer = work(&transaction)?;
    transaction.commit()?;
    Ok(answer)
}

impl Store for Sqlite {
    fn was_taken(&self, source: &str, sha256: Digest) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM taken WHERE source = ?1 AND sha256 = ?2)";
        self.read("look whether a file was taken", |db| {
            db.prepare_cached(sql)?.query_row(params![source, sha256.0], |row| row.get(0))
        })
    }

    fn taken_file(&self, source: &str, url: &str) -> Result<Option<TakenFile>, StoreError> {
        self.read("look for a taken file", |db| books::taken_file(db, source, url))
    }

    fn data_date(&self, name: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT data_date FROM source WHERE name = ?1";
        self.read("read the date of a source", |db| {
            db.prepare_cached(sql)?.query_row([name], |row| row.get(0)).optional()
        })
        .map(Option::flatten)
    }

    fn source_begins(&self, name: &str, at: i64) -> Result<(), StoreError> {
        self.write("note that a source is looked at", |tx| books::source_begins(tx, name, at))
    }

    fn source_failed(&self, name: &str, at: i64, error: &str) -> Result<(), StoreError> {
        self.write("note that a source failed", |tx| books::source_failed(tx, name, at, error))
    }

    fn source_succeeded(&self, name: &str, at: i64) -> Result<(), StoreError> {
        self.write("note that a source was looked at", |tx| books::source_succeeded(tx, name, at))
    }

    fn file_taken(&self, file: &TakenFile, at: i64) -> Result<(), StoreError> {
        self.write("note that a file was taken", |tx| books::file_taken(tx, file, at))
    }

    fn forget_problems(&self, source: &str, url: &str) -> Result<(), StoreError> {
        self.write("forget the problems of a file", |tx| books::forget_problems(tx, source, url))
    }

    fn current_documents(&self, source: &str, keys: &[&str]) -> Result<Vec<Option<CurrentDocument>>, StoreError> {
        let sql = "SELECT d.sha256, r.modified FROM record r JOIN document d ON d.id = r.document_id WHERE r.source = ?1 AND r.key = ?2";
        self.read("look for current documents", |db| {
            let mut find = db.prepare_cached(sql)?;
            let current = |key: &&str| {
                let read = |row: &rusqlite::Row<'_>| {
                    Ok(CurrentDocument {
                        sha256: Digest(row.get(0)?),
                        modified: row.get(1)?,
                    })
                };
                find.query_row(params![source, key], read).optional()
            };
            keys.iter().map(current).collect()
        })
    }

    fn take(&self, batch: &[Incoming], at: i64) -> Result<BatchReport, StoreError> {
        self.write("write records", |tx| records::take(tx, batch, at))
    }

    fn take_kev(&self, document: &Document, lines: &[KevLine], at: i64) -> Result<u64, StoreError> {
        self.write("write the list of exploited vulnerabilities", |tx| {
            feeds::take_kev(tx, document, lines, at)
        })
    }

    fn take_epss(&self, document: &Document, lines: &[EpssLine], at: i64) -> Result<u64, StoreError> {
        self.write("write exploit prediction scores", |tx| feeds::take_epss(tx, document, lines, at))
    }

    fn take_package_set(&self, set: &PackageSet, at: i64) -> Result<SetReport, StoreError> {
        self.write("write a package set", |tx| packages::take_package_set(tx, set, at))
    }

    fn revisions(&self, channel: &str) -> Result<Vec<KeptRevision>, StoreError> {
        self.read("read the revisions of a channel", |db| packages::revisions(db, channel))
    }

    fn forget_set(&self, set: i64) -> Result<bool, StoreError> {
        self.write("forget a package set", |tx| packages::forget_set(tx, set))
    }

    fn channel_states(&self) -> Result<Vec<ChannelState>, StoreError> {
        self.read("read the channels", matched::channel_states)
    }

    fn package_set(&self, set: i64) -> Result<Vec<StoredPackage>, StoreError> {
        self.read("read a package set", |db| packages::package_set(db, set))
    }

    fn mark(&self) -> Result<i64, StoreError> {
        self.read("read the mark of the newest change", mark)
    }

    fn touched_after(&self, mark: i64) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM vulnerability WHERE touched > ?1";
        self.read("count changed vulnerabilities", |db| {
            db.prepare_cached(sql)?.query_row([mark], |row| row.get::<_, i64>(0))
        })
        .map(|count| count as u64)
    }

    fn vulnerabilities(&self, mark: i64, after: i64, limit: usize) -> Result<Vec<StoredVulnerability>, StoreError> {
        self.read("read vulnerabilities", |db| matched::vulnerabilities(db, mark, after, limit))
    }

    fn derived_basis(&self, name: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT basis FROM derived WHERE name = ?1";
        self.read("read what something was derived from", |db| {
            db.prepare_cached(sql)?.query_row([name], |row| row.get(0)).optional()
        })
    }

    fn derived(&self, name: &str) -> Result<Option<Derived>, StoreError> {
        let what = "read what was derived";
        let sql = "SELECT basis, bytes FROM derived WHERE name = ?1";
        let found: Option<(String, Vec<u8>)> = self.read(what, |db| {
            db.prepare_cached(sql)?
                .query_row([name], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })?;
        let Some((basis, packed)) = found else { return Ok(None) };
        let (size, packed) = packed.split_at_checked(8).unwrap_or_default();
        let size = size.try_into().map_or(0, u64::from_le_bytes);
        let bytes = unpack(packed, usize::try_from(size).unwrap_or(0)).map_err(|e| StoreError::new(what, e))?;
        Ok(Some(Derived { basis, bytes }))
    }

    fn put_derived(&self, name: &str, derived: &Derived, at: i64) -> Result<(), StoreError> {
        let what = "keep what was derived";
        let mut bytes = (derived.bytes.len() as u64).to_le_bytes().to_vec();
        bytes.extend(
            Packer::new()
                .and_then(|mut packer| packer.pack(&derived.bytes))
                .map_err(|e| StoreError::new(what, e))?,
        );
        self.write(what, |tx| {
            tx.prepare_cached("INSERT OR REPLACE INTO derived (name, basis, made_at, bytes) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![name, derived.basis, at, bytes])
        })
        .map(drop)
    }

    fn take_match(&self, result: MatchResult<'_>, at: i64) -> Result<u64, StoreError> {
        let run = || {
            let mut writer = Unchecked::new(lock(&self.writer))?;
            transact(&mut writer.0, |tx| matched::take_match(tx, result, at))
        };
        run().map_err(|e: rusqlite::Error| StoreError::new("write the verdicts", e))
    }

    fn suggestions(&self, channel: Option<&str>, each: &mut dyn FnMut(Suggestion) -> std::io::Result<()>) -> Result<(), StoreError> {
        self.read("read the verdicts", |db| Ok(matched::suggestions(db, channel, each)))?
    }

    fn package_paths(&self, set: i64, each: &mut dyn FnMut(i64, &str, &str)) -> Result<(), StoreError> {
        self.read("read store paths", |db| whole::package_paths(db, set, each))
    }

    fn cluster_names(&self, channel: i64) -> Result<Vec<(i64, String)>, StoreError> {
        self.read("read the packages of a match", |db| whole::cluster_names(db, channel))
    }

    fn verdict_rows(&self, each: &mut dyn FnMut(i64, i64, Verdict)) -> Result<(), StoreError> {
        self.read("read the verdicts", |db| whole::verdict_rows(db, each))
    }

    fn exploitation(&self) -> Result<Vec<Exploitation>, StoreError> {
        self.read("read what is known of exploits", whole::exploitation)
    }

    fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT value FROM setting WHERE name = ?1";
        self.read("read a setting", |db| {
            db.prepare_cached(sql)?.query_row([name], |row| row.get(0)).optional()
        })
    }

    fn put_setting(&self, name: &str, value: Option<&str>) -> Result<(), StoreError> {
        self.write("write a setting", |tx| match value {
            Some(value) => tx.execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?1, ?2)", params![name, value]),
            None => tx.execute("DELETE FROM setting WHERE name = ?1", [name]),
        })
        .map(drop)
    }

    fn clear(&self) -> Result<(), StoreError> {
        self.write("empty the database", books::clear)
    }

    fn export(&self, to: &mut Sender<'_>) -> Result<(), StoreError> {
        self.read_one_state("read all rows", |db| transfer::export(db, to))
    }

    fn import(&self, rows: &mut Rows, replace: bool, seen: &(dyn Fn(u64) + Sync)) -> Result<(), StoreError> {
        self.write("write all rows", |tx| transfer::import(tx, rows, replace, seen))
    }

    fn backup(&self, file: &Path) -> Result<(), StoreError> {
        // Reads one state and writes it without gaps; the write-ahead log lets others go on.
        let name = file.to_string_lossy().into_owned();
        self.read("write a backup", |db| db.execute("VACUUM INTO ?1", [name]).map(drop))
    }

    fn check(&self, seen: &(dyn Fn(u64) + Sync)) -> Result<Vec<String>, StoreError> {
        // The text index can only be checked by a statement that SQLite counts as a write.
        let index = self.write("check the text index", |tx| {
            let checked = tx.execute(
                "INSERT INTO vulnerability_text (vulnerability_text, rank) VALUES ('integrity-check', 1)",
                [],
            );
            Ok(checked.err().map(|e| format!("text index: {e}")))
        })?;
        let mut findings = self.read("check the database", |db| books::check(db, seen))?;
        findings.extend(index);
        Ok(findings)
    }
}

/// Adds a line to the append-only book of events, in the transaction of the change itself.
fn event(tx: &Transaction<'_>, at: i64, kind: &str, subject: &str, data: &serde_json::Value) -> Result<(), rusqlite::Error> {
    tx.prepare_cached("INSERT INTO event (at, actor, kind, subject, data) VALUES (?1, 'tracker', ?2, ?3, ?4)")?
        .execute(params![at, kind, subject, data.to_string()])?;
    Ok(())
}

/// The mark of the newest change to any vulnerability, by its records or by a list.
fn mark(db: &Connection) -> Result<i64, rusqlite::Error> {
    let sql = "SELECT max((SELECT coalesce(max(touched), 0) FROM vulnerability),
                          (SELECT coalesce(max(CAST(value AS INTEGER)), 0) FROM setting WHERE name = 'told'))";
    db.prepare_cached(sql)?.query_row([], |row| row.get(0))
}

/// A number with the digits it was written with: 0.1, not 0.10000000149.
fn clean(number: f32) -> f64 {
    number.to_string().parse().unwrap_or_else(|_| f64::from(number))
}

/// Stored data that does not have the shape we gave it.
fn decode(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(error.into())
}

/// A panic in the middle of a transaction rolls it back when the transaction is dropped: the connection stays good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE)?;
    if !flags.contains(OpenFlags::SQLITE_OPEN_READ_ONLY) {
        use_wal(&connection)?;
        connection.pragma_update(None, "cache_size", -WRITER_CACHE)?;
        // WAL with NORMAL loses at most the last transactions at a power cut, never consistency.
        connection.pragma_update(None, "synchronous", "normal")?;
    }
    Ok(connection)
}

/// Switches a database to WAL, once in its life. SQLite does not wait for others that do the same at that moment: we do.
fn use_wal(connection: &Connection) -> Result<(), rusqlite::Error> {
    let started = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "wal") {
            Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && started.elapsed() < BUSY => {
                thread::sleep(Duration::from_millis(10));
            }
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_the_file_in_a_private_folder() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("firn/tracker.sqlite");
        drop(Sqlite::open(&path).unwrap());
        assert_eq!(
            std::fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777,
            0o700
        );
        let again = Sqlite::open(&path).unwrap();
        let tables: i64 = again
            .read("count", |db| {
                db.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'verdict'", [], |r| r.get(0))
            })
            .unwrap();
        assert_eq!(tables, 1);
    }

    #[test]
    fn a_reader_cannot_write() {
        let dir = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&dir.path().join("t.sqlite")).unwrap();
        assert!(store.read("write", |db| db.execute("DELETE FROM kev", [])).is_err());
    }

    #[test]
    fn a_failed_write_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&dir.path().join("t.sqlite")).unwrap();
        let failed = store.write("half", |tx| {
            tx.execute("INSERT INTO setting VALUES ('a', 'b')", [])?;
            tx.execute("INSERT INTO nowhere VALUES (1)", [])
        });
        assert!(failed.is_err());
        let rows: i64 = store
            .read("count", |db| db.query_row("SELECT count(*) FROM setting", [], |r| r.get(0)))
            .unwrap();
        assert_eq!(rows, 0);
    }
}
