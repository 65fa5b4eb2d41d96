//! What each subcommand does: the only place that talks to a terminal.

mod check;
mod config;
mod explain;
mod export;
mod forget;
mod ingest;
mod jobs;
mod matching;
mod serve;
mod stats;
mod transfer;

use std::sync::Arc;

use cli_kit::{Exit, Explained, Failure, Manners, Talk, start_logging_as};

use crate::cli::{Cli, Command, Export};
use crate::config::{Config, ConfigError, Database, DatabaseError};
use crate::feeds::Origin;
use crate::progress::Progress;
use crate::store::{self, Store, StoreError};
use crate::sync::Supply;

/// What every command gets.
pub struct Context {
    /// How to talk.
    pub manners: Manners,
    /// Where to talk.
    pub talk: Talk,
    /// The database.
    pub store: Arc<dyn Store>,
    /// The configuration that holds.
    pub config: Config,
    /// Shown on the terminal.
    pub progress: Arc<Progress>,
}

/// Runs what the command line asks for.
pub fn run(cli: Cli) -> Result<Exit, Failure> {
    let talk = cli.manners.talk();
    if let Command::ConfigMarkdown = cli.command {
        return config::markdown_page();
    }
    let given = config::given(&cli)?;
    let config = Config::read(&given)?;
    start_logging_as(&talk, &config.log.filter, config.log.format)?;
    if let Command::Config = cli.command {
        return config::run(cli.manners, &given);
    }
    if let Command::Copy { from, to, replace } = &cli.command {
        return transfer::copy(&talk, from, to, *replace);
    }
    // Taking in begins a database; what asks for one by the wrong name must not be told that it is empty.
    let begins = matches!(
        cli.command,
        Command::Serve { .. } | Command::Sync { .. } | Command::Ingest { .. } | Command::Restore { .. }
    );
    if !begins {
        there(&config.database)?;
    }
    // An address that is not ours is said before a database is made for nothing.
    let bound = match &cli.command {
        Command::Serve { .. } => Some(crate::serve::Bound::new(config.server.listen)?),
        _ => None,
    };
    let progress = Arc::new(Progress::new(talk.clone()));
    let context = Context {
        manners: cli.manners,
        talk,
        store: match cli.command {
            Command::Export { private: false, .. } => store::open_public(&config.database)?,
            _ => store::open(&config.database)?,
        },
        config,
        progress,
    };
    match cli.command {
        Command::Serve { .. } => match bound {
            Some(bound) => serve::run(context, bound),
            None => Err(Failure::new(Exit::Bug, "serve on an address without having it")),
        },
        Command::Sync { .. } => ingest::sync(&context),
        Command::Ingest { source, from, channel } => ingest::run(&context, source, &from, channel.as_deref()),
        Command::Match { full, dry_run: false } => matching::run(&context, full),
        Command::Match { full, dry_run: true } => matching::preview(&context, full),
        Command::Forget { channel, revision } => forget::run(&context, &channel, revision.as_deref()),
        Command::Backup { out } => transfer::backup(&context, &out),
        Command::Restore { file, replace } => transfer::restore(&context, &file, replace),
        Command::Copy { from, .. } => Err(Failure::new(Exit::Bug, format!("copy {from} with a database open"))),
        Command::Explain { id, package, channel } => explain::run(&context, &id, package.as_deref(), channel.as_deref()),
        Command::Stats => stats::run(&context),
        Command::Export {
            what: Export::Suggestions { out, channel },
            ..
        } => export::suggestions(&context, &out, channel.as_deref()),
        Command::Export {
            what: Export::Snapshot { out, key },
            ..
        } => export::snapshot::run(&context, &out, key.as_deref()),
        Command::Jobs { what } => jobs::run(&context, &what),
        Command::Check => check::run(&context),
        Command::Config | Command::ConfigMarkdown => Err(Failure::new(Exit::Bug, "print the configuration with a database open")),
    }
}

/// The database, if it is there.
fn there(database: &Database) -> Result<(), Failure> {
    let Database::Sqlite(path) = database else { return Ok(()) };
    if path.exists() {
        return Ok(());
    }
    Err(Failure::usage(format!("open the database {}: no such file", path.display()))
        .hint("--database and FIRN_DATABASE name it; `firn-tracker serve`, `sync` and `ingest` make it"))
}

/// Where feeds come from, if it is there.
fn supply(config: &Config) -> Result<Supply, Failure> {
    let supply = Supply::new(&config.feeds)?;
    match &supply.origin {
        Origin::Folder(folder) if !folder.is_dir() => Err(Failure::usage(format!("read the mirror {}: no such folder", folder.display()))
            .hint("--mirror and FIRN_MIRROR name a folder or URL that holds cvelistV5/, nvd/, osv/, kev/, epss/ and channels/")),
        _ => Ok(supply),
    }
}

/// A channel that the user named must be one that we have.
fn known_channel(context: &Context, name: Option<&str>) -> Result<(), Failure> {
    let Some(name) = name else { return Ok(()) };
    let known: Vec<String> = context.store.channel_states()?.into_iter().map(|channel| channel.name).collect();
    if known.iter().any(|channel| channel == name) {
        return Ok(());
    }
    let failure = Failure::usage(format!("find the channel {name:?}"));
    Err(if known.is_empty() {
        failure.hint("no package set was taken yet: see `firn-tracker ingest nixpkgs --help`")
    } else {
        failure.hint(format!("there are {}", known.join(", ")))
    })
}

impl Explained for ConfigError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        match self {
            ConfigError::Database(e) => e.hint(),
            ConfigError::NoHome => Some("name the database with --database sqlite:///path/to/file".into()),
            ConfigError::Unknown { meant: Some(meant), .. } => Some(format!("{meant} is one")),
            ConfigError::Unknown { meant: None, .. } => Some("`firn-tracker config` prints all keys".into()),
            ConfigError::Exposed { key, env } => Some(format!("set {env}, or name a file that holds it by {key}_file")),
            ConfigError::File { .. } => Some("--config and FIRN_CONFIG name it".into()),
            ConfigError::Toml { .. } | ConfigError::Value { .. } | ConfigError::Secret { .. } => None,
        }
    }
}

impl Explained for DatabaseError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            DatabaseError::Postgres(_) => "for example --database 'postgres:///firn?host=/run/postgresql'".into(),
            DatabaseError::Url { .. } => "for example --database sqlite:///var/lib/firn/tracker.sqlite".into(),
        })
    }
}

impl Explained for StoreError {
    fn exit(&self) -> Exit {
        Exit::Incomplete
    }
}
