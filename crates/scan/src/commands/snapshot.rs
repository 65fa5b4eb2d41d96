//! `snapshot update`, `snapshot verify` and `snapshot info`.

use cli_kit::{Exit, Failure, Table, human};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Voice, answer};
use crate::cli;
use crate::report::ReportFormat;
use crate::snapshot::{self, Folders, update};

pub fn run(command: cli::Snapshot, voice: &mut Voice) -> Result<Exit, Failure> {
    voice.plain_format()?;
    match command {
        cli::Snapshot::Update { tracker, from, knowledge } => {
            let url = match (from, tracker) {
                (Some(url), _) => url,
                (None, tracker) => format!("{}/snapshot/firn.snapshot", tracker.unwrap_or_default().trim_end_matches('/')),
            };
            let updated = update::update(&url, &answer::wanted(&knowledge), &Folders::from_environment()?, super::now())?;
            voice.notes(&updated.warnings);
            match voice.format {
                ReportFormat::Table => {
                    let (fetched, size) = (human::bytes(updated.fetched), human::bytes(updated.size));
                    let serial = updated.serial;
                    voice.out.line(if updated.is_new {
                        format!("snapshot {serial}: fetched {fetched} of {size}")
                    } else {
                        format!("snapshot {serial} is the newest one")
                    })?;
                }
                _ => print(
                    voice,
                    &json!({"version": 1, "serial": updated.serial, "new": updated.is_new, "fetched": updated.fetched, "bytes": updated.size}),
                )?,
            }
            // Timers tell news from none by it, as with `watch`.
            if !updated.is_new {
                return Ok(Exit::NothingToDo);
            }
        }
        cli::Snapshot::Verify { knowledge } => {
            let folders = Folders::from_environment()?;
            let (opened, warnings) = snapshot::open(&answer::wanted(&knowledge), &folders, super::now())?;
            voice.notes(&warnings);
            let path = knowledge.snapshot.unwrap_or_else(|| folders.snapshot());
            let checked = snapshot::check(&opened, &path)?;
            match voice.format {
                ReportFormat::Table => {
                    let mut table = Table::new(&["table", "entries"]).right(&["entries"]);
                    for (name, entries) in &checked {
                        table.row([name.name(), &human::count(*entries)]);
                    }
                    voice.out.table(&table)?;
                    voice.out.line("every block is as it was signed")?;
                }
                _ => {
                    let tables: serde_json::Map<String, serde_json::Value> = checked
                        .iter()
                        .map(|(table, entries)| (table.name().to_owned(), json!(entries)))
                        .collect();
                    print(voice, &json!({"version": 1, "valid": true, "entries": tables}))?;
                }
            }
        }
        cli::Snapshot::Info { knowledge } => {
            let folders = Folders::from_environment()?;
            let (opened, path) = snapshot::open_unjudged(&answer::wanted(&knowledge), &folders)?;
            let header = opened.header();
            let key = attest::signature::PublicKey::from_bytes(*opened.key()).to_string();
            let age = super::now().saturating_sub(header.created);
            match voice.format {
                ReportFormat::Table => {
                    let mut table = Table::new(&["what", "value"]).flow(&["value"]);
                    table.row(["file", &path.display().to_string()]);
                    table.row(["size", &human::bytes(opened.size())]);
                    table.row(["serial", &header.serial.to_string()]);
                    table.row(["made", &format!("{} ({})", when(header.created), ago(age))]);
                    table.row(["by", &header.producer]);
                    table.row(["key", &key]);
                    table.row(["records", &human::count(header.records)]);
                    table.row(["packages", &human::count(header.packages)]);
                    for source in &header.sources {
                        table.row([format!("source {}", source.name), when(source.date)]);
                    }
                    for channel in &header.channels {
                        let patches = if channel.shows_patches {
                            "patches known"
                        } else {
                            "patches not known"
                        };
                        let packages = human::count(channel.packages);
                        table.row([
                            format!("channel {}", channel.name),
                            format!("{packages} packages, {patches}, {}", channel.revision),
                        ]);
                    }
                    voice.out.table(&table)?;
                }
                _ => {
                    let sources: Vec<_> = header
                        .sources
                        .iter()
                        .map(|s| json!({"name": s.name, "date": when(s.date)}))
                        .collect();
                    let channels = header.channels.iter().map(|c| {
                        json!({"name": c.name, "revision": c.revision, "taken": when(c.taken), "packages": c.packages, "shows_patches": c.shows_patches})
                    });
                    let value = json!({
                        "version": 1,
                        "file": path.display().to_string(),
                        "bytes": opened.size(),
                        "serial": header.serial,
                        "created": when(header.created),
                        "age_s": age,
                        "producer": header.producer,
                        "key": key,
                        "records": header.records,
                        "packages": header.packages,
                        "sources": sources,
                        "channels": channels.collect::<Vec<_>>(),
                    });
                    print(voice, &value)?;
                }
            }
        }
    }
    Ok(Exit::Clean)
}

fn print(voice: &mut Voice, value: &serde_json::Value) -> Result<(), Failure> {
    match voice.format {
        ReportFormat::Jsonl => voice.out.json_line(value),
        _ => voice.out.json(value),
    }
}

fn when(seconds: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok());
    time.unwrap_or_else(|| format!("{seconds} s after 1970"))
}

fn ago(age: i64) -> String {
    match age / 86_400 {
        ..0 => "in the future".into(),
        0 => "today".into(),
        1 => "1 day old".into(),
        days => format!("{days} days old"),
    }
}
