//! Everything that must hold before a change lands.

mod boot;
mod chain;
mod fuzz;
mod installed;
mod interface;
pub mod needs;
mod pages;
mod scan;
mod tally;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::house::House;
use crate::shell::{self, cargo};
use crate::{Told, Unready, docs, tidy};

pub use fuzz::fuzz_longer;
pub use pages::environment as pages_environment;
use tally::Tally;

/// What to test.
pub struct Options {
    only: Option<Area>,
    long: bool,
}

/// A part of the suite that can be tested alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// Formatting, lints, house rules, documentation, the crates that serve all programs.
    House,
    /// The vulnerability tracker and the crates below it.
    Tracker,
    /// The closure scanner.
    Scan,
    /// Secure Boot, the stub, the initrd.
    Boot,
    /// The full-source bootstrap.
    Chain,
}

impl Area {
    const ALL: [(Self, &str); 5] = [
        (Self::House, "house"),
        (Self::Tracker, "tracker"),
        (Self::Scan, "scan"),
        (Self::Boot, "boot"),
        (Self::Chain, "chain"),
    ];

    /// The workspace's crates that are tested with this area.
    const fn crates(self) -> &'static [&'static str] {
        match self {
            Self::House => &["cli-kit", "xtask"],
            Self::Tracker => &["nix-model", "vuln", "fetch", "tracker"],
            Self::Boot => &["boot-formats", "boot"],
            Self::Chain => &["sandbox", "chain"],
            Self::Scan => &["attest", "judging", "scan"],
        }
    }
}

impl Options {
    /// Reads `[--only AREA] [--long]`.
    pub fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self { only: None, long: false };
        let mut rest = words;
        loop {
            rest = match rest {
                [] => return Ok(options),
                ["--long", rest @ ..] => {
                    options.long = true;
                    rest
                }
                ["--only", name, rest @ ..] => {
                    let Some((area, _)) = Area::ALL.iter().find(|(_, n)| n == name) else {
                        bail!(Unready(format!(
                            "no area {name}: choose among {}",
                            Area::ALL.map(|(_, n)| n).join(", ")
                        )));
                    };
                    options.only = Some(*area);
                    rest
                }
                other => bail!(Unready(format!(
                    "usage: cargo xtask test [--only AREA] [--long], not {}",
                    other.join(" ")
                ))),
            };
        }
    }

    fn wants(&self, area: Area) -> bool {
        self.only.is_none_or(|only| only == area)
    }
}

type Work<'a> = Box<dyn FnOnce(&mut Tally) -> Result<()> + 'a>;

/// One thing to do; it counts what it checked in the tally, or as one check.
struct Step<'a> {
    name: &'static str,
    work: Work<'a>,
}

/// Installs what is missing, runs every step, and sums up. One step's failure does not hide another's.
pub fn test(house: &House, options: Options) -> Result<()> {
    let areas: Vec<Area> = Area::ALL.iter().map(|(area, _)| *area).filter(|a| options.wants(*a)).collect();
    needs::install(&areas)?;
    for (area, name) in Area::ALL {
        if options.wants(area) && area.crates().is_empty() {
            println!("nothing yet in area {name}");
        }
    }
    let mut tally = Tally::default();
    let mut times = Vec::new();
    for step in steps(house, &areas, options.long) {
        println!("\n== {}", step.name);
        let started = Instant::now();
        let checks_before = tally.counted();
        let outcome = (step.work)(&mut tally);
        let took = started.elapsed();
        if let Err(error) = &outcome {
            eprintln!("FAILED {}: {error:#}", step.name);
        }
        tally.close_step(step.name, checks_before, outcome.is_ok());
        times.push((step.name, took, outcome.is_ok()));
    }
    sum_up(house, &times, &tally)
}

