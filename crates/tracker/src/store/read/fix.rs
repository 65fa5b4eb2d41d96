//! What was open in a channel and is not any more.

use vuln::score::Severity;
use vuln::verdict::Verdict;

/// A finding that a change of packages ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// `CVE-2024-3094`
    pub vulnerability: String,
    /// As the source wrote it.
    pub published: Option<String>,
    /// Its severity.
    pub severity: Severity,
    /// Channel.
    pub channel: String,
    /// The package's most plain attribute.
    pub package: String,
    /// The last version that had it.
    pub version: String,
    /// What the package is now; `None` where the channel has it no more.
    pub became: Option<Verdict>,
    /// The first revision without it.
    pub revision: String,
    /// When that was taken in: unix seconds.
    pub at: i64,
}

impl Fix {
    /// Told at most, the newest first.
    pub const MOST: usize = 100_000;
}
