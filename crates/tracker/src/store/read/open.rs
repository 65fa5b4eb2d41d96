//! What was open in a channel when.

use vuln::score::Severity;
use vuln::verdict::Verdict;

use super::Revision;

/// The open findings of a channel over its revisions, as today's records and rules see them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenHistory {
    /// The package sets that the channel had, with their keys in this database, oldest first.
    pub sets: Vec<(i64, Revision)>,
    /// The findings.
    pub spans: Vec<OpenSpan>,
}

/// Findings that were open for the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenSpan {
    /// Key of the first set with them; `None` where that was before history was kept.
    pub since: Option<i64>,
    /// Key of the first set without them; `None` while they are open.
    pub until: Option<i64>,
    /// Severity of the vulnerabilities.
    pub severity: Severity,
    /// (vulnerability, package) pairs.
    pub count: u64,
}

/// A finding as it was at some revision.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingThen {
    /// Key of the vulnerability.
    pub vulnerability: i64,
    /// The package's most plain attribute.
    pub package: String,
    /// Package name; `None` where the package is gone and nobody knows any more.
    pub pname: Option<String>,
    /// Version.
    pub version: String,
    /// Verdict.
    pub verdict: Verdict,
    /// In [0, 1]; 1 where it is not known any more.
    pub confidence: f32,
}

impl OpenHistory {
    /// A set by its revision, or by the beginning of it, with its key. Of several the newest one.
    pub fn set(&self, revision: &str) -> Option<&(i64, Revision)> {
        let named = |(_, known): &&(i64, Revision)| !revision.is_empty() && known.revision.starts_with(revision);
        self.sets.iter().rev().find(named)
    }

    /// For each set how many findings were open, by severity.
    pub fn by_set(&self) -> impl Iterator<Item = (&Revision, Vec<(Severity, u64)>)> {
        self.sets.iter().map(|(set, revision)| {
            let open = |span: &&OpenSpan| span.since.is_none_or(|since| since <= *set) && span.until.is_none_or(|until| until > *set);
            let mut counts: Vec<(Severity, u64)> = Vec::new();
            for span in self.spans.iter().filter(open) {
                match counts.iter_mut().find(|(severity, _)| *severity == span.severity) {
                    Some((_, count)) => *count += span.count,
                    None => counts.push((span.severity, span.count)),
                }
            }
            (revision, counts)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_count_from_their_first_set_up_to_the_first_without_them() {
        let set = |n: i64| {
            let revision = Revision {
                revision: format!("r{n}"),
                at: n,
            };
            (n, revision)
        };
        let span = |since, until, severity, count| OpenSpan {
            since,
            until,
            severity,
            count,
        };
        let history = OpenHistory {
            sets: vec![set(3), set(5), set(9)],
            spans: vec![
                span(None, None, Severity::Low, 1),
                span(Some(5), None, Severity::High, 10),
                span(Some(3), Some(9), Severity::High, 100),
            ],
        };
        let counts: Vec<Vec<(Severity, u64)>> = history.by_set().map(|(_, counts)| counts).collect();
        assert_eq!(
            counts,
            [
                vec![(Severity::Low, 1), (Severity::High, 100)],
                vec![(Severity::Low, 1), (Severity::High, 110)],
                vec![(Severity::Low, 1), (Severity::High, 10)],
            ]
        );
    }
}
