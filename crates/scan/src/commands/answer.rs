//! From an inventory to a report that is printed.

use std::io::{self, IsTerminal as _};
use std::path::Path;

use cli_kit::{Exit, Failure};
use fetch::Plain;
use time::OffsetDateTime;
use vuln::score::Severity;

use super::Voice;
use crate::cli::{self, Choice, Scan};
use crate::decisions::Decisions;
use crate::finding::{Finding, Knowledge, Report};
use crate::input::{channel, file};
use crate::inventory::Inventory;
use crate::judge::{self, Asked, Depth};
use crate::report::{self, Author, Options, ReportFormat, WriteError};
use crate::snapshot::{self, Folders, Snapshot, Wanted};
use crate::tracker::{Tracker, TrackerError};
use crate::watch;

/// Everything that turns an inventory into a report.
pub struct Judge {
    source: Source,
    decisions: Decisions,
    choice: Choice,
}

/// What answers.
enum Source {
    Snapshot(Box<Snapshot>),
    Tracker(Tracker, Knowledge),
}

/// Judges the packages of a channel and prints what is found.
pub fn print_channel(name: &str, scan: &Scan, voice: &mut Voice) -> Result<Exit, Failure> {
    let judge = Judge::open(scan, voice)?;
    let inventory = match &judge.source {
        Source::Snapshot(snapshot) => channel::read(name, snapshot)?,
        Source::Tracker(tracker, _) => tracker.channel(name, &voice.talk)?,
    };
    let own = name.split_once('@').map_or(name, |(name, _)| name);
    let report = judge.report_in(Some(own), inventory, voice)?;
    write_last(report, &scan.choice, voice)
}

/// Judges an inventory and prints what is found.
pub fn print(inventory: Inventory, scan: &Scan, voice: &mut Voice) -> Result<Exit, Failure> {
    let judge = Judge::open(scan, voice)?;
    let report = judge.report(inventory, voice)?;
    write_last(report, &scan.choice, voice)
}

/// Writes a report, after which the process ends: to give back ten thousand findings one by one would be a twentieth of a scan.
fn write_last(report: Report, choice: &Choice, voice: &mut Voice) -> Result<Exit, Failure> {
    write(&report, choice, voice)?;
    let exit = exit(&report.findings, choice);
    std::mem::forget(report);
    Ok(exit)
}

impl Judge {
    /// Opens the snapshot and reads the decisions; says what the user should know about both.
    pub fn open(scan: &Scan, voice: &Voice) -> Result<Self, Failure> {
        let mut decisions = Decisions::default();
        for path in &scan.choice.decisions {
            decisions.add(Decisions::read(&path.display().to_string(), &file::read(path)?)?);
        }
        voice.notes(&decisions.problems);
        let source = match tracker(scan)? {
            Some(tracker) => {
                let (knowledge, warnings) = tracker.knowledge(&voice.talk, super::now())?;
                voice.notes(&warnings);
                Source::Tracker(tracker, knowledge)
            }
            None => {
                let (snapshot, warnings) = snapshot::open(&wanted(&scan.knowledge), &Folders::from_environment()?, super::now())?;
                voice.notes(&warnings);
                Source::Snapshot(Box::new(snapshot))
            }
        };
        Ok(Self {
            source,
            decisions,
            choice: scan.choice.clone(),
        })
    }

    /// The report about an inventory, with decisions applied and what was not asked for left out.
    pub fn report(&self, inventory: Inventory, voice: &Voice) -> Result<Report, Failure> {
        self.report_in(None, inventory, voice)
    }

