//! `labels-2024.csv`: which packages of `nixos-unstable-2023-01` the CVE 5 records of a random sample of 2024 are about, if any.
//!
//! The records were drawn in four strata (a product named like a package, a word of one, neither, the kernel) and read by people
//! who did not see the matcher's answers. Rows of the half `held` were drawn and read after the last change of a rule that the half
//! `dev` led to.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use vuln::matching::Cluster;

use crate::ours::Ours;

const TEXT: &str = include_str!("labels-2024.csv");

/// One record.
struct Label {
    cve: &'static str,
    half: &'static str,
    /// Packages that it is about: a pname, or `=` and an attribute.
    packages: Vec<&'static str>,
    /// Packages that it may be taken to be about; found or not, both is right.
    also: Vec<&'static str>,
    reason: &'static str,
}

/// What was counted for one half.
#[derive(Default)]
struct Score {
    about_packages: usize,
    found: usize,
    about_none: usize,
    clean: usize,
    right_pairs: usize,
    wrong_pairs: usize,
}

fn read() -> Result<Vec<Label>, Box<dyn Error>> {
    let row = |line: &'static str| {
        let mut fields = line.splitn(5, ',');
        let mut next = || fields.next().ok_or_else(|| format!("labels-2024.csv: too few fields: {line}"));
        let (cve, half, packages, also, reason) = (next()?, next()?, next()?, next()?, next()?);
        Ok(Label {
            cve,
            half,
            packages: packages.split_whitespace().collect(),
            also: also.split_whitespace().collect(),
            reason: reason.trim_matches('"'),
        })
    };
    TEXT.lines().skip(1).map(row).collect()
}

fn is_named(cluster: &Cluster, name: &str) -> bool {
    match name.strip_prefix('=') {
        Some(attr) => cluster.attrs.iter().any(|a| a == attr),
        None => cluster.pname.eq_ignore_ascii_case(name),
    }
}

/// The tables, as Markdown; the last one also as a drawing.
pub fn report(ours: &Ours, plot: Option<&Path>) -> Result<(), Box<dyn Error>> {
    let mut scores: BTreeMap<&str, Score> = BTreeMap::new();
    let mut by_confidence: BTreeMap<u32, (usize, usize)> = BTreeMap::new();
    let mut errors = Vec::new();
    for label in read()? {
        let score = scores.entry(label.half).or_default();
        let mut found = false;
        let mut wrong = Vec::new();
        for (cluster, m) in ours.matches_of(label.cve) {
            let is_right = label.packages.iter().any(|p| is_named(cluster, p));
            if !is_right && label.also.iter().any(|p| is_named(cluster, p)) {
                continue;
            }
            found |= is_right;
            let bin = by_confidence.entry((m.confidence * 10.0) as u32).or_default();
            bin.0 += usize::from(is_right);
            bin.1 += 1;
            if is_right {
                score.right_pairs += 1;
            } else {
                score.wrong_pairs += 1;
                wrong.push(format!("{} {}", cluster.name, m.verdict));
            }
        }
        if label.packages.is_empty() {
            score.about_none += 1;
            score.clean += usize::from(wrong.is_empty());
        } else {
            score.about_packages += 1;
            score.found += usize::from(found);
        }
        if !label.packages.is_empty() && !found {
            errors.push(format!(
                "| {} | {} | not found: {} | {} |",
                label.cve,
                label.half,
                label.packages.join(", "),
                label.reason
            ));
        }
        if !wrong.is_empty() {
            errors.push(format!(
                "| {} | {} | wrong: {} | {} |",
                label.cve,
                label.half,
                wrong.join(", "),
                label.reason
            ));
        }
    }
    println!("\n| CVE 5 of 2024 x nixos-unstable-2023-01 | dev | held |\n|---|---|---|");
    type Cell = fn(&Score) -> String;
    let rows: [(&str, Cell); 3] = [
        ("records about a package: found", |s| format!("{} of {}", s.found, s.about_packages)),
        ("records about no package: nothing found", |s| {
            format!("{} of {}", s.clean, s.about_none)
        }),
        ("pairs found that are right", |s| {
            format!("{} of {}", s.right_pairs, s.right_pairs + s.wrong_pairs)
        }),
    ];
    for (title, cell) in rows {
        let cells: Vec<String> = ["dev", "held"]
            .iter()
            .map(|half| scores.get(half).map(cell).unwrap_or_default())
            .collect();
        println!("| {title} | {} |", cells.join(" | "));
    }
    println!("\n| stated confidence | pairs | right |\n|---|---|---|");
    for (bin, (right, all)) in &by_confidence {
        println!(
            "| {:.1} to {:.1} | {all} | {right} |",
            f64::from(*bin) / 10.0,
            f64::from(bin + 1) / 10.0
        );
    }
    if let Some(path) = plot {
        std::fs::write(path, crate::plot::calibration(&by_confidence)).map_err(|e| format!("write {}: {e}", path.display()))?;
    }
    println!("\n| id | half | what | the label's reason |\n|---|---|---|---|");
    errors.iter().for_each(|line| println!("{line}"));
    Ok(())
}
