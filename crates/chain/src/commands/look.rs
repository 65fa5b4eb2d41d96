use std::collections::BTreeMap;
use std::path::Path;

use cli_kit::{Exit, Failure, Format, Output, Table, escape_lines};
use serde_json::json;

use super::Context;
use crate::build::{Built, key_of};
use crate::export;
use crate::step::Step;

/// The steps in building order, and which are in the store.
pub fn plan(context: &Context) -> Result<Exit, Failure> {
    let store = context.store()?;
    let mut built: BTreeMap<String, Built> = BTreeMap::new();
    let mut out = Output::stdout();
    let mut table = Table::new(&["step", "what", "from", "state"]);
    let mut list = Vec::new();
    for step in context.chain.ordered()? {
        let known = step.inputs.iter().all(|i| built.contains_key(i));
        let record = if known {
            let key = key_of(&context.chain, step, &built)?;
            store.find(&key, &step.name)?.map(|r| (key, r))
        } else {
            None
        };
        let state = match (&record, &step.source) {
            (Some(_), _) => "there",
            (None, Some(source)) if !store.fetched(&source.sha256, &source.file).exists() => "to fetch",
            _ => "to build",
        };
        if let Some((key, record)) = record {
            let out = store.entry(&key, &step.name).join("out");
            built.insert(step.name.clone(), Built { record, out, cached: true });
        }
        table.row([step.name.as_str(), step.title.as_str(), &step.inputs.join(" "), state]);
        list.push(json!({"step": step.name, "title": step.title, "inputs": step.inputs, "state": state}));
    }
    match context.manners.format {
        Format::Table => out.table(&table)?,
        Format::Json => out.json(&json!({"format": 1, "steps": list}))?,
        Format::Jsonl => list.iter().try_for_each(|l| out.json_line(l))?,
    }
    out.finish()?;
    Ok(Exit::Clean)
}

/// Writes the folder that needs no engine.
pub fn export(context: &Context, folder: &Path) -> Result<Exit, Failure> {
    let built = context.pinned(&context.chain.up_to(export::LAST)?)?;
    export::script(&context.chain, &built, folder)?;
    let mut out = Output::stdout();
    out.line(format!(
        "{}: README says how to run it",
        escape_lines(&folder.display().to_string())
    ))?;
    out.finish()?;
    Ok(Exit::Clean)
}

/// Everything about one step.
pub fn show(context: &Context, name: &str) -> Result<Exit, Failure> {
    let step = context.chain.step(name)?;
    let mut out = Output::stdout();
    if context.manners.format == Format::Table {
        out.line(escape_lines(&text(step)))?;
    } else {
        let outputs: Vec<_> = step.output.iter().map(|o| json!({"path": o.path, "sha256": o.sha256})).collect();
        let value = json!({
            "format": 1, "step": step.name, "title": step.title, "why": step.why, "inputs": step.inputs, "sources": step.sources,
            "source": step.source, "edits": step.edit, "runs": step.run, "copies": step.copy, "outputs": outputs,
        });
        out.json(&value)?;
    }
    out.finish()?;
    Ok(Exit::Clean)
}

fn text(step: &Step) -> String {
    let mut lines = vec![
        format!("{}: {}", step.name, step.title),
        String::new(),
        step.why.trim().to_owned(),
        String::new(),
    ];
    let mut list = |label: &str, items: Vec<String>| {
        for item in items {
            lines.push(format!("{label:<8} {item}"));
        }
    };
    list("input", step.inputs.clone());
    list("source", step.sources.clone());
    list(
        "archive",
        step.source
            .iter()
            .map(|s| format!("{} {} ({}): {}, sha256 {}", s.package, s.version, s.suite, s.file, s.sha256))
            .collect(),
    );
    list("edit", step.edit.iter().map(|e| format!("{}: {}", e.file, e.why)).collect());
    list(
        "engine",
        step.hex.iter().map(|h| format!("{} to {}: {}", h.from, h.to, h.why)).collect(),
    );
    list("run", step.run.iter().map(|r| r.argv.join(" ")).collect());
    list(
        "copy",
        step.copy.iter().map(|c| format!("{} to {}: {}", c.from, c.to, c.why)).collect(),
    );
    list(
        "output",
        step.output.iter().map(|o| format!("{} sha256 {}", o.path, o.sha256)).collect(),
    );
    lines.join("\n")
}
