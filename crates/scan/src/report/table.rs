//! For a terminal.

use std::io::{self, Write};

use cli_kit::{Table, escape};
use vuln::score::Severity;
use vuln::verdict::Verdict;

use super::view::{Entry, Group, View};
use super::{Options, words};

pub fn write(view: &View<'_>, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let mut sections = vec![(Group::Open, "Open"), (Group::Settled, "Decided")];
    if options.all {
        sections.push((Group::Closed, "Patched, fixed or not affected"));
    }
    let several = sections.iter().filter(|(group, _)| view.group(*group).next().is_some()).count() > 1;
    for (group, heading) in sections {
        let entries: Vec<&Entry<'_>> = view.distinct(group).collect();
        if entries.is_empty() {
            continue;
        }
        if several {
            writeln!(out, "{heading}:")?;
        }
        let table = table(&entries, view, group).render(options.width);
        out.write_all(painted(&table, options.colour).as_bytes())?;
        writeln!(out)?;
    }
    for line in conclusion(view) {
        write_wrapped(&line, options.width, out)?;
    }
    Ok(())
}

fn table(entries: &[&Entry<'_>], view: &View<'_>, group: Group) -> Table {
    let last = match group {
        Group::Open => "remedy",
        Group::Settled => "decision",
        Group::Closed => "why",
    };
    let mut table = Table::new(&["severity", "vulnerability", "package", "epss", last])
        .right(&["epss"])
        .flow(&["vulnerability", "package", last]);
    for entry in entries {
        let finding = entry.finding;
        let package = view.title(entry);
        let words = match group {
            Group::Open => open_words(entry),
            Group::Settled => words::decision(finding).unwrap_or_default(),
            Group::Closed => format!("{}: {}", words::verdict(finding.verdict), words::evidence(finding)),
        };
        let chance = finding.epss.map(|(score, _)| words::percent(score)).unwrap_or_default();
        table.row([entry.severity.name(), &finding.id, &package, &chance, &words]);
    }
    table
}

/// What to know about an open finding, most important first.
fn open_words(entry: &Entry<'_>) -> String {
    let finding = entry.finding;
    let mut words = Vec::new();
    if finding.exploited_since.is_some() {
        words.push("EXPLOITED".to_owned());
    }
    match finding.verdict {
        Verdict::KnownVulnerable => words.push("marked vulnerable by Nixpkgs".to_owned()),
        Verdict::Unknown => words.push("unknown whether affected".to_owned()),
        _ if finding.confidence < UNSURE => words.push(format!("unsure ({})", words::percent(finding.confidence))),
        _ => {}
    }
    if let Some(decision) = words::decision(finding) {
        words.push(decision);
    }
    words.push(words::remedy(finding).unwrap_or_else(|| "no fix known".into()));
    words.join("; ")
}

/// Below this confidence a person should look twice.
const UNSURE: f32 = 0.6;

fn conclusion(view: &View<'_>) -> Vec<String> {
    let mut lines = vec![
        format!("{}.", words::summary(view)),
        format!("{}, judged with {}.", words::subject(view), words::snapshot(view.report)),
    ];
    lines.extend(words::sealed(view).map(|sealed| format!("{sealed}.")));
    let problems = &view.report.inventory.problems;
    lines.extend(problems.iter().take(PROBLEMS).map(|p| format!("Left out: {p}")));
    if problems.len() > PROBLEMS {
        lines.push(format!("Left out besides: {} more.", problems.len() - PROBLEMS));
    }
    lines
}

/// How many problems are told one by one.
const PROBLEMS: usize = 10;

/// The table escapes its cells, so that colours come last: each row begins with its severity.
fn painted(table: &str, colour: bool) -> String {
    if !colour {
        return table.to_owned();
    }
    let mut out = String::with_capacity(table.len() + table.len() / 8);
    for line in table.split_inclusive('\n') {
        let severity = Severity::ALL.into_iter().find(|s| line.starts_with(s.name()));
        let sgr = match severity {
            Some(Severity::Critical) => "1;31",
            Some(Severity::High) => "31",
            Some(Severity::Medium) => "33",
            Some(Severity::Low) => "32",
            Some(Severity::None | Severity::Unknown) => "2",
            None if line.starts_with("severity ") => "1",
            None => "",
        };
        // A wrapped line that begins with such a word is no row: rows have the first column's width behind it.
        let word = line.split("  ").next().unwrap_or_default().trim_end();
        if sgr.is_empty() || word.contains(' ') {
            out += line;
        } else {
            let (word, rest) = line.split_at(word.len());
            out += &format!("\x1b[{sgr}m{word}\x1b[0m{rest}");
        }
    }
    out
}

/// One line of words, escaped, broken at spaces.
fn write_wrapped(line: &str, width: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
    let mut used = 0;
    for word in escape(line).split(' ') {
        let length = word.chars().count();
        if used > 0 && width.is_some_and(|width| used + 1 + length > width) {
            writeln!(out)?;
            used = 0;
        }
        if used > 0 {
            write!(out, " ")?;
            used += 1;
        }
        write!(out, "{word}")?;
        used += length;
    }
    writeln!(out)
}
