use std::fs;
use std::path::Path;

use cli_kit::{Exit, Failure, Output};

use super::Context;
use crate::step::Step;

const NOTE: &str = "<!-- Generated from bootstrap/ by `firn-chain book`: edit the steps and their sources instead. -->\n\n";

/// Sources that are shown in full where they are used.
const SHOWN: [&str; 2] = ["amd64/seed.hex0", "amd64/hex1.hex0"];

/// Writes one page a step.
pub fn run(context: &Context, folder: &Path) -> Result<Exit, Failure> {
    let failed = |e: std::io::Error| Failure::incomplete(format!("write pages into {}", folder.display())).because(e);
    fs::create_dir_all(folder).map_err(failed)?;
    let mut out = Output::stdout();
    for step in context.chain.ordered()? {
        let path = folder.join(format!("{}.md", step.name));
        fs::write(&path, page(context, step).map_err(failed)?).map_err(failed)?;
        out.line(path.display())?;
    }
    out.finish()?;
    Ok(Exit::Clean)
}

fn page(context: &Context, step: &Step) -> std::io::Result<String> {
    let mut text = format!("{NOTE}# {}\n\n{}\n", step.title, step.why.trim());
    if !step.inputs.is_empty() {
        let links: Vec<String> = step.inputs.iter().map(|i| format!("[{i}]({i}.md)")).collect();
        text += &format!("\nIt uses {}.\n", links.join(", "));
    }
    if let Some(hex) = &step.hex {
        text += &format!("\nThe engine writes `{}` from `bootstrap/{}`. {}\n", hex.to, hex.from, hex.why);
    }
    if let Some(source) = &step.source {
        text += &format!(
            "\nDebian's source package {} {} ({}), `{}`, sha256 `{}`.\n",
            source.package, source.version, source.suite, source.file, source.sha256
        );
    }
    if !step.edit.is_empty() {
        text += "\n## Edits\n";
        for edit in &step.edit {
            text += &format!(
                "\n`{}`: {}\n\n```diff\n{}```\n",
                edit.file,
                edit.why,
                diff(&edit.find, &edit.replace)
            );
        }
    }
    if !step.run.is_empty() {
        text += "\n## What is run\n";
        for run in &step.run {
            if !run.why.is_empty() {
                text += &format!("\n{}\n", run.why);
            }
            let streams = [("<", &run.stdin), (">", &run.stdout)];
            let streams: String = streams
                .iter()
                .filter_map(|(s, p)| p.as_ref().map(|p| format!(" {s} {p}")))
                .collect();
            text += &format!("\n```text\n{}{streams}\n```\n", wrapped(&run.argv));
        }
    }
    let sizes = sizes(context, step)?;
    if !sizes.is_empty() {
        text += &format!("\n## Sources\n\n| file below `bootstrap/` | lines | bytes |\n|---|---:|---:|\n{sizes}");
    }
    text += "\n## Output\n\n| path | sha256 |\n|---|---|\n";
    for output in &step.output {
        text += &format!("| `{}` | `{}` |\n", output.path, output.sha256);
    }
    for source in step
        .sources
        .iter()
        .filter(|s| SHOWN.contains(&s.as_str()) && step.name != "seed-again")
    {
        let content = fs::read_to_string(context.chain.folder.join(source))?;
        text += &format!("\n## Every byte\n\n`bootstrap/{source}`:\n\n```text\n{}\n```\n", content.trim_end());
    }
    Ok(text)
}

fn diff(find: &str, replace: &str) -> String {
    let lines = |text: &str, sign: &str| text.lines().map(|l| format!("{sign}{l}\n")).collect::<String>();
    lines(find, "-") + &lines(replace, "+")
}

/// Words on lines of a readable width.
fn wrapped(words: &[String]) -> String {
    let mut text = String::new();
    let mut width = 0;
    for word in words {
        if width + word.len() > 100 && width > 0 {
            text += " \\\n    ";
            width = 4;
        } else if width > 0 {
            text.push(' ');
            width += 1;
        }
        text += word;
        width += word.len();
    }
    text
}

fn sizes(context: &Context, step: &Step) -> std::io::Result<String> {
    let mut text = String::new();
    for source in &step.sources {
        let path = context.chain.folder.join(source);
        let mut files = Vec::new();
        if path.is_dir() {
            for entry in fs::read_dir(&path)? {
                let name = entry?.file_name();
                let name = name.to_string_lossy();
                if path.join(&*name).is_file() {
                    files.push(format!("{source}/{name}"));
                }
            }
            files.sort();
        } else {
            files.push(source.clone());
        }
        for file in files {
            let content = fs::read(context.chain.folder.join(&file))?;
            let lines = content.iter().filter(|b| **b == b'\n').count();
            text += &format!("| `{file}` | {lines} | {} |\n", content.len());
        }
    }
    Ok(text)
}
