//! What a package URL was parsed into prints as one that parses into the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vuln::purl::Purl;

fuzz_target!(|text: &str| {
    if let Ok(purl) = text.parse::<Purl>() {
        let printed = purl.to_string();
        assert_eq!(printed.parse(), Ok(purl), "{printed}");
    }
});
