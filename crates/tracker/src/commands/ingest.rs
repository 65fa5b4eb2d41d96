//! `ingest`

use std::path::Path;

use cli_kit::{Exit, Failure, human};
use vuln::advisory::Source;

use super::Context;
use crate::cli::SourceName;
use crate::ingest::lists::List;
use crate::ingest::{Ingest, IngestError, Report};

/// Takes in one source.
pub fn run(context: &Context, source: SourceName, from: &str, channel: Option<&str>) -> Result<Exit, Failure> {
    let ingest = Ingest {
        store: &*context.store,
        progress: &context.progress,
    };
    let report = take(ingest, source, Path::new(from), channel)?;
    tell(context, &report)
}

fn take(ingest: Ingest<'_>, source: SourceName, path: &Path, channel: Option<&str>) -> Result<Report, IngestError> {
    match source {
        SourceName::Cve => ingest.records(Source::Cve, path),
        SourceName::Nvd => ingest.records(Source::Nvd, path),
        SourceName::Osv => ingest.records(Source::Osv, path),
        SourceName::Kev => ingest.list(List::Kev, path),
        SourceName::Epss => ingest.list(List::Epss, path),
        SourceName::Nixpkgs => ingest.nixpkgs(path, channel),
    }
}

/// Says what was done, and turns it into an exit code.
fn tell(context: &Context, report: &Report) -> Result<Exit, Failure> {
    if let Some((first, more)) = report.failures.split_first() {
        let mut failure = Failure::incomplete(format!("take in everything: {first}"));
        for other in more.iter().take(20) {
            failure = failure.hint(other.clone());
        }
        return Err(failure.hint("what could be read was taken; the next run takes the file again"));
    }
    if report.is_nothing_new() {
        context.talk.say("nothing new");
        return Ok(Exit::NothingToDo);
    }
    let mut line = format!(
        "{} seen, {} new or changed",
        human::count(report.seen),
        human::count(report.changed)
    );
    for (count, what) in [(report.older, "older than ours"), (report.problems, "problems")] {
        if count > 0 {
            line.push_str(&format!(", {} {what}", human::count(count)));
        }
    }
    context.talk.say(&line);
    Ok(Exit::Clean)
}
