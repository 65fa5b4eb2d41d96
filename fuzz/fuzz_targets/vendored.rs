//! What derivations carry inside: whatever they say, it is package URLs with versions, in order, each once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nix_model::Derivation;
use scan::input::vendored;
use vuln::purl::Purl;

fuzz_target!(|data: &[u8]| {
    let Ok(drv) = Derivation::parse(data) else { return };
    let drv = drv.into_owned();
    // Every input is the derivation itself: a loop, and each kind of input at every depth.
    let carried = vendored::of(&drv, &[], &mut |_| Some(drv.clone()));
    assert!(carried.known.is_sorted_by(|a, b| a < b) && carried.sealed.is_sorted_by(|a, b| a < b));
    for text in &carried.known {
        let purl: Purl = text.parse().unwrap();
        assert!(purl.version.is_some() && purl.to_string() == *text, "{text}");
    }
});
