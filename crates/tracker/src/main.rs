//! `firn-tracker`.

use std::process::ExitCode;

use clap::Parser;
use tracker::cli::Cli;

fn main() -> ExitCode {
    let _cli = Cli::parse();
    ExitCode::from(70)
}
