//! The digest that signs an image, and the table its signatures stand in.
//!
//! After "Windows Authenticode Portable Executable Signature Format", in the reading of EDK2, which firmware follows.

use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use crate::Sha256Digest;
use crate::bytes::{align, put, slice, u16_at, usize_at};
use crate::pe::{Headers, Pe, PeError};

/// `wCertificateType` of a PKCS#7 signature.
const PKCS7: u16 = 2;
/// `wRevision` 2.0.
const REVISION: u16 = 0x0200;
/// Length, revision and type.
const HEADER: usize = 8;
/// Entries begin at multiples of this, and signed files end at one.
const ALIGNMENT: usize = 8;
/// More signatures than anybody makes.
const MOST_SIGNATURES: usize = 64;

/// Why a certificate table is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// The table reaches outside of the file, or into the image.
    #[error("certificate table at {offset} with {size} bytes lies outside of the file's {len} bytes or inside of the image")]
    Outside {
        /// Offset in the file.
        offset: usize,
        /// Size in bytes.
        size: usize,
        /// Length of the file.
        len: usize,
    },
    /// Something was appended to a signed file.
    #[error("{0} bytes stand behind the certificate table: the file was changed after it was signed")]
    BytesBehind(usize),
    /// An entry is too short or too long.
    #[error("entry {0} of the certificate table has a wrong length")]
    Entry(usize),
    /// Too many entries.
    #[error("certificate table has more than {MOST_SIGNATURES} entries")]
    TooMany,
    /// The file cannot grow any more.
    #[error("signed image would be larger than 4 GiB")]
    TooLarge,
    /// What was written cannot be read.
    #[error("image cannot be read")]
    Image(#[source] PeError),
}

/// The digest of an image as firmware computes it once the image is signed: an unsigned file counts as padded to 8 bytes.
#[must_use]
pub fn digest(pe: &Pe<'_>) -> Sha256Digest {
    let headers = pe.headers();
    let end = headers
        .certificates
        .map_or(pe.bytes().len(), |(offset, _)| offset.min(pe.bytes().len()));
    let mut hasher = Sha256::new();
    for range in hashed(headers, pe.bytes(), end) {
        hasher.update(range);
    }
    if headers.certificates.is_none() {
        let padding = align(end, ALIGNMENT).unwrap_or(end) - end;
        hasher.update(slice(&[0; ALIGNMENT], 0, padding).unwrap_or_default());
    }
    hasher.finalize().into()
}

/// The parts that are hashed: headers without checksum and certificate directory, sections by offset, the rest.
fn hashed<'a>(headers: &Headers, bytes: &'a [u8], end: usize) -> Vec<&'a [u8]> {
    let mut parts = Vec::with_capacity(headers.sections.len() + 4);
    let between = |from: usize, to: usize| bytes.get(from..to.min(end)).unwrap_or_default();
    parts.push(between(0, headers.checksum_at));
    parts.push(between(headers.checksum_at + 4, headers.certificates_at));
    parts.push(between(headers.certificates_at + 8, headers.size_of_headers));
    let mut sections: Vec<_> = headers.sections.iter().filter(|s| s.raw_size > 0).collect();
    sections.sort_by_key(|s| s.raw_offset);
    let mut hashed = headers.size_of_headers;
    for section in sections {
        parts.push(between(section.raw_offset, section.raw_offset.saturating_add(section.raw_size)));
        hashed = hashed.saturating_add(section.raw_size);
    }
    // EDK2 takes as many bytes as it has hashed for the offset of the rest.
    parts.push(between(hashed, end));
    parts
}

/// The signatures of an image, as DER, in their order. Entries of another type than PKCS#7 are passed over.
pub fn signatures<'a>(pe: &Pe<'a>) -> Result<Vec<&'a [u8]>, TableError> {
    let of_our_kind = |entry: &&[u8]| u16_at(entry, 6) == Some(PKCS7);
    let entries = entries(pe)?.into_iter().filter(of_our_kind);
    Ok(entries.map(|entry| entry.get(HEADER..).unwrap_or_default()).collect())
}

/// All entries of the certificate table, with their headers and without padding.
fn entries<'a>(pe: &Pe<'a>) -> Result<Vec<&'a [u8]>, TableError> {
    let Some((offset, size)) = pe.headers().certificates else {
        return Ok(Vec::new());
    };
    let len = pe.bytes().len();
    // A section without bytes in the file may name any offset.
    let sections = pe.headers().sections.iter().filter(|s| s.raw_size > 0);
    let image_end = sections.map(|s| s.raw_offset.saturating_add(s.raw_size)).max().unwrap_or_default();
    let outside = TableError::Outside { offset, size, len };
    let table = slice(pe.bytes(), offset, size).ok_or_else(|| outside.clone())?;
    if offset < image_end.max(pe.headers().size_of_headers) || !offset.is_multiple_of(ALIGNMENT) {
        return Err(outside);
    }
    if offset + size < len {
        return Err(TableError::BytesBehind(len - offset - size));
    }
    let mut found = Vec::new();
    let mut at = 0;
    let mut number = 0;
    while at < table.len() {
        let wrong = TableError::Entry(number);
        let length = usize_at(table, at).filter(|l| *l > HEADER).ok_or_else(|| wrong.clone())?;
        found.push(slice(table, at, length).ok_or(wrong)?);
        number += 1;
        if number > MOST_SIGNATURES {
            return Err(TableError::TooMany);
        }
        at = align(at + length, ALIGNMENT).unwrap_or(table.len());
    }
    Ok(found)
}

