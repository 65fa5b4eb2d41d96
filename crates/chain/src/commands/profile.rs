use cli_kit::{Exit, Failure, Format, Output, Table, escape, human};
use serde_json::json;

use super::Context;
use crate::profile::Profile;

/// Prints what each step took in the build that was recorded last.
pub fn run(context: &Context) -> Result<Exit, Failure> {
    let profile = Profile::load(&context.chain.folder)?;
    let steps = context.chain.ordered()?;
    let taken = || steps.iter().filter_map(|s| Some((&s.name, profile.step.get(&s.name)?)));
    if taken().next().is_none() {
        context.talk.say("no build was recorded; firn-chain build --record does it");
        return Ok(Exit::NothingToDo);
    }
    let list: Vec<_> = taken().map(|(step, taken)| json!({"step": step, "taken": taken})).collect();
    let mut out = Output::stdout();
    match context.manners.format {
        Format::Json => out.json(&json!({"format": 1, "date": profile.date, "processors": profile.processors, "steps": list}))?,
        Format::Jsonl => list.iter().try_for_each(|l| out.json_line(l))?,
        Format::Table => {
            let mut table =
                Table::new(&["step", "time", "on processors", "memory", "output"]).right(&["time", "on processors", "memory", "output"]);
            let mut row = |step: &str, [seconds, cpu]: [f64; 2], [memory, bytes]: [u64; 2]| {
                let (memory, bytes) = (human::bytes(memory), human::bytes(bytes));
                table.row([step, &format!("{seconds:.2} s"), &format!("{cpu:.2} s"), &memory, &bytes]);
            };
            for (step, t) in taken() {
                row(step, [t.seconds, t.cpu_seconds], [t.max_rss, t.bytes]);
            }
            let sums = [taken().map(|(_, t)| t.seconds).sum(), taken().map(|(_, t)| t.cpu_seconds).sum()];
            let most = taken().map(|(_, t)| t.max_rss).max().unwrap_or_default();
            row("all", sums, [most, taken().map(|(_, t)| t.bytes).sum()]);
            out.table(&table)?;
            out.line(format!(
                "\nrecorded on {} with {} processors",
                escape(&profile.date),
                profile.processors
            ))?;
        }
    }
    out.finish()?;
    Ok(Exit::Clean)
}
