//! A score that is kept is a probability; what is not is a problem.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(scores) = vuln::record::epss::parse(data) else { return };
    for score in scores.flatten() {
        assert!(
            (0.0..=1.0).contains(&score.score) && (0.0..=1.0).contains(&score.percentile),
            "{score:?}"
        );
    }
});
