//! Strings and numbers as they are written in JSON.

use std::borrow::Cow;

use super::{RecordError, Result};

/// A string as it stands in the document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    /// What stands between the quotes.
    pub(super) raw: &'a str,
    /// Where that starts.
    pub(super) at: usize,
    /// Whether it holds escapes.
    pub(super) escaped: bool,
}

impl<'a> Text<'a> {
    /// The text that is meant, and whether half a surrogate pair in it had to be replaced.
    pub(super) fn decode(self) -> Result<(Cow<'a, str>, bool)> {
        if !self.escaped {
            return Ok((Cow::Borrowed(self.raw), false));
        }
        let mut out = String::with_capacity(self.raw.len());
        let mut replaced = false;
        let mut rest = self.raw;
        while let Some(backslash) = memchr::memchr(b'\\', rest.as_bytes()) {
            let fail = |message| broken(self.at + self.raw.len() - rest.len() + backslash, message);
            out.push_str(rest.get(..backslash).unwrap_or_default());
            let after = rest.as_bytes().get(backslash + 1..).unwrap_or_default();
            let mut used = 2;
            out.push(match after.first() {
                Some(b'"') => '"',
                Some(b'\\') => '\\',
                Some(b'/') => '/',
                Some(b'b') => '\u{8}',
                Some(b'f') => '\u{c}',
                Some(b'n') => '\n',
                Some(b'r') => '\r',
                Some(b't') => '\t',
                Some(b'u') => {
                    let (c, len) = unicode_escape(after).ok_or_else(|| fail("expected four hexadecimal digits after \\u"))?;
                    used = 1 + len;
                    replaced |= c.is_none();
                    c.unwrap_or(char::REPLACEMENT_CHARACTER)
                }
                _ => return Err(fail("unknown escape")),
            });
            rest = rest.get(backslash + used..).unwrap_or_default();
        }
        out.push_str(rest);
        Ok((Cow::Owned(out), replaced))
    }
}

pub(super) fn broken(at: usize, message: &'static str) -> Box<RecordError> {
    Box::new(RecordError::Json { at, message })
}

/// Whether the whole text is a JSON number.
pub(super) fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_digit()).count();
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(text);
    if whole == 0 || whole > 1 && text.starts_with(b"0") {
        return false;
    }
    let mut rest = text.get(whole..).unwrap_or_default();
    if let Some(fraction) = rest.strip_prefix(b".") {
        let len = digits(fraction);
        if len == 0 {
            return false;
        }
        rest = fraction.get(len..).unwrap_or_default();
    }
    if let Some(exponent) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) {
        let exponent = exponent
            .strip_prefix(b"+")
            .or_else(|| exponent.strip_prefix(b"-"))
            .unwrap_or(exponent);
        return digits(exponent) == exponent.len() && !exponent.is_empty();
    }
    rest.is_empty()
}

/// Reads `uXXXX`, with its second half where it is the first half of a surrogate pair; `None` inside for half a pair.
fn unicode_escape(bytes: &[u8]) -> Option<(Option<char>, usize)> {
    let hex = |from: usize| -> Option<u32> {
        bytes
            .get(from..from + 4)?
            .iter()
            .try_fold(0, |sum, &b| Some(sum << 4 | char::from(b).to_digit(16)?))
    };
    let first = hex(1)?;
    if (0xd800..0xdc00).contains(&first)
        && bytes.get(5..7) == Some(b"\\u")
        && let Some(second @ 0xdc00..0xe000) = hex(7)
    {
        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return Some((char::from_u32(code), 11));
    }
    Some((char::from_u32(first), 5))
}

/// The position of the quote that ends the string starting at `from`, and whether a backslash stands before it.
pub(super) fn string_end(bytes: &[u8], mut from: usize) -> Result<(usize, bool)> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut escaped = false;
    loop {
        // Eight bytes at a time: a lane's high bit is set where it holds a quote, a backslash or a control character.
        while let Some(chunk) = bytes.get(from..).and_then(<[u8]>::first_chunk::<8>) {
            let word = u64::from_le_bytes(*chunk);
            let quote = word ^ (ONES * b'"' as u64);
            let backslash = word ^ (ONES * b'\\' as u64);
            let zero = quote.wrapping_sub(ONES) & !quote | backslash.wrapping_sub(ONES) & !backslash;
            let control = word.wrapping_sub(ONES * 0x20) & !word;
            let found = (zero | control) & HIGH;
            if found != 0 {
                from += (found.trailing_zeros() / 8) as usize;
                break;
            }
            from += 8;
        }
        match bytes.get(from) {
            Some(b'"') => return Ok((from, escaped)),
            Some(b'\\') => {
                escaped = true;
                from += 2;
            }
            Some(0..0x20) => {
                return Err(broken(from, "control character in text"));
            }
            Some(_) => from += 1,
            None => {
                return Err(broken(bytes.len(), "unexpected end"));
            }
        }
    }
}
