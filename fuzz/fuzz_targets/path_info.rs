//! Path-info JSON, .narinfo files and lists of paths: bounded, and what is a path prints as one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nix_model::path_info::{Entry, read_json, read_list, read_narinfo};

fuzz_target!(|data: &[u8]| {
    let _ = read_json(data, |entry| {
        if let Ok(Entry::Valid(info)) = entry {
            assert!(info.path.to_string().starts_with("/nix/store/"));
        }
    });
    if let Ok(text) = std::str::from_utf8(data) {
        if let Some((path, _)) = read_narinfo(text) {
            assert!(text.contains(path.base()));
        }
        read_list(text, |line| {
            if let Ok(path) = line {
                assert!(text.contains(path.base()));
            }
        });
    }
});
