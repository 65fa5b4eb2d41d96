//! Scores the matcher on the labels of a mirror, beside two yardsticks. Run by `cargo xtask quality`; needs no database.
//!
//! usage: quality [--channel NAME] [--suggestions FILE] [--sample N [--seed S]] [--plot FILE]      (`FIRN_MIRROR` names the mirror)

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a report is what it is for")]

mod feeds;
mod identities;
mod labels;
mod ours;
mod plot;
mod yardstick;

use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};

use labels::{Expect, Label};
use vuln::verdict::Verdict;

/// What a matcher says about one labelled pair: the verdicts of all attributes that the label names, empty where it sees no match.
type Answer = BTreeSet<Verdict>;

/// One column of the report.
struct Column {
    name: &'static str,
    /// Distinct (CVE, pname) among ids up to 2020, the year of the labelled package set.
    pairs: usize,
    answers: Vec<Answer>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1));
    let mirror = PathBuf::from(std::env::var_os("FIRN_MIRROR").ok_or("FIRN_MIRROR names no mirror")?);
    let feeds = feeds::load(&mirror)?;
    let labels = labels::read(&mirror.join("labels/dev.csv"))?;
    eprintln!(
        "{} vulnerabilities, {} packages, {} labels",
        feeds.vulnerabilities.len(),
        feeds.packages.len(),
        labels.len()
    );
    let second = || ours::run(&feeds, &feeds.listed);
    let ours = match option("--channel").map(String::as_str) {
        None | Some(feeds::LABELLED) => ours::run(&feeds, &feeds.packages),
        Some(feeds::LISTED) => second(),
        Some(other) => return Err(format!("--channel {other}: choose {} or {}", feeds::LABELLED, feeds::LISTED).into()),
    };
    if let Some(path) = option("--suggestions") {
        ours.write(std::io::BufWriter::new(std::fs::File::create(path)?))?;
    }
    if let Some(count) = option("--sample") {
        let seed = option("--seed").map_or(Ok(1), |s| s.parse())?;
        ours::sample(&feeds, &ours, count.parse()?, seed);
        return Ok(());
    }
    let exact = yardstick::exact(&feeds, &labels);
    let substring = yardstick::substring(&feeds, &labels);
    report(&labels, &[ours.column(&labels), exact, substring]);
    ours.shares();
    misses(&labels, &ours);
    drop(ours);
    identities::report(&second(), option("--plot").map(Path::new))
}

/// The table of counts, as Markdown.
fn report(labels: &[Label], columns: &[Column]) {
    let header: Vec<&str> = columns.iter().map(|c| c.name).collect();
    println!("| on NVD and CVE 5 x nixos-20.09pre | {} | target |", header.join(" | "));
    println!("|---|{}---|", "---|".repeat(columns.len()));
    type Holds = fn(&Answer) -> bool;
    let lines: [(&str, Expect, Option<&str>, Holds, &str); 7] = [
        (
            "identities found (NVD rows)",
            Expect::Identity,
            Some("nvd"),
            |a| !a.is_empty(),
            "at least 0.95",
        ),
        (
            "identities found (CVE 5 rows)",
            Expect::Identity,
            Some("cve5"),
            |a| !a.is_empty(),
            "",
        ),
        (
            "patched rows called patched",
            Expect::Patched,
            None,
            |a| a.len() == 1 && a.contains(&Verdict::Patched),
            "at least 0.9",
        ),
        (
            "patched rows called affected",
            Expect::Patched,
            None,
            |a| a.contains(&Verdict::Affected),
            "0",
        ),
        (
            "marked rows called known_vulnerable",
            Expect::KnownVulnerable,
            None,
            |a| a.contains(&Verdict::KnownVulnerable),
            "at least 0.95",
        ),
        ("patched or fixed rows open", Expect::PatchedOrFixed, None, is_open, "0"),
        (
            "human false positives affected or unknown",
            Expect::NotAffected,
            None,
            is_open,
            "at most 3",
        ),
    ];
    for (title, expect, record, holds, target) in lines {
        let rows: Vec<usize> = labels
            .iter()
            .enumerate()
            .filter(|(_, l)| l.expect == expect && !l.attrs.is_empty() && record.is_none_or(|r| l.record == r))
            .map(|(n, _)| n)
            .collect();
        let cells: Vec<String> = columns
            .iter()
            .map(|c| {
                format!(
                    "{} of {}",
                    rows.iter().filter(|n| c.answers.get(**n).is_some_and(holds)).count(),
                    rows.len()
                )
            })
            .collect();
        println!("| {title} | {} | {target} |", cells.join(" | "));
    }
    let pairs: Vec<String> = columns.iter().map(|c| c.pairs.to_string()).collect();
    println!(
        "| distinct (CVE, pname) pairs among ids up to 2020 | {} | at most 26000 |",
        pairs.join(" | ")
    );
}

fn is_open(answer: &Answer) -> bool {
    answer.iter().any(|v| matches!(v, Verdict::Affected | Verdict::Unknown))
}

/// Each label that our matcher answers otherwise than a person did.
fn misses(labels: &[Label], ours: &ours::Ours) {
    println!("\n| id | package | expected | ours | why |\n|---|---|---|---|---|");
    for label in labels.iter().filter(|l| !l.attrs.is_empty()) {
        let answer = ours.answer(label);
        let wrong = match label.expect {
            Expect::Identity => answer.is_empty(),
            Expect::Patched => answer.len() != 1 || !answer.contains(&Verdict::Patched),
            Expect::KnownVulnerable => !answer.contains(&Verdict::KnownVulnerable),
            Expect::NotAffected | Expect::PatchedOrFixed => is_open(&answer),
            Expect::Other => false,
        };
        if wrong {
            let said: Vec<&str> = answer.iter().map(|v| v.name()).collect();
            let said = if said.is_empty() { "no match".to_string() } else { said.join(", ") };
            println!(
                "| {} | {} | {} | {said} | {} |",
                label.cve,
                label.package,
                label.expect.name(),
                ours.why(label).replace('|', "/")
            );
        }
    }
}
