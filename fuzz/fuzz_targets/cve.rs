//! What is read from a CVE record is kept whole in our own JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vuln::Advisory;

fuzz_target!(|data: &[u8]| {
    let Ok((advisory, problems)) = vuln::record::cve::parse(data) else {
        return;
    };
    assert!(problems.len() <= data.len(), "{} problems in {} bytes", problems.len(), data.len());
    let kept = serde_json::to_vec(&advisory).expect("an advisory is JSON");
    assert_eq!(serde_json::from_slice::<Advisory>(&kept).expect("which can be read"), advisory);
});
