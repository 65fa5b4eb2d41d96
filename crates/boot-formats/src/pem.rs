//! Certificates as text: PEM, after RFC 7468.

use alloc::string::String;
use alloc::vec::Vec;

/// The certificates of a file, in DER: every one of a PEM file, or the one that the file is.
#[must_use]
pub fn certificates(bytes: &[u8]) -> Vec<Vec<u8>> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    // A certificate is a sequence, and no other file of ours begins so.
    if bytes.starts_with(&[0x30, 0x82]) {
        return alloc::vec![bytes.to_vec()];
    }
    let Ok(text) = core::str::from_utf8(bytes) else {
        return Vec::new();
    };
    let blocks = text.split(BEGIN).skip(1).filter_map(|block| block.split_once(END));
    blocks.filter_map(|(base64, _)| decode(base64)).collect()
}

/// A certificate as PEM.
#[must_use]
pub fn pem(der: &[u8]) -> String {
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let letters: Vec<char> = der.chunks(3).flat_map(encode).collect();
    for line in letters.chunks(64) {
        text.extend(line);
        text.push('\n');
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn encode(chunk: &[u8]) -> [char; 4] {
    let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or_default());
    let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
    let letter = |i: usize| {
        let index = usize::try_from(bits >> (18 - 6 * i) & 63).unwrap_or_default();
        if i > chunk.len() {
            '='
        } else {
            LETTERS.get(index).copied().map_or('=', char::from)
        }
    };
    [letter(0), letter(1), letter(2), letter(3)]
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let letters: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let mut bytes = Vec::with_capacity(letters.len() / 4 * 3);
    for quad in letters.chunks(4) {
        let count = quad.iter().take_while(|b| **b != b'=').count();
        if quad.len() != 4 || count < 2 || !quad.iter().skip(count).all(|b| *b == b'=') {
            return None;
        }
        let mut bits = 0_u32;
        for letter in quad {
            let value = LETTERS.iter().position(|l| l == letter).or((*letter == b'=').then_some(0))?;
            bits = bits << 6 | u32::try_from(value).ok()?;
        }
        bytes.extend(bits.to_be_bytes().get(1..count)?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::vec;

    #[test]
    fn text_and_back() {
        for len in 40..44 {
            let der: Vec<u8> = [0x30, 0x82].into_iter().chain((0..len).map(|i| i * 5)).collect();
            let text = pem(&der);
            assert_eq!(certificates(text.as_bytes()), core::slice::from_ref(&der), "{text}");
            assert_eq!(certificates(&der), [der]);
        }
        let two = format!("some words\n{}{}", pem(&[0x30, 1, 2]), pem(&[0x30, 3]));
        assert_eq!(certificates(two.as_bytes()), [vec![0x30, 1, 2], vec![0x30, 3]]);
        assert!(certificates(b"-----BEGIN CERTIFICATE-----\nA===\n-----END CERTIFICATE-----").is_empty());
    }
}
