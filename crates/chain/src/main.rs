//! `firn-chain`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli_kit::run(chain::commands::run)
}
