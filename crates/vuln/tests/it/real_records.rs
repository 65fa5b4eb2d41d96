//! Every record of the mirror parses; what is wrong with them is counted.

use std::collections::BTreeMap;

use vuln::Problem;
use vuln::advisory::{Advisory, State};
use vuln::record::{Kind, cve, epss, kev, nvd, osv, sniff};
use vuln::score::CvssVersion;

use crate::mirror;

/// Problems by what they say, and how the scores that were computed compare with those that were published.
#[derive(Default)]
struct Tally {
    kinds: BTreeMap<String, (usize, String)>,
    scores: BTreeMap<CvssVersion, [usize; 3]>,
}

impl Tally {
    fn add(&mut self, advisory: &Advisory, problems: &[Problem]) {
        for problem in problems {
            let kind = self
                .kinds
                .entry(problem.message.clone())
                .or_insert_with(|| (0, format!("{} {}", advisory.id, problem.at)));
            kind.0 += 1;
        }
        for score in &advisory.scores {
            let [same, other, invalid] = self.scores.entry(score.version).or_default();
            match (score.computed, score.published) {
                (None, _) => *invalid += 1,
                (Some(computed), Some(published)) if (computed - published).abs() > 0.05 => *other += 1,
                (Some(_), _) => *same += 1,
            }
        }
    }

    #[expect(clippy::print_stderr, reason = "the kinds are for people who look at the test's output")]
    fn print(&self, of: &str) {
        for (message, (count, first)) in &self.kinds {
            eprintln!("{of}: {count} x {message} (first: {first})");
        }
    }

    fn problems(&self) -> usize {
        self.kinds.values().map(|(count, _)| count).sum()
    }

    /// As published, not as published, not valid.
    fn scores(&self) -> Vec<(&'static str, [usize; 3])> {
        self.scores.iter().map(|(version, counts)| (version.name(), *counts)).collect()
    }
}

#[test]
fn cve() {
    let Some(mirror) = mirror::find() else { return };
    let mut tally = Tally::default();
    let records = mirror.cve_snapshot();
    assert_eq!(records.len(), 44_130);
    let mut rejected = 0;
    for bytes in &records {
        let (advisory, problems) = cve::parse(bytes).unwrap();
        tally.add(&advisory, &problems);
        rejected += usize::from(advisory.state != State::Published);
    }
    tally.print("cve");
    // The 26 problems are CPE names with a colon that is not escaped.
    assert_eq!((rejected, tally.problems()), (104, 26));
    // 250 of the 371 state the temporal score as the base score; most others come from a calculator that gives 10.0 where the
    // specification gives 9.9, 9.1 for 9.0 and so on.
    assert_eq!(
        tally.scores(),
        [
            ("2.0", [2424, 0, 0]),
            ("3.0", [4519, 1, 0]),
            ("3.1", [29_791, 371, 0]),
            ("4.0", [2331, 3, 0])
        ]
    );
    let deltas: Vec<usize> = mirror
        .cve_deltas()
        .iter()
        .map(|day| day.iter().filter(|bytes| cve::parse(bytes).is_ok()).count())
        .collect();
    assert_eq!(deltas.iter().max(), Some(&579));
    assert!(records.iter().all(|bytes| sniff(bytes) == Some(Kind::Cve)));
}

#[test]
fn nvd() {
    let Some(mirror) = mirror::find() else { return };
    let mut tally = Tally::default();
    let (mut entries, mut rejected, mut criteria) = (0, 0, 0);
    for feed in mirror.nvd_feeds() {
        assert_eq!(sniff(&feed), Some(Kind::NvdFeed));
        let feed = nvd::split(&feed[..], |entry| {
            let (advisory, problems) = nvd::parse_entry(entry.raw)?;
            assert_eq!(entry.id, Some(advisory.id.as_str()));
            tally.add(&advisory, &problems);
            entries += 1;
            rejected += usize::from(advisory.state != State::Published);
            criteria += advisory
                .configurations
                .iter()
                .flat_map(|c| &c.nodes)
                .map(|n| n.matches.len())
                .sum::<usize>();
            Ok::<(), vuln::record::RecordError>(())
        })
        .unwrap();
        assert_eq!((feed.problems.len(), feed.total_results), (0, Some(feed.entries)));
    }
    tally.print("nvd");
    assert_eq!(tally.problems(), 0);
    assert_eq!(
        tally.scores(),
        [("2.0", [126_734, 0, 0]), ("3.0", [48_160, 0, 0]), ("3.1", [9407, 0, 0])]
    );
    assert_eq!((entries, rejected, criteria), (134_599, 7_701, 1_718_542));
}

#[test]
fn osv() {
    let Some(mirror) = mirror::find() else { return };
    let mut tally = Tally::default();
    let records = mirror.osv();
    assert_eq!(records.len(), 11_735);
    let mut withdrawn = 0;
    for bytes in &records {
        let (advisory, problems) = osv::parse(bytes).unwrap();
        tally.add(&advisory, &problems);
        withdrawn += usize::from(advisory.state != State::Published);
        assert_eq!(sniff(bytes), Some(Kind::Osv));
    }
    tally.print("osv");
    assert_eq!((withdrawn, tally.problems()), (27, 0));
    // OSV publishes vectors only: "as published" says here that the vector is valid.
    assert_eq!(tally.scores(), [("3.0", [85, 0, 0]), ("3.1", [6644, 0, 0]), ("4.0", [704, 0, 0])]);
}

#[test]
fn kev() {
    let Some(mirror) = mirror::find() else { return };
    let bytes = mirror.kev();
    let (catalog, problems) = kev::parse(&bytes).unwrap();
    assert_eq!(
        (catalog.entries.len(), catalog.version.as_deref(), problems),
        (1_404, Some("2025.08.25"), Vec::new())
    );
    assert_eq!(sniff(&bytes), Some(Kind::Kev));
}

#[test]
fn epss() {
    let Some(mirror) = mirror::find() else { return };
    let bytes = mirror.epss();
    let scores = epss::parse(&bytes).unwrap();
    assert_eq!(
        (scores.date.as_deref(), scores.model.as_deref()),
        (Some("2026-08-16"), Some("v2025.03.14"))
    );
    let (good, bad): (Vec<_>, Vec<_>) = scores.partition(Result::is_ok);
    assert_eq!((good.len(), bad.len()), (360_142, 0));
    assert_eq!(sniff(&bytes), Some(Kind::Epss));
}
