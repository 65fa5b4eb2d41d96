use alloc::string::ToString as _;
use core::fmt;
use core::str::FromStr;

/// A GUID in the byte order of UEFI: the first three fields little-endian.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(pub [u8; 16]);

impl Guid {
    /// Vendor of PK, KEK, SecureBoot and SetupMode.
    pub const GLOBAL: Self = Self::new(0x8be4_df61, 0x93ca, 0x11d2, *b"\xaa\x0d\x00\xe0\x98\x03\x2b\x8c");
    /// Vendor of db and dbx.
    pub const SECURITY_DATABASE: Self = Self::new(0xd719_b2cb, 0x3d3a, 0x4596, *b"\xa3\xbc\xda\xd0\x0e\x67\x65\x6f");
    /// Vendor of shim's variables.
    pub const SHIM: Self = Self::new(0x605d_ab50, 0xe046, 0x4300, *b"\xab\xb6\x3d\xd8\x10\xdd\x8b\x23");
    /// Vendor of the variables that boot loaders and the stub leave for systemd.
    pub const LOADER: Self = Self::new(0x4a67_b082, 0x0a4c, 0x41cf, *b"\xb6\xc7\x44\x0b\x29\xbb\x8c\x4f");
    /// Owner that Microsoft's own entries bear.
    pub const MICROSOFT: Self = Self::new(0x77fa_9abd, 0x0359, 0x4d32, *b"\xbd\x60\x28\xf4\xe7\x8f\x78\x4b");

    /// From the fields as they are printed.
    #[must_use]
    pub const fn new(a: u32, b: u16, c: u16, d: [u8; 8]) -> Self {
        let (a, b, c) = (a.to_le_bytes(), b.to_le_bytes(), c.to_le_bytes());
        Self([
            a[0], a[1], a[2], a[3], b[0], b[1], c[0], c[1], d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7],
        ])
    }

    /// A random one (version 4) out of 16 random bytes.
    #[must_use]
    pub const fn from_random(mut bytes: [u8; 16]) -> Self {
        bytes[7] = (bytes[7] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Self(bytes)
    }
}

/// Positions of the bytes in print; the groups are 4, 2, 2, 2 and 6 bytes.
const PRINTED: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
const DASH_BEFORE: [usize; 4] = [4, 6, 8, 10];

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, at) in PRINTED.iter().enumerate() {
            if DASH_BEFORE.contains(&i) {
                f.write_str("-")?;
            }
            write!(f, "{:02x}", self.0.get(*at).copied().unwrap_or_default())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is no GUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no GUID: expected 8-4-4-4-12 hexadecimal digits")]
pub struct ParseGuidError;

impl FromStr for Guid {
    type Err = ParseGuidError;

    fn from_str(text: &str) -> Result<Self, ParseGuidError> {
        let mut bytes = [0; 16];
        let digits = text.bytes().filter(|b| *b != b'-');
        let mut nibbles = digits.map(|b| char::from(b).to_digit(16));
        for at in PRINTED {
            let byte = nibbles.next().flatten().zip(nibbles.next().flatten()).map(|(h, l)| h * 16 + l);
            let place = bytes.get_mut(at).ok_or(ParseGuidError)?;
            *place = byte.and_then(|b| u8::try_from(b).ok()).ok_or(ParseGuidError)?;
        }
        let guid = Self(bytes);
        // Dashes in the wrong places, and letters after the last digit.
        if guid.to_string().eq_ignore_ascii_case(text) {
            Ok(guid)
        } else {
            Err(ParseGuidError)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_and_read() {
        let text = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
        assert_eq!(Guid::GLOBAL.to_string(), text);
        assert_eq!(text.parse(), Ok(Guid::GLOBAL));
        assert_eq!(text.to_uppercase().parse(), Ok(Guid::GLOBAL));
        assert_eq!(Guid::GLOBAL.0[..4], [0x61, 0xdf, 0xe4, 0x8b]);
        for bad in [
            "",
            "8be4df61",
            "8be4df6193ca11d2aa0d00e098032b8c",
            "8be4df61-93ca-11d2-aa0d-00e098032b8c0",
            "8be4df61-93ca-11d2-aa0d-00e098032b8g",
        ] {
            assert_eq!(bad.parse::<Guid>(), Err(ParseGuidError), "{bad}");
        }
    }

    #[test]
    fn random_ones_say_so() {
        assert_eq!(Guid::from_random([0xff; 16]).to_string(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
