//! Who looks after packages.

use serde::Deserialize;
use vuln::package::Maintainer;

/// A package of a channel with those who look after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Channel.
    pub channel: String,
    /// Key of the package in this database.
    pub key: i64,
    /// The most plain attribute.
    pub name: String,
    /// Version.
    pub version: String,
    /// Maintainers.
    pub maintainers: Vec<Maintainer>,
    /// Short names of teams.
    pub teams: Vec<String>,
}

/// The part of a package's facts that says who looks after it.
#[derive(Debug, Deserialize, Default)]
pub struct Keepers {
    /// Maintainers.
    #[serde(default)]
    pub maintainers: Vec<Maintainer>,
    /// Short names of teams.
    #[serde(default)]
    pub teams: Vec<String>,
}
