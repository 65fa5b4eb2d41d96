//! Answers of the search.

use serde::Serialize;
use vuln::score::Severity;

/// A vulnerability in a list of hits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit {
    /// `CVE-2024-3094`.
    #[serde(rename = "id")]
    pub name: String,
    /// May be empty.
    pub title: String,
    /// The first characters of the description.
    pub excerpt: String,
    /// Severity.
    pub severity: Severity,
    /// CVSS base score.
    pub score: Option<f32>,
    /// Date it was added to CISA's KEV list.
    pub kev_date: Option<String>,
    /// EPSS score.
    pub epss: Option<f32>,
    /// `published` or `rejected`.
    pub state: String,
    /// As the source wrote it.
    pub published: Option<String>,
}

/// Hits of a text search.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct TextHits {
    /// The hits that are shown: newest ids first, or the last taken ones where `broad`.
    pub hits: Vec<Hit>,
    /// How many there are; `None` where `broad`.
    pub total: Option<usize>,
    /// More than [`TextHits::BROAD`] match: they are neither counted nor sorted.
    pub broad: bool,
}

impl TextHits {
    /// Matches counted and sorted at most.
    pub const BROAD: usize = 1000;
}

/// What an id means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The name of the vulnerability.
    pub name: String,
    /// Whether the question was an alias.
    pub alias: bool,
}
