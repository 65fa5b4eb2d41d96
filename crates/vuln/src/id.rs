//! CVE ids.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest text that can be an id: `CVE-YYYY-` and 19 digits.
const MAX_LEN: usize = 28;

/// A CVE id: `CVE-2024-3094`. Read in any case, written in upper case, ordered by year, then number.
///
/// The digits stay as they are written: `CVE-2099-0001` and `CVE-2099-00001` are two ids, the second sorts after the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CveId {
    year: u16,
    // 19 digits always fit: u64 holds up to 1.8e19.
    number: u64,
    digits: u8,
}

impl CveId {
    /// The year in the id; not always the year of publication.
    pub fn year(self) -> u16 {
        self.year
    }

    /// The number after the year.
    pub fn number(self) -> u64 {
        self.number
    }
}

/// Why a text is not a CVE id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parse CVE id at byte {at}: {message}")]
pub struct IdError {
    /// Byte position.
    pub at: usize,
    /// What was expected.
    pub message: &'static str,
}

impl FromStr for CveId {
    type Err = IdError;

    fn from_str(s: &str) -> Result<Self, IdError> {
        let bytes = s.as_bytes();
        let fail = |at, message| Err(IdError { at, message });
        for (at, expected) in b"CVE-".iter().enumerate() {
            if bytes.get(at).is_none_or(|b| b.to_ascii_uppercase() != *expected) {
                return fail(at, "expected \"CVE-\"");
            }
        }
        let mut year = 0;
        for at in 4..8 {
            match bytes.get(at) {
                Some(digit @ b'0'..=b'9') => year = year * 10 + u16::from(digit - b'0'),
                _ => return fail(at, "expected a year of four digits"),
            }
        }
        if bytes.get(8) != Some(&b'-') {
            return fail(8, "expected \"-\" after the year");
        }
        let (mut number, mut digits) = (0_u64, 0);
        for (at, byte) in bytes.iter().enumerate().skip(9) {
            if at >= MAX_LEN {
                return fail(at, "expected at most 19 digits");
            }
            if !byte.is_ascii_digit() {
                return fail(at, "expected a digit");
            }
            number = number * 10 + u64::from(byte - b'0');
            digits += 1;
        }
        if digits < 4 {
            return fail(bytes.len(), "expected at least four digits after the year");
        }
        Ok(Self { year, number, digits })
    }
}

impl fmt::Display for CveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CVE-{:04}-{:0width$}", self.year, self.number, width = usize::from(self.digits))
    }
}

impl Serialize for CveId {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CveId {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error_of(s: &str) -> (usize, &'static str) {
        let error = s.parse::<CveId>().unwrap_err();
        (error.at, error.message)
    }

    #[test]
    fn reads_any_case_and_writes_upper_case() {
        let id: CveId = "cVe-2099-0001".parse().unwrap();
        assert_eq!((id.year(), id.number(), id.to_string().as_str()), (2099, 1, "CVE-2099-0001"));
        assert_eq!(
            "CVE-1999-9999999999999999999".parse::<CveId>().unwrap().to_string(),
            "CVE-1999-9999999999999999999"
        );
    }

    #[test]
    fn errors_name_the_byte() {
        assert_eq!(error_of(""), (0, "expected \"CVE-\""));
        assert_eq!(error_of("CAN-2099-0001"), (1, "expected \"CVE-\""));
        assert_eq!(error_of("CVE-20x9-0001"), (6, "expected a year of four digits"));
        assert_eq!(error_of("CVE-2099_0001"), (8, "expected \"-\" after the year"));
        assert_eq!(error_of("CVE-2099-001"), (12, "expected at least four digits after the year"));
        assert_eq!(error_of("CVE-2099-0001 "), (13, "expected a digit"));
        assert_eq!(error_of("CVE-2099-00000000000000000001"), (28, "expected at most 19 digits"));
        assert_eq!(error_of("CVE-２099-0001"), (4, "expected a year of four digits"));
    }

    #[test]
    fn order_is_year_then_number() {
        let mut ids: Vec<CveId> = [
            "CVE-2100-0001",
            "CVE-2099-10000",
            "CVE-2099-9999",
            "CVE-2099-00001",
            "CVE-2099-0001",
        ]
        .iter()
        .map(|s| s.parse().unwrap())
        .collect();
        ids.sort();
        let texts: Vec<String> = ids.iter().map(CveId::to_string).collect();
        assert_eq!(
            texts,
            [
                "CVE-2099-0001",
                "CVE-2099-00001",
                "CVE-2099-9999",
                "CVE-2099-10000",
                "CVE-2100-0001"
            ]
        );
    }

    proptest! {
        #[test]
        fn round_trip(text in "CVE-[0-9]{4}-[0-9]{4,19}") {
            prop_assert_eq!(text.parse::<CveId>().unwrap().to_string(), text);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            if let Ok(id) = text.parse::<CveId>() {
                prop_assert_eq!(id.to_string(), text.to_ascii_uppercase());
            }
        }
    }
}
