//! Authenticated variables: a new value with a time and a signature. After the UEFI specification, 8.2.2.

use alloc::vec::Vec;

use crate::Guid;
use crate::bytes::{array, slice, u16_at, usize_at};

/// Kept in flash, readable by boot services and by the operating system, changed by signature only: how key variables are set.
pub const KEY_ATTRIBUTES: u32 = 0x27;
/// Adds to the value instead of replacing it.
pub const APPEND: u32 = 0x40;

/// `wCertificateType` of what follows, and its GUID.
const TYPE_EFI_GUID: u16 = 0x0ef1;
const TYPE_PKCS7: Guid = Guid::new(0x4aaf_d29d, 0x68df, 0x49ee, *b"\x8a\xa9\x34\x7d\x37\x56\x65\xa7");
const TIME: usize = 16;
const HEADER: usize = 24;

/// A key variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyVariable {
    /// Platform key: whoever owns the machine. Signs KEK.
    Pk,
    /// Key exchange keys: sign db and dbx.
    Kek,
    /// What may start.
    Db,
    /// What may not.
    Dbx,
}

impl KeyVariable {
    /// All, from the least powerful up: enrolling PK ends setup mode, so it comes last.
    pub const ALL: [Self; 4] = [Self::Dbx, Self::Db, Self::Kek, Self::Pk];

    /// Name of the variable.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pk => "PK",
            Self::Kek => "KEK",
            Self::Db => "db",
            Self::Dbx => "dbx",
        }
    }

    /// Its vendor.
    #[must_use]
    pub const fn vendor(self) -> Guid {
        match self {
            Self::Pk | Self::Kek => Guid::GLOBAL,
            Self::Db | Self::Dbx => Guid::SECURITY_DATABASE,
        }
    }

    /// The variable whose key signs a change of this one.
    #[must_use]
    pub const fn signed_by(self) -> Self {
        match self {
            Self::Pk | Self::Kek => Self::Pk,
            Self::Db | Self::Dbx => Self::Kek,
        }
    }
}

/// Seconds as firmware keeps them; later values replace earlier ones only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    /// As 2026.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
}

impl Timestamp {
    /// EFI_TIME whose other fields are zero, as they must be.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; TIME] {
        let [low, high] = self.year.to_le_bytes();
        [
            low,
            high,
            self.month,
            self.day,
            self.hour,
            self.minute,
            self.second,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
        ]
    }

    /// From EFI_TIME; `None` if fields are set that must be zero.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; TIME]) -> Option<Self> {
        let [low, high, month, day, hour, minute, second, rest @ ..] = *bytes;
        (rest == [0; 9]).then_some(Self {
            year: u16::from_le_bytes([low, high]),
            month,
            day,
            hour,
            minute,
            second,
        })
    }
}

/// What has to be signed so that a variable takes a value.
#[must_use]
pub fn to_sign(name: &str, vendor: Guid, attributes: u32, timestamp: Timestamp, value: &[u8]) -> Vec<u8> {
    let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    [name.as_slice(), &vendor.0, &attributes.to_le_bytes(), &timestamp.to_bytes(), value].concat()
}

/// A value with its signature: what is written into the variable, and what `.auth` files hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedValue<'a> {
    /// When.
    pub timestamp: Timestamp,
    /// PKCS#7 SignedData over [`to_sign`].
    pub signature: &'a [u8],
    /// The new value.
    pub value: &'a [u8],
}

/// Why bytes are no signed value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an authenticated variable: {0}")]
pub struct SignedValueError(&'static str);

impl<'a> SignedValue<'a> {
    /// Reads one.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, SignedValueError> {
        let error = SignedValueError;
        let time = array(bytes, 0).ok_or(error("it is cut short"))?;
        let timestamp = Timestamp::from_bytes(&time).ok_or(error("its time has fields that must be zero"))?;
        let length = usize_at(bytes, TIME).filter(|l| *l >= HEADER).ok_or(error("it is cut short"))?;
        let entry = slice(bytes, TIME, length).ok_or(error("it is cut short"))?;
        if u16_at(entry, 6) != Some(TYPE_EFI_GUID) || array(entry, 8).map(Guid) != Some(TYPE_PKCS7) {
            return Err(error("it bears another kind of signature than PKCS#7"));
        }
        let signature = entry.get(HEADER..).unwrap_or_default();
        let value = bytes.get(TIME + length..).unwrap_or_default();
        Ok(Self {
            timestamp,
            signature,
            value,
        })
    }

    /// The bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Far below 4 GiB: variables are measured in kilobytes.
        let length = u32::try_from(HEADER + self.signature.len()).unwrap_or(u32::MAX);
        [
            self.timestamp.to_bytes().as_slice(),
            &length.to_le_bytes(),
            &0x0200_u16.to_le_bytes(),
            &TYPE_EFI_GUID.to_le_bytes(),
            &TYPE_PKCS7.0,
            self.signature,
            self.value,
        ]
        .concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Timestamp = Timestamp {
        year: 2026,
        month: 11,
        day: 22,
        hour: 18,
        minute: 30,
        second: 5,
    };

    #[test]
    fn a_signed_value_is_written_and_read() {
        let value = SignedValue {
            timestamp: TIME,
            signature: b"pkcs7",
            value: b"lists",
        };
        let bytes = value.to_bytes();
        assert_eq!(bytes.len(), 16 + 24 + 5 + 5);
        assert_eq!(SignedValue::parse(&bytes), Ok(value));
        for len in 0..45 {
            assert!(SignedValue::parse(&bytes[..len]).is_err());
        }
    }

    #[test]
    fn what_is_signed_has_no_terminator() {
        let bytes = to_sign("db", Guid([9; 16]), KEY_ATTRIBUTES, TIME, b"v");
        assert_eq!(
            bytes,
            [b"d\0b\0".as_slice(), &[9; 16], &[0x27, 0, 0, 0], &TIME.to_bytes(), b"v"].concat()
        );
        assert_eq!(TIME.to_bytes()[..8], [0xea, 0x07, 11, 22, 18, 30, 5, 0]);
    }
}
