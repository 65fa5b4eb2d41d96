//! PKCS#7 signatures: of images (Authenticode) and of variables, built and read.
//!
//! No signing time and no random bytes go in: the same key and content give the same signature.

use alloc::vec::Vec;

use crate::Sha256Digest;
use crate::certificate::{Certificate, CertificateError, HashAlgorithm, algorithm, oid};
use crate::der::{DerError, Reader, Value, nest, sequence, set_of, tag, unsigned, wrap};

const SIGNED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
const DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
const CONTENT_TYPE: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03";
const MESSAGE_DIGEST: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04";
const SPC_INDIRECT_DATA: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x04";
const SPC_PE_IMAGE_DATA: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x0f";
/// "<<<Obsolete>>>" in UTF-16BE, which every Authenticode signature holds.
const OBSOLETE: &[u8] = b"\0<\0<\0<\0O\0b\0s\0o\0l\0e\0t\0e\0>\0>\0>";

/// More than any chain holds.
const MOST_CERTIFICATES: usize = 32;
const MOST_SIGNERS: usize = 8;

/// Why a signature is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Its encoding.
    #[error("signature cannot be read")]
    Der(#[source] DerError),
    /// Not what we handle.
    #[error("signature has a {0} that is not supported")]
    Unsupported(&'static str),
    /// A certificate in it.
    #[error("signature holds a certificate that is refused")]
    Certificate(#[source] CertificateError),
    /// The signer's own certificate is missing.
    #[error("signature does not hold the certificate of its signer")]
    NoCertificate,
    /// Attributes that belong to another content.
    #[error("signature is over another content: its {0} differs")]
    OtherContent(&'static str),
    /// The numbers do not fit.
    #[error("signature was not made with the key it names, or what is signed was changed")]
    Wrong,
}

impl From<DerError> for SignatureError {
    fn from(error: DerError) -> Self {
        Self::Der(error)
    }
}

/// A signature that lacks the signing itself: give [`Draft::to_sign`] to the key, its answer to [`Draft::finish`].
#[derive(Debug, Clone)]
pub struct Draft<'a> {
    certificate: Certificate<'a>,
    content: Vec<u8>,
    attributes: Option<Vec<u8>>,
    to_sign: Vec<u8>,
    is_bare: bool,
}

impl<'a> Draft<'a> {
    /// The signature of an image with this digest.
    #[must_use]
    pub fn of_image(certificate: Certificate<'a>, digest: &Sha256Digest) -> Self {
        let string = wrap(tag::IMPLICIT_0, OBSOLETE);
        let link = nest(0xa2, &[&string]);
        let image_data = sequence(&[&wrap(tag::BIT_STRING, &[0]), &nest(tag::CONTEXT_0, &[&link])]);
        let kind = sequence(&[&wrap(tag::OID, SPC_PE_IMAGE_DATA), &image_data]);
        let info = sequence(&[&algorithm(oid::SHA256), &wrap(tag::OCTET_STRING, digest)]);
        let content_body = [kind, info].concat();
        let attribute = |id: &[u8], value: Vec<u8>| sequence(&[&wrap(tag::OID, id), &set_of(alloc::vec![value])]);
        // The digest leaves out tag and length of the content.
        let attributes = set_of(alloc::vec![
            attribute(CONTENT_TYPE, wrap(tag::OID, SPC_INDIRECT_DATA)),
            attribute(MESSAGE_DIGEST, wrap(tag::OCTET_STRING, &crate::sha256(&content_body))),
        ]);
        let content = sequence(&[
            &wrap(tag::OID, SPC_INDIRECT_DATA),
            &nest(tag::CONTEXT_0, &[&wrap(tag::SEQUENCE, &content_body)]),
        ]);
        Self {
            certificate,
            content,
            to_sign: attributes.clone(),
            attributes: Some(attributes),
            is_bare: false,
        }
    }

    /// The signature of a message that is kept elsewhere, as authenticated variables bear it: without attributes, and
    /// without the outer ContentInfo.
    #[must_use]
    pub fn of_message(certificate: Certificate<'a>, message: &[u8]) -> Self {
        Self {
            certificate,
            content: sequence(&[&wrap(tag::OID, DATA)]),
            attributes: None,
            to_sign: message.to_vec(),
            is_bare: true,
        }
    }

    /// What the key has to sign: RSA PKCS #1 v1.5 with SHA-256.
    #[must_use]
    pub fn to_sign(&self) -> &[u8] {
        &self.to_sign
    }

    /// The signature in DER, once the key has signed. Fails if this is no signature of this certificate's key.
    pub fn finish(&self, signature: &[u8]) -> Result<Vec<u8>, SignatureError> {
        if !self.certificate.has_signed(HashAlgorithm::Sha256, &self.to_sign, signature) {
            return Err(SignatureError::Wrong);
        }
        Ok(self.put_together(signature))
    }

    /// How long the signature will be, in bytes of DER.
    #[must_use]
    pub fn finished_len(&self) -> usize {
        self.put_together(&alloc::vec![0; self.certificate.key_bits().div_ceil(8)]).len()
    }

    fn put_together(&self, signature: &[u8]) -> Vec<u8> {
        let attributes = self.attributes.as_ref().and_then(|a| a.split_first()).map(|(_, rest)| {
            // Inside of the structure the set has another tag than when it is signed.
            [&[tag::CONTEXT_0], rest].concat()
        });
        let signer = sequence(&[
            &unsigned(&[1]),
            &sequence(&[self.certificate.issuer, self.certificate.serial.whole]),
            &algorithm(oid::SHA256),
            &attributes.unwrap_or_default(),
            &algorithm(oid::RSA),
            &wrap(tag::OCTET_STRING, signature),
        ]);
        let signed_data = sequence(&[
            &unsigned(&[1]),
            &set_of(alloc::vec![algorithm(oid::SHA256)]),
            &self.content,
            &wrap(tag::CONTEXT_0, self.certificate.der),
            &set_of(alloc::vec![signer]),
        ]);
        if self.is_bare {
            return signed_data;
        }
        sequence(&[&wrap(tag::OID, SIGNED_DATA), &nest(tag::CONTEXT_0, &[&signed_data])])
    }
}

/// A signature that was read.
#[derive(Debug, Clone)]
pub struct SignedData<'a> {
    content_type: &'a [u8],
    content: Option<Value<'a>>,
    /// Every certificate that came with it and that we can read.
    pub certificates: Vec<Certificate<'a>>,
    signers: Vec<Signer<'a>>,
}

#[derive(Debug, Clone, Copy)]
struct Signer<'a> {
    issuer: &'a [u8],
    serial: Value<'a>,
    hash: HashAlgorithm,
    attributes: Option<Value<'a>>,
    signature: &'a [u8],
}

