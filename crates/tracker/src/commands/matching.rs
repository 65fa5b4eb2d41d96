//! `match`

use cli_kit::{Exit, Failure, human};

use super::Context;
use crate::matching;

/// Matches.
pub fn run(context: &Context, full: bool) -> Result<Exit, Failure> {
    let report = matching::run(&*context.store, &context.progress, full)?;
    if report.is_nothing_new() {
        context.talk.say("nothing new");
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
