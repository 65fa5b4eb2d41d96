//! Signatures and certificates that are read can be asked anything.
#![no_main]

use boot_formats::certificate::Certificate;
use boot_formats::pkcs7::SignedData;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(certificate) = Certificate::parse(data) {
        assert_eq!(certificate.der, data);
        let _ = (certificate.common_name(), certificate.validity.1.to_string());
        assert!((2041..=4096).contains(&certificate.key_bits()) || certificate.key_bits() <= 2048);
    }
    if let Ok(signed) = SignedData::parse(data) {
        let _ = signed.image_digest();
        let _ = signed.verify_image();
        let _ = signed.verify_message(data);
    }
});
