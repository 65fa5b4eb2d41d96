//! Our matcher's answers.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::Write;

use vuln::matching::{Cluster, FactsBuilder, PackageIndex, Prepared, ProfilesBuilder, Vulnerability};
use vuln::package::Package;
use vuln::verdict::{Match, Verdict};

use crate::feeds::Feeds;
use crate::labels::Label;
use crate::{Answer, Column};

/// The package set as indexed, and the outcome for each vulnerability.
pub struct Ours {
    index: PackageIndex,
    matches: BTreeMap<String, Vec<Match>>,
    /// By (CVE, attribute): why it was close.
    near: HashMap<(String, String), String>,
}

/// Matches everything with a package set, as the tracker does: what one channel tells of a package serves the others.
pub fn run(feeds: &Feeds, packages: &[Package]) -> Ours {
    let mut profiles = ProfilesBuilder::default();
    feeds.vulnerabilities.values().flatten().for_each(|a| profiles.add(a));
    let profiles = profiles.finish();
    let mut facts = FactsBuilder::default();
    feeds.packages.iter().for_each(|p| facts.add(p));
    let index = PackageIndex::new(packages.to_vec(), &facts.finish());
    let mut matches = BTreeMap::new();
    let mut near = HashMap::new();
    for (id, advisories) in &feeds.vulnerabilities {
        let outcome = Prepared::new(Vulnerability { id, advisories }).candidates(&index, &profiles);
        for miss in outcome.near_misses {
            let why = miss.evidence.first().map(|e| e.detail.clone()).unwrap_or_default();
            for attr in index.clusters().get(miss.cluster).into_iter().flat_map(|c| &c.attrs) {
                near.insert((id.clone(), attr.clone()), why.clone());
            }
        }
        if !outcome.matches.is_empty() {
            matches.insert(id.clone(), outcome.matches);
        }
    }
    Ours { index, matches, near }
}

impl Ours {
    /// The packages that a vulnerability was matched with.
    pub fn matches_of(&self, cve: &str) -> impl Iterator<Item = (&Cluster, &Match)> {
        let found = self.matches.get(cve).into_iter().flatten();
        found.filter_map(|m| Some((self.index.clusters().get(m.cluster)?, m)))
    }

    fn about<'a>(&'a self, label: &'a Label) -> impl Iterator<Item = &'a Match> {
        let named = |m: &&Match| {
            self.index
                .clusters()
                .get(m.cluster)
                .is_some_and(|c| c.attrs.iter().any(|a| label.attrs.contains(a)))
        };
        self.matches.get(&label.cve).into_iter().flatten().filter(named)
    }

    /// The verdicts for the attributes of a label.
    pub fn answer(&self, label: &Label) -> Answer {
        self.about(label).map(|m| m.verdict).collect()
    }

    /// Why the answer is what it is, in the matcher's words.
    pub fn why(&self, label: &Label) -> String {
        let said = |m: &Match| m.evidence.iter().map(|e| e.detail.clone()).collect::<Vec<_>>().join("; ");
        if let Some(found) = self.about(label).next() {
            return said(found);
        }
        let near = label.attrs.iter().find_map(|a| self.near.get(&(label.cve.clone(), a.clone())));
        near.cloned().unwrap_or_else(|| "no record names it".to_string())
    }

    /// All matches as JSON Lines, to look at with other tools.
    pub fn write(&self, mut out: impl Write) -> std::io::Result<()> {
        for (id, m) in self.matches.iter().flat_map(|(id, found)| found.iter().map(move |m| (id, m))) {
            let Some(cluster) = self.index.clusters().get(m.cluster) else {
                continue;
            };
            let line = serde_json::json!({
                "cve": id, "name": cluster.name, "attrs": cluster.attrs, "pname": cluster.pname, "version": cluster.package.version,
                "verdict": m.verdict, "confidence": m.confidence, "evidence": m.evidence, "fixed_in": m.fixed_in,
            });
            writeln!(out, "{line}")?;
        }
        out.flush()
    }

    /// The first column of the report.
    pub fn column(&self, labels: &[Label]) -> Column {
        let mut pairs: HashSet<(&str, &str)> = HashSet::new();
        for (id, found) in &self.matches {
            if crate::yardstick::is_counted(id) {
                pairs.extend(
                    found
                        .iter()
                        .filter_map(|m| self.index.clusters().get(m.cluster))
                        .map(|c| (id.as_str(), c.pname.as_str())),
                );
            }
        }
        Column {
            name: "Firn",
            pairs: pairs.len(),
            answers: labels.iter().map(|l| self.answer(l)).collect(),
        }
    }

    /// How many verdicts of each kind there are.
    pub fn shares(&self) {
        let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
        for found in self.matches.values().flatten() {
            *counts.entry(found.verdict).or_default() += 1;
        }
        let all: usize = counts.values().sum();
        println!("\n| verdict | count | share |\n|---|---|---|");
        for (verdict, count) in counts {
            println!("| {verdict} | {count} | {:.1} % |", 100.0 * count as f64 / all.max(1) as f64);
        }
    }
}

/// Prints random `affected` pairs with what a person needs to judge them.
pub fn sample(feeds: &Feeds, ours: &Ours, count: usize, seed: u64) {
    let mut pairs: BTreeMap<(&str, &str), &Match> = BTreeMap::new();
    for (id, found) in &ours.matches {
        for m in found.iter().filter(|m| m.verdict == Verdict::Affected) {
            if let Some(cluster) = ours.index.clusters().get(m.cluster) {
                pairs.entry((id, &cluster.pname)).or_insert(m);
            }
        }
    }
    let mut pairs: Vec<_> = pairs.into_iter().collect();
    println!(
        "{} distinct (CVE, pname) pairs are affected; {count} of them, seed {seed}:",
        pairs.len()
    );
    // SplitMix64: the same sample for the same seed on any machine.
    let mut state = seed;
    let mut random = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    for _ in 0..count.min(pairs.len()) {
        let at = usize::try_from(random() % pairs.len() as u64).unwrap_or(0);
        let ((id, _), m) = pairs.swap_remove(at);
        let Some(cluster) = ours.index.clusters().get(m.cluster) else {
            continue;
        };
        let package = &cluster.package;
        println!("\n{id}  {} {}  confidence {:.2}", cluster.name, package.version, m.confidence);
        println!(
            "  package: {} {:?}",
            package.description.as_deref().unwrap_or("-"),
            package.homepages
        );
        let texts: BTreeSet<&str> = feeds
            .vulnerabilities
            .get(id)
            .into_iter()
            .flatten()
            .map(|a| a.description.as_str())
            .collect();
        for text in texts {
            println!("  record: {}", text.chars().take(400).collect::<String>().replace('\n', " "));
        }
        for e in &m.evidence {
            println!("  {}: {}", e.rule, e.detail);
        }
    }
}