impl<'a> SignedData<'a> {
    /// Reads a signature, with or without the outer ContentInfo. Bytes behind it are left alone: tables pad.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, SignatureError> {
        let outer = Reader::new(bytes).expect(tag::SEQUENCE)?;
        let mut parts = outer.inside();
        let data = match parts.optional(tag::OID)? {
            Some(id) if id.body == SIGNED_DATA => parts.expect(tag::CONTEXT_0)?.inside().expect(tag::SEQUENCE)?,
            Some(_) => return Err(SignatureError::Unsupported("content")),
            None => outer,
        };
        let mut parts = data.inside();
        parts.expect(tag::INTEGER)?;
        parts.expect(tag::SET)?;
        let mut content = parts.expect(tag::SEQUENCE)?.inside();
        let content_type = content.expect(tag::OID)?.body;
        let content = match content.optional(tag::CONTEXT_0)? {
            Some(wrapped) => Some(wrapped.inside().any()?),
            None => None,
        };
        let mut certificates = Vec::new();
        if let Some(set) = parts.optional(tag::CONTEXT_0)? {
            let mut reader = set.inside();
            while !reader.is_done() {
                let value = reader.any()?;
                if certificates.len() == MOST_CERTIFICATES {
                    return Err(SignatureError::Unsupported("number of certificates"));
                }
                // What we cannot read cannot be a link of a chain that we accept.
                certificates.extend(Certificate::parse(value.whole));
            }
        }
        parts.optional(tag::CONTEXT_1)?;
        let mut infos = parts.expect(tag::SET)?.inside();
        let mut signers = Vec::new();
        while !infos.is_done() {
            if signers.len() == MOST_SIGNERS {
                return Err(SignatureError::Unsupported("number of signers"));
            }
            signers.push(Signer::parse(infos.expect(tag::SEQUENCE)?)?);
        }
        Ok(Self {
            content_type,
            content,
            certificates,
            signers,
        })
    }

    /// The digest of the image that an Authenticode signature is about, if it is a SHA-256 one.
    pub fn image_digest(&self) -> Result<Sha256Digest, SignatureError> {
        let content = self.content.filter(|_| self.content_type == SPC_INDIRECT_DATA);
        let mut parts = content.ok_or(SignatureError::Unsupported("content"))?.inside();
        parts.expect(tag::SEQUENCE)?;
        let mut info = parts.expect(tag::SEQUENCE)?.inside();
        if info.expect(tag::SEQUENCE)?.inside().expect(tag::OID)?.body != oid::SHA256 {
            return Err(SignatureError::Unsupported("digest"));
        }
        info.expect(tag::OCTET_STRING)?
            .body
            .try_into()
            .map_err(|_| SignatureError::Unsupported("digest"))
    }

    /// The certificate whose key made this signature of an image. Authenticode allows one signer; with several, readers
    /// could disagree about who it was.
    pub fn verify_image(&self) -> Result<Certificate<'a>, SignatureError> {
        let content = self.content.filter(|_| self.content_type == SPC_INDIRECT_DATA);
        let message = content.ok_or(SignatureError::Unsupported("content"))?.body;
        self.verify(message)
    }

    /// As [`SignedData::verify_image`], for a message that is kept elsewhere.
    pub fn verify_message(&self, message: &[u8]) -> Result<Certificate<'a>, SignatureError> {
        if self.content.is_some() {
            return Err(SignatureError::Unsupported("content inside"));
        }
        self.verify(message)
    }

    fn verify(&self, message: &[u8]) -> Result<Certificate<'a>, SignatureError> {
        let [signer] = self.signers.as_slice() else {
            return Err(SignatureError::Unsupported("number of signers"));
        };
        self.verify_signer(signer, message)
    }

    fn verify_signer(&self, signer: &Signer<'a>, message: &[u8]) -> Result<Certificate<'a>, SignatureError> {
        let named = |c: &&Certificate<'a>| c.issuer == signer.issuer && c.serial == signer.serial;
        let certificate = self.certificates.iter().find(named).ok_or(SignatureError::NoCertificate)?;
        let signed = match signer.attributes {
            None => message.to_vec(),
            Some(attributes) => {
                self.check_attributes(signer.hash, attributes, message)?;
                [&[tag::SET], attributes.whole.get(1..).unwrap_or_default()].concat()
            }
        };
        if certificate.has_signed(signer.hash, &signed, signer.signature) {
            Ok(*certificate)
        } else {
            Err(SignatureError::Wrong)
        }
    }

    /// The signed attributes must be about this content.
    fn check_attributes(&self, hash: HashAlgorithm, attributes: Value<'_>, message: &[u8]) -> Result<(), SignatureError> {
        let (mut digests, mut types) = (0, 0);
        let mut reader = attributes.inside();
        while !reader.is_done() {
            let mut attribute = reader.expect(tag::SEQUENCE)?.inside();
            let id = attribute.expect(tag::OID)?.body;
            let mut values = attribute.expect(tag::SET)?.inside();
            match id {
                MESSAGE_DIGEST => {
                    digests += 1;
                    if values.expect(tag::OCTET_STRING)?.body != hash.digest(message) {
                        return Err(SignatureError::OtherContent("digest"));
                    }
                }
                CONTENT_TYPE => {
                    types += 1;
                    if values.expect(tag::OID)?.body != self.content_type {
                        return Err(SignatureError::OtherContent("type"));
                    }
                }
                _ => {}
            }
        }
        match (digests, types) {
            (1, 1) => Ok(()),
            (1, _) => Err(SignatureError::OtherContent("type")),
            _ => Err(SignatureError::OtherContent("digest")),
        }
    }
}

