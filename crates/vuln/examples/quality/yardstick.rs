//! Two yardsticks, as today's tools match: *exact* (product equals pname, Nix's version order) and *substring* (product inside
//! the name). Both know NVD's CPE lists only, as a flat OR, and count a package under the `pname` of its derivation.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};

use nix_model::name::compare_versions;
use vuln::advisory::{CpeMatch, Source};
use vuln::package::Package;
use vuln::verdict::Verdict;

use crate::feeds::Feeds;
use crate::labels::Label;
use crate::{Answer, Column};

/// The labelled package set is of 2020: pairs of later ids say nothing.
pub fn is_counted(id: &str) -> bool {
    id.strip_prefix("CVE-")
        .and_then(|rest| rest.get(..4))
        .and_then(|year| year.parse::<u16>().ok())
        .is_some_and(|year| year <= 2020)
}

/// product == pname.
pub fn exact(feeds: &Feeds, labels: &[Label]) -> Column {
    let pnames: HashSet<&str> = feeds.packages.iter().map(|p| p.pname.as_str()).collect();
    let pairs = criteria(feeds)
        .filter(|(id, _)| is_counted(id))
        .filter_map(|(id, m)| pnames.get(m.cpe.product.as_deref()?).map(|p| (id, *p)))
        .collect::<HashSet<_>>()
        .len();
    Column {
        name: "exact",
        pairs,
        answers: answers(feeds, labels, |product, pname| product == pname),
    }
}

/// product inside pname.
pub fn substring(feeds: &Feeds, labels: &[Label]) -> Column {
    let pnames: Vec<String> = feeds
        .packages
        .iter()
        .map(|p| p.pname.to_lowercase())
        .collect::<HashSet<_>>()
        .into_iter()
        .collect();
    let mut inside: HashMap<&str, Vec<u32>> = HashMap::new();
    let mut by_id: BTreeMap<&str, HashSet<u32>> = BTreeMap::new();
    for (id, m) in criteria(feeds).filter(|(id, _)| is_counted(id)) {
        let Some(product) = m.cpe.product.as_deref() else { continue };
        let found = inside.entry(product).or_insert_with(|| {
            let finder = memchr::memmem::Finder::new(product);
            (0u32..)
                .zip(&pnames)
                .filter(|(_, p)| finder.find(p.as_bytes()).is_some())
                .map(|(n, _)| n)
                .collect()
        });
        by_id.entry(id).or_default().extend(found.iter());
    }
    let pairs = by_id.values().map(HashSet::len).sum();
    Column {
        name: "substring",
        pairs,
        answers: answers(feeds, labels, |product, pname| pname.to_lowercase().contains(product)),
    }
}

/// Vulnerable criteria of NVD.
fn criteria(feeds: &Feeds) -> impl Iterator<Item = (&str, &CpeMatch)> {
    feeds.vulnerabilities.iter().flat_map(|(id, advisories)| {
        let nvd = advisories.iter().filter(|a| a.source == Source::Nvd);
        let matches = nvd.flat_map(|a| &a.configurations).flat_map(|c| &c.nodes).flat_map(|n| &n.matches);
        matches.filter(|m| m.vulnerable).map(move |m| (id.as_str(), m))
    })
}

fn answers(feeds: &Feeds, labels: &[Label], same: impl Fn(&str, &str) -> bool) -> Vec<Answer> {
    let by_attr: HashMap<&str, &Package> = feeds.packages.iter().map(|p| (p.attr.as_str(), p)).collect();
    let mut by_id: HashMap<&str, Vec<&CpeMatch>> = HashMap::new();
    for (id, m) in criteria(feeds) {
        by_id.entry(id).or_default().push(m);
    }
    let answer = |label: &Label| {
        let mut said = Answer::new();
        for package in label.attrs.iter().filter_map(|a| by_attr.get(a.as_str())) {
            let about: Vec<&CpeMatch> = by_id
                .get(label.cve.as_str())
                .into_iter()
                .flatten()
                .copied()
                .filter(|m| m.cpe.product.as_deref().is_some_and(|p| same(p, &package.pname)))
                .collect();
            if !about.is_empty() {
                said.insert(if about.iter().any(|m| holds(m, &package.version)) {
                    Verdict::Affected
                } else {
                    Verdict::Fixed
                });
            }
        }
        said
    };
    labels.iter().map(answer).collect()
}

/// Whether a version is inside a criterion by Nix's order.
fn holds(m: &CpeMatch, version: &str) -> bool {
    let past = m.start.as_ref().is_none_or(|s| match compare_versions(version, &s.version) {
        Ordering::Greater => true,
        Ordering::Equal => s.inclusive,
        Ordering::Less => false,
    });
    let before = m.end.as_ref().is_none_or(|e| match compare_versions(version, &e.version) {
        Ordering::Less => true,
        Ordering::Equal => e.inclusive,
        Ordering::Greater => false,
    });
    let single = m.start.is_some()
        || m.end.is_some()
        || m.cpe
            .version
            .as_deref()
            .is_none_or(|v| compare_versions(version, v) == Ordering::Equal);
    past && before && single
}