    /// The same, among the packages of this channel.
    fn report_in(&self, channel: Option<&str>, inventory: Inventory, voice: &Voice) -> Result<Report, Failure> {
        let now = super::now();
        voice.notes(&inventory.problems);
        // These print no more than a number of what is fixed, unless asked: nothing needs to be found out about it.
        let is_brief = !self.choice.all && matches!(voice.format, ReportFormat::Table | ReportFormat::Markdown);
        let depth = if is_brief { Depth::Open } else { Depth::All };
        let mut report = match &self.source {
            Source::Snapshot(snapshot) => {
                let asked = Asked {
                    depth,
                    channel,
                    most: usize::MAX,
                };
                judge::judge_as(asked, inventory, snapshot, now)
                    .map_err(|error| Failure::incomplete("judge what was found with the snapshot").because(error))?
            }
            Source::Tracker(tracker, _) => tracker.judge(depth, channel, inventory, &voice.talk, now)?,
        };
        let today = OffsetDateTime::from_unix_timestamp(now).map_or(time::Date::MIN, OffsetDateTime::date);
        let applied = self.decisions.apply(&mut report, today);
        voice.notes(&applied.expired);
        voice.notes(&applied.unused);
        let choice = &self.choice;
        report.findings.retain(|finding| is_asked_for(finding, choice));
        Ok(report)
    }

    /// The channels that are known.
    pub fn channels(&self) -> Vec<String> {
        match &self.source {
            Source::Snapshot(snapshot) => snapshot.header().channels.iter().map(|channel| channel.name.clone()).collect(),
            Source::Tracker(_, knowledge) => knowledge.channels.clone(),
        }
    }
}

/// The tracker that arguments ask for.
fn tracker(scan: &Scan) -> Result<Option<Tracker>, TrackerError> {
    let plain = if scan.plain_http { Plain::Anywhere } else { Plain::Loopback };
    let at = |url: &String| Tracker::at(url, plain, scan.knowledge.allow_stale);
    scan.tracker.as_ref().map(at).transpose()
}

/// What tells the data that scans rely on from a later one; `here` is the snapshot's file.
pub fn mark(scan: &Scan, here: &Path, voice: &Voice) -> Result<String, Failure> {
    match tracker(scan)? {
        Some(tracker) => Ok(tracker.knowledge(&voice.talk, super::now())?.0.digest),
        None => Ok(watch::mark(here)),
    }
}

/// The snapshot that arguments ask for.
pub fn wanted(knowledge: &cli::Knowledge) -> Wanted {
    Wanted {
        file: knowledge.snapshot.clone(),
        trust: knowledge.trust.clone(),
        allow_stale: knowledge.allow_stale,
        allow_rollback: knowledge.allow_rollback,
    }
}

/// Whether a finding is at or above the threshold.
pub fn counts(finding: &Finding, threshold: Severity) -> bool {
    finding.is_open() && finding.severity() >= threshold
}

/// How the program ends with these findings.
pub fn exit<'f>(findings: impl IntoIterator<Item = &'f Finding>, choice: &Choice) -> Exit {
    let fails = |threshold| findings.into_iter().any(|finding| counts(finding, threshold));
    if choice.fail_on.is_some_and(fails) {
        Exit::Findings
    } else {
        Exit::Clean
    }
}

/// Prints a report.
pub fn write(report: &Report, choice: &Choice, voice: &mut Voice) -> Result<(), Failure> {
    let width = voice.out.width();
    let mut options = Options {
        all: choice.all,
        width,
        colour: io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        ..Options::default()
    };
    if let (Some(name), Some(namespace)) = (&choice.author, &choice.namespace) {
        options.author = Author {
            name: name.clone(),
            namespace: namespace.clone(),
        };
    }
    report::write(report, voice.format, &options, voice.out.sink()).map_err(|error| match error {
        WriteError::Sink(source) => Failure::output(source),
        nothing => Failure::new(Exit::NothingToDo, nothing.to_string()),
    })
}

/// Whether a finding was asked for.
fn is_asked_for(finding: &Finding, choice: &Choice) -> bool {
    let days = || [&finding.published, &finding.modified].into_iter().flatten();
    (!choice.only_exploited || finding.exploited_since.is_some())
        && choice.since.is_none_or(|since| {
            // Days as the records write them compare as texts. What has no day may be new.
            let since = since.to_string();
            days().next().is_none() || days().any(|day| day.get(..10).is_none_or(|day| day >= since.as_str()))
        })
}
