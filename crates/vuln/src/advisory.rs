//! What one source says about one vulnerability, in one shape whatever the source's format.

use serde::{Deserialize, Serialize};

use crate::cpe::Cpe;
use crate::score::Score;

/// One record of one source about one vulnerability. Several advisories (CVE 5, NVD, OSV) may speak about the same one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Advisory {
    /// The record's own id, in upper case where the id scheme has one: `CVE-2024-3094`, `GO-2020-0007`, `BIT-activemq-2021-21341`.
    pub id: String,
    /// Where the record comes from.
    pub source: Source,
    /// Whether the record stands.
    pub state: State,
    /// Other ids of the same vulnerability (OSV `aliases`, and `upstream` where it names a CVE).
    pub aliases: Vec<String>,
    /// One-line title, where the source has one.
    pub title: Option<String>,
    /// English description (the first English one, else the first).
    pub description: String,
    /// RFC 3339 or the source's ISO 8601 text, as written.
    pub published: Option<String>,
    /// As [`published`](Self::published).
    pub modified: Option<String>,
    /// Links, in record order, each once.
    pub references: Vec<Reference>,
    /// CWE ids (`CWE-79`), each once.
    pub cwes: Vec<String>,
    /// CVSS scores of every provider.
    pub scores: Vec<Score>,
    /// CISA's SSVC decision points, from an ADP container.
    pub ssvc: Option<Ssvc>,
    /// Date (`YYYY-MM-DD`) the vulnerability entered CISA's KEV list, where the record itself says so (ADP container).
    pub kev_date: Option<String>,
    /// Tags of the record.
    pub tags: Vec<Tag>,
    /// Products named with version lists (CVE 5 CNA and ADP `affected`, OSV `affected`).
    pub affected: Vec<Affected>,
    /// CPE applicability statements (NVD `configurations`, CVE 5 `cpeApplicability`).
    pub configurations: Vec<Configuration>,
}

/// The sources of vulnerability records. KEV and EPSS only add facts to vulnerabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// CVE Record Format 5.x, from the CVE program.
    #[default]
    Cve,
    /// NVD API 2.0.
    Nvd,
    /// OSV schema 1.x.
    Osv,
}

impl Source {
    /// The name used in tables, addresses and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Source::Cve => "cve",
            Source::Nvd => "nvd",
            Source::Osv => "osv",
        }
    }
}

/// Whether a record stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The record stands.
    #[default]
    Published,
    /// Rejected (CVE), withdrawn (OSV): it makes no claim any more.
    Rejected {
        /// Why, in the source's words; may be empty.
        reason: String,
        /// Ids that replace it.
        replaced_by: Vec<String>,
    },
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reference {
    /// As written; may be anything, only `http(s)` may be shown as a link.
    pub url: String,
    /// The source's tags, lower case (`patch`, `vendor-advisory`, `fix`).
    pub tags: Vec<String>,
}

/// CISA's Stakeholder-Specific Vulnerability Categorization points, as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ssvc {
    /// `none`, `poc` or `active`.
    pub exploitation: String,
    /// `yes` or `no`.
    pub automatable: String,
    /// `partial` or `total`.
    pub technical_impact: String,
}

/// Tags that change what a record means for a package set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tag {
    /// The vendor or others dispute it.
    Disputed,
    /// It concerns a service, not software that one installs.
    ExclusivelyHostedService,
    /// The product was unsupported when it was assigned.
    UnsupportedWhenAssigned,
}

