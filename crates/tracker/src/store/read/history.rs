//! A channel over time.

use serde::Serialize;
use vuln::verdict::Verdict;

/// A revision of a channel: the first one with what it is named for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Revision {
    /// Commit of nixpkgs, or what is known instead; empty where it was taken out of the channel's history.
    pub revision: String,
    /// When it was taken in: unix seconds.
    pub at: i64,
}

/// A version that an attribute had in a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VersionSpan {
    /// Version.
    pub version: String,
    /// The first revision with it.
    pub from: Revision,
    /// The first revision without it; `None` while the channel has it.
    pub until: Option<Revision>,
}

impl VersionSpan {
    /// Newest first, from spans in the order of time: a package that changed and kept its version is one span.
    pub fn joined(spans: Vec<Self>) -> Vec<Self> {
        let mut joined: Vec<Self> = Vec::with_capacity(spans.len());
        for span in spans {
            match joined.last_mut() {
                Some(last) if last.version == span.version && last.until.as_ref() == Some(&span.from) => last.until = span.until,
                _ => joined.push(span),
            }
        }
        joined.reverse();
        joined
    }
}

/// A verdict that a package of a channel had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PastVerdict {
    /// Channel.
    pub channel: String,
    /// The package's most plain attribute.
    pub package: String,
    /// The last version that had it.
    pub version: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The first revision with the package as it was; `None` where that was before history was kept.
    pub since: Option<Revision>,
    /// The first revision matched without it, and when it was matched.
    pub until: Revision,
    /// `packages` where another revision ended it, `records` where other records or rules did.
    pub because: String,
}

impl PastVerdict {
    /// Listed at most of one vulnerability.
    pub const MOST: usize = 500;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_goes_on_is_one_span() {
        let at = |n: i64| Revision {
            revision: format!("r{n}"),
            at: n,
        };
        let span = |version: &str, from, until: Option<i64>| VersionSpan {
            version: version.into(),
            from: at(from),
            until: until.map(at),
        };
        let spans = vec![
            span("1", 1, Some(2)),
            span("1", 2, Some(3)),
            span("2", 3, Some(4)),
            span("1", 5, Some(6)),
            span("1", 6, None),
        ];
        assert_eq!(
            VersionSpan::joined(spans),
            [span("1", 5, None), span("2", 3, Some(4)), span("1", 1, Some(3))]
        );
    }
}
