//! A derivation that is read is written and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nix_model::Derivation;

fuzz_target!(|data: &[u8]| {
    let Ok(drv) = Derivation::parse(data) else { return };
    let written = drv.to_aterm();
    assert_eq!(Derivation::parse(&written).as_ref(), Ok(&drv));
    if let Ok(attributes) = drv.attributes() {
        assert!(attributes.list("patches").iter().all(|word| !word.contains(' ')));
    }
});
