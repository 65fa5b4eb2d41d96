//! What matching reads from the store and hands back to it.

use serde::{Deserialize, Serialize};
use vuln::advisory::Source;
use vuln::package::Package;
use vuln::verdict::{Disposition, Evidence, Verdict};

use super::StoreError;
use crate::document::Digest;

/// A channel, as matching sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelState {
    /// Row.
    pub id: i64,
    /// Name.
    pub name: String,
    /// Its current package set and that set's digest (hex).
    pub set: Option<(i64, String)>,
    /// The set that its verdicts are about.
    pub matched_set: Option<i64>,
    /// Vulnerabilities up to this mark are matched.
    pub matched_mark: i64,
    /// What the verdicts were made with.
    pub matched_basis: String,
}

/// A revision that a channel keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRevision {
    /// Row of the package set.
    pub set: i64,
    /// The revision seen last with these packages.
    pub revision: String,
    /// The one seen first with them.
    pub first_revision: String,
    /// When that was taken in: unix seconds.
    pub first_at: i64,
}

/// A package of a set, with its row.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPackage {
    /// Row.
    pub id: i64,
    /// The facts.
    pub package: Package,
}

/// A vulnerability with its current raw documents.
#[derive(Debug, Clone)]
pub struct StoredVulnerability {
    /// Row.
    pub id: i64,
    /// Name.
    pub name: String,
    /// When it last changed.
    pub touched: i64,
    /// Packed documents with the length before packing.
    pub documents: Vec<(Source, Vec<u8>, usize)>,
}

/// Something derived from the whole database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derived {
    /// Digest of what it was derived from.
    pub basis: String,
    /// JSON.
    pub bytes: Vec<u8>,
}

/// The result of matching channels together.
pub struct MatchResult<'a> {
    /// The channels.
    pub channels: Vec<MatchedChannel>,
    /// The mark up to which vulnerabilities were matched.
    pub mark: i64,
    /// What it was made with.
    pub basis: String,
    /// One for each vulnerability that was matched with a channel, in the order of the vulnerabilities' rows. Where matching fails on the way
    /// nothing is written.
    pub outcomes: &'a mut dyn Iterator<Item = Result<OutcomeRow, StoreError>>,
}

/// A channel of a [`MatchResult`].
pub struct MatchedChannel {
    /// Row of the channel.
    pub channel: i64,
    /// The set that was matched.
    pub set: i64,
    /// The clusters of the set; `None` where only some vulnerabilities were matched and the clusters are those of the last match. Made as they are
    /// asked for: all of them are a hundred megabytes.
    pub clusters: Option<Box<dyn Iterator<Item = ClusterRow>>>,
}

/// A cluster of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterRow {
    /// The most plain attribute.
    pub name: String,
    /// Of that attribute.
    pub pname: String,
    /// Of that attribute.
    pub version: String,
    /// Row of that attribute's package.
    pub package: Option<i64>,
    /// All attributes.
    pub attrs: Vec<String>,
}

/// What became of one vulnerability in one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct OutcomeRow {
    /// Row of the channel.
    pub channel: i64,
    /// Row of the vulnerability.
    pub vulnerability: i64,
    /// What became of it.
    pub disposition: Disposition,
    /// JSON list of [`NearMissLine`]; `None` where there is none.
    pub near_misses: Option<String>,
    /// The verdicts.
    pub verdicts: Vec<VerdictLine>,
}

impl OutcomeRow {
    /// Whether nothing was found, and nothing close: what holds of most vulnerabilities, and is not written down.
    pub fn is_nothing(&self) -> bool {
        self.disposition == Disposition::NothingInNixpkgs && self.near_misses.is_none()
    }
}

/// One verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct VerdictLine {
    /// Name of the cluster.
    pub cluster: String,
    /// The answer.
    pub verdict: Verdict,
    /// In [0, 1].
    pub confidence: f32,
    /// First version that is not affected.
    pub fixed_in: Option<String>,
    /// Why.
    pub evidence: EvidenceLines,
}

/// Why, as it is written down: once, whatever the number of verdicts that say so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceLines {
    /// JSON list of [`Evidence`].
    pub lines: String,
    /// The first half of their SHA-256.
    pub digest: [u8; 16],
}

impl From<String> for EvidenceLines {
    fn from(lines: String) -> Self {
        let Digest(whole) = Digest::of(lines.as_bytes());
        let mut digest = [0; 16];
        digest.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
        Self { lines, digest }
    }
}

/// A package that was close.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NearMissLine {
    /// Name of the cluster.
    pub name: String,
    /// Package name.
    pub pname: String,
    /// Version.
    pub version: String,
    /// Identity confidence.
    pub confidence: f32,
    /// Why it was close, and what was missing.
    pub evidence: Vec<Evidence>,
}

/// What is known of exploits of a vulnerability.
#[derive(Debug, Clone, PartialEq)]
pub struct Exploitation {
    /// Row of the vulnerability.
    pub vulnerability: i64,
    /// EPSS score and percentile.
    pub epss: Option<(f32, f32)>,
    /// When it came into CISA's list: `2024-03-29`.
    pub kev_date: Option<String>,
}

/// A line of `export suggestions`: a (vulnerability, package cluster, version, channel) that was matched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suggestion {
    /// `CVE-2024-3094`, or the record's id where it has no CVE.
    pub cve: String,
    /// Name of the cluster.
    pub package: String,
    /// All attributes of the cluster.
    pub attrs: Vec<String>,
    /// Package name.
    pub pname: String,
    /// Version.
    pub version: String,
    /// Channel.
    pub channel: String,
    /// The answer.
    pub verdict: Verdict,
    /// In [0, 1].
    pub confidence: f32,
    /// Why.
    pub evidence: Vec<Evidence>,
}
