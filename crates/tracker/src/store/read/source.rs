//! Sources and what they brought.

use serde::Serialize;

/// One source: a feed, or the package set of a channel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Source {
    /// `cve`, `nvd`, `osv`, `kev`, `epss`, `nixpkgs/CHANNEL`.
    pub name: String,
    /// Unix seconds.
    pub last_attempt: i64,
    /// Unix seconds; `None` where it never succeeded.
    pub last_success: Option<i64>,
    /// Why the last attempt failed; `None` where it did not.
    pub last_error: Option<String>,
    /// Newest date of the data taken, as its file states it.
    pub data_date: Option<String>,
    /// Records a second, of the file taken last that had any.
    pub rate: Option<f64>,
}

/// Numbers of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// CVE 5 records.
    pub cve: u64,
    /// NVD records.
    pub nvd: u64,
    /// OSV records.
    pub osv: u64,
    /// Known exploited vulnerabilities.
    pub kev: u64,
    /// EPSS scores.
    pub epss: u64,
    /// Vulnerabilities, whatever the number of records about each.
    pub vulnerabilities: u64,
}
