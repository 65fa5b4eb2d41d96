//! What is read from a boot.json is fit for a signed command line and for file names.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(spec) = nix_model::bootspec::parse(data) {
        for spec in std::iter::once(&spec).chain(spec.specialisations.values()) {
            assert!(!spec.command_line().contains(['\0', '\n']));
            assert!(spec.kernel.starts_with('/') && spec.toplevel.starts_with('/'));
        }
        assert!(spec.specialisations.keys().all(|name| !name.contains('/')));
    }
});
