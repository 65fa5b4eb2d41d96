//! Where things are: the data folder, the database, the mirror.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::store::postgres::{Address, AddressError};

/// The data folder: `$XDG_DATA_HOME/firn`, else `~/.local/share/firn`.
pub fn data_dir() -> Result<PathBuf, ConfigError> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    // The XDG specification asks to ignore a path that is not absolute.
    if let Some(dir) = set("XDG_DATA_HOME").filter(|dir| dir.is_absolute()) {
        return Ok(dir.join("firn"));
    }
    set("HOME").map(|home| home.join(".local/share/firn")).ok_or(ConfigError::NoHome)
}

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A file.
    Sqlite(PathBuf),
    /// A server.
    Postgres(Address),
}

impl Database {
    /// `tracker.sqlite` in the data folder.
    pub fn in_data_dir() -> Result<Self, ConfigError> {
        Ok(Database::Sqlite(data_dir()?.join("tracker.sqlite")))
    }

    /// Reads `sqlite:///absolute/path`, `sqlite://relative/path` or `postgres://user@host/database`.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Address::parse(url).map(Database::Postgres).map_err(ConfigError::Postgres);
        }
        match url.strip_prefix("sqlite://") {
            Some(path) if !path.is_empty() => Ok(Database::Sqlite(Path::new(path).to_owned())),
            _ => Err(ConfigError::Url { url: url.to_owned() }),
        }
    }
}

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The URL of the database is none that this program knows.
    #[error("read the database address {url:?}: it must look like sqlite:///path/to/file or postgres://user@host/database")]
    Url {
        /// As given.
        url: String,
    },
    /// The URL of a PostgreSQL database cannot be used. It may hold a password: it is not repeated.
    #[error("read the database address")]
    Postgres(#[source] AddressError),
    /// No data folder can be named.
    #[error("find the data folder: neither XDG_DATA_HOME nor HOME is set")]
    NoHome,
}

/// Unix seconds.
pub fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX))
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
    }
}
