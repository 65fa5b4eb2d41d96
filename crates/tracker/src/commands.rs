//! What each subcommand does: the only place that talks to a terminal.

mod ingest;

use std::sync::Arc;

use cli_kit::{Exit, Explained, Failure, Manners, Talk, start_logging};

use crate::cli::{Cli, Command};
use crate::config::{ConfigError, Database};
use crate::progress::Progress;
use crate::store::{self, Store, StoreError};

/// What every command gets.
pub struct Context {
    /// How to talk.
    pub manners: Manners,
    /// Where to talk.
    pub talk: Talk,
    /// The database.
    pub store: Arc<dyn Store>,
    /// Shown on the terminal.
    pub progress: Arc<Progress>,
}

/// Runs what the command line asks for.
pub fn run(cli: Cli) -> Result<Exit, Failure> {
    let talk = cli.manners.talk();
    start_logging(&talk, "warn")?;
    let database = match &cli.database {
        Some(url) => Database::from_url(url)?,
        None => Database::in_data_dir()?,
    };
    let context = Context {
        manners: cli.manners,
        progress: Arc::new(Progress::new(talk.clone())),
        talk,
        store: store::open(&database)?,
    };
    match cli.command {
        Command::Ingest { source, from, channel } => ingest::run(&context, source, &from, channel.as_deref()),
        _ => Err(Failure::new(Exit::Bug, "not there yet")),
    }
}

impl Explained for ConfigError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        match self {
            ConfigError::Url { .. } => Some("for example --database sqlite:///var/lib/firn/tracker.sqlite".into()),
            ConfigError::NoHome => Some("name the database with --database sqlite:///path/to/file".into()),
        }
    }
}

impl Explained for StoreError {
    fn exit(&self) -> Exit {
        Exit::Incomplete
    }
}
