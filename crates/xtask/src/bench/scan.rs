//! The scanner: a snapshot of all feeds, the sample system, and a closure of a hundred thousand paths.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::Tracker;
use super::measure::{Cost, measure};
use super::report::{Figure, Report};
use crate::house::House;
use crate::shell::{self, cargo};

/// Runs of each scan: the first one reads from the disk what the others find in memory.
const RUNS: usize = 5;
/// The last one whose feeds can be read without Nix and a network; the six years that it would load for the sample system.
const VULNIX: [&str; 2] = ["vulnix==1.10.1", "setuptools<81"];
const YEARS: [&str; 6] = ["2015", "2016", "2017", "2018", "2019", "2020"];
/// Paths of the closure that nobody has.
const PATHS: usize = 100_000;

/// Needs a database that the feeds were taken into and matched.
pub fn measure_all(house: &House, tracker: &Tracker, mirror: &Path, report: &mut Report) -> Result<()> {
    shell::run(cargo(house, "build").args(["--release", "--locked", "--package", "scan", "--bin", "firn-scan"]))?;
    let folder = house.target.join("bench/scan");
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let snapshot = folder.join("snapshot");
    let mut export = tracker.command(&["export", "snapshot", "--out"]);
    export.arg(&snapshot).env("XDG_DATA_HOME", &folder);
    let cost = measure(&mut export)?;
    report.show("export a snapshot of all feeds", Figure::Time(cost.time));
    report.show("  most memory", Figure::Memory(cost.peak));
    let size = fs::metadata(&snapshot)
        .with_context(|| format!("look at {}", snapshot.display()))?
        .len();
    report.against("  its size", Figure::Memory(size), Figure::Memory(60_000_000));

    let program = house.target.join("release/firn-scan");
    let scan = |arguments: &[&str], inputs: &[PathBuf]| {
        let mut command = Command::new(&program);
        command.args(arguments).args(["--quiet", "--snapshot"]).arg(&snapshot);
        command.arg("--trust").arg(folder.join("snapshot.pub")).args(inputs);
        command.env("XDG_STATE_HOME", &folder).env("XDG_CONFIG_HOME", &folder);
        measure(&mut command)
    };
    let system = derivations(&mirror.join("store/nixos-20.09pre/drvs"))?;
    let first = scan(&["drv"], &system)?;
    report.show(
        format!("scan a system of {} derivations, first", system.len()),
        Figure::Time(first.time),
    );
    let cost = fastest(|| scan(&["drv"], &system))?;
    report.against("  again", Figure::Time(cost.time), Figure::Time(Duration::from_millis(500)));
    report.against(
        "  most memory",
        Figure::Memory(first.peak.max(cost.peak)),
        Figure::Memory(150_000_000),
    );
    if forget_files() {
        let cold = scan(&["drv"], &system)?;
        report.against(
            "  with no file in memory",
            Figure::Time(cold.time),
            Figure::Time(Duration::from_millis(500)),
        );
    } else {
        eprintln!("not measured with no file in memory: only root can have the system forget what it read");
    }
    match vulnix(&folder, mirror) {
        Ok(theirs) => report.against(
            "  beside vulnix 1.10.1 with six years of NVD",
            Figure::Time(cost.time),
            Figure::Time(theirs.time),
        ),
        Err(error) => eprintln!("vulnix could not be measured: {error:#}"),
    }
    let cost = fastest(|| scan(&["drv", "--format", "jsonl"], &system))?;
    report.show("  with everything about every verdict", Figure::Time(cost.time));
    report.show("  most memory", Figure::Memory(cost.peak));
    let from = |file: &Path| [PathBuf::from("--from"), file.to_owned()];
    let closure = mirror.join("store/nixos-20.09pre/path-info.json");
    let cost = fastest(|| scan(&["closure"], &from(&closure)))?;
    report.show("scan its closure by names of store paths", Figure::Time(cost.time));
    let large = folder.join("closure.json");
    fs::write(&large, synthetic(PATHS)).with_context(|| format!("write {}", large.display()))?;
    let cost = scan(&["closure"], &from(&large))?;
    report.against(
        format!("scan {PATHS} paths"),
        Figure::Time(cost.time),
        Figure::Time(Duration::from_secs(5)),
    );
    report.show("  most memory", Figure::Memory(cost.peak));
    Ok(())
}

