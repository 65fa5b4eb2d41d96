//! Since when a channel has had a verdict: kept from match to match, whatever else about the verdict changes.

use std::collections::HashMap;

/// A verdict as it was before a match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// Name of the verdict.
    pub verdict: String,
    /// Of the package.
    pub version: String,
    /// The first set that held the package as it was.
    pub since: Option<i64>,
}

/// A verdict that is no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Row.
    pub vulnerability: i64,
    /// Name of the cluster.
    pub package: String,
    /// What it was.
    pub before: Before,
}

/// The verdicts that a channel had, by vulnerability and cluster.
#[derive(Debug, Default)]
pub struct Spans(HashMap<i64, HashMap<String, Before>>);

impl Spans {
    /// Adds one.
    pub fn add(&mut self, vulnerability: i64, package: String, before: Before) {
        self.0.entry(vulnerability).or_default().insert(package, before);
    }

    /// Since when the verdict holds that a match gives now: as before where it is the same, else since the package is as it is.
    pub fn since(&mut self, vulnerability: i64, package: &str, verdict: &str, package_since: Option<i64>) -> Option<i64> {
        let Some(of_one) = self.0.get_mut(&vulnerability) else {
            return package_since;
        };
        match of_one.remove(package) {
            Some(before) if before.verdict == verdict => before.since,
            Some(before) => {
                // It ended: it goes back to be found by `ended`.
                of_one.insert(package.to_owned(), before);
                package_since
            }
            None => package_since,
        }
    }

    /// What was not continued, in order.
    pub fn ended(self) -> Vec<Ended> {
        let mut ended: Vec<Ended> = self
            .0
            .into_iter()
            .flat_map(|(vulnerability, packages)| {
                packages.into_iter().map(move |(package, before)| Ended {
                    vulnerability,
                    package,
                    before,
                })
            })
            .collect();
        ended.sort_by(|a, b| (a.vulnerability, &a.package).cmp(&(b.vulnerability, &b.package)));
        ended
    }
}

/// Why a verdict ended: another set was matched, or the same one with other records or rules.
pub fn because(matched_before: Option<i64>, set: i64) -> &'static str {
    if matched_before == Some(set) { "records" } else { "packages" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_that_stays_keeps_its_beginning() {
        let before = |verdict: &str, since| Before {
            verdict: verdict.into(),
            version: "1".into(),
            since,
        };
        let mut spans = Spans::default();
        spans.add(1, "curl".into(), before("affected", Some(3)));
        spans.add(1, "jq".into(), before("affected", None));
        spans.add(2, "curl".into(), before("unknown", Some(4)));
        assert_eq!(spans.since(1, "curl", "affected", Some(9)), Some(3));
        assert_eq!(spans.since(1, "jq", "fixed", Some(9)), Some(9));
        assert_eq!(spans.since(3, "jq", "fixed", Some(9)), Some(9));
        let ended: Vec<(i64, String)> = spans.ended().into_iter().map(|e| (e.vulnerability, e.package)).collect();
        assert_eq!(ended, [(1, "jq".to_owned()), (2, "curl".to_owned())]);
        assert_eq!(
            (because(Some(1), 1), because(Some(1), 2), because(None, 2)),
            ("records", "packages", "packages")
        );
    }
}
