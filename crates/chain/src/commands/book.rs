mod graph;

use std::fs;
use std::path::Path;

use cli_kit::{Exit, Failure, Output, human};

use super::Context;
use crate::audit;
use crate::profile::{Profile, Taken};
use crate::step::Step;

const NOTE: &str = "<!-- Generated from bootstrap/ by `firn-chain book`: edit the steps and their sources instead. -->\n\n";

/// Sources that are shown in full where they are used.
const SHOWN: [&str; 2] = ["amd64/seed.hex0", "amd64/hex1.hex0"];

/// Steps whose whole way from the seed is added up.
const GOALS: [&str; 2] = ["tcc-musl", "gcc-3.4.6"];

/// Writes one page a step, one about all of them, and a picture.
pub fn run(context: &Context, folder: &Path) -> Result<Exit, Failure> {
    let failed = |e: std::io::Error| Failure::incomplete(format!("write pages into {}", folder.display())).because(e);
    fs::create_dir_all(folder).map_err(failed)?;
    let mut out = Output::stdout();
    let profile = Profile::load(&context.chain.folder)?;
    let steps = context.chain.ordered()?;
    let mut pages = vec![
        ("all.md".to_owned(), glance(context, &steps, &profile)?),
        ("graph.svg".to_owned(), graph::draw(&steps, &|step| note(step, &profile))),
    ];
    for step in steps {
        let mut text = page(context, step).map_err(failed)?;
        if let Some(taken) = profile.step.get(&step.name) {
            text += &format!("\n{}\n", took(taken, &profile));
        }
        pages.push((format!("{}.md", step.name), text));
    }
    for (name, text) in pages {
        let path = folder.join(name);
        fs::write(&path, text).map_err(failed)?;
        out.line(path.display())?;
    }
    out.finish()?;
    Ok(Exit::Clean)
}

/// What stands below a step's name in the picture.
fn note(step: &Step, profile: &Profile) -> String {
    let size = profile.step.get(&step.name).map(|t| human::bytes(t.bytes)).unwrap_or_default();
    match &step.source {
        Some(source) if size.is_empty() => source.package.clone(),
        Some(source) => format!("{}, {size}", source.package),
        None => size,
    }
}

/// A sentence about the last recorded build.
fn took(taken: &Taken, profile: &Profile) -> String {
    format!(
        "When it was last recorded, on {}, it took {:.2} s, {:.2} s of it its programs' on processors, the largest of which had {}; on disk it took {} in the end, and what came out has {}.",
        profile.date,
        taken.seconds,
        taken.cpu_seconds,
        human::bytes(taken.max_rss),
        human::bytes(taken.disk),
        human::bytes(taken.bytes)
    )
}

/// All steps: a picture and a table.
fn glance(context: &Context, steps: &[&Step], profile: &Profile) -> Result<String, Failure> {
    let mut text = format!(
        "{NOTE}# All steps at a glance\n\nEach stands below what it needs. Orange is the longest way from the seed to the last compiler, blue are archives of others.\n\n\
         ![The steps of the chain, from the seed downwards](graph.svg)\n\n"
    );
    text += "| step | what | our lines | edits | output | time | on processors | memory | disk |\n|---|---|---:|---:|---:|---:|---:|---:|---:|\n";
    let own = audit::own(&context.chain, steps)?;
    for (step, own) in steps.iter().zip(&own) {
        let lines = if own.new_lines > 0 {
            human::count(own.new_lines as u64)
        } else {
            String::new()
        };
        let edits = if step.edit.is_empty() {
            String::new()
        } else {
            step.edit.len().to_string()
        };
        let numbers = profile.step.get(&step.name).map_or_else(
            || " | | | | ".to_owned(),
            |t| {
                let [bytes, memory, disk] = [t.bytes, t.max_rss, t.disk].map(human::bytes);
                format!("{bytes} | {:.2} s | {:.2} s | {memory} | {disk}", t.seconds, t.cpu_seconds)
            },
        );
        text += &format!("| [{0}]({0}.md) | {1} | {lines} | {edits} | {numbers} |\n", step.name, step.title);
    }
    let (lines, edits) = (
        own.iter().map(|o| o.new_lines).sum::<usize>(),
        steps.iter().map(|s| s.edit.len()).sum::<usize>(),
    );
    let taken = || steps.iter().filter_map(|s| profile.step.get(&s.name));
    let lines = human::count(lines as u64);
    let first = "Lines count where they are first used.";
    if profile.date.is_empty() {
        text += &format!(
            "| all | | {lines} | {edits} | | | | | |\n\n{first} No build was recorded yet: `firn-chain build --record` does it.\n"
        );
    } else {
        text += &format!(
            "| all | | {lines} | {edits} | {} | {:.1} s | {:.1} s | {} | {} |\n\n{first}",
            human::bytes(taken().map(|t| t.bytes).sum()),
            taken().map(|t| t.seconds).sum::<f64>(),
            taken().map(|t| t.cpu_seconds).sum::<f64>(),
            human::bytes(taken().map(|t| t.max_rss).max().unwrap_or_default()),
            human::bytes(taken().map(|t| t.disk).max().unwrap_or_default()),
        );
        text += &format!(
            " Sizes, times, memory (of the largest process) and disk (what the step had made when its programs had ended, of which only the output is kept) are those of the build that was recorded last, on {}, with {} processors: \
             `firn-chain build --record` writes them.\n",
            profile.date, profile.processors
        );
        for goal in GOALS.iter().filter(|g| steps.iter().any(|s| s.name == **g)) {
            let way = context.chain.up_to(goal)?;
            let way = || way.iter().filter_map(|s| profile.step.get(&s.name));
            text += &format!(
                "\nAll steps up to {goal} took {:.1} s one after the other, {:.1} s of it on processors; their outputs have {}.\n",
                way().map(|t| t.seconds).sum::<f64>(),
                way().map(|t| t.cpu_seconds).sum::<f64>(),
                human::bytes(way().map(|t| t.bytes).sum()),
            );
        }
    }
    Ok(text)
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
    let twins = step.output.iter().any(|o| o.same_as.is_some());
    text += "\n## Output\n\n";
    text += if twins {
        "| path | sha256 | must be the same as |\n|---|---|---|\n"
    } else {
        "| path | sha256 |\n|---|---|\n"
    };
    for output in &step.output {
        let twin = match &output.same_as {
            Some(other) => format!(" `{other}` |"),
            None if twins => " |".to_owned(),
            None => String::new(),
        };
        text += &format!("| `{}` | `{}` |{twin}\n", output.path, output.sha256);
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
