//! What a CPE name was parsed into prints as a name that parses into the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vuln::cpe::Cpe;

fuzz_target!(|text: &str| {
    if let Ok(name) = text.parse::<Cpe>() {
        let printed = name.to_string();
        assert_eq!(printed.parse(), Ok(name), "{printed}");
    }
});
