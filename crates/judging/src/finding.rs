//! What is known of an inventory: findings, and the report that outputs are made from.

use vuln::score::{Score, Severity};
use vuln::verdict::{Evidence, Verdict};

use crate::inventory::Inventory;

/// A scan: everything that an output may want to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// When it was made: seconds since 1970.
    pub time: i64,
    /// What was scanned.
    pub inventory: Inventory,
    /// What it was judged with.
    pub knowledge: Knowledge,
    /// What was found, all verdicts; outputs choose. Worst first.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Seconds from the making of the snapshot to this scan.
    pub fn age(&self) -> i64 {
        self.time.saturating_sub(self.knowledge.created).max(0)
    }
}

/// Where the answers come from, and how old that is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Knowledge {
    /// Root digest of the snapshot (hex).
    pub digest: String,
    /// When the snapshot was made: seconds since 1970.
    pub created: i64,
    /// Its version number: a later one is higher.
    pub serial: u64,
    /// Each source with the time of its data: (`nvd`, seconds since 1970).
    pub sources: Vec<(String, i64)>,
    /// The channels that it knows.
    pub channels: Vec<String>,
    /// The channel among whose packages everything was judged.
    pub context: Option<String>,
}

/// One vulnerability of one package.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Index into [`Inventory::packages`].
    pub package: u32,
    /// `CVE-2024-3094`, or the record's id where it has no CVE.
    pub id: String,
    /// Other ids of the same fault.
    pub aliases: Vec<String>,
    /// One line.
    pub title: Option<String>,
    /// As the record says, at most 4096 bytes.
    pub description: String,
    /// The answer.
    pub verdict: Verdict,
    /// In [0, 1].
    pub confidence: f32,
    /// Why, most important first.
    pub evidence: Vec<Evidence>,
    /// The first version that is not affected, where the records name one for this release line.
    pub fixed_in: Option<String>,
    /// Channels that have the package without the fault: (channel, version).
    pub fixed_channels: Vec<(String, String)>,
    /// All scores of all sources.
    pub scores: Vec<Score>,
    /// The score that decides its severity: index into `scores`.
    pub leading_score: Option<usize>,
    /// Chance of exploitation in 30 days (FIRST): (score, percentile), both in [0, 1].
    pub epss: Option<(f32, f32)>,
    /// Known to be exploited (CISA): date added, `2024-03-29`.
    pub exploited_since: Option<String>,
    /// `2024-03-29T17:15:00Z`, as the record says.
    pub published: Option<String>,
    /// The same, of the last change.
    pub modified: Option<String>,
    /// `CWE-79`.
    pub cwes: Vec<String>,
    /// Addresses.
    pub references: Vec<String>,
    /// What people decided about it, if anything.
    pub decision: Option<Decision>,
}

/// What somebody stated about a finding, in a local file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What it comes to.
    pub status: Status,
    /// Why, in words.
    pub reason: String,
    /// VEX justification, where one was given: `vulnerable_code_not_in_execute_path`.
    pub justification: Option<String>,
    /// The last day that it holds: `2027-01-31`.
    pub until: Option<String>,
    /// Where it stands: `decisions.toml, entry 3`.
    pub source: String,
}

/// The states of VEX.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// The fault cannot be reached here.
    NotAffected,
    /// It is there, and somebody knows.
    Affected,
    /// It was mended here.
    Fixed,
    /// Somebody is looking.
    UnderInvestigation,
    /// It is there, and it is accepted for the time being.
    Accepted,
}

impl Status {
    /// All states.
    pub const ALL: [Status; 5] = [
        Status::NotAffected,
        Status::Affected,
        Status::Fixed,
        Status::UnderInvestigation,
        Status::Accepted,
    ];

    /// The name in files: `not_affected`.
    pub fn name(self) -> &'static str {
        match self {
            Status::NotAffected => "not_affected",
            Status::Affected => "affected",
            Status::Fixed => "fixed",
            Status::UnderInvestigation => "under_investigation",
            Status::Accepted => "accepted",
        }
    }
}

impl Finding {
    /// By the leading score.
    pub fn severity(&self) -> Severity {
        self.leading().map_or(Severity::Unknown, Score::severity)
    }

    /// The score that decides the severity.
    pub fn leading(&self) -> Option<&Score> {
        self.scores.get(self.leading_score?)
    }

    /// Whether somebody decided that nothing is to be done: it does not concern us, it was mended, or it is accepted.
    pub fn is_settled(&self) -> bool {
        let settles = |d: &Decision| matches!(d.status, Status::NotAffected | Status::Fixed | Status::Accepted);
        self.decision.as_ref().is_some_and(settles)
    }

    /// Whether somebody has something to do: the verdict is open and nobody settled it.
    pub fn is_open(&self) -> bool {
        self.verdict.is_open() && !self.is_settled()
    }

    /// A stable name: the same vulnerability in the same package and version has the same one on every machine.
    pub fn fingerprint(&self, inventory: &Inventory) -> String {
        use sha2::{Digest as _, Sha256};
        let package = inventory.packages.get(self.package as usize).map(|p| &p.package);
        let (pname, version) = package.map_or(("", ""), |p| (p.pname.as_str(), p.version.as_str()));
        let mut hash = Sha256::new();
        for part in [self.id.as_str(), pname, version] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hex(&hash.finalize())
    }
}

/// Bytes as hexadecimal digits. A scan makes tens of thousands of fingerprints: no formatting for each byte.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |n: u8| char::from_digit(u32::from(n), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
