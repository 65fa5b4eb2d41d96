//! Ed25519 keys and detached signatures (RFC 8032), with keys in the text form that a person can compare.
//!
//! A public key is one line `firn-key-1:` with the 32 bytes in hexadecimal; a private key is PKCS#8 (RFC 5958, with the algorithm of
//! RFC 8410) as PEM text, in version 1, so that every `openssl pkey` reads it.

use std::fmt;
use std::str::FromStr;

use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

/// Bytes of a signature.
pub const SIGNATURE_LEN: usize = 64;
/// What stands in front of a public key's digits.
const PREFIX: &str = "firn-key-1:";
/// Version 1, the algorithm id-Ed25519, and 32 bytes of key as an octet string in an octet string.
const PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
/// Longer texts are no key of this kind: ring's version 2 has 120 characters between its lines.
const MAX_TEXT: usize = 1024;

/// A private key.
pub struct SecretKey(Ed25519KeyPair);

/// A public key. Two are the same when their lines are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey([u8; 32]);

/// What is wrong with a key or a signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The system gave no random bytes.
    #[error("make a key: the system gives no random bytes")]
    Random,
    /// The text is no PEM of a private key.
    #[error("read a private key: {0}")]
    Secret(&'static str),
    /// The text is no public key.
    #[error("read a public key: it must be one line {PREFIX} and 64 hexadecimal digits")]
    Public,
    /// The signature is not the key's for these bytes.
    #[error("check a signature: it was not made by {0} for these bytes")]
    Wrong(PublicKey),
}

impl SecretKey {
    /// A new key, and the text to keep it in: for the owner's eyes alone, the caller sees to that.
    pub fn generate() -> Result<(Self, String), SignatureError> {
        let mut seed = [0; 32];
        SystemRandom::new().fill(&mut seed).map_err(|_| SignatureError::Random)?;
        let key = Self::from_seed(&seed)?;
        let mut der = PKCS8.to_vec();
        der.extend(seed);
        Ok((key, format!("{BEGIN}\n{}\n{END}\n", to_base64(&der))))
    }

    /// Reads PKCS#8 PEM text, version 1 or 2. Text in front of the key is left out.
    pub fn from_pem(text: &str) -> Result<Self, SignatureError> {
        let (_, rest) = text
            .split_once(BEGIN)
            .ok_or(SignatureError::Secret("no line BEGIN PRIVATE KEY (PKCS#8, not encrypted)"))?;
        let (body, _) = rest.split_once(END).ok_or(SignatureError::Secret("no line END PRIVATE KEY"))?;
        let der = Some(body)
            .filter(|b| b.len() <= MAX_TEXT)
            .and_then(from_base64)
            .ok_or(SignatureError::Secret("between its lines stands no base64"))?;
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der)
            .map(Self)
            .map_err(|_| SignatureError::Secret("it is no ed25519 key"))
    }

    fn from_seed(seed: &[u8; 32]) -> Result<Self, SignatureError> {
        Ed25519KeyPair::from_seed_unchecked(seed)
            .map(Self)
            .map_err(|_| SignatureError::Secret("it is no ed25519 key"))
    }

    /// The key that others check with.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes
            .iter_mut()
            .zip(self.0.public_key().as_ref())
            .for_each(|(to, from)| *to = *from);
        PublicKey(bytes)
    }

    /// Signs bytes.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        let mut bytes = [0; SIGNATURE_LEN];
        bytes
            .iter_mut()
            .zip(self.0.sign(message).as_ref())
            .for_each(|(to, from)| *to = *from);
        bytes
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {})", self.public())
    }
}

impl PublicKey {
    /// From its 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Checks a signature.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(message, signature)
            .map_err(|_| SignatureError::Wrong(*self))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PublicKey {
    type Err = SignatureError;

    /// White space around the line is left out.
    fn from_str(text: &str) -> Result<Self, SignatureError> {
        let digits = text
            .trim_ascii()
            .strip_prefix(PREFIX)
            .filter(|d| d.len() == 64 && d.bytes().all(|b| b.is_ascii_hexdigit()))
            .ok_or(SignatureError::Public)?;
        let mut bytes = [0; 32];
        for (to, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| SignatureError::Public)?;
            *to = u8::from_str_radix(pair, 16).map_err(|_| SignatureError::Public)?;
        }
        Ok(Self(bytes))
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// RFC 4648, with padding.
pub(crate) fn to_base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = ALPHABET.get((number >> (18 - 6 * place) & 63) as usize).copied().unwrap_or(b'=');
            text.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

/// RFC 4648, white space left out.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    if !digits.len().is_multiple_of(4) {
        return None;
    }
    let padding = digits.iter().rev().take_while(|b| **b == b'=').count();
    let mut bytes = Vec::new();
    let mut number = 0u32;
    for (n, digit) in digits.get(..digits.len().checked_sub(padding.min(2))?)?.iter().enumerate() {
        number = number << 6 | u32::try_from(ALPHABET.iter().position(|a| a == digit)?).ok()?;
        if n % 4 == 3 {
            bytes.extend([(number >> 16) as u8, (number >> 8) as u8, number as u8]);
            number = 0;
        }
    }
    match padding {
        0 => {}
        1 => bytes.extend([(number >> 10) as u8, (number >> 2) as u8]),
        _ => bytes.push((number >> 4) as u8),
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
