use std::sync::OnceLock;

use rsa::RsaPrivateKey;
use rsa::traits::PublicKeyParts as _;

use super::*;

extern crate std;

/// A key with its certificate.
pub struct Identity {
    pub key: RsaPrivateKey,
    pub certificate: OwnedCertificate,
}

impl Identity {
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(Pkcs1v15Sign::new::<Sha256>(), &sha256(message)).unwrap()
    }

    fn new(seed: u64, name: &str) -> Self {
        let key = RsaPrivateKey::new(&mut Counter(seed), 2048).unwrap();
        let info = public_key_info(&key);
        let new = NewCertificate {
            common_name: name,
            organization: Some("Firn tests"),
            serial: &seed.to_be_bytes(),
            validity: (Time(*b"20200101000000"), Time(*b"20991231235959")),
            public_key_info: &info,
        };
        let to_sign = new.to_sign();
        let signature = key.sign(Pkcs1v15Sign::new::<Sha256>(), &sha256(&to_sign)).unwrap();
        Self {
            certificate: OwnedCertificate::new(&NewCertificate::finish(&to_sign, &signature)).unwrap(),
            key,
        }
    }
}

fn public_key_info(key: &RsaPrivateKey) -> Vec<u8> {
    let numbers = sequence(&[&unsigned(&key.n().to_bytes_be()), &unsigned(&key.e().to_bytes_be())]);
    sequence(&[&algorithm(oid::RSA), &nest(tag::BIT_STRING, &[&[0], &numbers])])
}

/// The same keys in every run: a generator that is good enough to find primes.
struct Counter(u64);

impl rsa::rand_core::RngCore for Counter {
    fn next_u32(&mut self) -> u32 {
        self.next_u64() as u32
    }
    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(1);
        let digest = sha256(&self.0.to_le_bytes());
        u64::from_le_bytes(digest[..8].try_into().unwrap())
    }
    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let random = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rsa::rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl rsa::rand_core::CryptoRng for Counter {}

pub fn ours() -> &'static Identity {
    static KEY: OnceLock<Identity> = OnceLock::new();
    KEY.get_or_init(|| Identity::new(1 << 32, "ours"))
}

pub fn foreign() -> &'static Identity {
    static KEY: OnceLock<Identity> = OnceLock::new();
    KEY.get_or_init(|| Identity::new(2 << 32, "foreign"))
}

#[test]
fn a_certificate_is_made_and_read() {
    let certificate = ours().certificate.parts().unwrap();
    assert_eq!((certificate.common_name().as_str(), certificate.key_bits()), ("ours", 2048));
    assert_eq!(
        alloc::format!("{} {}", certificate.validity.0, certificate.validity.1),
        "2020-01-01T00:00:00Z 2099-12-31T23:59:59Z"
    );
    assert!(certificate.has_issued(&certificate));
    assert!(!foreign().certificate.parts().unwrap().has_issued(&certificate));
    assert!(certificate.has_signed(HashAlgorithm::Sha256, b"text", &ours().sign(b"text")));
    assert!(!certificate.has_signed(HashAlgorithm::Sha256, b"other", &ours().sign(b"text")));
    assert!(!certificate.has_signed(HashAlgorithm::Sha512, b"text", &ours().sign(b"text")));
}

#[test]
fn a_cut_certificate_is_refused() {
    let der = ours().certificate.der();
    for len in 0..der.len() {
        assert!(Certificate::parse(&der[..len]).is_err());
    }
    assert_eq!(Certificate::parse(&[der, b"x"].concat()).unwrap_err(), DerError::LeftOver(1).into());
}
