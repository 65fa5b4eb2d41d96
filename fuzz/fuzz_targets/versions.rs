//! Versions are in one order under every scheme, and statements about them are read without trouble.
#![no_main]

use std::cmp::Ordering;

use libfuzzer_sys::fuzz_target;
use vuln::range::text;
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
    let _ = text::parse(given);
    let mut words = given.splitn(3, '\n');
    let [a, b, c] = [(); 3].map(|()| words.next().unwrap_or_default());
    for scheme in SCHEMES {
        let (ab, bc, ac) = (compare(scheme, a, b), compare(scheme, b, c), compare(scheme, a, c));
        assert_eq!(ab, compare(scheme, b, a).map(Ordering::reverse), "{scheme}: {a:?} {b:?}");
        if let (Some(ab), Some(bc)) = (ab, bc) {
            // Where a <= b and b <= c, then a <= c, and equal only if both were.
            if ab == bc || ab == Ordering::Equal || bc == Ordering::Equal {
                assert_eq!(ac, Some(ab.then(bc)), "{scheme}: {a:?} {b:?} {c:?}");
            }
        }
    }
});
