//! Channels and their counts.

use std::cmp::Ordering;

use serde::Serialize;
use vuln::score::Severity;
use vuln::verdict::Verdict;

/// One channel: its current package set and what the last match found in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Channel {
    /// `nixos-unstable`.
    pub name: String,
    /// Revision of nixpkgs; `None` where no package set was taken yet.
    pub revision: Option<String>,
    /// When the package set was taken: unix seconds.
    pub taken_at: Option<i64>,
    /// Attributes in the package set.
    pub packages: u64,
    /// Packages with a homepage or description.
    pub with_meta: u64,
    /// Packages whose derivation was read: their patches are known.
    pub with_derivation: u64,
    /// When it was last matched: unix seconds.
    pub matched_at: Option<i64>,
    /// Whether the verdicts are about an older package set than the current one.
    pub stale: bool,
    /// Findings by verdict and severity.
    pub counts: Vec<Count>,
}

/// How many (vulnerability, package) pairs of a channel have this verdict and severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Verdict.
    pub verdict: Verdict,
    /// Severity of the vulnerability.
    pub severity: Severity,
    /// Pairs.
    pub count: u64,
}

impl Channel {
    /// Findings with a verdict that `which` takes, of any severity or of one.
    pub fn count(&self, which: impl Fn(Verdict) -> bool, severity: Option<Severity>) -> u64 {
        let wanted = |c: &&Count| which(c.verdict) && severity.is_none_or(|s| s == c.severity);
        self.counts.iter().filter(wanted).map(|c| c.count).sum()
    }
}

/// Orders channels by how recent their packages are: rolling ones (no date in the name) first, then by the year and month in the
/// name (`nixos-25.11`, `nixos-unstable-2026-05`), then by name.
pub fn recent_first(a: &str, b: &str) -> Ordering {
    let recency = |name| date_in(name).map_or((true, (0, 0)), |date| (false, date));
    recency(b).cmp(&recency(a)).then_with(|| b.cmp(a))
}

/// The first `YY.MM`, `YYYY.MM`, `YY-MM` or `YYYY-MM` in a name.
fn date_in(name: &str) -> Option<(u32, u32)> {
    let numbers: Vec<&str> = name.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    numbers.windows(2).find_map(|pair| {
        let [year, month] = pair else { return None };
        let month = month.parse().ok().filter(|m| (1..=12).contains(m) && month.len() == 2)?;
        match year.len() {
            2 => Some((2000 + year.parse::<u32>().ok()?, month)),
            4 => Some((year.parse().ok()?, month)),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rolling_channels_are_the_most_recent() {
        let names = [
            "nixos-unstable",
            "nixos-unstable-2026-05",
            "nixos-unstable-2023-01",
            "nixos-22.11",
            "nixos-20.09pre",
        ];
        let mut shuffled: Vec<&str> = [3, 0, 4, 2, 1].into_iter().map(|i: usize| names[i]).collect();
        shuffled.sort_by(|a, b| recent_first(a, b));
        assert_eq!(shuffled, names);
    }
}
