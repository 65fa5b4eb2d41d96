//! `match`

use cli_kit::{Exit, Failure, human};

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
