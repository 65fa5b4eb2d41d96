//! Whether firmware with these key variables would start an image.
//!
//! The rules are those of EDK2's image verification: every signature is held against dbx, one must lead to db.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::authenticode::{TableError, digest, signatures};
use crate::certificate::Certificate;
use crate::pe::Pe;
use crate::pkcs7::{SignatureError, SignedData};
use crate::siglist::{Entry, SignatureList};
use crate::{Guid, Sha256Digest};

/// Longest chain from signer to authority.
const LONGEST_CHAIN: usize = 8;

/// What firmware decides about an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Authenticode digest of the image.
    pub digest: Sha256Digest,
    /// What was found out about each signature, in their order.
    pub signatures: Vec<SignatureReport>,
    /// Started, or why not.
    pub verdict: Verdict,
}

/// One signature of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureReport {
    /// Common names from the signer upwards, as far as certificates are there.
    pub chain: Vec<String>,
    /// SHA-256 of the signer's certificate, if there is one.
    pub fingerprint: Option<Sha256Digest>,
    /// What is wrong with it by itself.
    pub problem: Option<Problem>,
}

/// What is wrong with a signature by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The signature.
    #[error("signature is refused")]
    Signature(#[source] SignatureError),
    /// It is good, but over other bytes.
    #[error("signature is over an image with digest {}, this one has {}", Hex(signed), Hex(actual))]
    OtherImage {
        /// What was signed.
        signed: Sha256Digest,
        /// What is there.
        actual: Sha256Digest,
    },
}

/// The decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Starts, because of a signature that leads to this certificate of db.
    BySignature(String),
    /// Starts, because its digest stands in db.
    ByHash,
    /// Does not start.
    Refused(Refusal),
}

/// Why an image does not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No signature at all.
    #[error("image is not signed")]
    Unsigned,
    /// Its digest is revoked.
    #[error("digest {} of the image stands in dbx", Hex(.0))]
    HashRevoked(Sha256Digest),
    /// A certificate is revoked.
    #[error("certificate {0} stands in dbx")]
    CertificateRevoked(String),
    /// No signature is right.
    #[error("no signature of the image is valid")]
    NoValidSignature,
    /// Right signatures of people that are not trusted.
    #[error("image is signed by {0}, and no certificate of that chain stands in db")]
    Untrusted(String),
    /// The table of signatures.
    #[error("certificate table is refused: {0}")]
    Table(TableError),
}

/// Bytes as hexadecimal digits.
#[derive(Clone, Copy)]
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// What the firmware trusts or distrusts: the content of db or dbx.
#[derive(Debug, Clone, Default)]
pub struct Keyring<'a> {
    /// Certificates we can read.
    pub certificates: Vec<Certificate<'a>>,
    /// Digests of images.
    pub hashes: Vec<Sha256Digest>,
    /// Digests of the signed part of certificates.
    pub tbs_hashes: Vec<Sha256Digest>,
    /// Entries that we cannot use, counted by type.
    pub unusable: Vec<(Guid, usize)>,
}

impl<'a> Keyring<'a> {
    /// Of signature lists.
    #[must_use]
    pub fn of(lists: &'a [SignatureList]) -> Self {
        let mut ring = Self::default();
        for list in lists {
            for signature in &list.signatures {
                match signature.entry(list.kind) {
                    Entry::Certificate(der) => match Certificate::parse(der) {
                        Ok(certificate) => ring.certificates.push(certificate),
                        Err(_) => ring.count_unusable(list.kind),
                    },
                    Entry::ImageDigest(digest) => ring.hashes.push(digest),
                    Entry::TbsDigest(digest) => ring.tbs_hashes.push(digest),
                    Entry::Other => ring.count_unusable(list.kind),
                }
            }
        }
        ring
    }

    fn count_unusable(&mut self, kind: Guid) {
        match self.unusable.iter_mut().find(|(k, _)| *k == kind) {
            Some((_, count)) => *count += 1,
            None => self.unusable.push((kind, 1)),
        }
    }

    /// A certificate of this ring that is in the chain, or has issued one that is.
    fn anchors<'b>(&'b self, chain: &[Certificate<'_>]) -> Option<&'b Certificate<'a>> {
        self.certificates
            .iter()
            .find(|own| chain.iter().any(|link| link.der == own.der || own.has_issued(link)))
    }
}

