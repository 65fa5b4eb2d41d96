//! What programs ask about packages: taken or refused, never more packages than a request may have.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tracker::foreign;

fuzz_target!(|body: &[u8]| {
    for read in [foreign::check(body), foreign::details(body)] {
        match read {
            // A package is an object with two members at least.
            Ok(packages) => assert!(packages <= 10_000 && packages * 16 <= body.len(), "{packages}"),
            Err(why) => assert!(!why.is_empty()),
        }
    }
});
