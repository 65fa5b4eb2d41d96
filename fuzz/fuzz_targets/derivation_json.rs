//! What is read from derivation JSON can be written as ATerm.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nix_model::Derivation;
use nix_model::derivation::read_json;

fuzz_target!(|data: &[u8]| {
    let _ = read_json(data, |entry| {
        if let Ok((_, drv)) = entry {
            assert!(Derivation::parse(&drv.to_aterm()).is_ok());
        }
    });
});
