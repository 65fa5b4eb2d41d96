//! `firn-scan`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli_kit::run(scan::commands::run)
}