fn steps<'a>(house: &'a House, areas: &[Area], long: bool) -> Vec<Step<'a>> {
    let mut steps: Vec<Step<'a>> = Vec::new();
    let mut add = |name, work: Work<'a>| steps.push(Step { name, work });
    if areas.contains(&Area::Scan) {
        add("validators", Box::new(|_| scan::prepare(house)));
    }
    if areas.contains(&Area::Chain) {
        add("readers of provenance", Box::new(|_| chain::prepare(house)));
    }
    if areas.contains(&Area::Tracker) {
        add("axe-core", Box::new(|_| pages::prepare(house)));
        add("schemathesis", Box::new(|_| interface::prepare(house)));
    }
    let with_house = areas.contains(&Area::House);
    if areas.contains(&Area::Boot) {
        // First, because what is built later holds the stub.
        add("stub", Box::new(|_| boot::prepare(house)));
    }
    if with_house {
        add("format", Box::new(|_| format(house)));
        add("tidy", Box::new(|_| tidy::tidy(house)));
        add("clippy", Box::new(|_| clippy(house)));
    }
    let crates: Vec<&'static str> = areas.iter().flat_map(|a| a.crates()).copied().collect();
    if !crates.is_empty() {
        add("tests", Box::new(move |tally| tests(house, &crates, long, tally)));
    }
    if with_house {
        add("docs", Box::new(|_| api_docs(house)));
        add("generated pages", Box::new(|_| docs::check(house)));
    }
    if areas.contains(&Area::Tracker) {
        add("fuzz", Box::new(|tally| fuzz::smoke(house, tally)));
    }
    steps
}

fn format(house: &House) -> Result<()> {
    shell::run(cargo(house, "fmt").args(["--all", "--check"]))?;
    for manifest in ["fuzz/Cargo.toml", "boot-stub/Cargo.toml"] {
        shell::run(cargo(house, "fmt").args(["--manifest-path", manifest, "--check"]))?;
    }
    Ok(())
}

fn clippy(house: &House) -> Result<()> {
    shell::run(cargo(house, "clippy").args(["--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))?;
    // For the host: its own target has no lints where the standard library is Debian's.
    shell::run(cargo(house, "clippy").args(["--manifest-path", "boot-stub/Cargo.toml", "--locked", "--", "-D", "warnings"]))
}

/// Unit, integration and documentation tests of these crates, in one Cargo call.
fn tests(house: &House, crates: &[&str], long: bool, tally: &mut Tally) -> Result<()> {
    let mut command = cargo(house, "test");
    command.args(["--locked", "--no-fail-fast"]);
    for name in crates {
        command.args(["--package", name]);
    }
    // What passing tests print is asked for, because some of them say that they skipped. What is installed must not be skipped.
    command
        .args(["--", "--show-output"])
        .env("FIRN_REQUIRE_BROWSER", "1")
        .env("FIRN_REQUIRE_POSTGRES", "1");
    if crates.contains(&"tracker") {
        command.envs(pages::environment(house)).envs(interface::environment(house));
    }
    if long {
        // More moments to be killed at, longer sequences of changes.
        command.env("FIRN_LONG", "1");
    }
    if crates.contains(&"boot") {
        command.envs(boot::environment(house));
    }
    if crates.contains(&"chain") {
        command.envs(chain::environment(house));
    }
    if crates.contains(&"scan") {
        command.envs(scan::environment(house));
    }
    shell::watch(&mut command, |line| tally.read(line))
}

fn api_docs(house: &House) -> Result<()> {
    shell::run(
        cargo(house, "doc")
            .args(["--workspace", "--no-deps", "--locked"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

fn sum_up(house: &House, times: &[(&str, Duration, bool)], tally: &Tally) -> Result<()> {
    println!("\n== summary");
    for (name, took, passed) in times {
        println!(
            "{:<16} {:>7.1} s  {}",
            name,
            took.as_secs_f64(),
            if *passed { "ok" } else { "FAILED" }
        );
    }
    println!(
        "{:<16} {:>7.1} s",
        "all",
        times.iter().map(|(_, t, _)| *t).sum::<Duration>().as_secs_f64()
    );
    if house.mirror().is_none() {
        println!("SKIPPED: tests with real feeds, because FIRN_MIRROR is not set");
    }
    for line in tally.skipped() {
        println!("{line}");
    }
    for name in tally.failures() {
        println!("FAILED {name}");
    }
    // CI reads this line; it is the last one on stdout.
    println!("{} passed, {} failed", tally.passed(), tally.failed());
    if tally.failed() > 0 { Err(Told.into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let all = Options::parse(&[]).unwrap();
        assert!(Area::ALL.iter().all(|(area, _)| all.wants(*area)) && !all.long);
        let one = Options::parse(&["--long", "--only", "house"]).unwrap();
        assert!(one.long && one.wants(Area::House) && !one.wants(Area::Tracker));
        assert!(Options::parse(&["--only", "moon"]).is_err_and(|e| e.is::<Unready>()));
        assert!(Options::parse(&["--only"]).is_err());
    }
}
