//! Version lists and versions of the mirror: how much of them is understood.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use vuln::advisory::{Affected, Status, UpperBound};
use vuln::range::{Judgement, judge};
use vuln::record::{RecordError, cve, nvd};
use vuln::version::{Scheme, compare};

use crate::mirror;

/// What became of the entries when two release numbers are judged by each alone.
#[derive(Default)]
struct Share {
    entries: usize,
    decided: usize,
    commits: usize,
    /// `n/a` and other words for "not known".
    nameless: usize,
    /// Dates and commits that a release number cannot be compared with.
    other_kind: usize,
    unread: BTreeMap<String, usize>,
}

#[test]
#[expect(clippy::print_stderr, reason = "the shares are for people who look at the test's output")]
fn version_entries_of_real_records_are_understood() {
    let Some(mirror) = mirror::find() else { return };
    let mut share = Share::default();
    for bytes in mirror.cve_snapshot() {
        let (advisory, _) = cve::parse(&bytes).unwrap();
        for affected in advisory.affected {
            for entry in &affected.versions {
                let alone = Affected {
                    versions: vec![entry.clone()],
                    default_status: Status::Unaffected,
                    ..Affected::default()
                };
                share.entries += 1;
                // A low and a high one: one of them has to be compared with the end of a range.
                let low = judge(&alone, "0.0.1", Scheme::Generic);
                let judged = if low.comparable {
                    judge(&alone, "99999.9", Scheme::Generic)
                } else {
                    low
                };
                count(&mut share, judged, &entry.version);
            }
        }
    }
    let unread: usize = share.unread.values().sum();
    let versions = share.entries - share.commits - share.nameless;
    eprintln!(
        "version entries: {}, decided {} ({:.1} %), commits {}, naming no version {}, of another kind than a release {}, unread {unread}; of those that name versions {:.2} % are understood",
        share.entries,
        share.decided,
        100.0 * share.decided as f64 / share.entries as f64,
        share.commits,
        share.nameless,
        share.other_kind,
        100.0 * (versions - unread) as f64 / versions as f64,
    );
    let mut unread_texts: Vec<_> = share.unread.into_iter().collect();
    unread_texts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (text, count) in unread_texts.iter().take(40) {
        eprintln!("unread: {count} x {text}");
    }
    assert_eq!(share.entries, 268_905);
    assert!(
        unread * 50 < versions,
        "more than 2 % of the entries that name versions are not read"
    );
}

fn count(share: &mut Share, judged: Judgement, text: &str) {
    match judged.rule {
        _ if judged.comparable => share.decided += 1,
        "cve5-commits" => share.commits += 1,
        _ if judged.reason.contains("a date") || judged.reason.contains("a commit") => share.other_kind += 1,
        _ if !text.bytes().any(|c| c.is_ascii_digit()) && judged.reason.contains(&format!("{:?}", text.trim())) => share.nameless += 1,
        _ => *share.unread.entry(judged.reason).or_default() += 1,
    }
}

/// Every triple of a sample of the versions that real records name: far ones, and neighbours in the alphabet, which differ in details only.
#[test]
fn versions_of_real_records_are_in_one_order() {
    let Some(mirror) = mirror::find() else { return };
    let mut versions: BTreeSet<String> = BTreeSet::new();
    for bytes in mirror.cve_snapshot() {
        let (advisory, _) = cve::parse(&bytes).unwrap();
        for entry in advisory.affected.into_iter().flat_map(|affected| affected.versions) {
            versions.insert(entry.version);
            match entry.bound {
                Some(UpperBound::LessThan(end) | UpperBound::LessThanOrEqual(end)) => _ = versions.insert(end),
                None => {}
            }
        }
    }
    let feed = mirror.nvd_feeds().last().expect("a feed");
    nvd::split(&feed[..], |entry| {
        let (advisory, _) = nvd::parse_entry(entry.raw)?;
        let matches = advisory.configurations.into_iter().flat_map(|c| c.nodes).flat_map(|n| n.matches);
        versions.extend(matches.flat_map(|m| [m.start, m.end]).flatten().map(|end| end.version));
        Ok::<(), RecordError>(())
    })
    .unwrap();
    let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    assert!(versions.len() > 30_000, "{}", versions.len());
    let schemes = [
        Scheme::Generic,
        Scheme::Semver,
        Scheme::Python,
        Scheme::Maven,
        Scheme::Rpm,
        Scheme::Deb,
        Scheme::Kernel,
        Scheme::Java,
    ];
    for scheme in schemes {
        let spread: Vec<&str> = versions.iter().copied().step_by(versions.len() / 150).collect();
        one_order(scheme, &spread);
        for start in (0..versions.len() - 40).step_by(versions.len() / 60) {
            one_order(scheme, &versions[start..start + 40]);
        }
    }
}

fn one_order(scheme: Scheme, versions: &[&str]) {
    let orders: Vec<Vec<Option<Ordering>>> = versions
        .iter()
        .map(|a| versions.iter().map(|b| compare(scheme, a, b)).collect())
        .collect();
    for (a, of_a) in orders.iter().enumerate() {
        for (b, &ab) in of_a.iter().enumerate() {
            assert_eq!(
                ab.map(Ordering::reverse),
                orders[b][a],
                "{scheme}: {} and {}",
                versions[a],
                versions[b]
            );
            let Some(ab) = ab.filter(|order| order.is_le()) else { continue };
            for (c, &ac) in of_a.iter().enumerate() {
                if let (Some(bc), Some(ac)) = (orders[b][c].filter(|order| order.is_le()), ac) {
                    assert_eq!(ac, ab.then(bc), "{scheme}: {} and {} and {}", versions[a], versions[b], versions[c]);
                }
            }
        }
    }
}
