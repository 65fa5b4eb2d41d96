//! `config`, and what every command is told by file, environment and flags.

use std::io::ErrorKind;

use cli_kit::{Exit, Failure, Format, Manners, Output, Table};
use serde::Serialize;

use crate::cli::{Cli, Command};
use crate::config::{ConfigError, Given, KEYS, default_file, markdown};

/// The version of the JSON.
const VERSION: u32 = 1;

/// What was given to this run.
pub fn given(cli: &Cli) -> Result<Given, ConfigError> {
    let mut given = Given::default();
    if let Some(path) = cli.config.clone().or_else(default_file) {
        match std::fs::read_to_string(&path) {
            Ok(text) => given.file(&path, &text)?,
            Err(e) if e.kind() == ErrorKind::NotFound && cli.config.is_none() => {}
            Err(source) => return Err(ConfigError::File { path, source }),
        }
    }
    // A variable that is not text is none of ours: all our values are.
    given.environment(std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))))?;
    for assignment in &cli.assignments {
        given.set(assignment)?;
    }
    let (listen, mirror) = match &cli.command {
        Command::Serve { listen, feeds } => (listen.as_ref(), feeds.mirror.as_ref()),
        Command::Sync { feeds } => (None, feeds.mirror.as_ref()),
        _ => (None, None),
    };
    let flags = [
        ("--database", "database.url", cli.database.as_ref()),
        ("--log-format", "log.format", cli.log_format.as_ref()),
        ("--listen", "server.listen", listen),
        ("--mirror", "feeds.mirror", mirror),
    ];
    for (flag, key, value) in flags {
        if let Some(value) = value {
            given.flag(flag, key, value)?;
        }
    }
    Ok(given)
}

#[derive(Serialize)]
struct Line {
    key: &'static str,
    value: String,
    from: String,
}

#[derive(Serialize)]
struct Document {
    version: u32,
    keys: Vec<Line>,
}

/// Prints each key, its value and where that was set.
pub fn run(manners: Manners, given: &Given) -> Result<Exit, Failure> {
    let keys = KEYS.iter().flat_map(|section| section.keys).map(|key| {
        let (value, origin) = given.shown(key);
        Line {
            key: key.name,
            value,
            from: origin.to_string(),
        }
    });
    let mut out = Output::stdout();
    match manners.format {
        Format::Json => out.json(&Document {
            version: VERSION,
            keys: keys.collect(),
        })?,
        Format::Jsonl => {
            for line in keys {
                out.json_line(&line)?;
            }
        }
        Format::Table => {
            let mut table = Table::new(&["key", "value", "set by"]);
            for line in keys {
                table.row([line.key, &line.value, &line.from]);
            }
            out.table(&table)?;
        }
    }
    out.finish()?;
    Ok(Exit::Clean)
}

/// Prints the page of the book.
pub fn markdown_page() -> Result<Exit, Failure> {
    let mut out = Output::stdout();
    out.line(markdown().trim_end())?;
    out.finish()?;
    Ok(Exit::Clean)
}