/// What there is to know of an image before anybody's keys come in: digest and signatures, which are worked out once for
/// all keyrings it is held against.
#[derive(Debug, Clone)]
pub struct Examined<'a> {
    /// Authenticode digest.
    pub digest: Sha256Digest,
    signatures: Result<Vec<(SignatureReport, Vec<Certificate<'a>>)>, TableError>,
}

/// Hashes an image and checks its signatures.
#[must_use]
pub fn examine<'a>(pe: &Pe<'a>) -> Examined<'a> {
    let digest = digest(pe);
    let signatures = signatures(pe).map(|table| table.into_iter().map(|der| read(der, &digest)).collect());
    Examined { digest, signatures }
}

impl Examined<'_> {
    /// What firmware with these key variables decides.
    #[must_use]
    pub fn verdict(&self, db: &Keyring<'_>, dbx: &Keyring<'_>) -> Verdict {
        let signatures = match &self.signatures {
            Ok(signatures) => signatures,
            Err(error) => return Verdict::Refused(Refusal::Table(error.clone())),
        };
        let mut trusted_by = None;
        let mut refusal = None;
        for (_, chain) in signatures.iter().filter(|(report, _)| report.problem.is_none()) {
            let revoked = dbx.anchors(chain).copied();
            let revoked = revoked.or_else(|| chain.iter().find(|c| dbx.tbs_hashes.contains(&c.tbs_digest())).copied());
            if let Some(revoked) = revoked {
                refusal.get_or_insert(Refusal::CertificateRevoked(revoked.common_name()));
            } else if let Some(anchor) = db.anchors(chain) {
                trusted_by.get_or_insert_with(|| anchor.common_name());
            }
        }
        if dbx.hashes.contains(&self.digest) {
            refusal = Some(Refusal::HashRevoked(self.digest));
        }
        match (refusal, trusted_by) {
            (Some(refusal), _) => Verdict::Refused(refusal),
            (None, Some(anchor)) => Verdict::BySignature(anchor),
            (None, None) if db.hashes.contains(&self.digest) => Verdict::ByHash,
            (None, None) if signatures.is_empty() => Verdict::Refused(Refusal::Unsigned),
            (None, None) => {
                let good = signatures.iter().find(|(report, _)| report.problem.is_none());
                match good.and_then(|(report, _)| report.chain.last()) {
                    Some(name) => Verdict::Refused(Refusal::Untrusted(name.clone())),
                    None => Verdict::Refused(Refusal::NoValidSignature),
                }
            }
        }
    }
}

/// Decides about an image.
#[must_use]
pub fn judge(pe: &Pe<'_>, db: &Keyring<'_>, dbx: &Keyring<'_>) -> Judgement {
    let examined = examine(pe);
    Judgement {
        digest: examined.digest,
        verdict: examined.verdict(db, dbx),
        signatures: examined.signatures.into_iter().flatten().map(|(report, _)| report).collect(),
    }
}

/// Reads one signature and follows its chain through the certificates that came with it.
fn read<'a>(der: &'a [u8], actual: &Sha256Digest) -> (SignatureReport, Vec<Certificate<'a>>) {
    let outcome = SignedData::parse(der).and_then(|signed| {
        let signer = signed.verify_image()?;
        Ok((signed.image_digest()?, signer, signed.certificates))
    });
    match outcome {
        Err(error) => (
            SignatureReport {
                chain: Vec::new(),
                fingerprint: None,
                problem: Some(Problem::Signature(error)),
            },
            Vec::new(),
        ),
        Ok((signed, signer, certificates)) => {
            let mut chain: Vec<Certificate<'a>> = alloc::vec![signer];
            while let Some(last) = chain.last().filter(|_| chain.len() < LONGEST_CHAIN) {
                let issuer = certificates.iter().find(|c| !chain.contains(c) && c.has_issued(last));
                let Some(issuer) = issuer else { break };
                chain.push(*issuer);
            }
            let problem = (signed != *actual).then_some(Problem::OtherImage { signed, actual: *actual });
            let report = SignatureReport {
                chain: chain.iter().map(Certificate::common_name).collect(),
                fingerprint: chain.first().map(Certificate::fingerprint),
                problem,
            };
            (report, chain)
        }
    }
}

#[cfg(test)]
mod tests;
