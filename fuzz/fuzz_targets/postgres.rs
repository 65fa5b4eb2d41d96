//! What a database server sends: whole messages however they are cut, and a login that nobody passes who does not know the password.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tracker::foreign;

fuzz_target!(|data: &[u8]| {
    let whole = foreign::messages(data, data.len());
    assert_eq!(whole, foreign::messages(data, 1));
    if let Ok(count) = whole {
        assert!(count * 5 <= data.len());
    }
    let middle = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (challenge, last) = data.split_at(middle);
    // Rounds are what they cost: up to 10,000,000 are computed.
    let rounds = challenge.split(|byte| *byte == b',').find_map(|part| part.strip_prefix(b"i="));
    if rounds.is_none_or(|rounds| rounds.len() < 4) {
        let passed = foreign::login(challenge, last.get(1..).unwrap_or_default());
        assert_ne!(passed, Ok(true));
    }
});
