//! Tasks of the house. `cargo xtask` alone prints them.
//!
//! Few dependencies on purpose: this is compiled before anything else, on every fresh machine.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task talks to the person or the CI that started it"
)]

mod bench;
mod docs;
mod house;
mod quality;
mod run;
mod shell;
mod stub;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::house::House;

const USAGE: &str = "\
Usage: cargo xtask TASK

Tasks:
  run [-- ARGS]                build the tracker and serve it on 127.0.0.1:8080 (ARGS go to `firn-tracker serve`)
  test [--only AREA] [--long]  install what the tests need and run them; AREA: house, tracker, scan, boot, chain
  stub                         build firn-stub.efi, which building firn-boot then puts into it
  fuzz NAME [--seconds N]      search with one fuzz target for longer than the tests do
  tidy                         the house rules alone: crate edges, manifests, sources, licences, links
  docs [--check]               write the generated pages of the book, or check that they are current
  docs --screenshots           draw the pictures of the book anew, with the browser tests
  bench [--only PART]          measure against the targets, with $FIRN_MIRROR; PART: benches, boot, feeds, load, pages, scan
  quality                      score the matcher on $FIRN_MIRROR/labels/dev.csv

Exit codes: 0 all well, 1 a check failed, 2 bad usage or something is missing.
";

/// The command line or the machine is not as it must be; exit code 2.
#[derive(Debug)]
struct Unready(String);

impl std::fmt::Display for Unready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unready {}

/// A check failed and everything about it has been printed; exit code 1.
#[derive(Debug)]
struct Told;

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a check failed, see above")
    }
}

impl std::error::Error for Told {}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Told>() => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(if error.is::<Unready>() { 2 } else { 1 })
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    let house = House::find()?;
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        ["run"] => run::run(&house, &[]),
        ["run", "--", rest @ ..] | ["run", rest @ ..] => run::run(&house, rest),
        ["test", rest @ ..] => test::test(&house, test::Options::parse(rest)?),
        ["fuzz", rest @ ..] => test::fuzz_longer(&house, rest),
        ["stub"] => stub::stub(&house).map(drop),
        ["tidy"] => tidy::tidy(&house),
        ["docs"] => docs::write(&house),
        ["docs", "--check"] => docs::check(&house),
        ["docs", "--screenshots"] => docs::screenshots(&house),
        ["bench", rest @ ..] => bench::bench(&house, rest),
        ["quality", rest @ ..] => quality::quality(&house, rest),
        _ => bail!(Unready(format!("no such task: {}\n\n{USAGE}", words.join(" ")))),
    }
}
