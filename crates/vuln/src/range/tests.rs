use super::*;
use crate::advisory::{Change, Event, EventRange, RangeKind, UpperBound, VersionEntry};

fn status(text: &str) -> Status {
    match text {
        "affected" => Status::Affected,
        "unaffected" => Status::Unaffected,
        "unknown" => Status::Unknown,
        other => panic!("{other}"),
    }
}

/// An entry as `version < end status [type] [at=status ...]`: `1.0 < 1.5 affected semver 1.2=unaffected`.
fn entry(text: &str) -> VersionEntry {
    let (mut version, mut rest) = text.split_once(' ').unwrap();
    if let Some(quoted) = text.strip_prefix('\'') {
        (version, rest) = quoted.split_once("' ").unwrap();
    }
    let mut bound = None;
    for (operator, wrap) in [
        ("<= ", UpperBound::LessThanOrEqual as fn(String) -> UpperBound),
        ("< ", UpperBound::LessThan),
    ] {
        if let Some(after) = rest.strip_prefix(operator) {
            let (end, after) = after.split_once(' ').unwrap();
            (bound, rest) = (Some(wrap(end.to_owned())), after);
        }
    }
    let mut words = rest.split(' ');
    let status_of_entry = status(words.next().unwrap());
    let (mut scheme, mut changes) = (None, Vec::new());
    for word in words {
        match word.split_once('=') {
            Some((at, to)) => changes.push(Change {
                at: at.to_owned(),
                status: status(to),
            }),
            None => scheme = Some(word.to_owned()),
        }
    }
    VersionEntry {
        version: version.to_owned(),
        status: status_of_entry,
        scheme,
        bound,
        changes,
    }
}

fn record(default: Status, entries: &[&str]) -> Affected {
    Affected {
        default_status: default,
        versions: entries.iter().map(|text| entry(text)).collect(),
        ..Affected::default()
    }
}

fn generic(affected: &Affected, version: &str) -> Judgement {
    judge(affected, version, Scheme::Generic)
}

/// Checks `version -> status` for a list.
fn statuses(affected: &Affected, wanted: &[(&str, Status)]) {
    for (version, status) in wanted {
        let got = generic(affected, version);
        assert_eq!(got.status, *status, "{version}: {}", got.reason);
    }
}

use Status::{Affected as Bad, Unaffected as Good, Unknown};

#[test]
fn a_range_with_both_ends() {
    let affected = record(Good, &["1.0.0 < 1.0.6 affected semver", "2.0.0 <= 2.1.2 affected semver"]);
    statuses(
        &affected,
        &[
            ("0.9", Good),
            ("1.0.0-rc.1", Good),
            ("1.0.0", Bad),
            ("1.0.5", Bad),
            ("1.0.6-rc.1", Bad),
            ("1.0.6", Good),
            ("2.0.0", Bad),
            ("2.1.2", Bad),
            ("2.1.3", Good),
        ],
    );
    let inside = generic(&affected, "1.0.5");
    assert_eq!(
        (
            inside.rule,
            inside.fixed_in.as_deref(),
            inside.comparable,
            inside.decided_by_default
        ),
        ("cve5-range", Some("1.0.6"), true, false)
    );
    assert_eq!(
        inside.reason,
        "1.0.5 lies in \"1.0.0\" < \"1.0.6\" of the record's list as semver versions: affected"
    );
    let after = generic(&affected, "3.0");
    assert_eq!(
        (after.rule, after.decided_by_default, after.position),
        ("cve5-default", true, Position::After)
    );
    assert_eq!(generic(&affected, "1.5").position, Position::Between);
    assert_eq!(generic(&affected, "1.5").fixed_in.as_deref(), Some("1.0.6"));
    assert_eq!(generic(&affected, "0.1").position, Position::Before);
}

#[test]
fn the_first_entry_that_holds_decides() {
    let affected = record(Unknown, &["1.2.3 unaffected", "1.0 < 2.0 affected", "1.0 < 3.0 unaffected"]);
    statuses(
        &affected,
        &[
            ("1.2.3", Good),
            ("1.2.3.0", Good),
            ("1.2.4", Bad),
            ("2.5", Good),
            ("3.0", Unknown),
            ("0.5", Unknown),
        ],
    );
    assert!(generic(&affected, "3.0").decided_by_default);
    assert!(generic(&affected, "3.0").comparable);
}

