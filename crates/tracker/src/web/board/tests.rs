use vuln::score::Severity;
use vuln::verdict::Verdict::{self, Affected, Fixed, Patched, Unknown};

use super::*;

fn facts(key: i64, name: &str, score: f32, kev: Option<&str>, epss: Option<f32>) -> Facts {
    Facts {
        key,
        name: name.to_owned(),
        title: format!("Flaw in {name}"),
        severity: if score >= 9.0 { Severity::Critical } else { Severity::Medium },
        score: Some(score),
        kev_date: kev.map(str::to_owned),
        epss,
        published: Some(format!("20{:02}-01-01T00:00:00Z", 30 - key)),
        order: (2020, key),
    }
}

fn cluster(key: i64, name: &str) -> ClusterFacts {
    ClusterFacts {
        key,
        name: name.to_owned(),
        pname: name.to_owned(),
        version: "1".to_owned(),
    }
}

fn pair(vulnerability: i64, cluster: i64, verdict: Verdict, confidence: f32) -> Pair {
    Pair {
        vulnerability,
        cluster,
        verdict,
        confidence,
    }
}

fn board() -> ChannelBoard {
    let facts = vec![
        facts(1, "CVE-2020-0001", 9.8, None, Some(0.1)),
        facts(2, "CVE-2020-0002", 5.0, Some("2021-05-05"), Some(0.2)),
        facts(3, "CVE-2020-0003", 6.0, Some("2022-05-05"), None),
        facts(4, "CVE-2020-0004", 9.9, None, Some(0.9)),
        // Found in another channel only.
        facts(5, "CVE-2020-0005", 1.0, None, None),
        facts(7, "CVE-2020-0007", 3.0, None, None),
    ];
    let findings = Findings {
        clusters: vec![cluster(10, "curl"), cluster(11, "openssl"), cluster(12, "Nginx")],
        pairs: vec![
            pair(4, 12, Fixed, 0.9),
            pair(1, 11, Unknown, 0.9),
            pair(1, 10, Affected, 0.6),
            pair(2, 10, Affected, 0.7),
            // Gone when the facts were read.
            pair(6, 10, Affected, 1.0),
            pair(7, 10, Fixed, 1.0),
            pair(3, 11, Patched, 0.5),
            pair(3, 12, Affected, 0.8),
        ],
    };
    ChannelBoard::new("test".to_owned(), Arc::new(sorted(findings)), facts.into())
}

fn ids(filter: &Filter) -> Vec<(String, usize)> {
    let board = board();
    let listing = board.list(filter, 0, 10);
    listing
        .groups
        .iter()
        .map(|g| (g.facts.name["CVE-2020-".len()..].to_owned(), g.pairs.len()))
        .collect()
}

fn expect(filter: Filter, wanted: &[(&str, usize)]) {
    let wanted: Vec<(String, usize)> = wanted.iter().map(|&(id, n)| (id.to_owned(), n)).collect();
    assert_eq!(ids(&filter), wanted, "{filter:?}");
}

#[test]
fn the_default_shows_what_is_open_exploited_first() {
    expect(Filter::default(), &[("0003", 1), ("0002", 1), ("0001", 2)]);
}

#[test]
fn filters() {
    let all = Filter::default;
    expect(Filter { exploited: true, ..all() }, &[("0003", 1), ("0002", 1)]);
    expect(
        Filter {
            verdict: Some(Fixed),
            ..all()
        },
        &[("0004", 1), ("0007", 1)],
    );
    expect(
        Filter {
            severity: Some(Severity::Critical),
            ..all()
        },
        &[("0001", 2)],
    );
    expect(
        Filter {
            min_epss: Some(0.15),
            ..all()
        },
        &[("0002", 1)],
    );
    expect(
        Filter {
            min_cvss: Some(6.0),
            ..all()
        },
        &[("0003", 1), ("0001", 2)],
    );
    expect(
        Filter {
            min_confidence: Some(0.85),
            ..all()
        },
        &[("0001", 1)],
    );
    // The package's name leaves the findings of that package only, the vulnerability's leaves all of its findings.
    let text = |text: &str| Filter {
        text: Some(text.to_owned()),
        ..all()
    };
    expect(text("CURL"), &[("0002", 1), ("0001", 1)]);
    expect(text("flaw in cve-2020-0001"), &[("0001", 2)]);
    expect(text("nginx"), &[("0003", 1)]);
    expect(text("nothing"), &[]);
}

#[test]
fn orders() {
    let by = |sort| Filter { sort, ..Filter::default() };
    expect(by(Sort::Epss), &[("0002", 1), ("0001", 2), ("0003", 1)]);
    expect(by(Sort::Cvss), &[("0001", 2), ("0003", 1), ("0002", 1)]);
    expect(by(Sort::Age), &[("0001", 2), ("0002", 1), ("0003", 1)]);
    expect(by(Sort::Confidence), &[("0001", 2), ("0003", 1), ("0002", 1)]);
}

