//! What a tracker answers a scanner: taken or refused; what is taken is about packages that were asked about.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scan::inventory::{Inventory, Scanned};
use scan::tracker::wire::{Answer, Listed, Problem, Revision};

fuzz_target!(|data: &[u8]| {
    if let Ok(answer) = serde_json::from_slice::<Answer>(data) {
        assert!(answer.knowledge().channels.len() <= data.len());
        let mut inventory = Inventory {
            packages: vec![Scanned::default(); 4],
            ..Inventory::default()
        };
        // Of four packages, three were asked about.
        if let Ok(findings) = answer.take(&[3, 0, 2], &mut inventory) {
            for finding in findings {
                assert!([3, 0, 2].contains(&finding.package));
                assert!((0.0..=1.0).contains(&finding.confidence));
                let _ = (finding.severity(), finding.leading(), finding.fingerprint(&inventory));
            }
        }
        assert_eq!(inventory.packages[1], Scanned::default());
    }
    let _ = serde_json::from_slice::<Problem>(data);
    let _ = serde_json::from_slice::<Revision>(data);
    let _ = serde_json::from_slice::<Listed>(data);
});
