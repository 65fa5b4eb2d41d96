//! X.509 certificates with RSA keys, as far as firmware looks at them.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::sha2::{Digest as _, Sha256, Sha384, Sha512};
use rsa::{BigUint, RsaPublicKey};

use crate::der::{DerError, Reader, Value, nest, sequence, set_of, tag, unsigned, wrap};
use crate::{Sha256Digest, sha256};

/// Object identifiers, encoded.
pub(crate) mod oid {
    pub const RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
    pub const SHA256_RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b";
    pub const SHA384_RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c";
    pub const SHA512_RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d";
    pub const SHA256: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x02\x01";
    pub const SHA384: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x02\x02";
    pub const SHA512: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x02\x03";
    pub const COMMON_NAME: &[u8] = b"\x55\x04\x03";
    pub const ORGANIZATION: &[u8] = b"\x55\x04\x0a";
    pub const BASIC_CONSTRAINTS: &[u8] = b"\x55\x1d\x13";
    pub const SUBJECT_KEY: &[u8] = b"\x55\x1d\x0e";
}

/// Why a certificate is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Its encoding.
    #[error("certificate cannot be read")]
    Der(#[source] DerError),
    /// Another kind of key or of digest.
    #[error("certificate has a {0} that is not supported")]
    Unsupported(&'static str),
    /// A key that is no RSA key of 2048 to 4096 bits.
    #[error("certificate has an RSA key of {0} bits; 2048 to 4096 are supported")]
    KeySize(usize),
}

impl From<DerError> for CertificateError {
    fn from(error: DerError) -> Self {
        Self::Der(error)
    }
}

/// A digest that a signature may be over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum HashAlgorithm {
    Sha256,
    Sha384,
    Sha512,
}

impl HashAlgorithm {
    pub(crate) fn from_oid(id: &[u8]) -> Option<Self> {
        match id {
            oid::SHA256 | oid::SHA256_RSA => Some(Self::Sha256),
            oid::SHA384 | oid::SHA384_RSA => Some(Self::Sha384),
            oid::SHA512 | oid::SHA512_RSA => Some(Self::Sha512),
            _ => None,
        }
    }

    pub(crate) fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha384 => Sha384::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }

    fn scheme(self) -> Pkcs1v15Sign {
        match self {
            Self::Sha256 => Pkcs1v15Sign::new::<Sha256>(),
            Self::Sha384 => Pkcs1v15Sign::new::<Sha384>(),
            Self::Sha512 => Pkcs1v15Sign::new::<Sha512>(),
        }
    }
}

/// A certificate whose parts point into its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Certificate<'a> {
    /// All of it.
    pub der: &'a [u8],
    /// What was signed.
    pub tbs: &'a [u8],
    /// Serial number, with tag and length.
    pub serial: Value<'a>,
    /// Who issued it, with tag and length.
    pub issuer: &'a [u8],
    /// Whom it names, with tag and length.
    pub subject: &'a [u8],
    /// First and last second it is valid.
    pub validity: (Time, Time),
    /// SubjectPublicKeyInfo, with tag and length.
    pub public_key_info: &'a [u8],
    /// Whether it may issue others: what its basic constraints say or, without any, whether it names itself as issuer.
    pub is_authority: bool,
    modulus: &'a [u8],
    exponent: &'a [u8],
    signature_algorithm: &'a [u8],
    signature: &'a [u8],
}

/// Seconds in a certificate: `YYYYMMDDHHMMSS`, so that order is time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub [u8; 14]);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, digit) in self.0.iter().enumerate() {
            f.write_str(match i {
                4 | 6 => "-",
                8 => "T",
                10 | 12 => ":",
                _ => "",
            })?;
            write!(f, "{}", char::from(*digit))?;
        }
        f.write_str("Z")
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Time {
    fn read(value: Value<'_>) -> Result<Self, CertificateError> {
        let bad = CertificateError::Unsupported("time");
        let digits = value.body.strip_suffix(b"Z").ok_or(bad.clone())?;
        let century: &[u8] = match (value.tag, digits.first()) {
            (tag::UTC_TIME, Some(b'5'..=b'9')) => b"19",
            (tag::UTC_TIME, _) => b"20",
            _ => b"",
        };
        let all = [century, digits].concat();
        if !all.iter().all(u8::is_ascii_digit) {
            return Err(bad);
        }
        all.as_slice().try_into().map(Self).map_err(|_| bad)
    }

    fn to_der(self) -> Vec<u8> {
        let (year, rest) = self.0.split_at(4);
        // As RFC 5280 asks: two digits for the year up to 2049.
        if (b"1950".as_slice()..b"2050".as_slice()).contains(&year) {
            nest(tag::UTC_TIME, &[year.get(2..).unwrap_or_default(), rest, b"Z"])
        } else {
            nest(tag::GENERALIZED_TIME, &[year, rest, b"Z"])
        }
    }
}