/// What vulnix takes for the same derivations, its database being filled.
fn vulnix(folder: &Path, mirror: &Path) -> Result<Cost> {
    let (venv, cache) = (folder.join("venv"), folder.join("vulnix"));
    let python = venv.join("bin/python3");
    if !shell::works(Command::new(&python).args(["-c", "import vulnix"])) {
        shell::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        shell::run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(VULNIX))?;
    }
    let script = folder.join("ask_vulnix.py");
    fs::write(&script, include_str!("scan/ask_vulnix.py")).with_context(|| format!("write {}", script.display()))?;
    if cache.exists() {
        fs::remove_dir_all(&cache).with_context(|| format!("remove {}", cache.display()))?;
    }
    let ask = |what: &str, from: &str, more: &[&str]| {
        let mut command = Command::new(&python);
        command.arg(&script).arg(what).arg(&cache).arg(mirror.join(from)).args(more);
        measure(&mut command)
    };
    ask("fill", "nvd", &YEARS)?;
    fastest(|| ask("scan", "store/nixos-20.09pre/drvs", &[]))
}

/// Has the system forget the files that it keeps in memory; whether it did.
fn forget_files() -> bool {
    shell::works(&mut Command::new("sync")) && fs::write("/proc/sys/vm/drop_caches", "3").is_ok()
}

fn fastest(run: impl Fn() -> Result<Cost>) -> Result<Cost> {
    let mut best = run()?;
    for _ in 1..RUNS {
        let next = run()?;
        best.peak = best.peak.max(next.peak);
        best.time = best.time.min(next.time);
    }
    Ok(best)
}

/// Path-info JSON of a closure in which each path refers to a few others.
fn synthetic(paths: usize) -> String {
    // The alphabet of store paths' hashes.
    const DIGITS: &[u8; 32] = b"0123456789abcdfghijklmnpqrsvwxyz";
    let path = |n: usize| {
        let digit = |k: u32| {
            char::from(
                DIGITS
                    .get(n.wrapping_mul(2_654_435_761).rotate_right(k * 5) & 31)
                    .copied()
                    .unwrap_or(b'0'),
            )
        };
        let hash: String = (0..32).map(digit).collect();
        format!("/nix/store/{hash}-package{}-{}.{}", n % 30_000, n % 7, n % 11)
    };
    let mut text = String::from("[");
    for n in 0..paths {
        let references: Vec<String> = [n / 2, n / 3, n.saturating_sub(1)].map(|k| format!("\"{}\"", path(k))).to_vec();
        let comma = if n == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "{comma}\n{{\"path\":\"{}\",\"narSize\":1000,\"references\":[{}]}}",
            path(n),
            references.join(",")
        );
    }
    text.push_str("\n]\n");
    text
}

fn derivations(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))?;
        for entry in entries {
            let path = entry.with_context(|| format!("list {}", folder.display()))?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "drv") {
                found.push(path);
            }
        }
    }
    if found.is_empty() {
        bail!("no derivation below {}", folder.display());
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closure_that_nobody_has_is_one() {
        let closure: serde_json::Value = serde_json::from_str(&synthetic(500)).unwrap();
        let paths: std::collections::HashSet<&str> = closure.as_array().unwrap().iter().map(|p| p["path"].as_str().unwrap()).collect();
        assert_eq!(paths.len(), 500);
        assert!(
            closure[499]["references"]
                .as_array()
                .unwrap()
                .iter()
                .all(|r| paths.contains(r.as_str().unwrap()))
        );
    }
}
