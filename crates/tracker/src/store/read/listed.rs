//! Lists that are read to their end by programs, a piece at a time.

use vuln::package::Package;
use vuln::score::Severity;

/// A vulnerability in such a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// Key in this database: the place in a list by key.
    pub key: i64,
    /// When it changed last, by its records or, in a list of changes, by a list: with the key the place there.
    pub touched: i64,
    /// `CVE-2024-3094`, or the record's id where it has no CVE.
    pub name: String,
    /// May be empty.
    pub title: String,
    /// May be empty.
    pub description: String,
    /// `published` or `rejected`.
    pub state: String,
    /// As the source wrote it.
    pub published: Option<String>,
    /// As the source wrote it.
    pub modified: Option<String>,
    /// CVSS base score.
    pub score: Option<f32>,
    /// Severity.
    pub severity: Severity,
    /// Date it was added to CISA's KEV list.
    pub kev_date: Option<String>,
    /// EPSS score in [0, 1].
    pub epss: Option<f32>,
    /// Part of all scored vulnerabilities with the same or a lower EPSS score.
    pub epss_percentile: Option<f32>,
    /// SSVC exploitation: `none`, `poc`, `active`.
    pub ssvc: Option<String>,
    /// `disputed`, `exclusively-hosted-service`, `unsupported-when-assigned`.
    pub tags: Vec<String>,
    /// Other ids.
    pub aliases: Vec<String>,
}

/// Where to go on, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// By key: the order in which they were first seen.
    Key(i64),
    /// By the time of the last change, then by key.
    Change(i64, i64),
}

impl After {
    /// What records changed and what lists did, at most so many of each, as one list of at most so many. What both changed is in it twice.
    pub(crate) fn in_order_of_change(mut changed: Vec<Listed>, limit: usize) -> Vec<Listed> {
        changed.sort_by_key(|one| (one.touched, one.key));
        changed.truncate(limit);
        changed
    }
}

/// A package of a channel in such a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPackage {
    /// Key in this database, until the channel is matched as a whole again.
    pub key: i64,
    /// The most plain attribute: the place in the list.
    pub name: String,
    /// Package name.
    pub pname: String,
    /// Version.
    pub version: String,
    /// All attributes, sorted.
    pub attrs: Vec<String>,
}

/// The package of a channel that an attribute belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// Key in this database, until the channel is matched as a whole again.
    pub key: i64,
    /// The most plain attribute.
    pub name: String,
    /// Version.
    pub version: String,
    /// What is known of that attribute.
    pub facts: Package,
}
