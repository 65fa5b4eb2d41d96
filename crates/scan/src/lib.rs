//! `firn-scan`: what of a closure is vulnerable.
//!
//! ```text
//! closure, drv, sbom        ->  Inventory      what there is: store paths, their edges, the packages they are made of
//! Inventory + snapshot      ->  [Finding]      what is known of it: the matcher of `vuln`, over the records that a snapshot holds; or a tracker is asked
//! decisions (TOML, VEX)     ->  [Finding]      what people said of it: applied, still visible
//! Report                    ->  table, JSON, SARIF, CycloneDX, ...
//! ```

pub mod cli;
pub mod commands;
pub mod decisions;
pub mod diff;
pub mod input;
pub mod report;
#[cfg(test)]
mod sample;
pub mod snapshot;
pub mod tracker;
pub mod watch;
pub mod why;

pub use judging::{finding, inventory, judge};
