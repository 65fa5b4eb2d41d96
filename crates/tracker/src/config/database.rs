//! Where the database is.

use std::path::{Path, PathBuf};

use super::{ConfigError, Given, Key, Section, data_dir};
use crate::store::postgres::{Address, AddressError};

/// The keys of this concern.
pub const KEYS: Section = Section {
    name: "database",
    about: "Where the database is",
    keys: &[Key::new(
        "database.url",
        "",
        "`sqlite:///path/to/file` or `postgres://user@host/database`; without it `tracker.sqlite` in the data folder. It may hold a password",
    )
    .env("FIRN_DATABASE")
    .flag("--database")
    .secret()],
};

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A file.
    Sqlite(PathBuf),
    /// A server.
    Postgres(Address),
}

/// What is wrong with an address.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// It is none that this program knows.
    #[error("read the database address {url:?}: it must look like sqlite:///path/to/file or postgres://user@host/database")]
    Url {
        /// As given, without login and password.
        url: String,
    },
    /// A PostgreSQL database's cannot be used. It may hold a password: it is not repeated.
    #[error("read the database address")]
    Postgres(#[source] AddressError),
}

impl Database {
    /// Reads its keys.
    pub fn read(given: &Given) -> Result<Self, ConfigError> {
        match given.optional::<String>("database.url")? {
            Some(url) => Self::from_url(&url).map_err(ConfigError::Database),
            None => Ok(Database::Sqlite(data_dir()?.join("tracker.sqlite"))),
        }
    }

    /// Reads `sqlite:///absolute/path`, `sqlite://relative/path` or `postgres://user@host/database`.
    pub fn from_url(url: &str) -> Result<Self, DatabaseError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Address::parse(url).map(Database::Postgres).map_err(DatabaseError::Postgres);
        }
        match url.strip_prefix("sqlite://") {
            Some(path) if !path.is_empty() => Ok(Database::Sqlite(Path::new(path).to_owned())),
            _ => Err(DatabaseError::Url { url: without_login(url) }),
        }
    }
}

/// An address without what stands before `@`.
fn without_login(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    match rest.rsplit_once('@') {
        Some((_, place)) => format!("{scheme}://..@{place}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn database_addresses() {
        let sqlite = |path: &str| Database::Sqlite(PathBuf::from(path));
        assert_eq!(
            Database::from_url("sqlite:///var/lib/t.sqlite").unwrap(),
            sqlite("/var/lib/t.sqlite")
        );
        assert_eq!(Database::from_url("sqlite://t.sqlite").unwrap(), sqlite("t.sqlite"));
        for bad in ["", "sqlite:", "sqlite://", "mysql://x", "/var/lib/t.sqlite"] {
            assert!(Database::from_url(bad).is_err(), "{bad}");
        }
        let typo = Database::from_url("postgre://u:hunter2@h/d").unwrap_err().to_string();
        assert!(typo.contains("postgre://..@h/d") && !typo.contains("hunter2"), "{typo}");
    }
}
