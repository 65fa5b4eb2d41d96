//! `diff`.

use cli_kit::{Exit, Failure, Table};
use serde_json::json;

use super::{Voice, answer};
use crate::cli::Scan;
use crate::diff::{Advice, Change, Diff, Fate};
use crate::input::source::{self, Extent};
use crate::input::store::Store;
use crate::report::{ReportFormat, words};

pub fn run(before: &str, after: &str, channel: Option<&str>, extent: Extent, scan: &Scan, voice: &mut Voice) -> Result<Exit, Failure> {
    voice.plain_format()?;
    let store = Store::below(&scan.store);
    let first = source::read(before, extent, &store, &voice.talk)?;
    let second = source::read(after, extent, &store, &voice.talk)?;
    let judge = answer::Judge::open(scan, voice)?;
    let channels = judge.channels();
    if let Some(name) = channel.filter(|name| !channels.iter().any(|known| known == name)) {
        return Err(Failure::usage(format!("there is no channel {name}")).hint(format!("it has {}", channels.join(", "))));
    }
    let unstable: Vec<String> = channels.into_iter().filter(|name| name.contains("unstable")).collect();
    let asked: Vec<&str> = match channel {
        Some(name) => vec![name],
        None => unstable.iter().map(String::as_str).collect(),
    };
    let first = judge.report(first, voice)?;
    let second = judge.report(second, voice)?;
    let diff = Diff::between(&first, &second, &asked);
    match voice.format {
        ReportFormat::Table => {
            table(&diff, voice)?;
            voice.out.line(format!("judged with {}", words::snapshot(&second)))?;
        }
        ReportFormat::Jsonl => {
            for change in &diff.changes {
                let mut entry = entry(change);
                entry["time"] = second.time.into();
                entry["snapshot_created"] = second.knowledge.created.into();
                voice.out.json_line(&entry)?;
            }
        }
        _ => {
            let changes: Vec<_> = diff.changes.iter().map(entry).collect();
            let counts = json!({
                "introduced": diff.count(Fate::Introduced),
                "unchanged": diff.count(Fate::Unchanged),
                "fixed": diff.count(Fate::Fixed),
            });
            let all = json!({
                "version": 1, "before": before, "after": after, "snapshot": super::knowledge(&second), "counts": counts, "changes": changes,
            });
            voice.out.json(&all)?;
        }
    }
    let fails = |threshold| {
        diff.changes
            .iter()
            .any(|change| change.fate == Fate::Introduced && change.severity >= threshold)
    };
    Ok(if scan.choice.fail_on.is_some_and(fails) {
        Exit::Findings
    } else {
        Exit::Clean
    })
}

fn table(diff: &Diff, voice: &mut Voice) -> Result<(), Failure> {
    if !diff.changes.is_empty() {
        let mut table =
            Table::new(&["fate", "severity", "id", "package", "before", "after", "advice"]).flow(&["before", "after", "advice"]);
        for change in &diff.changes {
            let severity = match change.exploited {
                true => format!("{} !", change.severity),
                false => change.severity.to_string(),
            };
            table.row([
                change.fate.name(),
                &severity,
                &change.id,
                &change.pname,
                &change.before.join(" "),
                &change.after.join(" "),
                &change.advice.words(),
            ]);
        }
        voice.out.table(&table)?;
        voice.out.line("")?;
    }
    voice.out.line(format!(
        "{} introduced, {} unchanged, {} fixed",
        diff.count(Fate::Introduced),
        diff.count(Fate::Unchanged),
        diff.count(Fate::Fixed)
    ))
}

fn entry(change: &Change) -> serde_json::Value {
    let (channel, fixed_in) = match &change.advice {
        Advice::Channel(channel, version) => (Some(channel), Some(version)),
        _ => (None, None),
    };
    json!({
        "fate": change.fate.name(),
        "id": change.id,
        "package": change.pname,
        "before": change.before,
        "after": change.after,
        "severity": change.severity.name(),
        "exploited": change.exploited,
        "advice": change.advice.name(),
        "channel": channel,
        "channel_version": fixed_in,
    })
}
