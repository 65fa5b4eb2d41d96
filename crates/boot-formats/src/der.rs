//! As much DER as certificates and signatures need.
//!
//! Values keep the bytes they were read from: digests and signatures are over bytes as they came, and certificates of
//! firmware vendors are not always what a stricter reader takes.

use alloc::vec::Vec;

/// Tags of ASN.1 types.
#[expect(missing_docs, reason = "the names are those of ASN.1")]
pub mod tag {
    pub const BOOLEAN: u8 = 0x01;
    pub const INTEGER: u8 = 0x02;
    pub const BIT_STRING: u8 = 0x03;
    pub const OCTET_STRING: u8 = 0x04;
    pub const NULL: u8 = 0x05;
    pub const OID: u8 = 0x06;
    pub const UTF8_STRING: u8 = 0x0c;
    pub const PRINTABLE_STRING: u8 = 0x13;
    pub const IA5_STRING: u8 = 0x16;
    pub const UTC_TIME: u8 = 0x17;
    pub const GENERALIZED_TIME: u8 = 0x18;
    pub const BMP_STRING: u8 = 0x1e;
    pub const SEQUENCE: u8 = 0x30;
    pub const SET: u8 = 0x31;
    pub const CONTEXT_0: u8 = 0xa0;
    pub const CONTEXT_1: u8 = 0xa1;
    pub const CONTEXT_3: u8 = 0xa3;
    /// Tag 0 without inner tags.
    pub const IMPLICIT_0: u8 = 0x80;
}

/// Why bytes are no DER that we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DerError {
    /// The bytes end inside a value.
    #[error("DER is cut short")]
    CutShort,
    /// A length that is not written in the one way DER allows, or a tag of several bytes.
    #[error("not DER: {0}")]
    NotDer(&'static str),
    /// Another type than expected.
    #[error("expected ASN.1 tag {expected:#04x}, found {found:#04x}")]
    Tag {
        /// What should be there.
        expected: u8,
        /// What is there.
        found: u8,
    },
    /// More bytes than the structure has.
    #[error("{0} bytes are left over behind a DER value")]
    LeftOver(usize),
}

/// One value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a> {
    /// Its type.
    pub tag: u8,
    /// What is in it.
    pub body: &'a [u8],
    /// Tag, length and body.
    pub whole: &'a [u8],
}

impl<'a> Value<'a> {
    /// A reader of the values inside.
    #[must_use]
    pub const fn inside(&self) -> Reader<'a> {
        Reader { rest: self.body }
    }
}

/// Reads one value after the other.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Of some bytes.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether everything was read.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next value, whatever it is.
    pub fn any(&mut self) -> Result<Value<'a>, DerError> {
        let [tag, first, rest @ ..] = self.rest else {
            return Err(DerError::CutShort);
        };
        if tag & 0x1f == 0x1f {
            return Err(DerError::NotDer("a tag of several bytes"));
        }
        let (length, header) = match *first {
            short @ 0..=0x7f => (usize::from(short), 2),
            0x80 | 0x85.. => return Err(DerError::NotDer("a length that is indefinite or beyond 4 GiB")),
            long => {
                let count = usize::from(long & 0x7f);
                let digits = rest.get(..count).ok_or(DerError::CutShort)?;
                let length = digits
                    .iter()
                    .try_fold(0_usize, |n, b| n.checked_mul(256)?.checked_add(usize::from(*b)));
                let length = length.ok_or(DerError::CutShort)?;
                if length < 0x80 || digits.first() == Some(&0) {
                    return Err(DerError::NotDer("a length that is longer than it needs to be"));
                }
                (length, 2 + count)
            }
        };
        let end = header.checked_add(length).ok_or(DerError::CutShort)?;
        let (Some(body), Some(whole), Some(rest)) = (self.rest.get(header..end), self.rest.get(..end), self.rest.get(end..)) else {
            return Err(DerError::CutShort);
        };
        self.rest = rest;
        Ok(Value { tag: *tag, body, whole })
    }

    /// The next value, which is of this type.
    pub fn expect(&mut self, tag: u8) -> Result<Value<'a>, DerError> {
        let value = self.any()?;
        if value.tag != tag {
            return Err(DerError::Tag {
                expected: tag,
                found: value.tag,
            });
        }
        Ok(value)
    }

    /// The next value if it is of this type.
    pub fn optional(&mut self, tag: u8) -> Result<Option<Value<'a>>, DerError> {
        if self.rest.first() == Some(&tag) {
            self.expect(tag).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Fails if something is left.
    pub const fn end(&self) -> Result<(), DerError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(DerError::LeftOver(self.rest.len()))
        }
    }
}

