//! What is read from an SPDX document hangs together.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(sbom) = attest::spdx::parse(data) {
        fuzz::hangs_together(&sbom, data.len());
    }
});
