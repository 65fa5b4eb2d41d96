//! Nix's own database, read while Nix works with it.
//!
//! The format is Nix's schema 10, in use since Nix 2.0: `ValidPaths` and `Refs` in an SQLite file in WAL mode. It is only read.
//! Without the right to write beside it SQLite cannot join in (it needs the `-shm` file); then the file alone is read, provided
//! that no log lies beside it which would hold what is newer.

use std::collections::{HashSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix_model::StorePath;
use nix_model::path_info::PathInfo;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::store::Store;

/// The schema that is known, as Nix writes it into the file `schema` beside the database.
const SCHEMA: &str = "10";

/// How long we wait for Nix to end a transaction.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the database cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// There is none.
    #[error("there is no Nix database at {0}")]
    Missing(PathBuf),
    /// It has another schema.
    #[error("the Nix database at {path} has schema {found:?}; only {SCHEMA} is known")]
    Schema {
        /// The database.
        path: PathBuf,
        /// What the file beside it says.
        found: String,
    },
    /// Its tables are not Nix's.
    #[error("the Nix database at {path} lacks {what}")]
    Foreign {
        /// The database.
        path: PathBuf,
        /// A table with its columns.
        what: &'static str,
    },
    /// Somebody holds it.
    #[error("the Nix database at {path} is locked, and stayed so for {} s", PATIENCE.as_secs())]
    Locked {
        /// The database.
        path: PathBuf,
    },
    /// It cannot be opened for the log beside it, which only those who may write can read.
    #[error("the Nix database at {path} has changes that only its owner can read")]
    Unmerged {
        /// The database.
        path: PathBuf,
    },
    /// Anything else: broken, not readable.
    #[error("read the Nix database at {path}")]
    Read {
        /// The database.
        path: PathBuf,
        /// Why not.
        #[source]
        source: rusqlite::Error,
    },
    /// A path in it that is none.
    #[error("the Nix database at {path} holds {text:?}, which is no store path")]
    Path {
        /// The database.
        path: PathBuf,
        /// The text.
        text: String,
    },
    /// The store does not have what was asked for.
    #[error("{0} is not in the store")]
    Invalid(StorePath),
}

/// An open database.
pub struct Database {
    path: PathBuf,
    connection: Connection,
}

impl Database {
    /// Opens the database of a store.
    pub fn open(store: &Store) -> Result<Self, DatabaseError> {
        let path = store.database().join("db.sqlite");
        if !path.is_file() {
            return Err(DatabaseError::Missing(path));
        }
        let schema = fs::read_to_string(store.database().join("schema")).unwrap_or_default();
        if schema.trim() != SCHEMA {
            return Err(DatabaseError::Schema {
                path,
                found: schema.trim().chars().take(20).collect(),
            });
        }
        let connection = connect(&path)?;
        let database = Self { path, connection };
        database.check_tables()?;
        Ok(database)
    }

    /// Everything that the roots refer to, and themselves: breadth first, each path once.
    pub fn closure(&self, roots: &[StorePath]) -> Result<Vec<PathInfo>, DatabaseError> {
        let failed = |source| self.failed(source);
        // One transaction: Nix may go on meanwhile, but what we see is of one moment.
        let transaction = self.connection.unchecked_transaction().map_err(failed)?;
        let mut path_of = transaction
            .prepare("SELECT id, hash, narSize, deriver FROM ValidPaths WHERE path = ?1")
            .map_err(failed)?;
        let mut references_of = transaction
            .prepare("SELECT v.path FROM Refs r JOIN ValidPaths v ON v.id = r.reference WHERE r.referrer = ?1 ORDER BY v.path")
            .map_err(failed)?;
        let mut infos = Vec::new();
        let mut seen: HashSet<StorePath> = HashSet::new();
        let mut pending: VecDeque<StorePath> = VecDeque::new();
        for root in roots {
            if seen.insert(root.clone()) {
                pending.push_back(root.clone());
            }
        }
        while let Some(path) = pending.pop_front() {
            type Row = (i64, String, Option<i64>, Option<String>);
            let row: Option<Row> = path_of
                .query_row([path.to_string()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
                .optional()
                .map_err(failed)?;
            let Some((id, hash, size, deriver)) = row else {
                return Err(DatabaseError::Invalid(path));
            };
            let mut references = Vec::new();
            let mut rows = references_of.query([id]).map_err(failed)?;
            while let Some(row) = rows.next().map_err(failed)? {
                let reference = self.store_path(row.get(0).map_err(failed)?)?;
                if seen.insert(reference.clone()) {
                    pending.push_back(reference.clone());
                }
                references.push(reference);
            }
            let deriver = deriver
                .filter(|text| !text.is_empty())
                .map(|text| self.store_path(text))
                .transpose()?;
            infos.push(PathInfo {
                path,
                references,
                deriver,
                nar_size: size.and_then(|size| u64::try_from(size).ok()),
                nar_hash: Some(hash),
            });
        }
        Ok(infos)
    }

    fn check_tables(&self) -> Result<(), DatabaseError> {
        const TABLES: [(&str, &str); 2] = [
            (
                "SELECT id, path, hash, narSize, deriver FROM ValidPaths LIMIT 0",
                "ValidPaths(id, path, hash, narSize, deriver)",
            ),
            ("SELECT referrer, reference FROM Refs LIMIT 0", "Refs(referrer, reference)"),
        ];
        for (query, what) in TABLES {
            match self.connection.prepare(query) {
                Ok(_) => {}
                Err(rusqlite::Error::SqlInputError { .. }) => {
                    return Err(DatabaseError::Foreign {
                        path: self.path.clone(),
                        what,
                    });
                }
                Err(error) => return Err(self.failed(error)),
            }
        }
        Ok(())
    }

    fn store_path(&self, text: String) -> Result<StorePath, DatabaseError> {
        text.parse().map_err(|_| DatabaseError::Path {
            path: self.path.clone(),
            text: text.chars().take(200).collect(),
        })
    }

    fn failed(&self, source: rusqlite::Error) -> DatabaseError {
        failure(&self.path, source)
    }
}

fn failure(path: &Path, source: rusqlite::Error) -> DatabaseError {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    match source.sqlite_error_code() {
        Some(DatabaseBusy | DatabaseLocked) => DatabaseError::Locked { path: path.into() },
        _ => DatabaseError::Read { path: path.into(), source },
    }
}

fn connect(path: &Path) -> Result<Connection, DatabaseError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let open = |suffix: &str| -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(format!("{}{suffix}", address(path)), flags)?;
        connection.busy_timeout(PATIENCE)?;
        // The first look is what takes the lock, and what fails.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
        Ok(connection)
    };
    match open("?mode=ro") {
        Ok(connection) => Ok(connection),
        Err(error) if cannot_join(&error) => {
            let log = fs::metadata(with_suffix(path, "-wal")).map_or(0, |log| log.len());
            if log > 0 {
                return Err(DatabaseError::Unmerged { path: path.into() });
            }
            open("?mode=ro&immutable=1").map_err(|source| failure(path, source))
        }
        Err(error) => Err(failure(path, error)),
    }
}

/// Whether SQLite could not make or open the files that it shares with other processes.
fn cannot_join(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, ReadOnly};
    matches!(error.sqlite_error_code(), Some(CannotOpen | ReadOnly))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The file as SQLite's address: what means something there is written as a number.
fn address(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let mut address = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => address.push(char::from(*byte)),
            other => address.push_str(&format!("%{other:02x}")),
        }
    }
    address
}

#[cfg(test)]
pub(super) mod tests;
