//! Fuzz targets, built on the stable toolchain.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context as _, Result, bail};

use super::Tally;
use crate::Unready;
use crate::house::House;
use crate::shell::{self, capture, cargo, describe};

/// How hard to search.
#[derive(Clone, Copy)]
enum Effort {
    /// The same inputs in each run, as far as the time allows on a slow machine.
    Smoke,
    /// On from what was found before, for so many seconds.
    Longer(u32),
}

const SMOKE: [&str; 3] = ["-seed=1", "-runs=100000", "-max_total_time=10"];

/// Coverage that libFuzzer reads. Passes and LLVM arguments are stable flags, and with no sanitizer
/// nothing else is needed.
const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Builds all targets and runs each for a moment, two at a time.
pub fn smoke(house: &House, tally: &mut Tally) -> Result<()> {
    let targets = targets(house)?;
    let programs = build(house)?;
    let queue = Mutex::new(targets.iter());
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(name) = queue.lock().unwrap_or_else(PoisonError::into_inner).next() else {
                        return;
                    };
                    let outcome = search(house, &programs, name, Effort::Smoke);
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((name, outcome));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(name, _)| *name);
    let mut failed = 0;
    for (name, outcome) in results {
        failed += usize::from(outcome.is_err());
        match &outcome {
            Ok(runs) => println!("fuzz {name}: {runs} runs"),
            Err(error) => eprintln!("FAILED fuzz {name}: {error:#}"),
        }
        tally.check(&format!("fuzz {name}"), outcome.is_ok());
    }
    if failed > 0 {
        bail!("{failed} of the fuzz targets failed");
    }
    Ok(())
}

/// Searches with one target for as long as asked: `NAME [--seconds N]`.
pub fn fuzz_longer(house: &House, words: &[&str]) -> Result<()> {
    let (name, seconds) = match words {
        [name] => (*name, 60),
        [name, "--seconds", n] => (*name, n.parse().with_context(|| format!("read {n} as seconds"))?),
        _ => bail!(Unready("usage: cargo xtask fuzz NAME [--seconds N]".into())),
    };
    let targets = targets(house)?;
    if !targets.iter().any(|t| t == name) {
        bail!(Unready(format!("no fuzz target {name}: there are {}", targets.join(", "))));
    }
    let programs = build(house)?;
    println!("{} runs, nothing found", search(house, &programs, name, Effort::Longer(seconds))?);
    Ok(())
}

/// The names of the targets, from their files.
pub fn targets(house: &House) -> Result<Vec<String>> {
    let names = house
        .files()?
        .into_iter()
        .filter_map(|f| Some(f.strip_prefix("fuzz/fuzz_targets/")?.strip_suffix(".rs")?.to_owned()));
    Ok(names.collect())
}

/// Builds every target and returns the folder of the programs.
fn build(house: &House) -> Result<PathBuf> {
    let version = capture(Command::new("rustc").arg("-vV"))?;
    let host = version
        .lines()
        .find_map(|l| l.strip_prefix("host: "))
        .context("find the host in what rustc -vV printed")?;
    let target = house.target.join("fuzz");
    // With --target the flags concern our code alone, not build scripts and macros.
    let mut command = cargo(house, "build");
    command.args([
        "--quiet",
        "--release",
        "--locked",
        "--bins",
        "--manifest-path",
        "fuzz/Cargo.toml",
        "--target",
        host,
    ]);
    shell::run(command.env("CARGO_TARGET_DIR", &target).env("RUSTFLAGS", COVERAGE))?;
    Ok(target.join(host).join("release"))
}

/// Runs one target and returns how many inputs it tried.
fn search(house: &House, programs: &Path, name: &str, effort: Effort) -> Result<u64> {
    let (found, limits) = match effort {
        Effort::Smoke => ("fuzz/smoke", SMOKE.map(str::to_owned).to_vec()),
        Effort::Longer(seconds) => ("fuzz/corpus", vec![format!("-max_total_time={seconds}")]),
    };
    let found = house.target.join(found).join(name);
    if matches!(effort, Effort::Smoke) && found.exists() {
        fs::remove_dir_all(&found).with_context(|| format!("empty {}", found.display()))?;
    }
    let artifacts = house.at("fuzz/artifacts").join(name);
    for dir in [&found, &artifacts] {
        fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
    }
    let mut command = Command::new(programs.join(name));
    // The first corpus is written to, the second only read: the seeds in the checkout stay as they are.
    command.args([&found, &house.at("fuzz/corpus").join(name)]);
    command
        .args(limits)
        .args(["-timeout=5", "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=0"]);
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    let done = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("start {}", describe(&command)))?;
    let talk = String::from_utf8_lossy(&done.stderr);
    if !done.status.success() {
        let last: Vec<&str> = talk.lines().filter(|l| !l.starts_with("stat::")).collect();
        bail!(
            "{} ended with {}\n{}",
            describe(&command),
            done.status,
            last.get(last.len().saturating_sub(15)..).unwrap_or_default().join("\n")
        );
    }
    let runs = talk
        .lines()
        .find_map(|l| l.strip_prefix("stat::number_of_executed_units:"))
        .and_then(|n| n.trim().parse().ok());
    runs.with_context(|| format!("find the number of runs in what {} printed", describe(&command)))
}
