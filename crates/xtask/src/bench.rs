//! Measures the programs with the real feeds and compares with what they must reach.
//!
//! Nothing fails on a slow day: a figure above its target is shown as such, and that is all.

mod client;
mod feeds;
mod load;
mod measure;
mod pages;
mod report;
mod scan;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use anyhow::{Context as _, Result, bail};

use crate::Unready;
use crate::house::House;
use crate::shell::{self, cargo};
use report::Report;

const PARTS: [&str; 6] = ["benches", "boot", "feeds", "load", "pages", "scan"];

/// Runs the benchmarks: `[--only PART] [--database FILE|URL] [--seconds N]`.
///
/// `pages` or `scan` alone measures on the database given, which may be a file of SQLite or the URL of a PostgreSQL database, or on one that
/// `feeds` left; where there is none, one is filled first. `load` does the same only where it is asked for by name, as it writes into the
/// database that it measures and takes minutes. `boot` is a part of `benches` and needs no feeds.
pub fn bench(house: &House, words: &[&str]) -> Result<()> {
    let (words, seconds) = match words {
        [rest @ .., "--seconds", seconds] if rest.contains(&"load") => (rest, seconds.parse().ok()),
        _ => (words, Some(load::SECONDS)),
    };
    let Some(seconds) = seconds.filter(|seconds| *seconds > 0) else {
        bail!(Unready("--seconds: a number is expected".into()));
    };
    let (only, database) = match words {
        [] => (None, None),
        ["--only", part] => (Some(*part), None),
        ["--only", part @ ("load" | "pages" | "scan"), "--database", database] => (Some(*part), Some(*database)),
        _ => bail!(Unready(
            "usage: cargo xtask bench [--only benches|boot|feeds|load|pages|scan [--database FILE|URL] [--seconds N]]".into()
        )),
    };
    if let Some(part) = only.filter(|p| !PARTS.contains(p)) {
        bail!(Unready(format!("no part {part}: choose among {}", PARTS.join(", "))));
    }
    let wants = |part: &str| only.is_none_or(|o| o == part);
    if only == Some("boot") {
        return benches(house, Some("boot"));
    }
    let Some(mirror) = house.mirror() else {
        bail!(Unready("FIRN_MIRROR is not set: benchmarks need the real feeds".into()));
    };
    if wants("benches") {
        benches(house, None)?;
    }
    let mut report = Report::default();
    if wants("feeds") || wants("pages") || wants("scan") || only == Some("load") {
        let tracker = Tracker::build(house, database)?;
        if wants("feeds") {
            feeds::measure_all(&tracker, &mirror, &mut report)?;
        } else if !database.is_some_and(|name| name.contains("://")) && !tracker.database.exists() {
            tracker.fill(&mirror)?;
        }
        if wants("pages") {
            pages::measure_all(&tracker, &mirror, &mut report)?;
        }
        if only == Some("load") {
            load::measure_all(house, &tracker, &mirror, seconds, &mut report)?;
        }
        if wants("scan") {
            scan::measure_all(house, &tracker, &mirror, &mut report)?;
        }
    }
    print!("{}", report.render());
    Ok(())
}

/// Every benchmark of a crate, or of one, as it prints it.
fn benches(house: &House, only: Option<&str>) -> Result<()> {
    let metadata = house.metadata("Cargo.toml", None)?;
    for package in metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|p| p["source"].is_null())
    {
        for target in package["targets"].as_array().into_iter().flatten() {
            let (Some(package), Some(name)) = (package["name"].as_str(), target["name"].as_str()) else {
                continue;
            };
            if only.is_some_and(|only| only != package) {
                continue;
            }
            if target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|k| k == "bench")) {
                println!("\n== {package}: {name}");
                shell::run(cargo(house, "bench").args(["--quiet", "--locked", "--package", package, "--bench", name]))?;
            }
        }
    }
    Ok(())
}

/// The program under measurement, with a database of its own.
struct Tracker {
    program: PathBuf,
    /// The file of a database that `feeds` makes.
    database: PathBuf,
    /// What the program is given: that file, or the database that was asked for.
    url: String,
}

impl Tracker {
    fn build(house: &House, database: Option<&str>) -> Result<Self> {
        shell::run(cargo(house, "build").args(["--release", "--locked", "--package", "tracker", "--bin", "firn-tracker"]))?;
        let file = database.map_or_else(|| house.target.join("bench/tracker.sqlite"), PathBuf::from);
        let url = database.filter(|name| name.contains("://")).map(str::to_owned);
        Ok(Self {
            program: house.target.join("release/firn-tracker"),
            url: url.unwrap_or_else(|| format!("sqlite://{}", file.display())),
            database: file,
        })
    }

    /// Starts from an empty database.
    fn forget(&self) -> Result<()> {
        for end in ["", "-wal", "-shm"] {
            let mut file = self.database.clone().into_os_string();
            file.push(end);
            match fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("remove {}", Path::new(&file).display()));
                }
                _ => {}
            }
        }
        let dir = self.database.parent().context("find the folder of the database")?;
        fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))
    }

    /// Takes in and matches everything, for parts that measure something else.
    fn fill(&self, mirror: &Path) -> Result<()> {
        self.forget()?;
        println!("filling {}", self.database.display());
        shell::run(self.command(&["sync"]).env("FIRN_MIRROR", mirror))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        // The environment must not change what is measured.
        command.env_remove("FIRN_MIRROR").env_remove("FIRN_DATABASE").env_remove("FIRN_LOG");
        command.arg("--database").arg(&self.url).arg("--quiet").args(arguments);
        command
    }
}
