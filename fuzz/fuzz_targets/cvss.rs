//! A score computed from a vector is one that its version knows.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vuln::score::{CvssVersion, compute};

fuzz_target!(|text: &str| {
    for version in [CvssVersion::V2, CvssVersion::V30, CvssVersion::V31, CvssVersion::V4] {
        if let Ok(score) = compute(version, text) {
            assert!((0.0..=10.0).contains(&score), "{version} {text}: {score}");
        }
    }
});
