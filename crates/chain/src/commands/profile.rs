use cli_kit::{Exit, Failure, Format, Output, Table, escape, human};
use serde_json::json;

use super::Context;
use crate::profile::{Profile, Taken};

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
            let mut table = Table::new(&["step", "time", "on processors", "memory", "disk", "output"]).right(&[
                "time",
                "on processors",
                "memory",
                "disk",
                "output",
            ]);
            let mut row = |step: &str, [seconds, cpu]: [f64; 2], sizes: [u64; 3]| {
                let [memory, disk, bytes] = sizes.map(human::bytes);
                table.row([step, &format!("{seconds:.2} s"), &format!("{cpu:.2} s"), &memory, &disk, &bytes]);
            };
            for (step, t) in taken() {
                row(step, [t.seconds, t.cpu_seconds], [t.max_rss, t.disk, t.bytes]);
            }
            let sums = [taken().map(|(_, t)| t.seconds).sum(), taken().map(|(_, t)| t.cpu_seconds).sum()];
            let most = |of: fn(&Taken) -> u64| taken().map(|(_, t)| of(t)).max().unwrap_or_default();
            row(
                "all",
                sums,
                [most(|t| t.max_rss), most(|t| t.disk), taken().map(|(_, t)| t.bytes).sum()],
            );
            out.table(&table)?;
            out.line(format!(
                "\nrecorded on {} with {} processors; of memory and disk the most that a step had, of output all that is kept",
                escape(&profile.date),
                profile.processors
            ))?;
        }
    }
    out.finish()?;
    Ok(Exit::Clean)
}
