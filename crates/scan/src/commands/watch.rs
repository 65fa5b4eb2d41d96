//! `watch`.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use cli_kit::{Exit, Failure, Table};
use serde_json::json;

use super::{Voice, answer};
use crate::cli::Scan;
use crate::finding::{Finding, Report};
use crate::input::source::{self, Extent};
use crate::input::store::Store;
use crate::report::{ReportFormat, words};
use crate::snapshot::Folders;
use crate::watch::{State, mark};

/// What is watched.
pub struct Watched {
    /// As the user names it.
    pub target: String,
    /// Which closure of it.
    pub extent: Extent,
    /// Where the state is kept, if not in the state folder.
    pub state: Option<PathBuf>,
}

pub fn run(watched: &Watched, interval: u32, once: bool, scan: &Scan, voice: &mut Voice) -> Result<Exit, Failure> {
    voice.plain_format()?;
    let folders = Folders::from_environment()?;
    let path = watched.state.clone().unwrap_or_else(|| folders.state.join("watch.json"));
    let snapshot = scan.knowledge.snapshot.clone().unwrap_or_else(|| folders.snapshot());
    let mut state = State::read(&path)?;
    // What cannot be read now may be in the middle of an update: it is said once, and looked at again.
    let mut complained = String::new();
    loop {
        let mut exit = Exit::NothingToDo;
        let looked = answer::mark(scan, &snapshot, voice).and_then(|data| {
            let mut marks = vec![data, mark(watched.target.as_ref())];
            marks.extend(scan.choice.decisions.iter().map(|file| mark(file)));
            marks.push(format!("{:?} {}", watched.extent, scan.store.display()));
            let seen = marks.join("\n");
            let report = if seen == state.seen {
                None
            } else {
                Some(look(watched, scan, voice)?)
            };
            Ok((seen, report))
        });
        match looked {
            Ok((_, None)) => {}
            Ok((seen, Some(report))) => {
                complained.clear();
                let news = state.news(&report);
                exit = answer::exit(news.iter().copied(), &scan.choice);
                tell(&news, &report, voice)?;
                state.seen = seen;
                state.write(&path)?;
            }
            Err(failure) if once => return Err(failure),
            Err(failure) => {
                let text = failure.render(false);
                if text != complained {
                    voice.talk.say(text.trim_end());
                    complained = text;
                }
            }
        }
        if once {
            return Ok(exit);
        }
        thread::sleep(Duration::from_secs(u64::from(interval)));
    }
}

fn look(watched: &Watched, scan: &Scan, voice: &Voice) -> Result<Report, Failure> {
    let inventory = source::read(&watched.target, watched.extent, &Store::below(&scan.store), &voice.talk)?;
    answer::Judge::open(scan, voice)?.report(inventory, voice)
}

fn tell(news: &[&Finding], report: &Report, voice: &mut Voice) -> Result<(), Failure> {
    let package = |finding: &Finding| {
        let scanned = report.inventory.packages.get(finding.package as usize);
        scanned.map_or(("", ""), |scanned| {
            (scanned.package.pname.as_str(), scanned.package.version.as_str())
        })
    };
    if voice.format == ReportFormat::Table {
        if news.is_empty() {
            voice.talk.say("nothing new");
            return Ok(());
        }
        let mut table = Table::new(&["severity", "id", "package", "version", "fixed in", "title"]).flow(&["title"]);
        for finding in news {
            let (pname, version) = package(finding);
            let severity = match finding.exploited_since {
                Some(_) => format!("{} !", finding.severity()),
                None => finding.severity().to_string(),
            };
            let fixed = finding.fixed_in.as_deref().unwrap_or_default();
            table.row([
                &severity,
                finding.id.as_str(),
                pname,
                version,
                fixed,
                finding.title.as_deref().unwrap_or_default(),
            ]);
        }
        voice.out.table(&table)?;
        voice.out.line(format!("judged with {}", words::snapshot(report)))?;
    } else {
        // A line for each, so that what follows a watch can take them one by one.
        for finding in news {
            let (pname, version) = package(finding);
            voice.out.json_line(&json!({
                "time": report.time,
                "snapshot_created": report.knowledge.created,
                "id": finding.id,
                "package": pname,
                "version": version,
                "verdict": finding.verdict.name(),
                "severity": finding.severity().name(),
                "exploited_since": finding.exploited_since,
                "fixed_in": finding.fixed_in,
                "fingerprint": finding.fingerprint(&report.inventory),
            }))?;
        }
    }
    voice.out.flush()
}
