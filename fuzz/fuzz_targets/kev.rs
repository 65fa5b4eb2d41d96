//! Every entry of the catalogue that is kept has what it cannot be without.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok((catalog, _)) = vuln::record::kev::parse(data) else { return };
    assert!(catalog.entries.iter().all(|entry| !entry.date_added.is_empty()));
});