#[test]
fn changes_inside_a_range() {
    let affected = record(Good, &["0 < * affected custom 1.5.2=unaffected 2.0=affected 2.0.3=unaffected"]);
    statuses(
        &affected,
        &[
            ("1.0", Bad),
            ("1.5.2", Good),
            ("1.9", Good),
            ("2.0", Bad),
            ("2.0.2", Bad),
            ("2.0.3", Good),
            ("9", Good),
        ],
    );
    assert_eq!(generic(&affected, "1.0").fixed_in.as_deref(), Some("1.5.2"));
    assert_eq!(generic(&affected, "2.0.1").fixed_in.as_deref(), Some("2.0.3"));
    assert_eq!(generic(&affected, "2.0.3").fixed_in.as_deref(), Some("2.0.3"));
    assert_eq!(generic(&affected, "2.0.3").rule, "cve5-change");
    let unordered = record(Good, &["0 < * affected custom 2.0.3=unaffected 2.0=affected 1.5.2=unaffected"]);
    statuses(&unordered, &[("1.9", Good), ("2.0.1", Bad), ("3", Good)]);
}

#[test]
fn the_default_where_nothing_holds() {
    assert_eq!(generic(&record(Bad, &["2.0 unaffected"]), "1.9").status, Bad);
    assert_eq!(generic(&record(Bad, &["2.0 unaffected"]), "1.9").fixed_in.as_deref(), Some("2.0"));
    assert_eq!(generic(&record(Bad, &[]), "1.9").status, Bad);
    let nothing = generic(&record(Unknown, &[]), "1.9");
    assert_eq!(
        (nothing.status, nothing.comparable, nothing.position),
        (Unknown, false, Position::Unclear)
    );
}

#[test]
fn kernel_records() {
    let commits = record(
        Good,
        &[
            "1da177e4c3f4 < 0478ccdc8ea0 affected git",
            "1da177e4c3f4 < 7d91adc0ccb0 affected git",
        ],
    );
    let judged = judge(&commits, "5.4.100", Scheme::Kernel);
    assert_eq!((judged.status, judged.rule, judged.comparable), (Unknown, "cve5-commits", false));

    let versions = record(
        Bad,
        &[
            "4.2 affected",
            "0 < 4.2 unaffected custom",
            "5.4.277 <= 5.4.* unaffected custom",
            "5.10.218 <= 5.10.* unaffected custom",
            "6.9 <= * unaffected original_commit_for_fix",
        ],
    );
    for (version, status, fixed_in) in [
        ("4.1.52", Good, None),
        ("4.2", Bad, Some("5.4.277")),
        ("4.19.300", Bad, Some("5.4.277")),
        ("5.4.276", Bad, Some("5.4.277")),
        ("5.4.277", Good, Some("5.4.277")),
        ("5.4.300-rt79", Good, Some("5.4.277")),
        ("5.5", Bad, Some("5.10.218")),
        ("5.10.217", Bad, Some("5.10.218")),
        ("5.10.218", Good, Some("5.10.218")),
        ("6.1.90", Bad, Some("6.9")),
        ("6.9-rc7", Bad, Some("6.9")),
        ("6.9", Good, Some("6.9")),
        ("6.12.4", Good, Some("6.9")),
    ] {
        let judged = judge(&versions, version, Scheme::Kernel);
        assert_eq!(
            (judged.status, judged.fixed_in.as_deref()),
            (status, fixed_in),
            "{version}: {}",
            judged.reason
        );
    }
}

#[test]
fn lines_as_bounds() {
    statuses(
        &record(Good, &["7.4.x < 7.4.31 affected custom"]),
        &[("7.3.9", Good), ("7.4.0", Bad), ("7.4.30", Bad), ("7.4.31", Good)],
    );
    statuses(
        &record(Good, &["5.7.0 < 5.7.* affected custom"]),
        &[("5.7.44", Bad), ("5.8", Good), ("5.6", Good)],
    );
    statuses(
        &record(Good, &["0 <= 7.3.x affected"]),
        &[("7.3.99", Bad), ("7.3.0-rc1", Bad), ("7.4-rc1", Good), ("7.4", Good)],
    );
    statuses(
        &record(Good, &["2.7.x affected"]),
        &[("2.7", Bad), ("2.7.18", Bad), ("2.70", Good), ("2.6", Good)],
    );
    statuses(&record(Good, &["4.14.257 <= 4.14* affected"]), &[("4.14.300", Bad), ("4.15", Good)]);
}

