//! `match`

use cli_kit::{Exit, Failure, Format, Output, Table, human};
use vuln::verdict::Verdict;

use super::Context;
use crate::matching;

/// Matches.
pub fn run(context: &Context, full: bool) -> Result<Exit, Failure> {
    let report = matching::run(&*context.store, &context.progress, full)?;
    if report.is_nothing_new() {
        context.talk.say(nothing(context)?);
        return Ok(Exit::NothingToDo);
    }
    context.talk.say(&format!(
        "{} vulnerabilities matched with {} channels: {} verdicts",
        human::count(report.vulnerabilities),
        report.full.len() + report.incremental.len(),
        human::count(report.verdicts)
    ));
    Ok(Exit::Clean)
}

/// Says what a match would change.
pub fn preview(context: &Context, full: bool) -> Result<Exit, Failure> {
    let preview = matching::preview(&*context.store, &context.progress, full)?;
    if preview.channels == 0 {
        context.talk.say(nothing(context)?);
        return Ok(Exit::NothingToDo);
    }
    let mut out = Output::stdout();
    let verdict = |verdict: Option<Verdict>| verdict.map_or("-", Verdict::name);
    match context.manners.format {
        Format::Table => {
            let mut table = Table::new(&["channel", "vulnerability", "package", "version", "before", "after"]);
            for change in &preview.changes {
                table.row([
                    change.channel.as_str(),
                    &change.vulnerability,
                    &change.package,
                    &change.version,
                    verdict(change.before),
                    verdict(change.after),
                ]);
            }
            if !preview.changes.is_empty() {
                out.table(&table)?;
            }
        }
        Format::Json | Format::Jsonl => {
            for change in &preview.changes {
                out.json_line(change)?;
            }
        }
    }
    out.finish()?;
    context.talk.say(&format!(
        "{} of {} verdicts would change; nothing was written",
        human::count(preview.changes.len() as u64),
        human::count(preview.verdicts)
    ));
    Ok(Exit::Clean)
}

/// Why there is nothing to match.
fn nothing(context: &Context) -> Result<&'static str, Failure> {
    let has_packages = context.store.channel_states()?.iter().any(|channel| channel.set.is_some());
    Ok(if !has_packages {
        "nothing to match with: no package set was taken yet\nhint: see `firn-tracker ingest nixpkgs --help`, or let `firn-tracker sync` take everything"
    } else if context.store.mark()? == 0 {
        "nothing to match: no record was taken yet\nhint: see `firn-tracker ingest --help`, or let `firn-tracker sync` take everything"
    } else {
        "nothing new"
    })
}
