use std::fs;

use cli_kit::{Exit, Failure, Format, Output, Table};
use serde_json::{Value, json};

use super::Context;
use crate::hexadecimal;
use crate::step::Step;
use crate::tree;

/// What cannot be checked by the chain itself.
const TRUSTED: [&str; 3] = [
    "the Linux kernel and the processor that run every step",
    "this program, which starts the steps and compares what they make; it was compiled with rustc",
    "the reader, who reads the sources: the seed, three programs in machine code or assembler, a compiler and a library in C, the edits to tcc, and tcc",
];

/// What the engine does in every step, whatever the step says.
const ALWAYS: [&str; 4] = [
    "copies the step's own sources to where nobody edits them, and mounts them, its inputs and its output folder",
    "makes a program that was just written runnable when the step starts it",
    "sets modes (0644, 0755), times (one second after the epoch) and owner of what came out; refuses all but files, folders and links within",
    "compares what came out with the pins",
];

/// Prints the seed, what the engine does itself, where sources come from, and what is left to trust.
pub fn run(context: &Context) -> Result<Exit, Failure> {
    let steps = context.chain.ordered()?;
    let seed = seed(context)?;
    let engine = engine()?;
    let mut actions = Vec::new();
    let mut sources = Vec::new();
    for step in &steps {
        actions.extend(own_work(step));
        sources.extend(step.source.iter().map(|s| {
            json!({"step": step.name, "package": s.package, "version": s.version, "suite": s.suite, "file": s.file, "sha256": s.sha256,
                   "edits": step.edit.len()})
        }));
    }
    let mut programs = Vec::new();
    for step in &steps {
        for run in &step.run {
            let program = run.argv.first().cloned().unwrap_or_default();
            programs.push(json!({"step": step.name, "program": program}));
        }
    }
    let mut out = Output::stdout();
    if context.manners.format == Format::Table {
        out.line(format!(
            "seed    {} bytes, sha256 {}, from {}",
            seed["bytes"],
            text(&seed["sha256"]),
            text(&seed["path"])
        ))?;
        out.line(format!("engine  {} bytes, sha256 {}", engine["bytes"], text(&engine["sha256"])))?;
        out.line("host programs run by build: none")?;
        out.line("")?;
        for action in ALWAYS {
            out.line(format!("always  {action}"))?;
        }
        out.line("")?;
        let mut table = Table::new(&["step", "what the engine does itself", "why"]).flow(&["why"]);
        for action in &actions {
            table.row([text(&action["step"]), text(&action["action"]), text(&action["why"])]);
        }
        out.table(&table)?;
        out.line("")?;
        for source in &sources {
            out.line(format!(
                "source  {} {}, {}, sha256 {}, {} edits",
                text(&source["package"]),
                text(&source["version"]),
                text(&source["file"]),
                text(&source["sha256"]),
                source["edits"]
            ))?;
        }
        out.line("")?;
        for trusted in TRUSTED {
            out.line(format!("trusted {trusted}"))?;
        }
    } else {
        out.json(&json!({
            "format": 1, "seed": seed, "engine": engine, "host_programs": [], "always": ALWAYS, "actions": actions, "sources": sources, "programs": programs,
            "trusted": TRUSTED,
        }))?;
    }
    out.finish()?;
    Ok(Exit::Clean)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn seed(context: &Context) -> Result<Value, Failure> {
    let step = context.chain.step("seed")?;
    let Some(hex) = &step.hex else {
        return Err(Failure::usage("step seed makes no seed"));
    };
    let path = context.chain.folder.join(&hex.from);
    let source = fs::read_to_string(&path).map_err(|e| Failure::incomplete(format!("read {}", path.display())).because(e))?;
    let bytes = hexadecimal::bytes(&source)
        .map_err(|line| Failure::new(Exit::Findings, format!("{}: line {line} holds no pairs of digits", path.display())))?;
    Ok(json!({"path": path, "bytes": bytes.len(), "sha256": tree::sha256(&bytes)}))
}

fn engine() -> Result<Value, Failure> {
    let failed = |e| Failure::incomplete("look at this program itself").because(e);
    let path = std::env::current_exe().map_err(failed)?;
    let bytes = fs::metadata(&path).map_err(failed)?.len();
    let sha256 = tree::sha256_file(&path).map_err(failed)?;
    Ok(json!({"path": path, "bytes": bytes, "sha256": sha256}))
}

/// What the engine does in a step beside starting programs.
fn own_work(step: &Step) -> Vec<Value> {
    let mut work: Vec<(String, String)> = Vec::new();
    if let Some(hex) = &step.hex {
        work.push((format!("write {} from its digits", hex.to), hex.why.clone()));
    }
    for folder in &step.folders {
        work.push((
            format!("make the folder {folder}"),
            "No program of the chain makes folders yet.".into(),
        ));
    }
    if let Some(source) = &step.source {
        work.push((
            format!("unpack {} files and folders of {}", source.keep.len(), source.file),
            "No program of the chain reads archives yet.".into(),
        ));
    }
    for edit in &step.edit {
        work.push((format!("edit {}", edit.file), edit.why.clone()));
    }
    for run in &step.run {
        if let (Some(from), Some(to)) = (&run.stdin, &run.stdout) {
            work.push((
                format!("connect {from} and {to}"),
                "The first stages know neither files nor names.".into(),
            ));
        }
    }
    for copy in &step.copy {
        work.push((format!("copy {} to {}", copy.from, copy.to), copy.why.clone()));
    }
    for output in step.output.iter().filter(|o| o.run) {
        work.push((
            format!("set the run bit of {}", output.path),
            "A stage writes bytes; that they are a program is for the system to know.".into(),
        ));
    }
    work.into_iter()
        .map(|(action, why)| json!({"step": step.name, "action": action, "why": why}))
        .collect()
}
