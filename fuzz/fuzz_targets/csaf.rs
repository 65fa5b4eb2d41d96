//! Every statement that is read from a CSAF document names a vulnerability and a product.
#![no_main]

use attest::csaf::parse;
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
        assert!(!statement.products.is_empty());
    }
});
