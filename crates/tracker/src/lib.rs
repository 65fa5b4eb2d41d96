//! `firn-tracker`: takes in advisories and package sets, matches them, and shows what is vulnerable in Nixpkgs.
//!
//! - [`store`] is the only door to the database, in domain terms; SQL stays behind it;
//! - [`web`] serves pages from what the store answers;
//! - [`cli`] is the command line.

pub mod check;
pub mod cli;
pub mod commands;
pub mod config;
pub mod document;
pub mod evaluate;
pub mod feeds;
pub mod fetch;
pub mod foreign;
pub mod ingest;
pub mod jobs;
pub mod matching;
mod parallel;
pub mod progress;
pub mod sample;
pub mod schedule;
pub mod serve;
pub mod snapshot;
pub mod state;
pub mod store;
pub mod summary;
pub mod sync;
pub mod timestamp;
pub mod web;

pub use progress::Progress;
pub use state::AppState;
