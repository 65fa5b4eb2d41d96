//! `firn-tracker`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli_kit::run(tracker::commands::run)
}
