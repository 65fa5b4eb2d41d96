use Status::{Affected as A, Unaffected as U, Unknown as N};
use vuln::advisory::{Change, Configuration, End, EventRange, Node, Operator, RangeKind};

use super::*;

fn package(name: &str, version: &str) -> Placed {
    Placed {
        package: name.to_owned(),
        pname: name.to_owned(),
        version: version.to_owned(),
        channels: vec!["test".to_owned()],
    }
}

fn entry(version: &str, status: Status, bound: Option<UpperBound>) -> VersionEntry {
    VersionEntry {
        version: version.to_owned(),
        status,
        scheme: None,
        bound,
        changes: Vec::new(),
    }
}

fn less(version: &str) -> Option<UpperBound> {
    Some(UpperBound::LessThan(version.to_owned()))
}

fn record(product: &str, default_status: Status, versions: Vec<VersionEntry>) -> Advisory {
    Advisory {
        id: "CVE-2024-0001".to_owned(),
        affected: vec![Affected {
            product: Some(product.to_owned()),
            default_status,
            versions,
            ..Affected::default()
        }],
        ..Advisory::default()
    }
}

fn points(line: &Line) -> Vec<&str> {
    line.points.iter().map(Point::version).collect()
}

#[test]
fn a_range_is_drawn_between_its_ends() {
    let record = record("xz", U, vec![entry("5.6.0", A, less("5.6.2"))]);
    let lines = lines(
        &[&record],
        &[package("xz", "5.4.6"), package("xz", "5.6.1"), package("xz", "5.6.2")],
    );
    assert_eq!(points(&lines[0]), ["5.4.6", "5.6.0", "5.6.1", "5.6.2"]);
    // before, 5.4.6, between, 5.6.0, between, 5.6.1, between, 5.6.2, behind
    assert_eq!(lines[0].places, [U, U, U, A, A, A, A, U, U]);
    assert_eq!(lines[0].points[3].packages.len(), 1);
}

#[test]
fn the_first_entry_that_holds_decides_and_changes_follow() {
    let mut changing = entry("2.0", A, less("3.0"));
    changing.changes = vec![Change {
        at: "2.5".to_owned(),
        status: U,
    }];
    let record = record("app", N, vec![entry("2.2", U, None), changing]);
    let lines = lines(&[&record], &[package("app", "2.2")]);
    assert_eq!(points(&lines[0]), ["2.0", "2.2", "2.5", "3.0"]);
    assert_eq!(lines[0].places, [N, A, A, U, A, U, U, N, N]);
}

#[test]
fn ranges_without_ends_reach_the_edges() {
    let whole = record("app", U, vec![entry("0", A, less("*"))]);
    assert_eq!(lines(&[&whole], &[package("app", "1")])[0].places, [A, A, A]);
    let upwards = record("app", U, vec![entry("1.0", A, less("*"))]);
    assert_eq!(lines(&[&upwards], &[package("app", "2")])[0].places, [U, A, A, A, A]);
    let branch = record(
        "app",
        A,
        vec![entry("5.4.9", U, Some(UpperBound::LessThanOrEqual("5.4.*".to_owned())))],
    );
    assert_eq!(lines(&[&branch], &[package("app", "5.4.200")])[0].places, [A, U, U, U, U, U, A]);
}

#[test]
fn osv_events_become_spans_whatever_their_order() {
    let mut record = record("app", U, vec![]);
    record.source = Source::Osv;
    record.affected[0].ecosystem = Some("Go".to_owned());
    record.affected[0].ranges = vec![EventRange {
        kind: RangeKind::Semver,
        events: vec![
            Event::Introduced("1.5.0".to_owned()),
            Event::Fixed("1.2.0".to_owned()),
            Event::Introduced("0".to_owned()),
            Event::LastAffected("1.6.0".to_owned()),
        ],
    }];
    let lines = lines(&[&record], &[package("app", "1.6.1")]);
    assert_eq!(points(&lines[0]), ["1.2.0", "1.5.0", "1.6.0", "1.6.1"]);
    assert_eq!(lines[0].places, [A, U, U, A, A, A, U, U, U]);
    assert_eq!(lines[0].scheme, "semver");
}

