//! Integration tests of the tracker.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get ends it")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so aloud")]

mod backend;
mod cli;
mod cluster;
mod evaluate;
mod fake;
mod fetching;
mod growth;
mod incremental;
mod jobs;
mod killed;
mod made;
mod program;
mod real;
mod served;
mod store;
mod take;
mod tls;
mod trouble;
mod units;
mod upstream;

mod web;
