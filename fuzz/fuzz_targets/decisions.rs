//! Files of decisions, of whatever format: read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scan::decisions::Decisions;

fuzz_target!(|data: &[u8]| {
    if let Ok(decisions) = Decisions::read("d", data) {
        assert!(decisions.problems.len() <= data.len());
    }
});