#[test]
fn starts_that_mean_the_beginning() {
    for start in ["0", "*", "unspecified", "-", "n/a", "N/A", "0.0"] {
        statuses(
            &record(Good, &[&format!("{start} < 2.0 affected custom")]),
            &[("0-rc1", Bad), ("1.9", Bad), ("2.0", Good)],
        );
    }
    statuses(
        &record(Good, &["1.0 < unspecified affected", "0.1 <= latest affected"]),
        &[("9.0", Bad)],
    );
    statuses(
        &record(Good, &["'>= 1.0.0-beta4' <= 4.4.11 affected"]),
        &[("4.4.11", Bad), ("0.9", Good)],
    );
}

#[test]
fn texts_in_the_version_field() {
    statuses(&record(Good, &["'< 2.0' affected"]), &[("1.9", Bad), ("2.0", Good)]);
    statuses(
        &record(Good, &["'>= 1.0, < 1.5' affected"]),
        &[("0.9", Good), ("1.0", Bad), ("1.5", Good)],
    );
    statuses(
        &record(Good, &["'5.7.24 and prior' affected"]),
        &[("5.7.24", Bad), ("5.7.25", Good)],
    );
    statuses(&record(Good, &["'1.0, 1.1, 1.2' affected"]), &[("1.1", Bad), ("1.1.1", Good)]);
    statuses(
        &record(Good, &["'Fixed in OpenSSL 1.1.1d (Affected 1.1.1-1.1.1c)' affected"]),
        &[("1.1.1b", Bad), ("1.1.1d", Good), ("1.1.1g", Good), ("1.1.0", Good)],
    );
    statuses(&record(Good, &["'All versions' affected"]), &[("1.1", Bad)]);
    assert_eq!(
        generic(&record(Good, &["'< 2.0' affected"]), "1.9").fixed_in.as_deref(),
        Some("2.0")
    );
    assert_eq!(generic(&record(Good, &["'< 2.0' affected"]), "2.0").position, Position::After);
    statuses(&record(Good, &["'2.6.0 p1' affected"]), &[("2.6.0-p1", Bad), ("2.6.0-p2", Good)]);
}

#[test]
fn open_ranges_of_several_lines() {
    let oracle = record(
        Good,
        &[
            "'5.6.42 and prior' affected",
            "'5.7.24 and prior' affected",
            "'8.0.13 and prior' affected",
        ],
    );
    let lines = [
        ("5.5.62", Bad),
        ("5.6.42", Bad),
        ("5.6.43", Good),
        ("5.7.24", Bad),
        ("5.7.27", Good),
        ("8.0.13", Bad),
        ("8.0.14", Good),
        ("6.0", Bad),
    ];
    statuses(&oracle, &lines);
    assert_eq!(generic(&oracle, "5.7.27").position, Position::After);
    statuses(
        &record(Good, &["'5.6.42 and prior, 5.7.24 and prior and 8.0.13 and prior' affected"]),
        &lines,
    );
    statuses(
        &record(
            Good,
            &[
                "unspecified <= 5.6.42 affected",
                "unspecified <= 5.7.24 affected",
                "unspecified < 8.0.14 affected",
            ],
        ),
        &lines,
    );
    // `0` is the format's own way to say "from the beginning": the first range that holds decides.
    statuses(&record(Good, &["0 <= 5.7.24 affected", "0 <= 8.0.13 affected"]), &[("5.7.27", Bad)]);
    statuses(
        &record(Good, &["'before 11.5, 10.10' affected"]),
        &[("10.9", Bad), ("10.10", Good), ("11.4", Bad), ("11.5", Good), ("9.6", Bad)],
    );
}