/// The image without its certificate table.
#[must_use]
pub fn without_signatures(pe: &Pe<'_>) -> Vec<u8> {
    let headers = pe.headers();
    let end = headers.certificates.map_or(pe.bytes().len(), |(offset, _)| offset);
    let mut out = pe.bytes().get(..end).unwrap_or(pe.bytes()).to_vec();
    // Both places were read from, so they can be written to.
    let _ = put(&mut out, headers.certificates_at, &[0; 8]);
    set_checksum(&mut out, headers.checksum_at);
    out
}

/// The image with one more signature (DER) behind what its table has, whatever that is.
pub fn with_signature(pe: &Pe<'_>, signature: &[u8]) -> Result<Vec<u8>, TableError> {
    let old = entries(pe)?;
    let headers = pe.headers();
    let mut out = without_signatures(pe);
    out.resize(align(out.len(), ALIGNMENT).ok_or(TableError::TooLarge)?, 0);
    let offset = out.len();
    let length = u32::try_from(signature.len() + HEADER).map_err(|_| TableError::TooLarge)?;
    let header = [&length.to_le_bytes()[..], &REVISION.to_le_bytes(), &PKCS7.to_le_bytes()].concat();
    let new = [header.as_slice(), signature].concat();
    for entry in old.into_iter().chain([new.as_slice()]) {
        out.extend_from_slice(entry);
        out.resize(align(out.len(), ALIGNMENT).ok_or(TableError::TooLarge)?, 0);
    }
    let entry = [offset, out.len() - offset].map(u32::try_from);
    let [Ok(offset), Ok(size)] = entry else {
        return Err(TableError::TooLarge);
    };
    let written =
        put(&mut out, headers.certificates_at, &offset.to_le_bytes()) && put(&mut out, headers.certificates_at + 4, &size.to_le_bytes());
    if !written {
        return Err(TableError::TooLarge);
    }
    set_checksum(&mut out, headers.checksum_at);
    Ok(out)
}

/// Writes the checksum of an image at its place.
pub(crate) fn set_checksum(bytes: &mut [u8], at: usize) {
    let sum = checksum(bytes, at);
    // Places come from headers that were read from the same bytes.
    let _ = put(bytes, at, &sum.to_le_bytes());
}

/// Whether the checksum in the header is that of the file.
#[must_use]
pub fn has_right_checksum(pe: &Pe<'_>) -> bool {
    let at = pe.headers().checksum_at;
    crate::bytes::u32_at(pe.bytes(), at) == Some(checksum(pe.bytes(), at))
}

