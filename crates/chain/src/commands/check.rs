use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cli_kit::{Exit, Failure, Format, Output};
use serde_json::json;

use super::Context;
use crate::build::{Built, key_of};
use crate::ddc::{self, First};
use crate::hexadecimal;
use crate::model;
use crate::step::Step;
use crate::tree;

/// Steps whose sources one of the assemblers reads.
const MODELLED: [&str; 5] = ["seed", "seed-again", "hex1", "masm", "cc0"];

/// Compares everything in the store with its pins, and the first stages with what their sources mean.
pub fn verify(context: &Context) -> Result<Exit, Failure> {
    let mut out = Output::stdout();
    let mut wrong = 0;
    let mut absent = 0;
    for step in context.chain.ordered()? {
        if let Some(result) = by_model(context, step) {
            let (good, text) = match result {
                Ok(digest) if step.output.first().is_some_and(|o| o.sha256 == digest) => (true, "is what its source means".to_owned()),
                Ok(digest) => (false, format!("its source means sha256 {digest}")),
                Err(what) => (false, what),
            };
            wrong += usize::from(!good);
            out.line(format!("{}: {text}", step.name))?;
        }
    }
    let store = context.store()?;
    let mut built: BTreeMap<String, Built> = BTreeMap::new();
    for step in context.chain.ordered()? {
        if !step.inputs.iter().all(|i| built.contains_key(i)) {
            absent += 1;
            continue;
        }
        let key = key_of(&context.chain, step, &built)?;
        let path = store.entry(&key, &step.name).join("out");
        let Some(record) = store.find(&key, &step.name)? else {
            if path.exists() {
                wrong += 1;
                out.line(format!("{}: its output changed since it was made: {}", step.name, path.display()))?;
            } else {
                absent += 1;
            }
            continue;
        };
        for output in &step.output {
            let found = tree::pin(&path.join(&output.path))?;
            let good = found == output.sha256;
            wrong += usize::from(!good);
            let text = if good { "holds its pin" } else { "does not hold its pin" };
            out.line(format!("{}: {} {text}, sha256 {found}", step.name, output.path))?;
        }
        built.insert(
            step.name.clone(),
            Built {
                record,
                out: path,
                cached: true,
            },
        );
    }
    if absent > 0 {
        context
            .talk
            .say(&format!("{absent} steps are not in the store; firn-chain build builds them"));
    }
    out.finish()?;
    Ok(match (wrong, absent) {
        (0, 0) => Exit::Clean,
        (0, _) => Exit::Incomplete,
        _ => Exit::Findings,
    })
}

/// Digest of what a step's sources mean by the second assembler, for the steps that it can do.
fn by_model(context: &Context, step: &Step) -> Option<Result<String, String>> {
    if !MODELLED.contains(&step.name.as_str()) {
        return None;
    }
    let read = |name: &String| fs::read_to_string(context.chain.folder.join(name)).map_err(|e| format!("{name}: {e}"));
    let texts: Result<Vec<String>, String> = step.sources.iter().map(read).collect();
    let text = match texts {
        Ok(texts) => texts.concat(),
        Err(what) => return Some(Err(what)),
    };
    let bytes = match step.name.as_str() {
        "seed" | "seed-again" | "hex1" => hexadecimal::bytes(&text).map_err(|line| format!("line {line} holds no pairs of digits")),
        "masm" => model::hex1(&text).map_err(|e| e.to_string()),
        _ => model::masm(&text).map_err(|e| e.to_string()),
    };
    Some(bytes.map(|b| tree::sha256(&b)))
}

/// Compares what a step becomes after other first compilers.
pub fn ddc(context: &Context, compilers: &[String], tccs: &[PathBuf], to: &str) -> Result<Exit, Failure> {
    let mut firsts: Vec<First> = compilers.iter().cloned().map(First::Compiler).collect();
    firsts.extend(tccs.iter().cloned().map(First::Tcc));
    if firsts.is_empty() {
        let found = ["gcc", "clang"].into_iter().filter(|c| Path::new("/usr/bin").join(c).exists());
        firsts.extend(found.map(|c| First::Compiler(c.to_owned())));
    }
    if firsts.is_empty() {
        return Err(Failure::usage("no first compiler: neither gcc nor clang is in /usr/bin").hint("--first COMPILER names one"));
    }
    let builder = context.builder()?;
    let mut out = Output::stdout();
    let mut verdicts = Vec::new();
    for first in &firsts {
        let verdict = ddc::compare(&builder, first, to)?;
        if context.manners.format == Format::Table {
            let text = match &verdict.difference {
                None => format!("leads to the same {}", verdict.step),
                Some(how) => format!("leads to ANOTHER {}: {how}", verdict.step),
            };
            out.line(format!("{} {text}, sha256 {}", verdict.first, verdict.second_sha256))?;
        }
        verdicts.push(verdict);
    }
    match context.manners.format {
        Format::Table => {}
        Format::Json => out.json(&json!({"format": 1, "verdicts": verdicts}))?,
        Format::Jsonl => verdicts.iter().try_for_each(|v| out.json_line(v))?,
    }
    out.finish()?;
    Ok(if verdicts.iter().all(|v| v.same) {
        Exit::Clean
    } else {
        Exit::Findings
    })
}