#[test]
fn what_cannot_be_compared_never_decides_and_keeps_the_default_from_deciding() {
    for entries in [
        &["n/a affected"][..],
        &["unspecified affected"],
        &["1.0 < publication affected"],
        &["'See references' affected"],
        &["0 < 20181128 affected"],
    ] {
        let judged = generic(&record(Good, entries), "1.5");
        assert_eq!(
            (judged.status, judged.comparable, judged.decided_by_default),
            (Unknown, false, false),
            "{entries:?}: {}",
            judged.reason
        );
    }
    let judged = generic(&record(Good, &["0 < 20181128 affected"]), "1.5");
    assert_eq!(
        judged.reason,
        "no entry decides: \"1.5\" cannot be compared with \"20181128\" as generic versions: a date cannot be compared with a release number"
    );
    // Another entry decides positively.
    assert_eq!(generic(&record(Good, &["n/a affected", "1.0 < 2.0 affected"]), "1.5").status, Bad);
    // Commits beside versions are the same ranges in other words.
    assert_eq!(
        generic(
            &record(Good, &["1da177e4c3f4 < 0478ccdc8ea0 affected git", "1.0 < 2.0 affected"]),
            "2.5"
        )
        .status,
        Good
    );
    assert_eq!(
        generic(
            &record(Good, &["1da177e4c3f4 < 0478ccdc8ea0 affected", "1.0 < 2.0 affected"]),
            "2.5"
        )
        .status,
        Good
    );
    assert_eq!(
        generic(&record(Good, &["1da177e4c3f4 < 0478ccdc8ea0 affected"]), "2.5").rule,
        "cve5-commits"
    );
    // Release numbers that are called commits are tags.
    statuses(&record(Good, &["1.3.0 <= 1.4.1 affected git"]), &[("1.4.1", Bad), ("1.4.2", Good)]);
    // An end that is clearly on the wrong side is enough.
    assert_eq!(generic(&record(Good, &["3.0 < publication affected"]), "1.5").status, Good);
    // A snapshot has a date.
    statuses(
        &record(Good, &["0 < 20181128 affected"]),
        &[
            ("1.2-unstable-2018-01-01", Bad),
            ("0-unstable-2019-01-01", Good),
            ("unstable-2018-01-01", Bad),
        ],
    );
}

#[test]
fn declared_schemes_hold_only_where_versions_follow_them() {
    let judged = generic(&record(Good, &["0 <= 2.4.4-p6 affected semver"]), "2.4.4-p5");
    assert_eq!(judged.status, Bad);
    assert_eq!(
        judged.reason,
        "2.4.4-p5 lies in \"0\" <= \"2.4.4-p6\" of the record's list as generic versions: affected"
    );
    statuses(
        &record(Good, &["0 <= 2.4.4-p6 affected semver"]),
        &[("2.4.4", Bad), ("2.4.4-p6", Bad), ("2.4.4-p7", Good)],
    );
    statuses(
        &record(Good, &["1.0.2 < 1.0.2zd affected semver"]),
        &[("1.0.2u", Bad), ("1.0.2zd", Good)],
    );
    statuses(
        &record(Good, &["0 < 0:4.17.5-3.el8_8 affected rpm"]),
        &[("4.17.4", Bad), ("4.17.5", Good)],
    );
    statuses(
        &record(Good, &["0 < 1.0.0 affected python"]),
        &[("1.0.0.dev1", Bad), ("1.0.0.post1", Good)],
    );
    let ecosystem = Affected {
        ecosystem: Some("PyPI".to_owned()),
        ..record(Good, &["0 < 1!1.0 affected"])
    };
    assert_eq!(generic(&ecosystem, "2013.4").status, Bad);
}

fn osv(kind: RangeKind, events: &[(&str, &str)], listed: &[&str]) -> Affected {
    let events = events.iter().map(|&(name, at)| {
        let at = at.to_owned();
        match name {
            "introduced" => Event::Introduced(at),
            "fixed" => Event::Fixed(at),
            "last_affected" => Event::LastAffected(at),
            "limit" => Event::Limit(at),
            other => panic!("{other}"),
        }
    });
    let mut affected = record(Unknown, &[]);
    affected.ranges = vec![EventRange {
        kind,
        events: events.collect(),
    }];
    affected.versions = listed.iter().map(|version| entry(&format!("{version} affected"))).collect();
    affected
}

