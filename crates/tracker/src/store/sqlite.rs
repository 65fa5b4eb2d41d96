//! SQLite: one file, one writer, any number of readers.
//!
//! WAL keeps readers and the writer out of each other's way, in this process and in others. Writes begin `IMMEDIATE`, so that two
//! processes queue at the start of a transaction instead of failing in the middle of one.

mod migrate;
mod read;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::{Store, StoreError};

/// How long a process waits for another one's transaction. The longest (a channel's verdicts) take seconds.
const BUSY: Duration = Duration::from_secs(120);

/// Idle read connections kept for the next reader.
const IDLE_READERS: usize = 8;

/// A database file.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

impl Store for Sqlite {}

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
        Ok(Self {
            path: path.to_owned(),
            writer: Mutex::new(writer),
            readers: Mutex::default(),
        })
    }

    /// Runs a read. It sees one state of the database only if it is one statement or begins a transaction itself.
    pub(crate) fn read<T>(&self, what: &str, work: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>) -> Result<T, StoreError> {
        let pooled = lock(&self.readers).pop();
        let connection = match pooled {
            Some(connection) => Ok(connection),
            None => connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY),
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
        let run = || {
            let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let answer = work(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        };
        run().map_err(|e: rusqlite::Error| StoreError::new(what, e))
    }
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
    connection.pragma_update(None, "cache_size", -32_000)?;
    connection.pragma_update(None, "mmap_size", 1_i64 << 30)?;
    if !flags.contains(OpenFlags::SQLITE_OPEN_READ_ONLY) {
        connection.pragma_update(None, "journal_mode", "wal")?;
        // WAL with NORMAL loses at most the last transactions at a power cut, never consistency.
        connection.pragma_update(None, "synchronous", "normal")?;
    }
    Ok(connection)
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
