//! Tests of `firn-boot` as a whole: its command line beside other people's tools, and images in real firmware.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![expect(clippy::print_stdout, reason = "a test that skips says so")]

mod attacks;
mod boots;
mod enrolment;
mod esp;
mod handover;
mod keys;
mod lab;
mod oracles;
mod varstore;
mod vm;