#[test]
fn osv_evaluation() {
    let two = osv(
        RangeKind::Semver,
        &[("introduced", "0"), ("fixed", "1.2.4"), ("introduced", "2.0.0"), ("fixed", "2.1.1")],
        &[],
    );
    statuses(
        &two,
        &[
            ("0.0.1", Bad),
            ("1.2.3", Bad),
            ("1.2.4-rc.1", Bad),
            ("1.2.4", Good),
            ("1.9", Good),
            ("2.0.0", Bad),
            ("2.1.1", Good),
        ],
    );
    assert_eq!(generic(&two, "2.0.5").fixed_in.as_deref(), Some("2.1.1"));
    assert_eq!(generic(&two, "1.0.0").fixed_in.as_deref(), Some("1.2.4"));
    assert_eq!(generic(&two, "1.5.0").fixed_in.as_deref(), Some("1.2.4"));
    assert_eq!(generic(&two, "1.5.0").position, Position::Between);
    assert_eq!(generic(&two, "3.0").position, Position::After);
    let shuffled = osv(
        RangeKind::Semver,
        &[("fixed", "2.1.1"), ("introduced", "2.0.0"), ("fixed", "1.2.4"), ("introduced", "0")],
        &[],
    );
    statuses(&shuffled, &[("1.2.3", Bad), ("1.2.4", Good), ("2.0.5", Bad), ("2.1.1", Good)]);
    let last = osv(RangeKind::Semver, &[("introduced", "1.0.0"), ("last_affected", "2.1.214")], &[]);
    statuses(&last, &[("0.9.0", Good), ("1.0.0", Bad), ("2.1.214", Bad), ("2.1.215", Good)]);
    assert_eq!(generic(&last, "0.9.0").position, Position::Before);
    let limit = osv(RangeKind::Ecosystem, &[("introduced", "0"), ("limit", "2.0")], &[]);
    statuses(&limit, &[("1.9", Bad), ("2.0", Good)]);
    statuses(
        &osv(RangeKind::Ecosystem, &[("introduced", "0"), ("limit", "*")], &[]),
        &[("9", Bad)],
    );
    statuses(
        &osv(RangeKind::Semver, &[("introduced", "0")], &[]),
        &[("0.0.1", Bad), ("99.0.0", Bad)],
    );
}

#[test]
fn osv_version_lists_and_commits() {
    let listed = osv(RangeKind::Ecosystem, &[("introduced", "2.0"), ("fixed", "2.1")], &["1.5", "1.6"]);
    statuses(&listed, &[("1.5", Bad), ("1.7", Good), ("2.0.5", Bad)]);
    assert_eq!(generic(&listed, "1.5").rule, "osv-version-list");
    let commits = osv(
        RangeKind::Git,
        &[("introduced", "0"), ("fixed", "0478ccdc8ea00478ccdc8ea00478ccdc8ea00478")],
        &["v1.5"],
    );
    statuses(&commits, &[("1.5", Bad), ("1.7", Unknown)]);
    assert_eq!(generic(&commits, "1.7").rule, "osv-commits");
    let mixed = osv(RangeKind::Semver, &[("introduced", "0"), ("fixed", "master")], &[]);
    assert_eq!((generic(&mixed, "1.0").status, generic(&mixed, "1.0").comparable), (Unknown, false));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_range_holds_what_lies_between_its_ends(numbers in proptest::collection::vec(0..4u32, 9)) {
        let [start, end, version] = [0, 3, 6].map(|i| format!("1.{}.{}-rc{}", numbers[i], numbers[i + 1], numbers[i + 2]));
        let before = |a: &str, b: &str| crate::version::compare(Scheme::Generic, a, b).unwrap().is_lt();
        let inside = !before(&version, &start) && before(&version, &end);
        let exclusive = generic(&record(Good, &[&format!("{start} < {end} affected")]), &version);
        proptest::prop_assert_eq!(exclusive.status == Bad, inside, "{}", exclusive.reason);
        proptest::prop_assert!(exclusive.comparable);
        proptest::prop_assert_eq!(exclusive.fixed_in.as_deref() == Some(end.as_str()), inside || !before(&version, &end));
        let inclusive = generic(&record(Good, &[&format!("{start} <= {end} affected")]), &version);
        proptest::prop_assert_eq!(inclusive.status == Bad, !before(&version, &start) && !before(&end, &version));
        let text = generic(&record(Good, &[&format!("'>= {start}, < {end}' affected")]), &version);
        proptest::prop_assert_eq!(text.status, exclusive.status);
        let events = osv(RangeKind::Ecosystem, &[("introduced", &start), ("fixed", &end)], &[]);
        if before(&start, &end) {
            proptest::prop_assert_eq!(generic(&events, &version).status == Bad, inside);
        }
    }

    #[test]
    fn any_text_is_judged_without_a_panic(text in proptest::prelude::any::<String>(), end in proptest::prelude::any::<String>(), version in "[0-9a-z.+~-]{0,12}") {
        let _ = (text::parse(&text), line_statement(&text));
        let mut affected = record(Unknown, &["1.0 < 2.0 affected semver"]);
        affected.versions[0].version = text.clone();
        affected.versions[0].bound = Some(UpperBound::LessThan(end.clone()));
        affected.versions.push(VersionEntry { version: text, status: Bad, scheme: None, bound: None, changes: vec![Change { at: end, status: Good }] });
        let judged = generic(&affected, &version);
        proptest::prop_assert_eq!(judged.status == Bad, judged.position == Position::Inside);
    }
}
