//! Which findings a list shows, and in which order.

use std::cmp::Ordering;

use serde::Serialize;
use vuln::score::Severity;
use vuln::verdict::Verdict;

use super::ChannelBoard;
use crate::store::read::{Facts, Pair};

/// What a list shows. The default shows what is open.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Filter {
    /// This verdict only; `None`: the open ones.
    pub verdict: Option<Verdict>,
    /// This severity only.
    pub severity: Option<Severity>,
    /// Known exploited ones only.
    pub exploited: bool,
    /// EPSS score at least.
    pub min_epss: Option<f32>,
    /// CVSS score at least.
    pub min_cvss: Option<f32>,
    /// Confidence at least.
    pub min_confidence: Option<f32>,
    /// In the id, the title or the package, in any case.
    pub text: Option<String>,
    /// Order.
    pub sort: Sort,
}

/// Orders of a list. Each falls back on EPSS, CVSS and the newest id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// Known exploited first, the latest of them first.
    #[default]
    Exploited,
    /// Highest EPSS score first.
    Epss,
    /// Highest CVSS score first.
    Cvss,
    /// Newest first.
    Age,
    /// Most certain first.
    Confidence,
}

impl Sort {
    /// All orders.
    pub const ALL: [Sort; 5] = [Sort::Exploited, Sort::Epss, Sort::Cvss, Sort::Age, Sort::Confidence];

    /// The name in addresses.
    pub fn name(self) -> &'static str {
        match self {
            Sort::Exploited => "exploited",
            Sort::Epss => "epss",
            Sort::Cvss => "cvss",
            Sort::Age => "age",
            Sort::Confidence => "confidence",
        }
    }
}

/// A vulnerability in a list, with the packages that the filter left.
#[derive(Debug, Clone, PartialEq)]
pub struct Group<'a> {
    /// The vulnerability.
    pub facts: &'a Facts,
    /// Its packages, worst and most confident first.
    pub pairs: Vec<Pair>,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing<'a> {
    /// What the page shows.
    pub groups: Vec<Group<'a>>,
    /// Vulnerabilities in the whole list.
    pub vulnerabilities: usize,
    /// (vulnerability, package) pairs in the whole list.
    pub findings: usize,
}

impl ChannelBoard {
    /// The vulnerabilities that `filter` leaves, `size` of them from `from` on.
    pub fn list(&self, filter: &Filter, from: usize, size: usize) -> Listing<'_> {
        let text = filter.text.as_deref().map(str::to_lowercase);
        let mut found = Vec::new();
        let mut findings = 0;
        for (facts, pairs) in self.vulnerabilities() {
            // Most vulnerabilities of a channel are fixed long since: text is looked for in what is left.
            if !pairs.iter().any(|pair| filter.takes_pair(pair)) || !filter.takes_facts(facts) {
                continue;
            }
            let in_facts = text
                .as_deref()
                .is_none_or(|text| holds(&facts.name, text) || holds(&facts.title, text));
            let taken = |pair: &&Pair| filter.takes_pair(pair) && (in_facts || self.package_holds(pair, text.as_deref()));
            let (count, confidence) = pairs
                .iter()
                .filter(taken)
                .fold((0, 0.0_f32), |(n, c), pair| (n + 1, c.max(pair.confidence)));
            if count > 0 {
                findings += count;
                found.push(Candidate {
                    facts,
                    pairs,
                    in_facts,
                    confidence,
                });
            }
        }
        let vulnerabilities = found.len();
        let order = |a: &Candidate<'_>, b: &Candidate<'_>| filter.sort.compare((a.facts, a.confidence), (b.facts, b.confidence));
        // Only what is shown needs to be in order.
        let end = from.saturating_add(size);
        if end < found.len() {
            found.select_nth_unstable_by(end, order);
            found.truncate(end);
        }
        found.sort_unstable_by(order);
        let groups = found.into_iter().skip(from).map(|candidate| {
            let taken = |pair: &&Pair| filter.takes_pair(pair) && (candidate.in_facts || self.package_holds(pair, text.as_deref()));
            Group {
                facts: candidate.facts,
                pairs: candidate.pairs.iter().filter(taken).copied().collect(),
            }
        });
        Listing {
            groups: groups.collect(),
            vulnerabilities,
            findings,
        }
    }

    fn package_holds(&self, pair: &Pair, text: Option<&str>) -> bool {
        let cluster = self.cluster(pair);
        text.is_none_or(|text| cluster.is_some_and(|c| holds(&c.name, text) || holds(&c.pname, text)))
    }
}

struct Candidate<'a> {
    facts: &'a Facts,
    pairs: &'a [Pair],
    in_facts: bool,
    confidence: f32,
}

impl Filter {
    fn takes_facts(&self, facts: &Facts) -> bool {
        let at_least = |least: Option<f32>, value: Option<f32>| least.is_none_or(|least| value.is_some_and(|value| value >= least));
        (!self.exploited || facts.kev_date.is_some())
            && self.severity.is_none_or(|severity| severity == facts.severity)
            && at_least(self.min_epss, facts.epss)
            && at_least(self.min_cvss, facts.score)
    }

    fn takes_pair(&self, pair: &Pair) -> bool {
        self.verdict
            .map_or_else(|| pair.verdict.is_open(), |verdict| verdict == pair.verdict)
            && self.min_confidence.is_none_or(|least| pair.confidence >= least)
    }
}

impl Sort {
    /// The order of two vulnerabilities with the highest confidence of their findings. Total: ids are unique.
    pub fn compare(self, (a, a_confidence): (&Facts, f32), (b, b_confidence): (&Facts, f32)) -> Ordering {
        let epss = || descending(a.epss, b.epss);
        let score = || descending(a.score, b.score);
        let exploited = || b.kev_date.cmp(&a.kev_date);
        let newest = || b.order.cmp(&a.order);
        let first = match self {
            Sort::Exploited => exploited(),
            Sort::Epss => epss(),
            Sort::Cvss => score(),
            // Dates are ISO 8601 from the sources: their first ten characters order them.
            Sort::Age => day(b).cmp(day(a)),
            Sort::Confidence => descending(Some(a_confidence), Some(b_confidence)),
        };
        first
            .then_with(epss)
            .then_with(score)
            .then_with(newest)
            .then_with(|| a.name.cmp(&b.name))
    }
}

fn day(facts: &Facts) -> &str {
    let date = facts.published.as_deref().unwrap_or_default();
    date.get(..10).unwrap_or(date)
}

/// Highest first, absent ones last.
fn descending(a: Option<f32>, b: Option<f32>) -> Ordering {
    b.unwrap_or(-1.0).total_cmp(&a.unwrap_or(-1.0))
}

/// Whether `text` holds `needle`, which is in lower case.
fn holds(text: &str, needle: &str) -> bool {
    if text.is_ascii() && needle.is_ascii() {
        let (text, needle) = (text.as_bytes(), needle.as_bytes());
        needle.is_empty() || text.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle))
    } else {
        text.to_lowercase().contains(needle)
    }
}
