//! Every statement that is read from an OpenVEX document names a vulnerability.
#![no_main]

use attest::openvex::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(vex) = parse(data) else {
        return;
    };
    assert!(
        vex.statements.len() <= data.len(),
        "{} statements in {} bytes",
        vex.statements.len(),
        data.len()
    );
    for statement in &vex.statements {
        assert!(!statement.vulnerability.is_empty());
    }
});
