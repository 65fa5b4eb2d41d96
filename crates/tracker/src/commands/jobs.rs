//! `jobs`

use std::time::Duration;

use cli_kit::{Exit, Failure, Format, Output, Table, human};
use serde_json::json;

use super::Context;
use crate::cli::Jobs;
use crate::config::now;
use crate::jobs::priority;
use crate::store::queue::{Ask, JobRow, State};

/// Prints the jobs of the database, or has those done again that were given up.
pub fn run(context: &Context, what: &Jobs) -> Result<Exit, Failure> {
    match what {
        Jobs::List => list(context),
        Jobs::Retry { kind, subject } => retry(context, kind.as_deref(), subject.as_deref()),
    }
}

fn list(context: &Context) -> Result<Exit, Failure> {
    let jobs = context.store.jobs()?;
    let mut out = Output::stdout();
    match context.manners.format {
        Format::Json => out.json(&json!({"version": 1, "jobs": jobs}))?,
        Format::Jsonl => jobs.iter().try_for_each(|job| out.json_line(job))?,
        Format::Table => {
            let mut table = Table::new(&["kind", "subject", "state", "due", "failures", "why it failed last"]).right(&["failures"]);
            for job in &jobs {
                let wait = u64::try_from(job.run_at - now()).unwrap_or(0);
                let due = match job.state {
                    State::Waiting if wait > 0 => format!("in {}", human::duration(Duration::from_secs(wait))),
                    State::Waiting => "now".to_owned(),
                    State::Running | State::Dead => String::new(),
                };
                table.row([
                    job.kind.as_str(),
                    &job.subject,
                    job.state.name(),
                    &due,
                    &job.failures.to_string(),
                    job.last_error.as_deref().unwrap_or_default(),
                ]);
            }
            out.table(&table)?;
        }
    }
    out.finish()?;
    Ok(Exit::Clean)
}

fn retry(context: &Context, kind: Option<&str>, subject: Option<&str>) -> Result<Exit, Failure> {
    let jobs = context.store.jobs()?;
    let is_named = |job: &&JobRow| kind.is_none_or(|kind| job.kind == kind) && subject.is_none_or(|subject| job.subject == subject);
    let named: Vec<&JobRow> = jobs.iter().filter(is_named).collect();
    if let (Some(kind), true) = (kind, named.is_empty()) {
        let subject = subject.map_or_else(String::new, |subject| format!(" {subject}"));
        return Err(Failure::usage(format!("find a job {kind}{subject}")).hint("`firn-tracker jobs list` prints them all"));
    }
    // One that waits after a failure is not made to wait either, if it is named.
    let is_meant = |job: &&&JobRow| job.state == State::Dead || (kind.is_some() && job.state == State::Waiting && job.failures > 0);
    let meant: Vec<&&JobRow> = named.iter().filter(is_meant).collect();
    for job in &meant {
        let ask = Ask {
            kind: &job.kind,
            subject: &job.subject,
            priority: priority(&job.kind),
            at: now(),
        };
        context.store.ask(ask, now())?;
        let space = if job.subject.is_empty() { "" } else { " " };
        context.talk.say(&format!("{}{space}{} is asked for again", job.kind, job.subject));
    }
    if meant.is_empty() {
        context.talk.say("no job was given up");
        return Ok(Exit::NothingToDo);
    }
    Ok(Exit::Clean)
}
