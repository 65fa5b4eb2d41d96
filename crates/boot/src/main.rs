//! `firn-boot`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli_kit::run(boot::commands::run)
}
