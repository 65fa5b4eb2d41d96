//! `check`

use cli_kit::{Exit, Failure, Format, Output, escape};

use super::Context;

/// Checks the database.
pub fn run(context: &Context) -> Result<Exit, Failure> {
    let task = context.talk.task("check", "documents", None);
    let findings = context.store.check(&|documents| task.inc(documents))?;
    task.finish();
    let mut out = Output::stdout();
    match context.manners.format {
        Format::Table if findings.is_empty() => out.line("the database is whole")?,
        Format::Table => {
            for finding in &findings {
                out.line(escape(finding))?;
            }
        }
        Format::Json | Format::Jsonl => out.json_line(&serde_json::json!({ "findings": findings }))?,
    }
    out.finish()?;
    Ok(if findings.is_empty() { Exit::Clean } else { Exit::Findings })
}
