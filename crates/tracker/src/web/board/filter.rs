//! Which findings a list shows, and in which order.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde::Serialize;
use vuln::score::Severity;
use vuln::verdict::Verdict;

use super::{ChannelBoard, lock};
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
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
    /// Whether the list goes on behind this page.
    pub more: bool,
    /// How much the whole list holds, where that is known without looking at what the page does not show.
    pub total: Option<Total>,
}

/// How much a list holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Total {
    /// Vulnerabilities.
    pub vulnerabilities: usize,
    /// (vulnerability, package) pairs.
    pub findings: usize,
}

/// The vulnerabilities of a channel that have some finding of a verdict (or an open one), sorted; made once for each board.
pub(super) struct Order {
    /// Indexes of groups.
    groups: Vec<u32>,
    /// By severity.
    totals: [Total; SEVERITIES],
}

/// Number of severities.
const SEVERITIES: usize = 6;

/// The orders of a channel that were asked for, by sort and verdict; without a verdict they hold what is open.
pub(super) type Orders = Mutex<HashMap<(Sort, Option<Verdict>), Arc<Order>>>;

impl ChannelBoard {
    /// The vulnerabilities that `filter` leaves, `size` of them from `from` on. Looks no further than the page and one row more.
    pub fn list(&self, filter: &Filter, from: usize, size: usize) -> Listing<'_> {
        let order = self.order(filter.sort, filter.verdict);
        let text = filter.text.as_deref().map(str::to_lowercase);
        let plain = filter.is_plain();
        // A list without further filters begins where its page does.
        let (skipped, mut to_skip) = if plain && filter.severity.is_none() { (from, 0) } else { (0, from) };
        let mut groups: Vec<Group<'_>> = Vec::new();
        let mut more = false;
        for &index in order.groups.get(skipped..).unwrap_or_default() {
            let Some((facts, pairs)) = self.group(index) else { continue };
            if !filter.takes_facts(facts) {
                continue;
            }
            let in_facts = text
                .as_deref()
                .is_none_or(|text| holds(&facts.name, text) || holds(&facts.title, text));
            let taken = |pair: &&Pair| filter.takes_pair(pair) && (in_facts || self.package_holds(pair, text.as_deref()));
            if to_skip > 0 || groups.len() == size {
                if pairs.iter().any(|pair| taken(&pair)) {
                    if to_skip == 0 {
                        more = true;
                        break;
                    }
                    to_skip -= 1;
                }
                continue;
            }
            let pairs: Vec<Pair> = pairs.iter().filter(taken).copied().collect();
            if !pairs.is_empty() {
                groups.push(Group { facts, pairs });
            }
        }
        let total = plain.then(|| order.total(filter.severity));
        Listing { groups, more, total }
    }

    /// What is open in these packages, `size` vulnerabilities from `from` on.
    pub fn list_of(&self, clusters: impl Iterator<Item = i64>, sort: Sort, from: usize, size: usize) -> Listing<'_> {
        let mut groups: HashMap<i64, Group<'_>> = HashMap::new();
        let mut findings = 0;
        for (facts, pair) in clusters.flat_map(|key| self.of_cluster(key)) {
            if pair.verdict.is_open() {
                findings += 1;
                let group = groups.entry(facts.key).or_insert_with(|| Group { facts, pairs: Vec::new() });
                group.pairs.push(*pair);
            }
        }
        let total = Total {
            vulnerabilities: groups.len(),
            findings,
        };
        let sure = |group: &Group<'_>| group.pairs.iter().fold(0.0_f32, |sure, pair| sure.max(pair.confidence));
        let mut groups: Vec<Group<'_>> = groups.into_values().collect();
        groups.sort_by(|a, b| sort.compare((a.facts, sure(a)), (b.facts, sure(b))));
        Listing {
            more: groups.len() > from.saturating_add(size),
            groups: groups.into_iter().skip(from).take(size).collect(),
            total: Some(total),
        }
    }

    /// Everything that is open, each vulnerability once.
    pub fn open(&self) -> impl Iterator<Item = &Facts> {
        let open = |pairs: &[Pair]| pairs.iter().any(|pair| pair.verdict.is_open());
        (0..self.groups.len() as u32).filter_map(move |index| self.group(index).filter(|(_, pairs)| open(pairs)).map(|(facts, _)| facts))
    }

    /// Makes the orders of what is open, so that no page has to.
    pub fn prepare(&self) {
        for sort in Sort::ALL {
            self.order(sort, None);
        }
    }

    fn order(&self, sort: Sort, verdict: Option<Verdict>) -> Arc<Order> {
        // Held while an order is made: whoever else wants one waits instead of making it too.
        let mut orders = lock(&self.orders);
        Arc::clone(
            orders
                .entry((sort, verdict))
                .or_insert_with(|| Arc::new(self.sorted(sort, verdict))),
        )
    }

    fn sorted(&self, sort: Sort, verdict: Option<Verdict>) -> Order {
        let filter = Filter {
            verdict,
            ..Filter::default()
        };
        let mut found: Vec<(u32, &Facts, f32)> = Vec::new();
        let mut totals = [Total::default(); SEVERITIES];
        for index in 0..self.groups.len() as u32 {
            let Some((facts, pairs)) = self.group(index) else { continue };
            let (count, confidence) = pairs
                .iter()
                .filter(|pair| filter.takes_pair(pair))
                .fold((0, 0.0_f32), |(n, c), pair| (n + 1, c.max(pair.confidence)));
            if count > 0 {
                found.push((index, facts, confidence));
                if let Some(total) = totals.get_mut(facts.severity as usize) {
                    total.vulnerabilities += 1;
                    total.findings += count;
                }
            }
        }
        found.sort_unstable_by(|a, b| sort.compare((a.1, a.2), (b.1, b.2)));
        Order {
            groups: found.into_iter().map(|(index, ..)| index).collect(),
            totals,
        }
    }

    /// A vulnerability of this channel with its pairs.
    pub(super) fn group(&self, index: u32) -> Option<(&Facts, &[Pair])> {
        let at = index as usize;
        let (facts, from) = self.groups.get(at)?;
        let (_, to) = self.groups.get(at + 1)?;
        Some((
            self.facts.get(*facts as usize)?,
            self.findings.pairs.get(*from as usize..*to as usize)?,
        ))
    }

    fn package_holds(&self, pair: &Pair, text: Option<&str>) -> bool {
        let cluster = self.cluster(pair);
        text.is_none_or(|text| cluster.is_some_and(|c| holds(&c.name, text) || holds(&c.pname, text)))
    }
}

impl Order {
    fn total(&self, severity: Option<Severity>) -> Total {
        let wanted = |(index, _): &(usize, &Total)| severity.is_none_or(|severity| severity as usize == *index);
        let sum = |sum: Total, (_, total): (usize, &Total)| Total {
            vulnerabilities: sum.vulnerabilities + total.vulnerabilities,
            findings: sum.findings + total.findings,
        };
        self.totals.iter().enumerate().filter(wanted).fold(Total::default(), sum)
    }
}

impl Filter {
    /// Whether nothing but a verdict and a severity is asked for.
    fn is_plain(&self) -> bool {
        !self.exploited && self.min_epss.is_none() && self.min_cvss.is_none() && self.min_confidence.is_none() && self.text.is_none()
    }

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
