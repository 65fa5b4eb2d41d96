//! What is read from an OSV record is kept whole in our own JSON, and its ranges can be judged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vuln::Advisory;
use vuln::range::judge;
use vuln::version::Scheme;

fuzz_target!(|data: &[u8]| {
    let Ok((advisory, problems)) = vuln::record::osv::parse(data) else {
        return;
    };
    assert!(problems.len() <= data.len(), "{} problems in {} bytes", problems.len(), data.len());
    for affected in &advisory.affected {
        judge(affected, "1.4.1", Scheme::Generic);
    }
    let kept = serde_json::to_vec(&advisory).expect("an advisory is JSON");
    assert_eq!(serde_json::from_slice::<Advisory>(&kept).expect("which can be read"), advisory);
});
