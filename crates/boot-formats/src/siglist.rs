//! Signature lists: what PK, KEK, db, dbx and shim's MokList hold. After the UEFI specification, 32.4.1.

use alloc::vec::Vec;

use crate::bytes::{array, slice, usize_at};
use crate::{Guid, Sha256Digest};

/// Type of a list of certificates.
pub const X509: Guid = Guid::new(0xa5c0_59a1, 0x94e4, 0x4aa7, *b"\x87\xb5\xab\x15\x5c\x2b\xf0\x72");
/// Type of a list of image digests.
pub const SHA256: Guid = Guid::new(0xc1c4_1626, 0x504c, 0x4092, *b"\xac\xa9\x41\xf9\x36\x93\x43\x28");
/// Type of a list of digests of certificates' signed parts, each with the time of its revocation.
pub const X509_SHA256: Guid = Guid::new(0x3bd2_a492, 0x96c0, 0x4079, *b"\xb4\x20\xfc\xf9\x8e\xf1\x03\xed");

const HEADER: usize = 28;
const OWNER: usize = 16;
/// More lists and entries than a variable store of 256 KiB can hold.
const MOST: usize = 16_384;

/// Entries of one type and one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureList {
    /// Type of the entries: [`X509`], [`SHA256`], [`X509_SHA256`] or another.
    pub kind: Guid,
    /// Empty for every type in use.
    pub header: Vec<u8>,
    /// At least one; all data of the same size.
    pub signatures: Vec<Signature>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Who put it there.
    pub owner: Guid,
    /// What the type says.
    pub data: Vec<u8>,
}

/// What an entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A certificate, in DER.
    Certificate(&'a [u8]),
    /// Authenticode digest of an image.
    ImageDigest(Sha256Digest),
    /// Digest of a certificate's signed part.
    TbsDigest(Sha256Digest),
    /// A type or a size that we do not know.
    Other,
}

/// Why bytes are no signature lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The bytes end inside a list, or its sizes contradict each other.
    #[error("signature list at byte {0} is cut short or has sizes that contradict each other")]
    Sizes(usize),
    /// More than fits into a variable.
    #[error("more than {MOST} signatures")]
    TooMany,
}

impl Signature {
    /// What it says in a list of this type.
    #[must_use]
    pub fn entry(&self, kind: Guid) -> Entry<'_> {
        let digest = array(&self.data, 0);
        match (kind, self.data.len(), digest) {
            (X509, _, _) => Entry::Certificate(&self.data),
            (SHA256, 32, Some(digest)) => Entry::ImageDigest(digest),
            (X509_SHA256, 48, Some(digest)) => Entry::TbsDigest(digest),
            _ => Entry::Other,
        }
    }
}

impl SignatureList {
    /// A list of one certificate. Certificates differ in size, so each has a list of its own.
    #[must_use]
    pub fn of_certificate(owner: Guid, der: &[u8]) -> Self {
        Self {
            kind: X509,
            header: Vec::new(),
            signatures: alloc::vec![Signature { owner, data: der.to_vec() }],
        }
    }

    /// A list of image digests.
    #[must_use]
    pub fn of_digests(owner: Guid, digests: &[Sha256Digest]) -> Self {
        let signatures = digests.iter().map(|d| Signature { owner, data: d.to_vec() });
        Self {
            kind: SHA256,
            header: Vec::new(),
            signatures: signatures.collect(),
        }
    }

    /// A list that revokes certificates by the digest of their signed part, for all signatures ever made.
    #[must_use]
    pub fn of_tbs_digests(owner: Guid, digests: &[Sha256Digest]) -> Self {
        let entry = |d: &Sha256Digest| Signature {
            owner,
            data: [d.as_slice(), &[0; 16]].concat(),
        };
        Self {
            kind: X509_SHA256,
            header: Vec::new(),
            signatures: digests.iter().map(entry).collect(),
        }
    }
}

/// Reads the lists of a variable.
pub fn parse(bytes: &[u8]) -> Result<Vec<SignatureList>, ListError> {
    let mut lists = Vec::new();
    let mut count = 0;
    let mut at = 0;
    while at < bytes.len() {
        let wrong = ListError::Sizes(at);
        let sizes = [16, 20, 24].map(|field| usize_at(bytes, at + field));
        let (Some(kind), [Some(size), Some(header), Some(entry)]) = (array(bytes, at), sizes) else {
            return Err(wrong);
        };
        let body = slice(bytes, at, size).and_then(|list| list.get(HEADER..)).ok_or(wrong)?;
        let (header, entries) = body.split_at_checked(header).ok_or(wrong)?;
        if entry <= OWNER || entries.is_empty() || !entries.len().is_multiple_of(entry) {
            return Err(wrong);
        }
        count += entries.len() / entry;
        if count > MOST {
            return Err(ListError::TooMany);
        }
        let signatures = entries.chunks_exact(entry).filter_map(|e| {
            Some(Signature {
                owner: Guid(array(e, 0)?),
                data: e.get(OWNER..)?.to_vec(),
            })
        });
        lists.push(SignatureList {
            kind: Guid(kind),
            header: header.to_vec(),
            signatures: signatures.collect(),
        });
        at += size;
    }
    Ok(lists)
}

