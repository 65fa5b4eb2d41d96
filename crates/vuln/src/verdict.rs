//! The answer to "does this vulnerability concern this package?", with its evidence.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The verdict for one vulnerability and one package of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The package's version has the vulnerability and nothing says it was mended.
    Affected,
    /// Nixpkgs itself marks the package (`meta.knownVulnerabilities`) with this vulnerability.
    KnownVulnerable,
    /// The identity holds, but versions cannot be compared; the evidence says why.
    Unknown,
    /// The package carries a patch that names the vulnerability.
    Patched,
    /// The version is at or past the fix.
    Fixed,
    /// Never had it: before the first affected version, another release line, another platform.
    NotAffected,
}

impl Verdict {
    /// All verdicts, worst first.
    pub const ALL: [Verdict; 6] = [
        Verdict::Affected,
        Verdict::KnownVulnerable,
        Verdict::Unknown,
        Verdict::Patched,
        Verdict::Fixed,
        Verdict::NotAffected,
    ];

    /// The name in files and addresses: `known_vulnerable`.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Affected => "affected",
            Verdict::KnownVulnerable => "known_vulnerable",
            Verdict::Unknown => "unknown",
            Verdict::Patched => "patched",
            Verdict::Fixed => "fixed",
            Verdict::NotAffected => "not_affected",
        }
    }

    /// Whether someone has to do something: affected, known vulnerable, or not known.
    pub fn is_open(self) -> bool {
        matches!(self, Verdict::Affected | Verdict::KnownVulnerable | Verdict::Unknown)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Verdict {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        Verdict::ALL
            .into_iter()
            .find(|v| v.name() == s)
            .ok_or_else(|| format!("no verdict named {s:?}"))
    }
}

/// One reason for a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Evidence {
    /// The rule's name, stable: `cpe-vendor-homepage`, `range-below-fix`, `patch-names-id`.
    pub rule: String,
    /// A sentence that a person can read, with the values that decided.
    pub detail: String,
}

/// A package that a vulnerability was matched with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Match {
    /// Index of the package cluster in the [`PackageIndex`](crate::matching::PackageIndex) that was asked.
    pub cluster: usize,
    /// The answer.
    pub verdict: Verdict,
    /// In [0, 1]: how sure we are of identity and version together.
    pub confidence: f32,
    /// Why, most important first.
    pub evidence: Vec<Evidence>,
    /// The first version that is not affected any more, where the records name one for this release line.
    pub fixed_in: Option<String>,
}

/// What became of a vulnerability for a package set. Each vulnerability has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// At least one package was matched.
    Matched,
    /// Nothing in the package set is this software.
    NothingInNixpkgs,
    /// The record was rejected or withdrawn.
    Rejected,
    /// It concerns a hosted service only.
    HostedService,
    /// It concerns hardware or firmware only.
    HardwareOnly,
    /// It concerns another platform only (Windows, Android, macOS, iOS).
    OtherPlatform,
    /// The record names no product that could be compared.
    NoProduct,
}

impl Disposition {
    /// All dispositions.
    pub const ALL: [Disposition; 7] = [
        Disposition::Matched,
        Disposition::NothingInNixpkgs,
        Disposition::Rejected,
        Disposition::HostedService,
        Disposition::HardwareOnly,
        Disposition::OtherPlatform,
        Disposition::NoProduct,
    ];

    /// The name in files and addresses.
    pub fn name(self) -> &'static str {
        match self {
            Disposition::Matched => "matched",
            Disposition::NothingInNixpkgs => "nothing_in_nixpkgs",
            Disposition::Rejected => "rejected",
            Disposition::HostedService => "hosted_service",
            Disposition::HardwareOnly => "hardware_only",
            Disposition::OtherPlatform => "other_platform",
            Disposition::NoProduct => "no_product",
        }
    }
}

/// A package that was close, and why it was not taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NearMiss {
    /// Index of the package cluster.
    pub cluster: usize,
    /// Identity confidence, below the threshold.
    pub confidence: f32,
    /// Why it was close and what was missing.
    pub evidence: Vec<Evidence>,
}

/// The whole answer for one vulnerability and one package set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// What became of it.
    pub disposition: Disposition,
    /// The packages, most open and most confident first.
    pub matches: Vec<Match>,
    /// At most five that were close; only where `matches` is empty.
    pub near_misses: Vec<NearMiss>,
}
