//! Signed envelopes: Dead Simple Signing Envelope 1.0 (<https://github.com/secure-systems-lab/dsse>), with ed25519.
//!
//! What is signed is the payload with its type in front, so that nothing signed as one kind of document passes for another.

use serde::{Deserialize, Serialize};

use crate::document::{ReadError, parse as document};
use crate::signature::{PublicKey, SecretKey, from_base64, to_base64};

/// The most signatures that one envelope may carry.
pub const MAX_SIGNATURES: usize = 64;
/// The largest envelope that is read, in bytes.
pub const MAX_ENVELOPE: usize = 16 << 20;

/// A payload and who signed it. The signatures were not checked yet: that is what [`Envelope::signers`] is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// What the payload is, as a media type.
    pub payload_type: String,
    /// The signed bytes.
    pub payload: Vec<u8>,
    /// Who claims to have signed.
    pub signatures: Vec<Claim>,
}

/// A signature as an envelope has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// A hint which key made it; nothing is concluded from it.
    pub keyid: String,
    /// Its bytes.
    pub signature: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    payload: String,
    payload_type: String,
    signatures: Vec<WireSignature>,
}

#[derive(Serialize, Deserialize)]
struct WireSignature {
    #[serde(default)]
    keyid: String,
    sig: String,
}

/// Why an envelope is not read.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// It is no JSON of this shape.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is larger than [`MAX_ENVELOPE`] or has more signatures than [`MAX_SIGNATURES`].
    #[error("read an envelope: more than {MAX_ENVELOPE} bytes or {MAX_SIGNATURES} signatures")]
    Size,
    /// A member is no base64.
    #[error("read an envelope: its {0} is no base64")]
    Base64(&'static str),
}

impl Envelope {
    /// Signs a payload.
    pub fn sign(payload_type: &str, payload: &[u8], key: &SecretKey) -> Self {
        Self {
            payload_type: payload_type.to_owned(),
            payload: payload.to_owned(),
            signatures: vec![Claim {
                keyid: key.public().to_string(),
                signature: key.sign(&encoded(payload_type, payload)).to_vec(),
            }],
        }
    }

    /// The envelope as one line of JSON.
    pub fn to_json(&self) -> String {
        let wire = Wire {
            payload: to_base64(&self.payload),
            payload_type: self.payload_type.clone(),
            signatures: self
                .signatures
                .iter()
                .map(|claim| WireSignature {
                    keyid: claim.keyid.clone(),
                    sig: to_base64(&claim.signature),
                })
                .collect(),
        };
        serde_json::json!(wire).to_string()
    }

    /// Reads one envelope. Base64 may be of either alphabet.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        if bytes.len() > MAX_ENVELOPE {
            return Err(EnvelopeError::Size);
        }
        let wire: Wire = document(bytes, "DSSE envelope")?;
        if wire.signatures.len() > MAX_SIGNATURES {
            return Err(EnvelopeError::Size);
        }
        let signature = |s: WireSignature| {
            Ok(Claim {
                keyid: s.keyid,
                signature: either_base64(&s.sig).ok_or(EnvelopeError::Base64("signature"))?,
            })
        };
        Ok(Self {
            payload: either_base64(&wire.payload).ok_or(EnvelopeError::Base64("payload"))?,
            payload_type: wire.payload_type,
            signatures: wire.signatures.into_iter().map(signature).collect::<Result<_, EnvelopeError>>()?,
        })
    }

    /// Those of the trusted keys that signed this, each once however often it did.
    pub fn signers(&self, trusted: &[PublicKey]) -> Vec<PublicKey> {
        let message = encoded(&self.payload_type, &self.payload);
        let signed = |key: &&PublicKey| self.signatures.iter().any(|c| key.verify(&message, &c.signature).is_ok());
        let mut signers: Vec<PublicKey> = trusted.iter().filter(signed).copied().collect();
        signers.sort_unstable();
        signers.dedup();
        signers
    }
}

/// The pre-authentication encoding: lengths stand in front, so that no byte can be moved from one part to the other.
fn encoded(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut message = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    message.extend(payload);
    message
}

fn either_base64(text: &str) -> Option<Vec<u8>> {
    let mut text = text.replace('-', "+").replace('_', "/");
    // The alphabet for URLs goes without padding at times.
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    from_base64(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "http://example.com/HelloWorld";

    #[test]
    fn what_is_signed_is_what_the_specification_says() {
        // From the protocol's own example.
        assert_eq!(
            encoded(TYPE, b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn only_trusted_keys_that_signed_these_bytes_count_and_each_once() {
        let (one, two, three) = (key(), key(), key());
        let mut envelope = Envelope::sign(TYPE, b"hello", &one);
        envelope.signatures.extend(Envelope::sign(TYPE, b"hello", &two).signatures);
        // The same key again, under another name.
        let mut again = Envelope::sign(TYPE, b"hello", &one).signatures;
        again[0].keyid = three.public().to_string();
        envelope.signatures.extend(again);
        let read = Envelope::parse(envelope.to_json().as_bytes()).unwrap();
        assert_eq!(read, envelope);
        let all = [one.public(), two.public(), three.public(), one.public()];
        let mut expected = vec![one.public(), two.public()];
        expected.sort_unstable();
        assert_eq!(read.signers(&all), expected);
        assert_eq!(read.signers(&[two.public()]), [two.public()]);
        assert_eq!(read.signers(&[three.public()]), []);
        let changed = |change: fn(&mut Envelope)| {
            let mut other = envelope.clone();
            change(&mut other);
            other.signers(&all)
        };
        assert_eq!(changed(|e| e.payload[0] ^= 1), []);
        assert_eq!(changed(|e| e.payload_type.push('x')), []);
        assert_eq!(changed(|e| e.payload.push(b' ')), []);
        assert_eq!(changed(|e| e.signatures.clear()), []);
        assert_eq!(changed(|e| e.signatures.iter_mut().for_each(|s| s.signature[63] ^= 1)), []);
        assert_eq!(changed(|e| e.signatures.iter_mut().for_each(|s| s.signature.truncate(63))), []);
    }

    #[test]
    fn both_alphabets_are_read_and_other_things_refused() {
        let json = |payload: &str| format!(r#"{{"payload":"{payload}","payloadType":"t","signatures":[{{"sig":"AA=="}}]}}"#);
        let payload = |text: &str| Envelope::parse(json(text).as_bytes()).map(|e| e.payload);
        assert_eq!(payload("+/8=").unwrap(), [0xfb, 0xff]);
        assert_eq!(payload("-_8").unwrap(), [0xfb, 0xff]);
        assert_eq!(payload("!").unwrap_err().to_string(), "read an envelope: its payload is no base64");
        assert!(Envelope::parse(b"{}").is_err());
        let many = format!(
            r#"{{"payload":"","payloadType":"t","signatures":[{}]}}"#,
            vec![r#"{"sig":""}"#; MAX_SIGNATURES + 1].join(",")
        );
        assert!(matches!(Envelope::parse(many.as_bytes()), Err(EnvelopeError::Size)));
    }

    fn key() -> SecretKey {
        SecretKey::generate().unwrap().0
    }
}
