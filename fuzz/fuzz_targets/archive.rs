//! Packed and plain archives, files whose differences are explained, files that a program may have written: whatever is in them, they are read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/chain/src/bzip2.rs"]
mod bzip2;
#[path = "../../crates/chain/src/audit/generated.rs"]
mod generated;
#[path = "../../crates/chain/src/place.rs"]
mod place;
#[path = "../../crates/chain/src/tar.rs"]
mod tar;

const LARGEST: usize = 1 << 20;

fuzz_target!(|data: &[u8]| {
    if let Ok(unpacked) = bzip2::unpack(data, LARGEST) {
        assert!(unpacked.len() <= LARGEST + 255);
        let _ = tar::entries(&unpacked);
    }
    if let Ok(entries) = tar::entries(data) {
        let all: usize = entries.iter().map(|e| e.content.len()).sum();
        assert!(all <= data.len());
        assert!(entries.iter().all(|e| e.name.len() <= data.len() + 1));
        let _ = entries.iter().map(|e| u64::from(e.kind)).sum::<u64>();
    }
    let _ = place::place(data, data.len() / 2);
    if let Some(found) = generated::recognise(data) {
        assert!(found.kind.len() + found.evidence.chars().count() + found.generator.chars().count() < 400);
    }
});
