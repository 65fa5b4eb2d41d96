//! Version lists and versions of the mirror: how much of them is understood.

use std::collections::BTreeMap;

use vuln::advisory::{Affected, Status};
use vuln::range::{Judgement, judge};
use vuln::record::cve;
use vuln::version::Scheme;

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