#[test]
fn nvd_configurations_give_a_line_a_product() {
    let criterion = |cpe: &str, end: Option<&str>, vulnerable| CpeMatch {
        vulnerable,
        cpe: cpe.parse().unwrap(),
        start: None,
        end: end.map(|version| End {
            version: version.to_owned(),
            inclusive: false,
        }),
    };
    let record = Advisory {
        source: Source::Nvd,
        configurations: vec![Configuration {
            operator: Operator::Or,
            negate: false,
            nodes: vec![Node {
                operator: Operator::Or,
                negate: false,
                matches: vec![
                    criterion("cpe:2.3:a:haxx:curl:*", Some("7.5"), true),
                    criterion("cpe:2.3:a:haxx:curl:8.0:p1", None, true),
                    criterion("cpe:2.3:a:other:server:*", Some("1"), true),
                    criterion("cpe:2.3:o:debian:debian_linux:10", None, false),
                ],
            }],
        }],
        ..Advisory::default()
    };
    let lines = lines(&[&record], &[package("curl", "8.1")]);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].product, "haxx curl");
    assert_eq!(points(&lines[0]), ["7.5", "8.0-p1", "8.1"]);
    assert_eq!(lines[0].places, [A, U, U, A, U, U, U]);
}

#[test]
fn one_odd_version_does_not_keep_the_others_out() {
    let odd = entry("0123456789abcdef0123456789abcdef01234567", A, None);
    let record = record("app", U, vec![odd, entry("1.0", A, less("2.0"))]);
    let lines = lines(&[&record], &[package("app", "1.5")]);
    assert_eq!(points(&lines[0]), ["1.0", "1.5", "2.0"]);
    assert_eq!(lines[0].left_out, ["0123456789abcdef0123456789abcdef01234567"]);
    assert_eq!(lines[0].places, [U, A, A, A, A, U, U]);
}

#[test]
fn without_a_package_or_with_too_much_nothing_is_drawn() {
    let ranged = record("app", U, vec![entry("1", A, less("2"))]);
    assert_eq!(lines(&[&ranged], &[]), []);
    let many = (0..100).map(|n| entry(&format!("1.{n}"), A, None)).collect();
    assert_eq!(lines(&[&record("app", U, many)], &[package("app", "1")]), []);
    let git = VersionEntry {
        scheme: Some("git".to_owned()),
        ..entry("0123abc", A, less("4567def"))
    };
    assert_eq!(lines(&[&record("app", U, vec![git])], &[package("app", "1")]), []);
}

#[test]
fn equal_spellings_share_a_point() {
    let record = record("firefox", U, vec![entry("0", A, less("153.0"))]);
    let lines = lines(&[&record], &[package("firefox", "153.0.0")]);
    assert_eq!(lines[0].points.len(), 1);
    assert_eq!(lines[0].places, [A, U, U]);
}

#[test]
fn each_package_stands_where_its_name_fits_best() {
    let product = |product: &str, vendor: Option<&str>| Affected {
        vendor: vendor.map(str::to_owned),
        product: Some(product.to_owned()),
        versions: vec![entry("1", A, less("2"))],
        ..Affected::default()
    };
    let browsers = Advisory {
        affected: vec![product("Firefox", None), product("Firefox ESR", None), product("Debian", None)],
        ..Advisory::default()
    };
    let other = Advisory {
        source: Source::Osv,
        affected: vec![product("tor", None)],
        ..Advisory::default()
    };
    let packages = [package("firefox", "3"), package("firefox-esr", "4"), package("mystery", "5")];
    let lines = |advisories: &[&Advisory]| -> Vec<(String, Vec<String>)> {
        let versions = |line: &Line| line.points.iter().flat_map(|p| &p.packages).map(|p| p.version.clone()).collect();
        super::lines(advisories, &packages)
            .iter()
            .map(|line| (line.product.clone(), versions(line)))
            .collect()
    };
    let line = |product: &str, versions: &[&str]| (product.to_owned(), versions.iter().map(|&v| v.to_owned()).collect::<Vec<_>>());
    // What no product is named like stands on every line: the match knew why.
    assert_eq!(
        lines(&[&browsers, &other]),
        [line("Firefox", &["3", "5"]), line("Firefox ESR", &["4", "5"]), line("tor", &["5"])]
    );
    let web = Advisory {
        affected: vec![
            product("Apache HTTP Server", Some("Apache Software Foundation")),
            product("http_server", Some("apache")),
        ],
        ..Advisory::default()
    };
    assert_eq!(super::lines(&[&web], &[package("apacheHttpd", "2.4")]).len(), 2);
}
