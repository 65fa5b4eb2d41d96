//! Two channels beside each other: what is open in one of them only.

use std::collections::BTreeMap;

use serde::Serialize;
use vuln::score::Severity;
use vuln::verdict::Verdict;

use super::{ChannelBoard, ClusterFacts, Facts, Sort};
use crate::store::read::Pair;

/// What became of a finding between two channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Open in the second only.
    #[default]
    New,
    /// Open in the first only.
    Gone,
    /// Open in both.
    Both,
}

impl Change {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::New, Self::Gone, Self::Both];

    /// The name in addresses.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Gone => "gone",
            Self::Both => "both",
        }
    }
}

/// A vulnerability of software that both sides know by one package name.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference<'a> {
    /// The vulnerability.
    pub facts: &'a Facts,
    /// Package name.
    pub pname: &'a str,
    /// The worst verdict for it in the first channel; `None` where nothing of this name was matched.
    pub before: Option<(&'a ClusterFacts, Pair)>,
    /// The same in the second channel.
    pub after: Option<(&'a ClusterFacts, Pair)>,
}

/// How many differences there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// What became of them.
    pub change: Change,
    /// Severity.
    pub severity: Severity,
    /// How many.
    pub count: usize,
}

/// Two channels, compared once.
#[derive(Debug, Default)]
pub struct Comparison {
    /// By change: vulnerability and, in either channel, the index of its worst pair with one package name. Worst vulnerabilities first.
    differences: BTreeMap<Change, Vec<Row>>,
    tallies: Vec<Tally>,
}

/// Indexes of pairs in the first and the second channel.
#[derive(Debug, Clone, Copy)]
struct Row {
    before: Option<u32>,
    after: Option<u32>,
}

impl Comparison {
    /// Compares what is open in two channels, by vulnerability and package name.
    pub fn new(before: &ChannelBoard, after: &ChannelBoard) -> Self {
        let mut differences: BTreeMap<Change, Vec<(&Facts, Row)>> = BTreeMap::new();
        let mut sides = Sides {
            before: before.groups_of_keys().peekable(),
            after: after.groups_of_keys().peekable(),
        };
        while let Some((old, new)) = sides.next() {
            let (old, new) = (before.worst_of_names(old), after.worst_of_names(new));
            let Some(facts) = before.facts_of(&old).or_else(|| after.facts_of(&new)) else {
                continue;
            };
            let names: std::collections::BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
            for name in names {
                let side = |side: &BTreeMap<&str, (u32, Verdict)>| side.get(name).copied();
                let (old, new) = (side(&old), side(&new));
                let open = |side: Option<(u32, Verdict)>| side.is_some_and(|(_, verdict)| verdict.is_open());
                let change = match (open(old), open(new)) {
                    (false, true) => Change::New,
                    (true, false) => Change::Gone,
                    (true, true) => Change::Both,
                    (false, false) => continue,
                };
                let row = Row {
                    before: old.map(|(index, _)| index),
                    after: new.map(|(index, _)| index),
                };
                differences.entry(change).or_default().push((facts, row));
            }
        }
        let mut tallies: BTreeMap<(Change, Severity), usize> = BTreeMap::new();
        for (&change, rows) in &mut differences {
            rows.sort_by(|(a, _), (b, _)| Sort::Cvss.compare((a, 0.0), (b, 0.0)));
            for (facts, _) in rows {
                *tallies.entry((change, facts.severity)).or_default() += 1;
            }
        }
        Self {
            differences: differences
                .into_iter()
                .map(|(change, rows)| (change, rows.into_iter().map(|(_, row)| row).collect()))
                .collect(),
            tallies: tallies
                .into_iter()
                .map(|((change, severity), count)| Tally { change, severity, count })
                .collect(),
        }
    }

    /// How many there are.
    pub fn tallies(&self) -> &[Tally] {
        &self.tallies
    }

    /// Some of the differences of one kind. The boards must be those that were compared.
    pub fn page<'a>(
        &self,
        before: &'a ChannelBoard,
        after: &'a ChannelBoard,
        change: Change,
        from: usize,
        size: usize,
    ) -> Vec<Difference<'a>> {
        let rows = self.differences.get(&change).and_then(|rows| rows.get(from..)).unwrap_or_default();
        rows.iter()
            .take(size)
            .filter_map(|row| {
                let old = row.before.and_then(|index| before.pair(index));
                let new = row.after.and_then(|index| after.pair(index));
                let facts = old.map(|(facts, ..)| facts).or(new.map(|(facts, ..)| facts))?;
                let pname = new.or(old).map(|(_, cluster, _)| cluster.pname.as_str())?;
                let side = |side: Option<(&'a Facts, &'a ClusterFacts, Pair)>| side.map(|(_, cluster, pair)| (cluster, pair));
                Some(Difference {
                    facts,
                    pname,
                    before: side(old),
                    after: side(new),
                })
            })
            .collect()
    }

    /// How many there are of one kind.
    pub fn count(&self, change: Change) -> usize {
        self.differences.get(&change).map_or(0, Vec::len)
    }
}

/// The pairs of one vulnerability: its key, where they begin and where they end.
type Span = (i64, u32, u32);

/// Walks over the vulnerabilities of two channels, which are in the order of their keys.
struct Sides<A: Iterator<Item = Span>, B: Iterator<Item = Span>> {
    before: std::iter::Peekable<A>,
    after: std::iter::Peekable<B>,
}

impl<A: Iterator<Item = Span>, B: Iterator<Item = Span>> Sides<A, B> {
    /// The pairs of the next vulnerability in either channel.
    fn next(&mut self) -> Option<(Option<Span>, Option<Span>)> {
        let key = match (self.before.peek(), self.after.peek()) {
            (None, None) => return None,
            (Some((a, ..)), Some((b, ..))) => *a.min(b),
            (Some((key, ..)), None) | (None, Some((key, ..))) => *key,
        };
        let here = |span: &Span| span.0 == key;
        Some((self.before.next_if(here), self.after.next_if(here)))
    }
}

impl ChannelBoard {
    fn groups_of_keys(&self) -> impl Iterator<Item = Span> {
        self.groups.windows(2).filter_map(|bounds| {
            let [(_, from), (_, to)] = bounds else { return None };
            Some((self.findings.pairs.get(*from as usize)?.vulnerability, *from, *to))
        })
    }

    /// For each package name of a vulnerability its worst pair: pairs are sorted so.
    fn worst_of_names(&self, span: Option<Span>) -> BTreeMap<&str, (u32, Verdict)> {
        let mut worst = BTreeMap::new();
        let Some((_, from, to)) = span else { return worst };
        for index in from..to {
            if let Some(pair) = self.findings.pairs.get(index as usize)
                && let Some(cluster) = self.cluster(pair)
            {
                worst.entry(cluster.pname.as_str()).or_insert((index, pair.verdict));
            }
        }
        worst
    }

    fn facts_of(&self, worst: &BTreeMap<&str, (u32, Verdict)>) -> Option<&Facts> {
        let (index, _) = worst.values().next()?;
        self.pair(*index).map(|(facts, ..)| facts)
    }

    fn pair(&self, index: u32) -> Option<(&Facts, &ClusterFacts, Pair)> {
        let pair = self.findings.pairs.get(index as usize)?;
        let facts = self.facts.binary_search_by_key(&pair.vulnerability, |facts| facts.key).ok()?;
        Some((self.facts.get(facts)?, self.cluster(pair)?, *pair))
    }
}
