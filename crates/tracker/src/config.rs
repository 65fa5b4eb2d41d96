//! Configuration: one register of keys ([`KEYS`]), each read from a file, the environment or a flag, the later winning.
//!
//! Every concern has a small struct with the keys it reads, in a file of its own below this one. To add a key: name it in the `KEYS` of its
//! concern and read it there; `cargo xtask docs` writes the page of the book.

mod database;
pub mod evaluation;
mod feeds;
mod given;
mod jobs;
mod limits;
mod log;
mod page;
mod register;
mod server;
mod snapshot;
mod value;

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

pub use database::{Database, DatabaseError};
pub use evaluation::Evaluation;
pub use feeds::Feeds;
pub use given::{Given, Origin};
pub use jobs::Jobs;
pub use limits::Limits;
pub use log::Log;
pub use page::markdown;
pub use register::{KEYS, Key, Section};
pub use server::{ClientHeader, Network, PublicUrl, Server};
pub use snapshot::SnapshotConfig;
pub use value::{Secret, Setting, Size, Span};

/// Everything that can be configured, one struct a concern.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the database is.
    pub database: Database,
    /// Where and how pages are served.
    pub server: Server,
    /// How much one client gets.
    pub limits: Limits,
    /// The snapshot that a server publishes.
    pub snapshot: SnapshotConfig,
    /// Where feeds come from.
    pub feeds: Feeds,
    /// Package sets that are evaluated here.
    pub evaluation: Evaluation,
    /// How jobs are done.
    pub jobs: Jobs,
    /// What is logged.
    pub log: Log,
}

impl Config {
    /// Reads what was given. Every key is looked at, whatever the command needs: a mistake is not found later.
    pub fn read(given: &Given) -> Result<Self, ConfigError> {
        Ok(Self {
            database: Database::read(given)?,
            server: Server::read(given)?,
            limits: Limits::read(given)?,
            snapshot: SnapshotConfig::read(given)?,
            feeds: Feeds::read(given)?,
            evaluation: Evaluation::read(given)?,
            jobs: Jobs::read(given)?,
            log: Log::read(given)?,
        })
    }
}

/// The data folder: `$XDG_DATA_HOME/firn`, else `~/.local/share/firn`.
pub fn data_dir() -> Result<PathBuf, ConfigError> {
    home_folder("XDG_DATA_HOME", ".local/share").ok_or(ConfigError::NoHome)
}

/// Where the configuration file is sought if none is named: `$XDG_CONFIG_HOME/firn/tracker.toml`, else `~/.config/firn/tracker.toml`.
pub fn default_file() -> Option<PathBuf> {
    home_folder("XDG_CONFIG_HOME", ".config").map(|folder| folder.join("tracker.toml"))
}

fn home_folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    // The XDG specification asks to ignore a path that is not absolute.
    let folder = set(variable).filter(|dir| dir.is_absolute());
    folder
        .or_else(|| set("HOME").map(|home| home.join(below_home)))
        .map(|folder| folder.join("firn"))
}

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file.
    #[error("read the configuration file {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("read the configuration file {}: {message}", path.display())]
    Toml {
        /// Which.
        path: PathBuf,
        /// Line and what is wrong there; never the line itself, which may hold a secret.
        message: String,
    },
    /// No key is called so.
    #[error("{place} sets {name}, which is no key of the configuration")]
    Unknown {
        /// File, environment, command line.
        place: String,
        /// As given.
        name: String,
        /// The key that was perhaps meant, spelled as it would be at that place.
        meant: Option<String>,
    },
    /// A value that the key cannot have. The value of a secret is not repeated.
    #[error("{origin} sets {key} to {value}: {wrong}")]
    Value {
        /// Where it was set.
        origin: Origin,
        /// The key.
        key: String,
        /// As given, quoted; or what stands for a secret.
        value: String,
        /// What is wrong with it.
        wrong: String,
    },
    /// A secret stands where others see it.
    #[error("{key} is a secret, and others see the command lines of this machine")]
    Exposed {
        /// The key.
        key: &'static str,
        /// The environment variable for it.
        env: String,
    },
    /// A file that holds a secret.
    #[error("read the secret {key} from {}", path.display())]
    Secret {
        /// The key.
        key: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The address of the database.
    #[error(transparent)]
    Database(DatabaseError),
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

    fn read(file: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let mut given = Given::default();
        given.file(PathBuf::from("t.toml").as_path(), file)?;
        given.environment(environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))?;
        for (key, value) in flags {
            given.flag("--x", key, value)?;
        }
        given.flag("--database", "database.url", "sqlite://t.sqlite")?;
        Config::read(&given)
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_that_over_the_file() {
        let file = "[server]\nlisten = \"127.0.0.1:1\"";
        let (env, flag) = (("FIRN_SERVER_LISTEN", "127.0.0.1:2"), ("server.listen", "127.0.0.1:3"));
        let port = |config: Result<Config, ConfigError>| config.unwrap().server.listen.port();
        assert_eq!(port(read("", &[], &[])), 8080);
        assert_eq!(port(read(file, &[], &[])), 1);
        assert_eq!(port(read(file, &[env], &[])), 2);
        assert_eq!(port(read(file, &[env], &[flag])), 3);
        assert_eq!(
            port(read(file, &[("FIRN_SERVER_LISTEN", "")], &[])),
            1,
            "an empty variable sets nothing"
        );
    }

    #[test]
    fn every_key_is_read_by_its_concern() {
        let mut given = Given::default();
        given.flag("--database", "database.url", "sqlite://t.sqlite").unwrap();
        Config::read(&given).unwrap();
        assert_eq!(given.unread(), Vec::<&str>::new());
    }

    #[test]
    fn unknown_keys_are_refused_with_the_one_that_was_meant() {
        let meant = |result: Result<Config, ConfigError>| match result {
            Err(ConfigError::Unknown { name, meant, .. }) => (name, meant.unwrap_or_default()),
            other => panic!("{other:?}"),
        };
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(meant(read("[server]\nlisen = 1", &[], &[])), pair("server.lisen", "server.listen"));
        assert_eq!(meant(read("[sever]\nlisten = 1", &[], &[])), pair("sever.listen", "server.listen"));
        assert_eq!(meant(read("colour = 1", &[], &[])), pair("colour", ""));
        assert_eq!(
            meant(read("", &[("FIRN_SERVER_LISTN", "x")], &[])),
            pair("FIRN_SERVER_LISTN", "FIRN_SERVER_LISTEN")
        );
        assert_eq!(meant(read("", &[], &[("feeds.miror", "x")])), pair("feeds.miror", "feeds.mirror"));
        read("", &[("FIRN_SNAPSHOT", "of another program")], &[]).unwrap();
    }

    #[test]
    fn a_secret_is_never_repeated() {
        let secret = "postgres://u:hunter2@h.example/d";
        let mut given = Given::default();
        given
            .environment([("FIRN_DATABASE".to_owned(), secret.to_owned())].into_iter())
            .unwrap();
        assert!(!format!("{given:?}").contains("hunter2"));
        let error = Config::read(&given).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("hunter2"));
        let broken = read("[database]\nurl = \"hunter2", &[], &[]).unwrap_err();
        assert!(!format!("{broken:?} {broken}").contains("hunter2"), "{broken}");
    }

    #[test]
    fn a_wrong_value_names_where_it_stands() {
        let error = read("[server]\nlisten = 8080", &[], &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the file t.toml sets server.listen to \"8080\": invalid socket address syntax"
        );
        let error = read("server = 3", &[], &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the file t.toml sets server, which is no key of the configuration"
        );
    }
}
