//! Signature lists are written as they were read, and so are signed values.
#![no_main]

use boot_formats::authvar::SignedValue;
use boot_formats::siglist::{merge, parse, write};
use boot_formats::trust::Keyring;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(lists) = parse(data) {
        assert_eq!(write(&lists), data);
        let _ = Keyring::of(&lists);
        let mut merged = Vec::new();
        merge(&mut merged, lists.clone());
        let once = merged.clone();
        merge(&mut merged, lists);
        assert_eq!(merged, once);
    }
    if let Ok(value) = SignedValue::parse(data) {
        assert_eq!(SignedValue::parse(&value.to_bytes()), Ok(value));
    }
});
