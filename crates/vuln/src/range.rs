//! Whether a record's version list or OSV ranges call a version affected, and why.
//!
//! [`judge`] follows the CVE 5 algorithm (first entry that holds decides, then `defaultStatus`) and the OSV evaluation. What authors put into the
//! fields is far from the format: texts such as `2.4.x before 2.4.7` are read by [`text`], `5.4.*` as an upper end means the whole line,
//! `unspecified` as a start means from the beginning. An entry that cannot be compared never decides, but keeps the default from deciding.
//!
//! [`line_statement`] reads the release lines that a description names.

mod bound;
mod clause;
mod entries;
mod events;
mod fix;
mod line;
pub mod text;
mod words;

use crate::advisory::{Affected, Status};
use crate::version::Scheme;

pub use line::{LineClause, line_statement};

/// What a record says about one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The record's status for the version.
    pub status: Status,
    /// Which rule decided, stable: `cve5-range`, `osv-range`, ...
    pub rule: &'static str,
    /// A sentence that names the entry and the scheme that decided.
    pub reason: String,
    /// Affected: the first version that is not any more, where the record names one. Otherwise: the fix that the version is at or past.
    pub fixed_in: Option<String>,
    /// Whether the version could be compared with every entry that mattered.
    pub comparable: bool,
    /// Whether no entry held and the default decided. `status` is the record's own default then, [`Status::Unknown`] where it has none.
    pub decided_by_default: bool,
    /// Whether a range decided that has no start, or starts at 0.
    pub open_start: bool,
    /// Where the version lies, whatever the status: what an unknown default most likely means.
    pub position: Position,
}

/// Where a version lies relative to the affected ranges of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Position {
    /// Inside one.
    Inside,
    /// Before all of them.
    Before,
    /// After all of them.
    After,
    /// After some and before others.
    Between,
    /// The record names none, or none could be compared.
    Unclear,
}

/// Judges a version by what one product entry of a record says. `fallback` is the scheme where the record names none (or `custom`).
pub fn judge(affected: &Affected, version: &str, fallback: Scheme) -> Judgement {
    if affected.ranges.is_empty() {
        entries::judge(affected, version, fallback)
    } else {
        events::judge(affected, version, fallback)
    }
}

#[cfg(test)]
mod tests;
