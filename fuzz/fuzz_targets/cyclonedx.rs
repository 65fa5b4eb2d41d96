//! What is read from a CycloneDX document hangs together.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(bom) = attest::cyclonedx::parse(data) {
        fuzz::hangs_together(&bom.sbom, data.len());
    }
});
