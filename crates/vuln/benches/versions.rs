//! Comparisons and judgements a second.

#[path = "../tests/it/mirror.rs"]
#[expect(
    dead_code,
    clippy::unwrap_used,
    reason = "shared with the tests, which use all of it and may unwrap"
)]
mod mirror;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use vuln::advisory::{Advisory, Affected, Status, UpperBound, VersionEntry};
use vuln::range::{judge, line_statement, text};
use vuln::version::{Scheme, compare};

fn main() {
    divan::main();
}

const PLAIN: &[&str] = &[
    "1.2.3", "1.2.10", "153.0", "153.0.0", "2.4.54", "7.61.1", "0.9", "10.0.4.2", "5.4.277", "14.0.1",
];
const MIXED: &[&str] = &[
    "1.0rc1",
    "1.1.1g",
    "1.0.2zd",
    "2.7.6-p1",
    "6.9.11-14",
    "1.2-unstable-2023-01-01",
    "0-unstable-2024-05-01",
    "8u252",
    "1.8.0_252",
    "9.0.0.M1",
    "2.0.0-alpha.1",
    "5.4.0-26-generic",
    "2020-05-01",
    "20200110",
    "openssl-1.0.2u",
    "68.10.0esr",
    "4.4-p23",
    "1.28.1+k3s1",
    "v1.2",
    "2.4.48",
];

/// Every version with every other.
fn pairs(bencher: Bencher<'_, '_>, scheme: Scheme, versions: &[&str]) {
    bencher.counter(ItemsCount::new(versions.len() * versions.len())).bench(|| {
        for a in versions {
            for b in versions {
                black_box(compare(scheme, black_box(a), black_box(b)));
            }
        }
    });
}

#[divan::bench]
fn compare_plain(bencher: Bencher<'_, '_>) {
    pairs(bencher, Scheme::Generic, PLAIN);
}

#[divan::bench]
fn compare_mixed(bencher: Bencher<'_, '_>) {
    pairs(bencher, Scheme::Generic, MIXED);
}

#[divan::bench(args = [Scheme::Semver, Scheme::Python, Scheme::Maven, Scheme::Rpm, Scheme::Deb, Scheme::Kernel, Scheme::Java])]
fn compare_schemes(bencher: Bencher<'_, '_>, scheme: Scheme) {
    pairs(bencher, scheme, MIXED);
}

#[divan::bench]
fn judge_range(bencher: Bencher<'_, '_>) {
    let range = |start: &str, end: &str| VersionEntry {
        version: start.to_owned(),
        status: Status::Affected,
        scheme: Some("semver".to_owned()),
        bound: Some(UpperBound::LessThan(end.to_owned())),
        changes: Vec::new(),
    };
    let versions = vec![range("1.0.0", "1.2.9"), range("2.0.0", "2.4.54"), range("3.0.0", "3.1.4")];
    let affected = Affected {
        versions,
        default_status: Status::Unaffected,
        ..Affected::default()
    };
    bencher
        .counter(ItemsCount::new(1usize))
        .bench(|| judge(black_box(&affected), black_box("2.4.48"), Scheme::Generic));
}

#[divan::bench]
fn parse_text(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(1usize))
        .bench(|| text::parse(black_box(">= 1.0, < 1.5")));
}

/// The descriptions of the mirror's snapshot.
#[divan::bench(sample_count = 5)]
fn line_statements_of_real_records(bencher: Bencher<'_, '_>) {
    let descriptions: Vec<String> = real_records().into_iter().map(|advisory| advisory.description).collect();
    let bytes: usize = descriptions.iter().map(String::len).sum();
    bencher
        .counter(BytesCount::new(bytes))
        .counter(ItemsCount::new(descriptions.len()))
        .bench(|| {
            for description in &descriptions {
                black_box(line_statement(description));
            }
        });
}

/// Every product entry of the mirror's snapshot for one version.
#[divan::bench(sample_count = 5)]
fn judge_real_records(bencher: Bencher<'_, '_>) {
    let products: Vec<Affected> = real_records().into_iter().flat_map(|advisory| advisory.affected).collect();
    bencher.counter(ItemsCount::new(products.len())).bench(|| {
        for affected in &products {
            black_box(judge(affected, black_box("2.4.48"), Scheme::Generic));
        }
    });
}

fn real_records() -> Vec<Advisory> {
    let records = mirror::find().map(|mirror| mirror.cve_snapshot()).unwrap_or_default();
    records
        .iter()
        .filter_map(|bytes| Some(vuln::record::cve::parse(bytes).ok()?.0))
        .collect()
}