/// The checksum of an image whose own place for it is at `at`: 16-bit words added with their carry, plus the length.
#[must_use]
pub fn checksum(bytes: &[u8], at: usize) -> u32 {
    // Words of 32 bits leave the same rest as words of 16 once their carry is folded in, and are several times faster.
    let mut words = bytes.chunks_exact(4);
    let mut sum: u64 = 0;
    for word in &mut words {
        sum += u64::from(u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
    }
    let weighed = |position: usize, byte: u8| u64::from(byte) << (8 * (position % 4));
    let rest = words.remainder();
    sum += rest
        .iter()
        .enumerate()
        .map(|(position, byte)| weighed(position, *byte))
        .sum::<u64>();
    // The place itself counts as zero.
    for position in at..at.saturating_add(4) {
        sum -= bytes.get(position).map_or(0, |byte| weighed(position, *byte));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u32::try_from(sum + bytes.len() as u64).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pe::tests::image;

    #[test]
    fn the_digest_does_not_depend_on_signatures_or_checksum() {
        let bytes = image(&[(".text", &[7; 700]), (".data", b"abc")]);
        let pe = Pe::parse(&bytes).unwrap();
        let before = digest(&pe);
        let signed = with_signature(&pe, b"not a signature").unwrap();
        let signed = Pe::parse(&signed).unwrap();
        assert_eq!(digest(&signed), before);
        let twice = with_signature(&signed, &[5; 100]).unwrap();
        let twice = Pe::parse(&twice).unwrap();
        assert_eq!(digest(&twice), before);
        assert_eq!(signatures(&twice).unwrap(), [b"not a signature".as_slice(), &[5; 100]]);
        assert_eq!(without_signatures(&twice), bytes);
    }

    /// They were dropped when an image was signed again.
    #[test]
    fn entries_of_another_kind_stay() {
        let bytes = image(&[(".text", &[7; 700])]);
        let mut signed = with_signature(&Pe::parse(&bytes).unwrap(), b"another kind").unwrap();
        let (table, _) = Pe::parse(&signed).unwrap().headers().certificates.unwrap();
        assert!(put(&mut signed, table + 6, &0x0ef1_u16.to_le_bytes()));
        assert_eq!(signatures(&Pe::parse(&signed).unwrap()), Ok(Vec::new()));
        let again = with_signature(&Pe::parse(&signed).unwrap(), b"ours").unwrap();
        let again = Pe::parse(&again).unwrap();
        assert_eq!(signatures(&again).unwrap(), [b"ours"]);
        let entries = entries(&again).unwrap();
        assert_eq!(entries[0], slice(&signed, table, HEADER + 12).unwrap());
        assert_eq!(entries.len(), 2);
    }

    #[test]
    fn an_odd_tail_is_hashed_as_padded() {
        let mut bytes = image(&[(".text", &[7; 700])]);
        bytes.extend_from_slice(b"thirteen here");
        let pe = Pe::parse(&bytes).unwrap();
        let signed = with_signature(&pe, b"x").unwrap();
        assert_eq!(digest(&Pe::parse(&signed).unwrap()), digest(&pe));
        bytes.push(0);
        assert_eq!(
            digest(&Pe::parse(&bytes).unwrap()),
            digest(&Pe::parse(&bytes[..bytes.len() - 1]).unwrap())
        );
        bytes.push(1);
        assert_ne!(
            digest(&Pe::parse(&bytes).unwrap()),
            digest(&Pe::parse(&bytes[..bytes.len() - 2]).unwrap())
        );
    }

    #[test]
    fn attack_appended_bytes() {
        let bytes = image(&[(".text", &[7; 700])]);
        let mut signed = with_signature(&Pe::parse(&bytes).unwrap(), b"x").unwrap();
        signed.extend_from_slice(b"more");
        assert_eq!(signatures(&Pe::parse(&signed).unwrap()), Err(TableError::BytesBehind(4)));
    }

    #[test]
    fn attack_certificate_table_over_code() {
        let bytes = image(&[(".text", &[7; 700])]);
        let mut signed = with_signature(&Pe::parse(&bytes).unwrap(), b"x").unwrap();
        let at = Pe::parse(&signed).unwrap().headers().certificates_at;
        assert!(put(&mut signed, at, &0x200_u32.to_le_bytes()));
        assert!(matches!(
            signatures(&Pe::parse(&signed).unwrap()),
            Err(TableError::Outside { offset: 0x200, .. })
        ));
    }

    /// Found by the fuzz target `image`: the section ended the image at its offset, so no signature could stand in the file.
    #[test]
    fn a_section_without_bytes_may_name_any_offset() {
        let mut bytes = image(&[(".text", &[7; 700]), (".bss", b"")]);
        // SizeOfRawData and PointerToRawData of the second entry of the section table.
        assert!(put(&mut bytes, 0x148 + 40 + 16, &[0, 0, 0, 0, 0, 0, 0, 4]));
        let pe = Pe::parse(&bytes).unwrap();
        assert_eq!(pe.headers().sections[1].raw_offset, 0x0400_0000);
        let signed = with_signature(&pe, b"x").unwrap();
        let signed = Pe::parse(&signed).unwrap();
        assert_eq!(signatures(&signed).unwrap(), [b"x"]);
        assert_eq!(digest(&signed), digest(&pe));
    }

    #[test]
    fn the_checksum_leaves_its_own_place_out() {
        let mut bytes = image(&[(".text", &[7; 700])]);
        let at = Pe::parse(&bytes).unwrap().headers().checksum_at;
        let sum = checksum(&bytes, at);
        set_checksum(&mut bytes, at);
        assert_eq!(checksum(&bytes, at), sum);
        assert_eq!(checksum(&[1, 0, 0xff, 0xff, 0, 0, 0, 0, 3], 4), 1 + 3 + 9);
        // Word by word, as it is defined.
        for end in bytes.len() - 4..bytes.len() {
            let words = bytes[..end].chunks(2).enumerate().filter(|(n, _)| !(at..at + 4).contains(&(2 * n)));
            let words = words.map(|(_, w)| u32::from(w[0]) | u32::from(*w.get(1).unwrap_or(&0)) << 8);
            let sum = words.fold(0, |sum, word| (sum + word) % 0x1_0000 + (sum + word) / 0x1_0000);
            assert_eq!(checksum(&bytes[..end], at), sum + end as u32, "{end}");
        }
    }
}