/// One product of a record, with its versions.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Affected {
    /// Who says it: `cna`, the ADP's short name, or the OSV database.
    pub provider: String,
    /// As written; `n/a` and empty become `None`.
    pub vendor: Option<String>,
    /// As written; `n/a` and empty become `None`.
    pub product: Option<String>,
    /// CVE 5 `packageName`, OSV `package.name`.
    pub package_name: Option<String>,
    /// CVE 5 `collectionURL`.
    pub collection_url: Option<String>,
    /// OSV `package.ecosystem`, with any `:suffix`.
    pub ecosystem: Option<String>,
    /// CVE 5.2 `packageURL`, OSV `package.purl`.
    pub package_url: Option<String>,
    /// Source repository URL (CVE 5 `repo`, OSV GIT range `repo`).
    pub repo: Option<String>,
    /// CPE names listed for the product.
    pub cpes: Vec<Cpe>,
    /// Platforms (`Windows`, `x86`), as written.
    pub platforms: Vec<String>,
    /// Modules, files and routines, as written (CVE 5 `modules`, `programFiles`, `programRoutines`; Go `imports`).
    pub components: Vec<String>,
    /// What holds for a version that no entry matches.
    pub default_status: Status,
    /// Version statements, in record order: the first that matches decides.
    pub versions: Vec<VersionEntry>,
    /// OSV ranges.
    pub ranges: Vec<EventRange>,
}

/// The status a record gives to a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Has the vulnerability.
    Affected,
    /// Does not have it (never had, or fixed).
    Unaffected,
    /// Not known. The CVE format's default.
    #[default]
    Unknown,
}

/// One entry of a CVE 5 `versions` list: a single version, or a range where `bound` is given. OSV's plain version lists become single entries too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionEntry {
    /// The single version, or the start of the range (inclusive).
    pub version: String,
    /// What the entry says.
    pub status: Status,
    /// `versionType`, lower case, as written; `None` where absent.
    pub scheme: Option<String>,
    /// The end of the range.
    pub bound: Option<UpperBound>,
    /// Changes of status inside the range, in record order.
    pub changes: Vec<Change>,
}

/// The end of a range; `*` means without end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpperBound {
    /// `lessThan`.
    LessThan(String),
    /// `lessThanOrEqual`.
    LessThanOrEqual(String),
}

/// One `changes[]` item: from `at` (inclusive) on the status is `status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Version.
    pub at: String,
    /// Status from there.
    pub status: Status,
}

/// One OSV range: a list of events on a line of versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRange {
    /// `SEMVER`, `ECOSYSTEM` or `GIT`.
    pub kind: RangeKind,
    /// As in the record; OSV's evaluation sorts them.
    pub events: Vec<Event>,
}

/// OSV `ranges[].type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RangeKind {
    /// Semantic versions.
    Semver,
    /// The ecosystem's own order.
    Ecosystem,
    /// Commits.
    Git,
}

/// OSV event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Affected from here (inclusive); `0` is before everything.
    Introduced(String),
    /// Unaffected from here (inclusive).
    Fixed(String),
    /// Affected up to here (inclusive).
    LastAffected(String),
    /// Nothing is said from here on.
    Limit(String),
}

/// One applicability statement: `nodes` joined by `operator`, then negated where `negate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// How the nodes are joined. NVD: absent means OR.
    pub operator: Operator,
    /// Whether the result is negated.
    pub negate: bool,
    /// The parts.
    pub nodes: Vec<Node>,
}

/// A list of CPE match criteria joined by `operator`, then negated where `negate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// How the criteria are joined.
    pub operator: Operator,
    /// Whether the result is negated.
    pub negate: bool,
    /// The criteria.
    pub matches: Vec<CpeMatch>,
}

/// AND or OR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Operator {
    /// All must hold.
    And,
    /// One must hold.
    #[default]
    Or,
}

/// One CPE match criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpeMatch {
    /// `false`: only the platform that the vulnerable software runs on or with.
    pub vulnerable: bool,
    /// The name that must match.
    pub cpe: Cpe,
    /// Lower end.
    pub start: Option<End>,
    /// Upper end.
    pub end: Option<End>,
}

/// One end of a CPE range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Version.
    pub version: String,
    /// Whether the version itself is inside.
    pub inclusive: bool,
}
