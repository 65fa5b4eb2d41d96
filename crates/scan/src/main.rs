//! `firn-scan`: see the library.

use std::process::ExitCode;

// Records are thousands of short texts, made on all processors.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli_kit::run(scan::commands::run)
}