impl<'a> Certificate<'a> {
    /// Reads one certificate and nothing behind it.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, CertificateError> {
        let mut outer = Reader::new(bytes);
        let whole = outer.expect(tag::SEQUENCE)?;
        outer.end()?;
        let mut parts = whole.inside();
        let tbs = parts.expect(tag::SEQUENCE)?;
        let signature_algorithm = parts.expect(tag::SEQUENCE)?.inside().expect(tag::OID)?.body;
        let signature = bit_string(parts.expect(tag::BIT_STRING)?)?;
        parts.end()?;
        let mut fields = tbs.inside();
        fields.optional(tag::CONTEXT_0)?;
        let serial = fields.expect(tag::INTEGER)?;
        fields.expect(tag::SEQUENCE)?;
        let issuer = fields.expect(tag::SEQUENCE)?.whole;
        let mut times = fields.expect(tag::SEQUENCE)?.inside();
        let validity = (Time::read(times.any()?)?, Time::read(times.any()?)?);
        let subject = fields.expect(tag::SEQUENCE)?.whole;
        let public_key_info = fields.expect(tag::SEQUENCE)?;
        let (modulus, exponent) = rsa_key(public_key_info)?;
        let is_authority = basic_constraints(fields)?.unwrap_or(issuer == subject);
        Ok(Self {
            der: whole.whole,
            tbs: tbs.whole,
            serial,
            issuer,
            subject,
            validity,
            public_key_info: public_key_info.whole,
            is_authority,
            modulus,
            exponent,
            signature_algorithm,
            signature,
        })
    }

    /// SHA-256 of the whole certificate: what people call its fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> Sha256Digest {
        sha256(self.der)
    }

    /// SHA-256 of what was signed: what a dbx entry of type X509_SHA256 holds.
    #[must_use]
    pub fn tbs_digest(&self) -> Sha256Digest {
        sha256(self.tbs)
    }

    /// Bits of the RSA modulus.
    #[must_use]
    pub fn key_bits(&self) -> usize {
        self.modulus.len() * 8 - self.modulus.first().map_or(0, |b| b.leading_zeros() as usize)
    }

    /// The common name of whom it names, or all of the name as hexadecimal digits.
    #[must_use]
    pub fn common_name(&self) -> String {
        common_name(self.subject).unwrap_or_else(|| self.subject.iter().map(|b| alloc::format!("{b:02x}")).collect())
    }

    /// Whether a signature (PKCS #1 v1.5) over a message was made with this certificate's key.
    #[must_use]
    pub fn has_signed(&self, algorithm: HashAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        let key = RsaPublicKey::new(BigUint::from_bytes_be(self.modulus), BigUint::from_bytes_be(self.exponent));
        key.is_ok_and(|key| key.verify(algorithm.scheme(), &algorithm.digest(message), signature).is_ok())
    }

    /// Whether another certificate was issued by this one, which must be one that may: names and signature, not dates.
    #[must_use]
    pub fn has_issued(&self, other: &Certificate<'_>) -> bool {
        self.is_authority
            && other.issuer == self.subject
            && HashAlgorithm::from_oid(other.signature_algorithm)
                .is_some_and(|algorithm| self.has_signed(algorithm, other.tbs, other.signature))
    }
}

fn bit_string(value: Value<'_>) -> Result<&[u8], CertificateError> {
    match value.body {
        [0, bytes @ ..] => Ok(bytes),
        _ => Err(CertificateError::Unsupported("bit string")),
    }
}

fn rsa_key(info: Value<'_>) -> Result<(&[u8], &[u8]), CertificateError> {
    let mut parts = info.inside();
    let algorithm = parts.expect(tag::SEQUENCE)?.inside().expect(tag::OID)?.body;
    if algorithm != oid::RSA {
        return Err(CertificateError::Unsupported("kind of key"));
    }
    let mut key = Reader::new(bit_string(parts.expect(tag::BIT_STRING)?)?)
        .expect(tag::SEQUENCE)?
        .inside();
    let mut unsigned = || -> Result<&[u8], CertificateError> {
        let body = key.expect(tag::INTEGER)?.body;
        Ok(body.strip_prefix(&[0]).unwrap_or(body))
    };
    let (modulus, exponent) = (unsigned()?, unsigned()?);
    if !(256..=512).contains(&modulus.len()) || exponent.len() > 8 {
        return Err(CertificateError::KeySize(modulus.len() * 8));
    }
    Ok((modulus, exponent))
}

