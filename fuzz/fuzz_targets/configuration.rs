//! A configuration file: read, or refused with a word about what is wrong.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // Such a key names a file, which would be read.
    if !text.contains("_file") {
        if let Err(why) = tracker::foreign::configuration(text) {
            assert!(!why.is_empty());
        }
    }
});
