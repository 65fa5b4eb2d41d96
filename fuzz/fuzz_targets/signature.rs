//! Signatures and certificates that are read can be asked anything.
#![no_main]

use boot_formats::certificate::Certificate;
use boot_formats::der::Reader;
use boot_formats::pem::{certificates, pem};
use boot_formats::pkcs7::SignedData;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut values = Reader::new(data);
    while let Ok(value) = values.any() {
        assert!(value.whole.ends_with(value.body));
    }
    for der in certificates(data) {
        assert_eq!(certificates(pem(&der).as_bytes()), [der]);
    }
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
