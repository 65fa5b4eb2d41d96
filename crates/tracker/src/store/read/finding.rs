//! Findings: (vulnerability, package) pairs of a channel with their verdict, in a compact shape.

use serde::Serialize;
use vuln::score::Severity;
use vuln::verdict::{Evidence, Verdict};

/// Changes when the findings of a channel may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Name of the channel.
    pub channel: String,
    /// Changes with the findings. To be compared for equality only, as the next ones.
    pub stamp: String,
    /// Changes with the packages.
    pub packages: String,
    /// Changes with what the lists of CISA and EPSS say of any vulnerability: shown beside findings, and no part of a verdict.
    pub told: String,
}

impl Mark {
    /// Whether the findings and packages are those of another mark.
    pub fn has_same_findings(&self, other: &Self) -> bool {
        (&self.channel, &self.stamp, &self.packages) == (&other.channel, &other.stamp, &other.packages)
    }
}

/// All findings of a channel.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Findings {
    /// The packages that some vulnerability was found in, by key, each once.
    pub clusters: Vec<ClusterFacts>,
    /// The findings, in any order.
    pub pairs: Vec<Pair>,
}

/// What lists sort by and show of a vulnerability.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Facts {
    /// Key in this database.
    #[serde(skip)]
    pub key: i64,
    /// `CVE-2024-3094`.
    #[serde(rename = "id")]
    pub name: String,
    /// The title, else the beginning of the description; may be empty.
    pub title: String,
    /// Severity.
    pub severity: Severity,
    /// CVSS base score.
    pub score: Option<f32>,
    /// Date it was added to CISA's KEV list.
    pub kev_date: Option<String>,
    /// EPSS score in [0, 1].
    pub epss: Option<f32>,
    /// As the source wrote it.
    pub published: Option<String>,
    /// Year and number of the id: the order of ids.
    #[serde(skip)]
    pub order: (i64, i64),
}

impl Facts {
    /// At most 160 characters of a text, cut behind a word.
    pub fn one_line(mut text: String) -> String {
        const LIMIT: usize = 160;
        if let Some((end, _)) = text.char_indices().nth(LIMIT) {
            text.truncate(end);
            if let Some(space) = text.rfind(char::is_whitespace) {
                text.truncate(space);
            }
            text.push('…');
        }
        text
    }
}

/// A package in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClusterFacts {
    /// Key in this database.
    #[serde(skip)]
    pub key: i64,
    /// The most plain attribute.
    #[serde(rename = "package")]
    pub name: String,
    /// Package name.
    pub pname: String,
    /// Version.
    pub version: String,
}

/// One finding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// Key of the vulnerability.
    pub vulnerability: i64,
    /// Key of the package.
    pub cluster: i64,
    /// Verdict.
    pub verdict: Verdict,
    /// In [0, 1].
    pub confidence: f32,
}

/// The rest of a finding, for the few that a page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairDetail {
    /// The keys of the vulnerability and the package.
    pub pair: (i64, i64),
    /// The first version that is not affected any more.
    pub fixed_in: Option<String>,
    /// Why, most important first.
    pub evidence: Vec<Evidence>,
}

#[cfg(test)]
mod tests {
    use super::Facts;

    #[test]
    fn long_texts_are_cut_behind_a_word() {
        let words = "word ".repeat(40);
        assert_eq!(Facts::one_line(words.clone()), format!("{}…", words[..159].trim_end()));
        assert_eq!(Facts::one_line("ä".repeat(200)), format!("{}…", "ä".repeat(160)));
        assert_eq!(Facts::one_line("short".to_owned()), "short");
    }
}
