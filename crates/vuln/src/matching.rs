//! Joins vulnerabilities with packages: identity with evidence, versions judged under a scheme, a verdict.
//!
//! The caller builds, in this order: [`ProfilesBuilder`] over all advisories, [`FactsBuilder`] over the packages of all
//! channels, one [`PackageIndex`] a channel; then asks [`candidates`] for each vulnerability.

mod applicability;
mod coordinate;
mod engine;
mod history;
mod identity;
mod index;
mod key;
mod lines;
mod memo;
mod name;
mod pairs;
mod platform;
mod profile;
mod registry;
mod rules;
mod subject;

/// A map by texts of feeds, looked up millions of times: with a quicker hash than the standard library's, seeded at random like it.
type Table<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

pub use engine::{Library, Prepared, Vulnerability, candidates};
pub use index::{Cluster, Facts, FactsBuilder, Known, PackageIndex, marked_ids, patched_ids};
pub use key::Key;
pub use memo::Memo;
pub use profile::{Profile, Profiles, ProfilesBuilder};
pub use rules::rules_digest;
