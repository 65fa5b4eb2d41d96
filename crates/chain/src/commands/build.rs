use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use cli_kit::{Exit, Failure, Format, Output, Table, human};
use serde_json::json;

use super::{Context, OUTSIDE, USER};
use crate::build::{BuildError, Builder, Built, build_all, update_pins};
use crate::dates;
use crate::explain;
use crate::profile::{Profile, Progress};
use crate::step::Step;
use crate::store::Store;

/// The second build of `--twice` starts this long after the end of the first one: no step sees the same minute twice.
const LATER: Duration = Duration::from_secs(61);

/// How a build is to go.
pub struct Wishes {
    /// Again, elsewhere and later.
    pub twice: bool,
    /// Write pins.
    pub pins: bool,
    /// Note what it took.
    pub record: bool,
    /// Steps at a time.
    pub jobs: usize,
}

pub fn run(context: &Context, step: Option<&str>, wishes: &Wishes) -> Result<Exit, Failure> {
    let jobs = wishes.jobs;
    let steps = match step {
        Some(name) => context.chain.up_to(name)?,
        None => context.chain.ordered()?,
    };
    let builder = Builder {
        any_output: wishes.pins,
        ..context.builder()?
    };
    let started = Instant::now();
    let profile = Profile::load(&context.chain.folder)?;
    let so_far = Mutex::new(Progress {
        all: steps.iter().map(|s| profile.weight(&s.name)).sum(),
        done: 0.0,
        since: Duration::ZERO,
    });
    let told = |step: &Step, built: &Built| tell(context, &profile, &so_far, started, step, built);
    let built = build_all(&builder, &steps, jobs, false, &told)?;
    if wishes.record {
        record(context, profile.clone(), &built)?;
    }
    if wishes.pins {
        return write_pins(context, &steps, &built);
    }
    if wishes.twice {
        return again(context, &builder, &steps, &built, jobs);
    }
    print(context, &steps, &built, started.elapsed())?;
    Ok(Exit::Clean)
}

/// Says that a step is there, which part of the work that is, and how long the rest may take.
fn tell(context: &Context, profile: &Profile, so_far: &Mutex<Progress>, started: Instant, step: &Step, built: &Built) {
    let weight = profile.weight(&step.name);
    let mut progress = so_far.lock().unwrap_or_else(PoisonError::into_inner);
    progress.since = started.elapsed();
    let how = if built.cached {
        // It is no part of the work.
        progress.all -= weight;
        "was there".to_owned()
    } else {
        progress.done += weight;
        format!("{:.2} s", built.record.seconds)
    };
    let left = progress.left().filter(|left| left.as_secs() > 0 && !built.cached);
    let left = left
        .map(|left| format!(", about {} left", human::duration(left)))
        .unwrap_or_default();
    context.talk.say(&format!(
        "{:>3.0} % {:<16} {how:>9}  {} bytes{left}",
        progress.percent(),
        step.name,
        human::count(built.record.bytes)
    ));
}

/// Notes what the steps took when they were built.
fn record(context: &Context, mut profile: Profile, built: &BTreeMap<String, Built>) -> Result<(), Failure> {
    profile.date = dates::day(SystemTime::now());
    profile.processors = thread::available_parallelism().map_or(1, usize::from);
    profile.step.retain(|name, _| context.chain.step(name).is_ok());
    for one in built.values() {
        profile.note(&one.record);
    }
    Ok(profile.save(&context.chain.folder)?)
}

fn print(context: &Context, steps: &[&Step], built: &BTreeMap<String, Built>, time: Duration) -> Result<(), Failure> {
    let mut out = Output::stdout();
    let mut table = Table::new(&["step", "output", "bytes", "sha256"]).right(&["bytes"]);
    let mut list = Vec::new();
    for step in steps {
        let Some(built) = built.get(&step.name) else { continue };
        for made in &built.record.outputs {
            table.row([step.name.as_str(), &made.path, &made.bytes.to_string(), &made.sha256]);
        }
        list.push(json!({"record": built.record, "out": built.out, "cached": built.cached}));
    }
    match context.manners.format {
        Format::Table => out.table(&table)?,
        Format::Json => out.json(&json!({
            "format": 1, "seconds": time.as_secs_f64(), "engine_max_rss": own_peak(), "steps": list,
        }))?,
        Format::Jsonl => list.iter().try_for_each(|l| out.json_line(l))?,
    }
    out.finish()
}

/// The most memory that this program itself had, in bytes, if the system says so.
fn own_peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kilobytes.checked_mul(1024)
}

fn write_pins(context: &Context, steps: &[&Step], built: &BTreeMap<String, Built>) -> Result<Exit, Failure> {
    let mut out = Output::stdout();
    let mut any = false;
    for step in steps {
        let Some(built) = built.get(&step.name) else { continue };
        let changes = update_pins(&context.chain.folder, step, &built.record).map_err(|source| BuildError::File {
            step: step.name.clone(),
            path: context.chain.folder.join("steps"),
            source,
        })?;
        for change in changes {
            any = true;
            let from = if change.from.is_empty() { "nothing" } else { &change.from };
            out.line(format!("{} {}\n- {from}\n+ {}", change.step, change.path, change.to))?;
        }
    }
    out.finish()?;
    Ok(if any { Exit::Clean } else { Exit::NothingToDo })
}

fn again(context: &Context, first: &Builder, steps: &[&Step], built: &BTreeMap<String, Built>, jobs: usize) -> Result<Exit, Failure> {
    let elsewhere = tempfile::Builder::new()
        .prefix("firn-chain-again-")
        .tempdir()
        .map_err(|e| Failure::incomplete("make a second store").because(e))?;
    let second = Builder {
        store: Store::open(elsewhere.path())?,
        user: USER.saturating_add(1),
        outside: sandbox::other_user(OUTSIDE + 1),
        any_output: true,
        ..first.clone()
    };
    for source in steps.iter().filter_map(|s| s.source.as_ref()) {
        let (from, to) = (
            first.store.fetched(&source.sha256, &source.file),
            second.store.fetched(&source.sha256, &source.file),
        );
        std::fs::copy(&from, &to).map_err(|e| Failure::incomplete(format!("copy {}", from.display())).because(e))?;
    }
    context
        .talk
        .say(&format!("waiting {} s, so that no clock shows the same time", LATER.as_secs()));
    thread::sleep(LATER);
    let moment = SystemTime::now();
    let others = build_all(&second, steps, jobs, true, &|_, _| {})?;
    let mut out = Output::stdout();
    let mut differ = 0;
    for step in steps {
        let (Some(one), Some(two)) = (built.get(&step.name), others.get(&step.name)) else {
            continue;
        };
        // What was only unpacked is as old as its archive: a day of another year is no date of this build.
        let date = if step.run.is_empty() {
            None
        } else {
            dates::find(&two.out, moment)?
        };
        let same = one.record.nar_sha256 == two.record.nar_sha256;
        differ += usize::from(!same || date.is_some());
        if !same {
            out.line(format!("{} differs: {}", step.name, explain::difference(&one.out, &two.out)))?;
        }
        match date {
            Some((path, date)) => out.line(format!("{}: {} holds today's date, {date}", step.name, path.display()))?,
            None if same => out.line(format!("{} is the same both times", step.name))?,
            None => {}
        }
    }
    out.finish()?;
    Ok(if differ == 0 { Exit::Clean } else { Exit::Findings })
}
