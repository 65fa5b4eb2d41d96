//! `ingest` and `sync`

use std::path::{Path, PathBuf};

use cli_kit::{Exit, Failure, human};
use vuln::advisory::Source;

use super::{Context, supply};
use crate::cli::SourceName;
use crate::feeds::is_url;
use crate::fetch::{FetchError, Fetched, Fetcher};
use crate::ingest::lists::List;
use crate::ingest::{Ingest, IngestError, Report};
use crate::{matching, sync};

/// Takes in one source.
pub fn run(context: &Context, source: SourceName, from: &str, channel: Option<&str>) -> Result<Exit, Failure> {
    if channel.is_some() && source != SourceName::Nixpkgs {
        return Err(Failure::usage("--channel belongs to package sets").hint("leave it out, or ingest nixpkgs"));
    }
    let report = if is_url(from) {
        let dir = tempfile::tempdir().map_err(|e| Failure::incomplete("make a temporary folder").because(e))?;
        let path = fetch(context, source, from.trim_end_matches('/'), dir.path())?;
        take(context, source, &path, channel)?
    } else {
        take(context, source, Path::new(from), channel)?
    };
    tell(context, &report)
}

/// Takes in all sources and matches.
pub fn sync(context: &Context) -> Result<Exit, Failure> {
    let report = sync::run(ingest(context), &supply(&context.config)?)?;
    let matched = matching::run(&*context.store, &context.progress, false)?;
    let exit = tell(context, &report)?;
    Ok(if exit == Exit::NothingToDo && !matched.is_nothing_new() {
        Exit::Clean
    } else {
        exit
    })
}

fn ingest(context: &Context) -> Ingest<'_> {
    Ingest {
        store: &*context.store,
        progress: &context.progress,
        is_sample: false,
    }
}

fn take(context: &Context, source: SourceName, path: &Path, channel: Option<&str>) -> Result<Report, IngestError> {
    let ingest = ingest(context);
    match source {
        SourceName::Cve => ingest.records(Source::Cve, path),
        SourceName::Nvd => ingest.records(Source::Nvd, path),
        SourceName::Osv => ingest.records(Source::Osv, path),
        SourceName::Kev => ingest.list(List::Kev, path, None),
        SourceName::Epss => ingest.list(List::Epss, path, None),
        SourceName::Nixpkgs => ingest.nixpkgs(path, channel, None),
    }
}

/// Fetches a file; of a channel's folder the list and the revision.
fn fetch(context: &Context, source: SourceName, url: &str, dir: &Path) -> Result<PathBuf, Failure> {
    let fetcher = Fetcher::new(&context.config.feeds)?;
    let get = |url: &str, name: &str| -> Result<PathBuf, FetchError> {
        // The server chooses no names on our disk: of the address, only its last part is used.
        let path = dir.join(name);
        fetcher.file(url, None, &path, &context.progress).map(|_: Fetched| path)
    };
    let name = url
        .rsplit('/')
        .next()
        .filter(|name| !name.is_empty() && !name.starts_with('.'))
        .unwrap_or("file");
    let name = name.split(['?', '#']).next().unwrap_or("file");
    let is_file = [".json", ".br", ".gz", ".zst", ".xz", ".jsonl", ".zip"]
        .iter()
        .any(|ending| name.ends_with(ending));
    if source != SourceName::Nixpkgs || is_file {
        return get(url, name).map_err(Failure::from);
    }
    let dir = dir.join(name);
    std::fs::create_dir(&dir).map_err(|e| Failure::incomplete("make a temporary folder").because(e))?;
    get(&format!("{url}/packages.json.br"), &format!("{name}/packages.json.br"))?;
    // Without it the set is known by its digest.
    let _ = get(&format!("{url}/git-revision"), &format!("{name}/git-revision"));
    Ok(dir)
}

/// Says what was done, and turns it into an exit code.
fn tell(context: &Context, report: &Report) -> Result<Exit, Failure> {
    if let Some((first, more)) = report.failures.split_first() {
        let mut failure = Failure::incomplete(format!("take in everything: {first}"));
        if !more.is_empty() {
            failure = failure.hint(format!("{} more failed, as said above", more.len()));
        }
        return Err(failure.hint("what could be read was taken, and older data stays; the next run tries again"));
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
