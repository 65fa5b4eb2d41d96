//! Versions are in one order under every scheme, and statements about them are read without trouble.
#![no_main]

use std::cmp::Ordering;

use libfuzzer_sys::fuzz_target;
use vuln::advisory::{Affected, Status, UpperBound, VersionEntry};
use vuln::range::{Position, judge, line_statement, text};
use vuln::version::{Scheme, compare};

const SCHEMES: [Scheme; 12] = [
    Scheme::Generic,
    Scheme::Semver,
    Scheme::Python,
    Scheme::Maven,
    Scheme::Rpm,
    Scheme::Deb,
    Scheme::OpensslLetters,
    Scheme::Kernel,
    Scheme::Java,
    Scheme::Perl,
    Scheme::Date,
    Scheme::Git,
];

fuzz_target!(|given: &str| {
    let mut words = given.splitn(3, '\n');
    let [a, b, c] = [(); 3].map(|()| words.next().unwrap_or_default());
    for scheme in SCHEMES {
        let (ab, bc, ac) = (compare(scheme, a, b), compare(scheme, b, c), compare(scheme, a, c));
        assert_eq!(ab, compare(scheme, b, a).map(Ordering::reverse), "{scheme}: {a:?} {b:?}");
        // A release compares with 2022.1, and that with a date, but not the release with the date.
        if let (Some(ab), Some(bc), Some(ac)) = (ab, bc, ac) {
            // Where a <= b and b <= c, then a <= c, and equal only if both were.
            if ab == bc || ab == Ordering::Equal || bc == Ordering::Equal {
                assert_eq!(ac, ab.then(bc), "{scheme}: {a:?} {b:?} {c:?}");
            }
        }
    }
    for interval in text::parse(given).unwrap_or_default() {
        for end in [interval.start, interval.end].into_iter().flatten() {
            assert!(given.contains(end), "{end:?}");
        }
    }
    for clause in line_statement(given) {
        let _ = clause.covers(Scheme::Generic, a);
    }
    let entry = |version: &str, end: Option<&str>| VersionEntry {
        version: version.to_owned(),
        status: Status::Affected,
        scheme: None,
        bound: end.map(|end| UpperBound::LessThan(end.to_owned())),
        changes: Vec::new(),
    };
    let affected = Affected {
        versions: vec![entry(given, None), entry(b, Some(c)), entry(b, None)],
        ..Affected::default()
    };
    let judged = judge(&affected, a, Scheme::Generic);
    assert_eq!(
        judged.status == Status::Affected,
        judged.position == Position::Inside,
        "{}",
        judged.reason
    );
});
