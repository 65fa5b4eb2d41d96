//! A public key that is read is printed as the same; a private key that is read signs.
#![no_main]

use attest::signature::{PublicKey, SecretKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(key) = text.parse::<PublicKey>() {
        assert_eq!(key.to_string().parse(), Ok(key));
    }
    if let Ok(key) = SecretKey::from_pem(text) {
        assert_eq!(key.public().verify(b"message", &key.sign(b"message")), Ok(()));
    }
});
