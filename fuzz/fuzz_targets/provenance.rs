//! Envelopes and statements: what is read can be written and read again, and is the same; nobody signed it.
#![no_main]

use attest::dsse::Envelope;
use attest::intoto::Statement;
use attest::signature::PublicKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(envelope) = Envelope::parse(data) {
        assert_eq!(Envelope::parse(envelope.to_json().as_bytes()).unwrap(), envelope);
        assert!(envelope.signers(&[PublicKey::from_bytes([7; 32])]).is_empty());
        statement(&envelope.payload);
    }
    statement(data);
});

fn statement(bytes: &[u8]) {
    if let Ok(statement) = Statement::parse(bytes) {
        assert!(statement.subject.iter().all(|s| !s.digest.is_empty()));
        assert_eq!(Statement::parse(statement.to_json().as_bytes()).unwrap(), statement);
    }
}