/// What the basic constraints among the extensions say, if there are any; `fields` stands behind the key.
fn basic_constraints(mut fields: Reader<'_>) -> Result<Option<bool>, CertificateError> {
    // Unique identifiers of issuer and subject, which nobody uses.
    for identifier in [0x81, 0x82, 0xa1, 0xa2] {
        fields.optional(identifier)?;
    }
    let Some(extensions) = fields.optional(tag::CONTEXT_3)? else {
        return Ok(None);
    };
    let mut extensions = extensions.inside().expect(tag::SEQUENCE)?.inside();
    while !extensions.is_done() {
        let mut extension = extensions.expect(tag::SEQUENCE)?.inside();
        if extension.expect(tag::OID)?.body != oid::BASIC_CONSTRAINTS {
            continue;
        }
        extension.optional(tag::BOOLEAN)?;
        let value = extension.expect(tag::OCTET_STRING)?.inside().expect(tag::SEQUENCE)?;
        let flag = value.inside().optional(tag::BOOLEAN)?;
        return Ok(Some(flag.is_some_and(|f| f.body == [0xff])));
    }
    Ok(None)
}

fn common_name(name: &[u8]) -> Option<String> {
    let mut sets = Reader::new(name).expect(tag::SEQUENCE).ok()?.inside();
    while let Ok(set) = sets.any() {
        let mut pair = set.inside().any().ok()?.inside();
        let is_common_name = pair.expect(tag::OID).ok()?.body == oid::COMMON_NAME;
        let value = pair.any().ok()?;
        if is_common_name && value.tag != tag::BMP_STRING {
            return Some(String::from_utf8_lossy(value.body).into_owned());
        }
    }
    None
}

/// A certificate to be made.
#[derive(Debug, Clone)]
pub struct NewCertificate<'a> {
    /// Whom it names.
    pub common_name: &'a str,
    /// Organization, if any.
    pub organization: Option<&'a str>,
    /// Big-endian, at most 20 bytes.
    pub serial: &'a [u8],
    /// First and last second it is valid.
    pub validity: (Time, Time),
    /// SubjectPublicKeyInfo.
    pub public_key_info: &'a [u8],
}

impl NewCertificate<'_> {
    /// The part to sign (SHA-256 with RSA), for a certificate that names itself as issuer.
    #[must_use]
    pub fn to_sign(&self) -> Vec<u8> {
        let attribute = |id: &[u8], text: &str| {
            let pair = sequence(&[&wrap(tag::OID, id), &wrap(tag::UTF8_STRING, text.as_bytes())]);
            set_of(alloc::vec![pair])
        };
        let organization = self.organization.map(|o| attribute(oid::ORGANIZATION, o)).unwrap_or_default();
        let name = sequence(&[&organization, &attribute(oid::COMMON_NAME, self.common_name)]);
        let extension = |id: &[u8], value: &[u8], critical: bool| {
            let critical = if critical { wrap(tag::BOOLEAN, &[0xff]) } else { Vec::new() };
            sequence(&[&wrap(tag::OID, id), &critical, &wrap(tag::OCTET_STRING, value)])
        };
        let key_id = sha256(self.public_key_info);
        let extensions = sequence(&[
            // Firmware takes db entries for authorities; some refuses to chain to one that says it is none.
            &extension(oid::BASIC_CONSTRAINTS, &sequence(&[&wrap(tag::BOOLEAN, &[0xff])]), true),
            &extension(
                oid::SUBJECT_KEY,
                &wrap(tag::OCTET_STRING, key_id.get(..20).unwrap_or_default()),
                false,
            ),
        ]);
        sequence(&[
            &nest(tag::CONTEXT_0, &[&unsigned(&[2])]),
            &unsigned(self.serial),
            &algorithm(oid::SHA256_RSA),
            &name,
            &sequence(&[&self.validity.0.to_der(), &self.validity.1.to_der()]),
            &name,
            self.public_key_info,
            &nest(tag::CONTEXT_3, &[&extensions]),
        ])
    }

    /// The certificate, from what [`NewCertificate::to_sign`] gave and the signature over it.
    #[must_use]
    pub fn finish(to_sign: &[u8], signature: &[u8]) -> Vec<u8> {
        sequence(&[to_sign, &algorithm(oid::SHA256_RSA), &nest(tag::BIT_STRING, &[&[0], signature])])
    }
}

/// An AlgorithmIdentifier without parameters (NULL).
pub(crate) fn algorithm(id: &[u8]) -> Vec<u8> {
    sequence(&[&wrap(tag::OID, id), &wrap(tag::NULL, &[])])
}

/// A certificate that owns its bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnedCertificate {
    der: Vec<u8>,
}

impl OwnedCertificate {
    /// Checks and keeps.
    pub fn new(der: &[u8]) -> Result<Self, CertificateError> {
        Certificate::parse(der)?;
        Ok(Self { der: der.to_owned() })
    }

    /// The bytes.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The parts.
    pub fn parts(&self) -> Result<Certificate<'_>, CertificateError> {
        Certificate::parse(&self.der)
    }
}

impl fmt::Debug for OwnedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedCertificate")
            .field(&self.parts().map(|c| c.common_name()))
            .finish()
    }
}

#[cfg(test)]
pub(crate) mod tests;
