//! Integration tests of the scanner.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![expect(clippy::print_stdout, reason = "a test that skips says so")]

mod asking;
mod cold;
mod commands;
mod large;
// The snapshots of the tests of judging, here for the program.
#[path = "../../../judging/src/made.rs"]
mod made;
mod nixos;
mod oracles;
mod program;
mod real;
mod reports;
mod same;
mod samples;
mod watching;