/// The bytes of a variable that holds these lists.
#[must_use]
pub fn write(lists: &[SignatureList]) -> Vec<u8> {
    let mut out = Vec::new();
    for list in lists.iter().filter(|l| !l.signatures.is_empty()) {
        let entry = OWNER + list.signatures.first().map_or(0, |s| s.data.len());
        let size = HEADER + list.header.len() + entry * list.signatures.len();
        out.extend_from_slice(&list.kind.0);
        for field in [size, list.header.len(), entry] {
            // Far below 4 GiB: variables are measured in kilobytes.
            out.extend_from_slice(&u32::try_from(field).unwrap_or(u32::MAX).to_le_bytes());
        }
        out.extend_from_slice(&list.header);
        for signature in &list.signatures {
            out.extend_from_slice(&signature.owner.0);
            out.extend_from_slice(&signature.data);
        }
    }
    out
}

/// Adds the entries of `new` that `lists` do not hold yet, whoever owns them.
pub fn merge(lists: &mut Vec<SignatureList>, new: Vec<SignatureList>) {
    for mut list in new {
        list.signatures.retain(|s| !has(lists, list.kind, &s.data));
        if !list.signatures.is_empty() {
            lists.push(list);
        }
    }
}

/// What of `wanted` these lists do not hold, whoever owns it.
#[must_use]
pub fn missing(lists: &[SignatureList], wanted: &[SignatureList]) -> Vec<SignatureList> {
    let mut all = lists.to_vec();
    merge(&mut all, wanted.to_vec());
    all.split_off(lists.len())
}

/// Whether a certificate stands in these lists.
#[must_use]
pub fn holds(lists: &[SignatureList], certificate: &[u8]) -> bool {
    has(lists, X509, certificate)
}

fn has(lists: &[SignatureList], kind: Guid, data: &[u8]) -> bool {
    lists.iter().any(|l| l.kind == kind && l.signatures.iter().any(|s| s.data == data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_written_and_read() {
        let lists = [
            SignatureList::of_certificate(Guid::GLOBAL, b"a certificate"),
            SignatureList::of_digests(Guid::MICROSOFT, &[[1; 32], [2; 32]]),
            SignatureList::of_tbs_digests(Guid::MICROSOFT, &[[3; 32]]),
        ];
        let bytes = write(&lists);
        assert_eq!(bytes.len(), 28 + 16 + 13 + 28 + 2 * 48 + 28 + 64);
        assert_eq!(parse(&bytes).unwrap(), lists);
        assert_eq!(lists[2].signatures[0].entry(lists[2].kind), Entry::TbsDigest([3; 32]));
        assert_eq!(lists[1].signatures[0].entry(X509_SHA256), Entry::Other);
    }

    #[test]
    fn cut_lists_are_refused() {
        let bytes = write(&[SignatureList::of_digests(Guid::GLOBAL, &[[1; 32]])]);
        for len in 1..bytes.len() {
            assert_eq!(parse(&bytes[..len]), Err(ListError::Sizes(0)));
        }
        let mut zero = bytes.clone();
        zero[24..28].fill(0);
        assert_eq!(parse(&zero), Err(ListError::Sizes(0)));
        assert_eq!(parse(&[]), Ok(Vec::new()));
    }

    #[test]
    fn merging_keeps_what_is_there_once() {
        let mut lists = alloc::vec![SignatureList::of_digests(Guid::GLOBAL, &[[1; 32]])];
        merge(
            &mut lists,
            alloc::vec![SignatureList::of_digests(Guid::MICROSOFT, &[[1; 32], [2; 32]])],
        );
        assert_eq!(
            lists[1].signatures,
            [Signature {
                owner: Guid::MICROSOFT,
                data: [2; 32].to_vec()
            }]
        );
        let two = lists.clone();
        merge(&mut lists, two.clone());
        assert_eq!(lists, two);
    }

    #[test]
    fn what_is_missing_is_what_is_not_there() {
        let there = [SignatureList::of_digests(Guid::GLOBAL, &[[1; 32], [2; 32]])];
        let wanted = [
            SignatureList::of_digests(Guid::MICROSOFT, &[[2; 32], [3; 32]]),
            SignatureList::of_certificate(Guid::GLOBAL, &[1; 32]),
        ];
        assert_eq!(
            missing(&there, &wanted),
            [
                SignatureList::of_digests(Guid::MICROSOFT, &[[3; 32]]),
                SignatureList::of_certificate(Guid::GLOBAL, &[1; 32])
            ]
        );
        assert_eq!(missing(&there, &there), []);
        assert!(holds(&wanted, &[1; 32]) && !holds(&there, &[1; 32]));
    }
}