/// A value of this type around some bytes.
#[must_use]
pub fn wrap(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 6);
    out.push(tag);
    let length = body.len();
    let bytes = length.to_be_bytes();
    let digits = bytes.get(bytes.iter().take_while(|b| **b == 0).count()..).unwrap_or_default();
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            // At most eight digits.
            out.push(0x80 | u8::try_from(digits.len()).unwrap_or_default());
            out.extend_from_slice(digits);
        }
    }
    out.extend_from_slice(body);
    out
}

/// A value of this type around other values.
#[must_use]
pub fn nest(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    wrap(tag, &parts.concat())
}

/// A sequence of values.
#[must_use]
pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    nest(tag::SEQUENCE, parts)
}

/// An unsigned integer from its big-endian bytes.
#[must_use]
pub fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let digits = bytes.get(bytes.iter().take_while(|b| **b == 0).count()..).unwrap_or_default();
    let sign: &[u8] = if digits.first().is_none_or(|b| *b >= 0x80) { &[0] } else { &[] };
    nest(tag::INTEGER, &[sign, digits])
}

/// A set of values, in the order DER wants.
#[must_use]
pub fn set_of(mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    wrap(tag::SET, &parts.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_and_read() {
        for len in [0, 1, 127, 128, 255, 256, 65535, 65536] {
            let body = alloc::vec![7; len];
            let written = wrap(tag::OCTET_STRING, &body);
            let mut reader = Reader::new(&written);
            assert_eq!(reader.expect(tag::OCTET_STRING).unwrap().body, body);
            assert!(reader.is_done());
        }
        assert_eq!(wrap(4, &[0; 200])[..3], [4, 0x81, 200]);
    }

    #[test]
    fn what_is_not_der_is_refused() {
        let cases: [(&[u8], DerError); 6] = [
            (&[0x30], DerError::CutShort),
            (&[0x30, 5, 0], DerError::CutShort),
            (&[0x30, 0x80, 0, 0], DerError::NotDer("a length that is indefinite or beyond 4 GiB")),
            (
                &[0x30, 0x81, 5, 0, 0, 0, 0, 0],
                DerError::NotDer("a length that is longer than it needs to be"),
            ),
            (&[0x1f, 0x81, 1, 0], DerError::NotDer("a tag of several bytes")),
            (&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], DerError::CutShort),
        ];
        for (bytes, error) in cases {
            assert_eq!(Reader::new(bytes).any(), Err(error), "{bytes:?}");
        }
        assert_eq!(
            Reader::new(&[2, 1, 5]).expect(tag::SEQUENCE),
            Err(DerError::Tag { expected: 0x30, found: 2 })
        );
    }

    #[test]
    fn integers_are_not_negative() {
        assert_eq!(unsigned(&[0, 0, 0x80]), [2, 2, 0, 0x80]);
        assert_eq!(unsigned(&[0x7f]), [2, 1, 0x7f]);
        assert_eq!(unsigned(&[]), [2, 1, 0]);
    }

    #[test]
    fn sets_are_sorted() {
        assert_eq!(set_of(alloc::vec![unsigned(&[9]), unsigned(&[3])]), [0x31, 6, 2, 1, 3, 2, 1, 9]);
    }
}
