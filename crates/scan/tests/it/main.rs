//! Integration tests of the scanner.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![expect(clippy::print_stdout, reason = "a test that skips says so")]

mod oracles;
mod reports;
mod samples;
