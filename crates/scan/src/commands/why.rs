//! `why`.

use std::collections::HashSet;

use cli_kit::{Exit, Failure, escape};
use nix_model::StorePath;
use serde_json::json;
use vuln::package::Package;

use super::{Voice, answer};
use crate::cli::Scan;
use crate::finding::Report;
use crate::input::source::{self, Extent};
use crate::input::store::Store;
use crate::input::target;
use crate::inventory::{Inventory, Part};
use crate::report::{ReportFormat, words};
use crate::why::{Ways, tree};

pub fn run(what: &str, within: &str, most: usize, extent: Extent, scan: &Scan, voice: &mut Voice) -> Result<Exit, Failure> {
    voice.plain_format()?;
    let store = Store::below(&scan.store);
    let mut inventory = source::read(within, extent, &store, &voice.talk)?;
    // A name needs no snapshot; what has a vulnerability is judged with one, which is told.
    let (inventory, wanted, judged) = if is_vulnerability(what) {
        let report = answer::Judge::open(scan, voice)?.report(inventory, voice)?;
        let wanted = parts_with(&report, what);
        let judged = (super::knowledge(&report), words::snapshot(&report));
        (report.inventory, wanted, Some(judged))
    } else {
        inventory.unfold();
        let wanted = parts_called(&inventory, what, &store)?;
        (inventory, wanted, None)
    };
    if wanted.is_empty() {
        voice.talk.say(&escape(&format!("nothing in {within} is called {what}, or has it")));
        return Ok(Exit::NothingToDo);
    }
    let ways = Ways::from_roots(&inventory).all_to(&inventory, &wanted, most);
    let name = |part: u32| inventory.parts.get(part as usize).map_or("", |part| part.name.as_str());
    if voice.format == ReportFormat::Table {
        for (depth, part) in tree(&ways) {
            let indent = "  ".repeat(depth.min(200));
            let mark = if wanted.contains(&part) { "  <-" } else { "" };
            voice.out.line(format!("{indent}{}{mark}", escape(name(part))))?;
        }
        if let Some((_, words)) = judged {
            voice.out.line(format!("judged with {words}"))?;
        }
        return Ok(Exit::Clean);
    }
    let paths: Vec<Vec<&str>> = ways.iter().map(|way| way.iter().map(|part| name(*part)).collect()).collect();
    let snapshot = judged.map(|(json, _)| json);
    if voice.format == ReportFormat::Jsonl {
        for path in &paths {
            voice.out.json_line(&json!({"query": what, "path": path, "snapshot": snapshot}))?;
        }
    } else {
        let found: Vec<&str> = wanted.iter().map(|part| name(*part)).collect();
        voice
            .out
            .json(&json!({"version": 1, "query": what, "in": within, "snapshot": snapshot, "found": found, "paths": paths}))?;
    }
    Ok(Exit::Clean)
}

/// Ids have a dash and a number behind letters in capitals: `CVE-2024-1`, `GHSA-...`, `GO-2024-1`.
fn is_vulnerability(what: &str) -> bool {
    const KINDS: [&str; 8] = ["CVE-", "GHSA-", "GO-", "OSV-", "PYSEC-", "RUSTSEC-", "BIT-", "MAL-"];
    let capitals = what.to_ascii_uppercase();
    KINDS.iter().any(|kind| capitals.starts_with(kind)) && !what.contains('/') && what.contains(|c: char| c.is_ascii_digit())
}

/// The parts of packages that have a vulnerability, whatever the verdict.
fn parts_with(report: &Report, id: &str) -> Vec<u32> {
    let same = |other: &String| other.eq_ignore_ascii_case(id);
    let found = report
        .findings
        .iter()
        .filter(|finding| same(&finding.id) || finding.aliases.iter().any(same));
    parts_of(&report.inventory, found.map(|finding| finding.package))
}

/// The parts that are of some packages, or carry them inside.
fn parts_of(inventory: &Inventory, packages: impl Iterator<Item = u32>) -> Vec<u32> {
    let carriers = |package: u32| inventory.packages.get(package as usize).map_or(&[][..], |scanned| &scanned.inside);
    let wanted: HashSet<u32> = packages
        .flat_map(|package| carriers(package).iter().copied().chain([package]))
        .collect();
    let parts = (0_u32..).zip(&inventory.parts);
    let is_wanted = |part: &Part| part.package.is_some_and(|package| wanted.contains(&package));
    parts.filter(|(_, part)| is_wanted(part)).map(|(number, _)| number).collect()
}

/// The parts of a name: a store path, `openssl-1.1.1g`, `openssl`.
fn parts_called(inventory: &Inventory, what: &str, store: &Store) -> Result<Vec<u32>, Failure> {
    let path = match what.contains('/') {
        true => Some(target::resolve(what.as_ref(), store)?.to_string()),
        false => what.parse::<StorePath>().ok().map(|path| path.to_string()),
    };
    let parts = (0_u32..).zip(&inventory.parts);
    if let Some(path) = path {
        return Ok(parts.filter(|(_, part)| part.name == path).map(|(number, _)| number).collect());
    }
    let is_called = |package: &Package| package.pname == what || format!("{}-{}", package.pname, package.version) == what;
    let packages = (0_u32..)
        .zip(&inventory.packages)
        .filter(|(_, scanned)| is_called(&scanned.package));
    let mut found = parts_of(inventory, packages.map(|(number, _)| number));
    let by_name = |part: &Part| part.name == what || part.name.parse::<StorePath>().is_ok_and(|path| path.name() == what);
    found.extend(parts.filter(|(_, part)| by_name(part)).map(|(number, _)| number));
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Scanned;

    #[test]
    fn ids_are_told_from_names() {
        for id in ["CVE-2024-3094", "cve-2020-1", "GHSA-1234-abcd-5678", "GO-2024-1"] {
            assert!(is_vulnerability(id), "{id}");
        }
        for name in ["openssl", "go-1.20", "./CVE-2024-1", "CVE-"] {
            assert_eq!(is_vulnerability(name), name == "go-1.20", "{name}");
        }
    }

    #[test]
    fn names_find_parts() {
        let base = "q7z9hp2zsg4id778s4ai1i1yld6zjvq4-openssl-1.1.1g-bin";
        let mut scanned = Scanned::default();
        scanned.package.pname = "openssl".into();
        scanned.package.version = "1.1.1g".into();
        let inventory = Inventory {
            parts: vec![Part {
                name: format!("/nix/store/{base}"),
                package: Some(0),
                ..Part::default()
            }],
            packages: vec![scanned],
            ..Inventory::default()
        };
        let store = Store::below("/");
        for what in [
            "openssl",
            "openssl-1.1.1g",
            "openssl-1.1.1g-bin",
            base,
            &format!("/nix/store/{base}/bin/openssl"),
        ] {
            assert_eq!(parts_called(&inventory, what, &store).unwrap(), [0], "{what}");
        }
        assert_eq!(parts_called(&inventory, "curl", &store).unwrap(), [0_u32; 0]);
        let mut inventory = inventory;
        inventory.packages[0].vendored = vec!["pkg:cargo/serde@1.0.117".into()];
        inventory.unfold();
        for what in ["serde", "serde-1.0.117"] {
            assert_eq!(parts_called(&inventory, what, &store).unwrap(), [0], "{what} is inside");
        }
    }
}
