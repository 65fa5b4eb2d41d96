//! What the commands do.

mod answer;
mod diff;
mod snapshot;
mod watch;
mod why;

use std::time::{SystemTime, UNIX_EPOCH};

use cli_kit::{Exit, Failure, Output, Talk, escape};

use crate::cli::{Cli, Command};
use crate::finding::Report;
use crate::input::source;
use crate::input::store::Store;
use crate::input::{derivations, document};
use crate::report::ReportFormat;

/// Where a command's words go.
pub struct Voice {
    /// Data.
    pub out: Output,
    /// Everything else.
    pub talk: Talk,
    /// How data is printed.
    pub format: ReportFormat,
}

/// Runs a command.
pub fn run(cli: Cli) -> Result<Exit, Failure> {
    let mut voice = Voice {
        out: Output::stdout(),
        talk: cli.manners.talk(),
        format: cli.manners.format,
    };
    cli_kit::start_logging(&voice.talk, "warn")?;
    let exit = command(cli.command, &mut voice)?;
    voice.out.finish()?;
    Ok(exit)
}

fn command(command: Command, voice: &mut Voice) -> Result<Exit, Failure> {
    match command {
        Command::Closure { paths, from, extent, scan } => {
            let store = Store::below(&scan.store);
            let inventory = match from {
                Some(file) => source::closure_file(&file, &store)?,
                None => source::paths(&paths, extent.extent(), &store, &voice.talk)?,
            };
            answer::print(inventory, &scan, voice)
        }
        Command::System { generation, extent, scan } => {
            let store = Store::below(&scan.store);
            let path = match generation {
                Some(number) => store.inside(&format!("{}-{number}-link", source::SYSTEM_PROFILE)),
                None => store.inside(source::CURRENT_SYSTEM),
            };
            let inventory = source::paths(&[path], extent.extent(), &store, &voice.talk)?;
            answer::print(inventory, &scan, voice)
        }
        Command::Drv { files, scan } => {
            let inventory = derivations::from_files(&files, &Store::below(&scan.store))?;
            answer::print(inventory, &scan, voice)
        }
        Command::Sbom { files, scan } => answer::print(document::from_files(&files)?, &scan, voice),
        Command::Channel { name, scan } => answer::print_channel(&name, &scan, voice),
        Command::Diff {
            before,
            after,
            channel,
            extent,
            scan,
        } => diff::run(&before, &after, channel.as_deref(), extent.extent(), &scan, voice),
        Command::Why {
            what,
            target,
            most,
            extent,
            scan,
        } => why::run(&what, &target, usize::from(most), extent.extent(), &scan, voice),
        Command::Watch {
            target,
            interval,
            once,
            state,
            extent,
            scan,
        } => {
            let watched = watch::Watched {
                target,
                extent: extent.extent(),
                state,
            };
            watch::run(&watched, interval, once, &scan, voice)
        }
        Command::Snapshot { command } => snapshot::run(command, voice),
    }
}

/// What a comparison or a way was found with, and how old that is.
fn knowledge(report: &Report) -> serde_json::Value {
    let known = &report.knowledge;
    serde_json::json!({"digest": known.digest, "created": known.created, "serial": known.serial, "age_s": report.age()})
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

impl Voice {
    /// Refuses formats that only reports have.
    fn plain_format(&self) -> Result<(), Failure> {
        match self.format {
            ReportFormat::Table | ReportFormat::Json | ReportFormat::Jsonl => Ok(()),
            other => Err(Failure::usage(format!("{} is a format of reports only", other.name())).hint("choose table, json or jsonl")),
        }
    }

    /// Says things that the user should know, the first few of them.
    fn notes(&self, notes: &[String]) {
        const MOST: usize = 10;
        for note in notes.iter().take(MOST) {
            self.talk.say(&escape(note));
        }
        if notes.len() > MOST {
            self.talk
                .say(&format!("{} more notes like these are in the JSON report", notes.len() - MOST));
        }
    }
}