impl<'a> Signer<'a> {
    fn parse(value: Value<'a>) -> Result<Self, SignatureError> {
        let mut parts = value.inside();
        parts.expect(tag::INTEGER)?;
        let mut name = parts.expect(tag::SEQUENCE)?.inside();
        let (issuer, serial) = (name.expect(tag::SEQUENCE)?.whole, name.expect(tag::INTEGER)?);
        let digest = parts.expect(tag::SEQUENCE)?.inside().expect(tag::OID)?.body;
        let hash = HashAlgorithm::from_oid(digest).ok_or(SignatureError::Unsupported("digest"))?;
        let attributes = parts.optional(tag::CONTEXT_0)?;
        let id = parts.expect(tag::SEQUENCE)?.inside().expect(tag::OID)?.body;
        if id != oid::RSA && HashAlgorithm::from_oid(id) != Some(hash) {
            return Err(SignatureError::Unsupported("kind of key"));
        }
        Ok(Self {
            issuer,
            serial,
            hash,
            attributes,
            signature: parts.expect(tag::OCTET_STRING)?.body,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::tests::{foreign, ours};

    #[test]
    fn an_image_signature_is_made_and_read() {
        let certificate = ours().certificate.parts().unwrap();
        let draft = Draft::of_image(certificate, &[7; 32]);
        let der = draft.finish(&ours().sign(draft.to_sign())).unwrap();
        assert_eq!(draft.finish(&ours().sign(draft.to_sign())).unwrap(), der, "not reproducible");
        let signed = SignedData::parse(&der).unwrap();
        assert_eq!(signed.image_digest(), Ok([7; 32]));
        assert_eq!(signed.verify_image(), Ok(certificate));
        assert_eq!(signed.verify_message(b""), Err(SignatureError::Unsupported("content inside")));
    }

    #[test]
    fn a_signature_of_another_key_is_not_attached() {
        let draft = Draft::of_image(ours().certificate.parts().unwrap(), &[7; 32]);
        assert_eq!(draft.finish(&foreign().sign(draft.to_sign())), Err(SignatureError::Wrong));
    }

    #[test]
    fn attack_one_flipped_bit_anywhere() {
        let draft = Draft::of_image(ours().certificate.parts().unwrap(), &[7; 32]);
        let der = draft.finish(&ours().sign(draft.to_sign())).unwrap();
        let good = |bytes: &[u8]| {
            let signed = SignedData::parse(bytes).ok()?;
            Some((signed.verify_image().ok()?.der.to_vec(), signed.image_digest().ok()?))
        };
        let whole = good(&der).unwrap();
        let mut unnoticed = 0;
        for at in 0..der.len() {
            let mut bad = der.clone();
            bad[at] ^= 1;
            // What is read from a changed signature must be what was signed: versions and parameters may differ.
            match good(&bad) {
                Some(read) if read.0 == whole.0 => {
                    assert_eq!(read.1, whole.1, "byte {at}");
                    unnoticed += 1;
                }
                _ => {}
            }
        }
        assert!(unnoticed < 100, "{unnoticed} changes were not noticed");
    }

    /// The first signer is right and the second is anybody: whoever looks at another one than we do is fooled.
    #[test]
    fn attack_a_second_signer() {
        let draft = Draft::of_image(ours().certificate.parts().unwrap(), &[7; 32]);
        let der = draft.finish(&ours().sign(draft.to_sign())).unwrap();
        let mut signed = SignedData::parse(&der).unwrap();
        let again = signed.signers.clone();
        signed.signers.extend(again);
        assert_eq!(signed.verify_image(), Err(SignatureError::Unsupported("number of signers")));
        signed.signers.clear();
        assert_eq!(signed.verify_image(), Err(SignatureError::Unsupported("number of signers")));
    }

    #[test]
    fn a_message_signature_is_made_and_read() {
        let certificate = ours().certificate.parts().unwrap();
        let draft = Draft::of_message(certificate, b"db and its value");
        let der = draft.finish(&ours().sign(b"db and its value")).unwrap();
        let signed = SignedData::parse(&der).unwrap();
        assert_eq!(signed.verify_message(b"db and its value"), Ok(certificate));
        assert_eq!(signed.verify_message(b"another value"), Err(SignatureError::Wrong));
        assert!(signed.image_digest().is_err());
    }
}