#[test]
fn pages_cut_the_sorted_list_and_look_no_further() {
    let board = board();
    let total = |vulnerabilities, findings| Some(Total { vulnerabilities, findings });
    let plain = Filter::default();
    let text = Filter {
        text: Some("cve".to_owned()),
        ..Filter::default()
    };
    for (filter, known) in [(plain, total(3, 4)), (text, None)] {
        let whole = board.list(&filter, 0, 10);
        assert_eq!((whole.groups.len(), whole.more, whole.total), (3, false, known));
        for (at, group) in whole.groups.iter().enumerate() {
            let page = board.list(&filter, at, 1);
            assert_eq!((page.more, page.total), (at < 2, known));
            assert_eq!(page.groups.as_slice(), std::slice::from_ref(group));
        }
        for from in [3, usize::MAX] {
            let behind = board.list(&filter, from, 10);
            assert_eq!((behind.groups.len(), behind.more), (0, false));
        }
    }
    // Counted when the order was made.
    let critical = Filter {
        severity: Some(Severity::Critical),
        verdict: Some(Fixed),
        ..Filter::default()
    };
    assert_eq!(board.list(&critical, 0, 10).total, total(1, 1));
}

#[test]
fn what_is_open_in_some_packages() {
    let board = board();
    let of = |keys: &[i64], from, size| {
        let listing = board.list_of(keys.iter().copied(), Sort::Cvss, from, size);
        let groups: Vec<(i64, usize)> = listing.groups.iter().map(|group| (group.facts.key, group.pairs.len())).collect();
        (groups, listing.more, listing.total.unwrap().findings)
    };
    assert_eq!(of(&[10, 11], 0, 9), (vec![(1, 2), (2, 1)], false, 3));
    assert_eq!(of(&[10, 11], 0, 1), (vec![(1, 2)], true, 3));
    assert_eq!(of(&[99], 0, 1), (vec![], false, 0));
    let open = board.open_by_package();
    assert_eq!(
        (open[&10].all(), open[&10].of(Severity::Critical), open.contains_key(&13)),
        (2, 1, false)
    );
}

#[test]
fn channels_are_compared_by_package_name() {
    let before = board();
    let facts: Vec<Facts> = before.facts.to_vec();
    let findings = Findings {
        // openssl is another attribute here, curl another version, and there is no nginx.
        clusters: vec![
            cluster(20, "curl"),
            ClusterFacts {
                name: "openssl_3".to_owned(),
                ..cluster(21, "openssl")
            },
        ],
        pairs: vec![
            pair(1, 20, Fixed, 0.9),
            pair(1, 21, Affected, 0.5),
            pair(4, 20, Affected, 1.0),
            pair(2, 20, Fixed, 0.9),
        ],
    };
    let after = ChannelBoard::new("after".to_owned(), Arc::new(sorted(findings)), facts.into());
    let comparison = Comparison::new(&before, &after);
    let of = |change| -> Vec<(i64, String, Option<Verdict>, Option<Verdict>)> {
        let page = comparison.page(&before, &after, change, 0, 10);
        assert_eq!(page.len(), comparison.count(change));
        let verdict = |side: Option<(&ClusterFacts, Pair)>| side.map(|(_, pair)| pair.verdict);
        page.iter()
            .map(|d| (d.facts.key, d.pname.to_owned(), verdict(d.before), verdict(d.after)))
            .collect()
    };
    assert_eq!(of(Change::New), [(4, "curl".to_owned(), None, Some(Affected))]);
    assert_eq!(
        of(Change::Gone),
        [
            (1, "curl".to_owned(), Some(Affected), Some(Fixed)),
            (3, "Nginx".to_owned(), Some(Affected), None),
            (2, "curl".to_owned(), Some(Affected), Some(Fixed)),
        ]
    );
    assert_eq!(of(Change::Both), [(1, "openssl".to_owned(), Some(Unknown), Some(Affected))]);
    let critical: Vec<(Change, usize)> = comparison
        .tallies()
        .iter()
        .filter(|tally| tally.severity == Severity::Critical)
        .map(|tally| (tally.change, tally.count))
        .collect();
    assert_eq!(critical, [(Change::New, 1), (Change::Gone, 1), (Change::Both, 1)]);
    assert!(comparison.page(&before, &after, Change::New, 1, 10).is_empty());
    let same = Comparison::new(&before, &before);
    assert_eq!(
        (same.count(Change::New), same.count(Change::Gone), same.count(Change::Both)),
        (0, 0, 4)
    );
}

#[test]
fn worst_and_most_confident_packages_come_first() {
    let board = board();
    let listing = board.list(
        &Filter {
            sort: Sort::Cvss,
            ..Filter::default()
        },
        0,
        1,
    );
    assert_eq!(listing.groups[0].pairs, [pair(1, 10, Affected, 0.6), pair(1, 11, Unknown, 0.9)]);
}

#[test]
fn a_package_knows_its_findings() {
    let board = board();
    let of = |key| {
        board
            .of_cluster(key)
            .map(|(facts, pair)| (facts.key, pair.verdict))
            .collect::<Vec<_>>()
    };
    assert_eq!(of(11), [(1, Unknown), (3, Patched)]);
    assert_eq!(of(10), [(1, Affected), (2, Affected), (7, Fixed)]);
    assert_eq!(of(99), []);
    assert_eq!(board.of_vulnerability(3), [pair(3, 12, Affected, 0.8), pair(3, 11, Patched, 0.5)]);
    assert_eq!(board.of_vulnerability(5), []);
}
