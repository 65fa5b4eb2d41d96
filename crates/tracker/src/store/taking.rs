//! What is handed to the store while taking in.

use std::collections::HashMap;

use vuln::advisory::Advisory;
use vuln::package::Package;
use vuln::problem::Problem;

use crate::document::Digest;

/// A raw document, packed.
#[derive(Debug, Clone)]
pub struct Document {
    /// `cve`, `nvd`, `osv`, `kev`, `epss`, `nixpkgs`.
    pub source: &'static str,
    /// The record's id, else the name of the file or entry.
    pub key: String,
    /// File or URL, an entry of an archive after `!`.
    pub url: String,
    /// Of the bytes before packing.
    pub sha256: Digest,
    /// Length before packing.
    pub size: u64,
    /// Packed bytes.
    pub packed: Vec<u8>,
}

/// The document that a record rests on now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentDocument {
    /// Of its bytes before packing.
    pub sha256: Digest,
    /// When it was changed, by its own word.
    pub modified: Option<String>,
}

/// One step of taking in a source of records.
#[derive(Debug, Clone)]
pub enum Incoming {
    /// A record.
    Record {
        /// As it came.
        document: Document,
        /// What it says.
        advisory: Box<Advisory>,
        /// What was wrong with parts of it.
        problems: Vec<Problem>,
    },
    /// A document that is no record; kept beside its problem.
    Unreadable {
        /// As it came.
        document: Document,
        /// Why.
        problem: Problem,
    },
    /// Something of which no bytes were taken: too large, encrypted, a symbolic link.
    Refused {
        /// The source.
        source: &'static str,
        /// Id or name.
        key: String,
        /// Why.
        problem: Problem,
    },
}

/// What a batch did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BatchReport {
    /// Records that are new or changed.
    pub changed: u64,
    /// Records older than what we have, or of the same time and with a lesser digest.
    pub older: u64,
    /// Problems noted.
    pub problems: u64,
}

/// A file that was taken to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenFile {
    /// `cve`, ..., `nixpkgs/CHANNEL`.
    pub source: String,
    /// Without the root of the mirror: `nvd/nvdcve-2.0-2020.json.gz`.
    pub url: String,
    /// Of the file.
    pub sha256: Digest,
    /// Length of the file.
    pub size: u64,
    /// Date of the data, where the name or the file states one.
    pub data_date: Option<String>,
    /// Of the server it came from.
    pub etag: Option<String>,
    /// Records seen.
    pub records: u64,
    /// Records that were new or changed.
    pub changed: u64,
    /// Problems noted.
    pub problems: u64,
    /// Milliseconds that taking it took, where that was noted.
    pub took_ms: Option<u64>,
}

/// One line of CISA's list of known exploited vulnerabilities.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KevLine {
    /// CVE id.
    pub name: String,
    /// `YYYY-MM-DD`
    pub date_added: String,
    /// `YYYY-MM-DD`
    pub due_date: Option<String>,
    /// `Known` where ransomware campaigns use it.
    pub ransomware: Option<String>,
    /// What to do.
    pub action: String,
}

/// One exploit prediction score.
#[derive(Debug, Clone, PartialEq)]
pub struct EpssLine {
    /// CVE id.
    pub name: String,
    /// Probability.
    pub score: f32,
    /// Share of vulnerabilities with the same or a lower score.
    pub percentile: f32,
}

/// The packages of one channel at one revision.
#[derive(Debug, Clone)]
pub struct PackageSet {
    /// The channel's name.
    pub channel: String,
    /// Commit, or what is known instead.
    pub revision: String,
    /// Each attribute once.
    pub packages: Vec<Package>,
    /// How many of them have a derivation that was read: their patches are known.
    pub with_derivation: u64,
}

/// What taking a package set did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SetReport {
    /// Packages of the set.
    pub packages: u64,
    /// Packages that no set had before.
    pub new_packages: u64,
    /// Whether the channel has another set than before.
    pub changed: bool,
}

/// The vulnerabilities that a batch is about, in the order they were met, with the records to link to each.
#[derive(Debug, Default)]
pub struct Names {
    /// Their names.
    pub order: Vec<String>,
    /// By name: rows of records.
    pub records: HashMap<String, Vec<i64>>,
}

impl Names {
    /// The records of a vulnerability, which the batch is about from now on.
    pub fn touch(&mut self, name: &str) -> &mut Vec<i64> {
        if !self.records.contains_key(name) {
            self.order.push(name.to_owned());
        }
        self.records.entry(name.to_owned()).or_default()
    }

    /// A record that was taken twice in a batch is about what it says last.
    pub fn release(&mut self, record: i64, names: &[String]) {
        for (name, records) in &mut self.records {
            if !names.contains(name) {
                records.retain(|id| *id != record);
            }
        }
    }
}
