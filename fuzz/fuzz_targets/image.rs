//! An image that is read can be signed, and the signature changes neither its digest nor what it says.
#![no_main]

use boot_formats::authenticode::{digest, signatures, with_signature, without_signatures};
use boot_formats::pe::{NewSection, Pe, add_sections};
use boot_formats::trust::{Keyring, judge};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(pe) = Pe::parse(data) else { return };
    let before = digest(&pe);
    for section in &pe.headers().sections {
        assert!(pe.data(section).len() <= data.len());
    }
    let _ = judge(&pe, &Keyring::default(), &Keyring::default());
    if let Ok(old) = signatures(&pe)
        && let Ok(signed) = with_signature(&pe, b"signature")
        && let Ok(signed) = Pe::parse(&signed)
    {
        assert_eq!(digest(&signed), before);
        assert_eq!(signatures(&signed).map(|s| s.len()), Ok(old.len() + 1));
    }
    let _ = without_signatures(&pe);
    let new = NewSection { name: ".cmdline", data };
    if let Ok(more) = add_sections(&pe, &[new]) {
        let more = Pe::parse(&more).expect("what was written is read");
        assert_eq!(more.headers().sections.last().map(|s| more.data(s)), Some(data));
    }
});
