//! Nix's base32: digits and lower case letters without `e`, `o`, `t` and `u`, the last byte's high bits first.

/// The 32 characters, by value.
pub const ALPHABET: &[u8; 32] = b"0123456789abcdfghijklmnpqrsvwxyz";

/// Why a text is not Nix base32.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Base32Error {
    /// A character outside the alphabet.
    #[error("decode nix base32 at byte {at}: not a base32 digit")]
    Digit {
        /// Byte position.
        at: usize,
    },
    /// The number of characters is not one that whole bytes give, or the bits left over are not zero.
    #[error("decode nix base32: {len} characters are no whole number of bytes")]
    Length {
        /// Characters given.
        len: usize,
    },
}

/// The characters that `bytes` bytes take.
pub fn encoded_len(bytes: usize) -> usize {
    (bytes * 8).div_ceil(5)
}

/// Encodes bytes.
pub fn encode(bytes: &[u8]) -> String {
    (0..encoded_len(bytes.len()))
        .rev()
        .map(|n| {
            let (byte, shift) = (n * 5 / 8, n * 5 % 8);
            let low = u16::from(bytes[byte]);
            let high = u16::from(bytes.get(byte + 1).copied().unwrap_or(0));
            let value = ((high << 8 | low) >> shift) & 0x1f;
            char::from(ALPHABET[usize::from(value)])
        })
        .collect()
}

/// Decodes a text that [`encode`] made.
pub fn decode(text: &str) -> Result<Vec<u8>, Base32Error> {
    let len = text.len();
    let mut bytes = vec![0u8; len * 5 / 8];
    if encoded_len(bytes.len()) != len {
        return Err(Base32Error::Length { len });
    }
    for (n, (at, character)) in text.bytes().enumerate().rev().enumerate() {
        let value = digit(character).ok_or(Base32Error::Digit { at })?;
        let (byte, shift) = (n * 5 / 8, n * 5 % 8);
        let wide = u16::from(value) << shift;
        let [low, high] = wide.to_le_bytes();
        bytes[byte] |= low;
        match bytes.get_mut(byte + 1) {
            Some(next) => *next |= high,
            None if high != 0 => return Err(Base32Error::Length { len }),
            None => {}
        }
    }
    Ok(bytes)
}

/// The value of one character.
pub(crate) fn digit(character: u8) -> Option<u8> {
    DIGITS.get(usize::from(character)).copied().filter(|value| *value < 32)
}

/// Values by character; 255 where there is none. A table, since every store path of a package set passes here.
const DIGITS: [u8; 128] = {
    let mut table = [255u8; 128];
    let mut value = 0;
    while value < 32 {
        table[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// sha256 of the empty string and of "abc", and sha1 of "", as `nix-hash --to-base32` writes them.
    #[test]
    fn matches_values_written_by_nix() {
        let empty = hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(encode(&empty), "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73");
        let abc = hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(encode(&abc), "1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s");
        let sha1 = hex("da39a3ee5e6b4b0d3255bfef95601890afd80709");
        assert_eq!(encode(&sha1), "143xibwh31h9bvxzalr0sjvbbvpa6ffs");
    }

    #[test]
    fn refuses_other_letters_and_lengths() {
        assert_eq!(decode("0e"), Err(Base32Error::Digit { at: 1 }));
        assert_eq!(decode("0"), Err(Base32Error::Length { len: 1 }));
        // Two characters hold one byte and two bits more, which must be zero.
        assert_eq!(decode("zz"), Err(Base32Error::Length { len: 2 }));
        assert_eq!(decode("7z"), Ok(vec![0xff]));
        assert_eq!(decode("é"), Err(Base32Error::Digit { at: 1 }));
        assert_eq!(decode(""), Ok(vec![]));
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    proptest! {
        #[test]
        fn round_trips(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&bytes)), Ok(bytes));
        }

        #[test]
        fn decodes_only_what_it_would_write(text in "[0-9a-z]{0,40}") {
            if let Ok(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }
}
