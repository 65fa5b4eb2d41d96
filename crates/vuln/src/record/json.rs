//! A pull reader over one JSON document in memory, made for records that are mostly right.
//!
//! One pass, no tree: a caller names the members it wants, the rest is stepped over. A value of the wrong type is not the
//! end of a record: it is noted as a problem with its place, stepped over, and reading goes on. Broken JSON is the end.
//!
//! What is stepped over is checked for balanced brackets, closed strings and depth only. `null` counts as absent. Of members
//! that occur twice the last one wins; callers keep that promise by assigning, never by appending to what an earlier one gave.

use std::borrow::Cow;

use super::RecordError;
use crate::problem::Problem;

/// Deeper documents are refused, as serde_json does.
const MAX_DEPTH: u32 = 128;

/// Problems kept for one document; each costs one walk over it to find its path.
const MAX_PROBLEMS: usize = 50;

/// The largest document that is read. The largest real record has about 3 MB.
pub(crate) const MAX_LEN: usize = 16 << 20;

pub(crate) type Result<T> = std::result::Result<T, RecordError>;

/// A position in a document, and what was wrong before it.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
    problems: Vec<(usize, Cow<'static, str>)>,
    left_out: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`; a byte order mark is stepped over.
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self> {
        if bytes.len() > MAX_LEN {
            return Err(RecordError::TooLarge {
                len: bytes.len(),
                limit: MAX_LEN,
            });
        }
        let text = std::str::from_utf8(bytes).map_err(|e| RecordError::Utf8 { at: e.valid_up_to() })?;
        let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Ok(Self {
            text,
            at,
            depth: 0,
            problems: Vec::new(),
            left_out: 0,
        })
    }

    /// A reader over at most `len` bytes from the start, up to the first that is not UTF-8.
    pub(crate) fn of_prefix(bytes: &'a [u8], len: usize) -> Self {
        let bytes = bytes.get(..len).unwrap_or(bytes);
        let valid = std::str::from_utf8(bytes).map_or_else(|e| e.valid_up_to(), str::len);
        // Cannot fail: everything before that place was found valid.
        let text = bytes.get(..valid).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default();
        let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Self {
            text,
            at,
            depth: 0,
            problems: Vec::new(),
            left_out: 0,
        }
    }

    /// Reads an object: `member` is called with each key and must read or skip the value. Anything else is a problem, and `false`.
    pub(crate) fn object(&mut self, mut member: impl FnMut(&mut Self, &str) -> Result<()>) -> Result<bool> {
        if !self.open(b'{', "an object")? {
            return Ok(false);
        }
        if self.peek() == Some(b'}') {
            self.close();
            return Ok(true);
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.syntax("expected a key"));
            }
            let (key, escaped) = self.raw_string()?;
            if self.peek() != Some(b':') {
                return Err(self.syntax("expected a colon"));
            }
            self.at += 1;
            if escaped {
                let key = self.unescape(key)?;
                member(self, &key)?;
            } else {
                member(self, key)?;
            }
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                }
                Some(b'}') => {
                    self.close();
                    return Ok(true);
                }
                _ => return Err(self.syntax("expected a comma or the end of the object")),
            }
            self.skip_space();
        }
    }

    /// Reads an array: `item` is called at each item and must read or skip it. Anything else is a problem, and `false`.
    pub(crate) fn array(&mut self, mut item: impl FnMut(&mut Self) -> Result<()>) -> Result<bool> {
        if !self.open(b'[', "a list")? {
            return Ok(false);
        }
        if self.peek() == Some(b']') {
            self.close();
            return Ok(true);
        }
        loop {
            item(self)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.close();
                    return Ok(true);
                }
                _ => return Err(self.syntax("expected a comma or the end of the list")),
            }
        }
    }

    /// Reads a list of strings.
    pub(crate) fn strings(&mut self) -> Result<Vec<String>> {
        let mut list = Vec::new();
        self.array(|r| {
            list.extend(r.string()?.map(Cow::into_owned));
            Ok(())
        })?;
        Ok(list)
    }

    /// Reads a string. A number or truth value is kept as written, with a problem.
    pub(crate) fn string(&mut self) -> Result<Option<Cow<'a, str>>> {
        match self.peek() {
            Some(b'"') => {
                let (raw, escaped) = self.raw_string()?;
                Ok(Some(if escaped {
                    Cow::Owned(self.unescape(raw)?)
                } else {
                    Cow::Borrowed(raw)
                }))
            }
            Some(b'n') => {
                self.literal()?;
                Ok(None)
            }
            Some(b'{' | b'[') => {
                self.wrong_type("text")?;
                Ok(None)
            }
            _ => {
                self.note("expected text, kept as written");
                Ok(Some(Cow::Borrowed(self.literal()?)))
            }
        }
    }

    /// As [`string`](Self::string), owned.
    pub(crate) fn owned(&mut self) -> Result<Option<String>> {
        Ok(self.string()?.map(Cow::into_owned))
    }

    /// Reads a number; one in quotes is read too, with a problem.
    pub(crate) fn number(&mut self) -> Result<Option<f64>> {
        let start = self.value_start();
        let text = match self.peek() {
            Some(b'n') => {
                self.literal()?;
                return Ok(None);
            }
            Some(b'-' | b'0'..=b'9') => self.literal()?,
            Some(b'"') => {
                self.note("expected a number, found text");
                self.raw_string()?.0
            }
            _ => {
                self.wrong_type("a number")?;
                return Ok(None);
            }
        };
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => {
                self.note_at(start, "not a number that can be represented");
                Ok(None)
            }
        }
    }

    /// Reads a truth value; one in quotes is read too, with a problem.
    pub(crate) fn boolean(&mut self) -> Result<Option<bool>> {
        let start = self.value_start();
        let text = match self.peek() {
            Some(b't' | b'f' | b'n') => self.literal()?,
            Some(b'"') => {
                self.note("expected true or false, found text");
                self.raw_string()?.0
            }
            _ => {
                self.wrong_type("true or false")?;
                return Ok(None);
            }
        };
        match text {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            "null" => Ok(None),
            _ => {
                self.note_at(start, "neither true nor false");
                Ok(None)
            }
        }
    }

    /// Steps over a value.
    pub(crate) fn skip(&mut self) -> Result<()> {
        match self.peek() {
            Some(b'"') => self.raw_string().map(drop),
            Some(b'{' | b'[') => self.skip_nested(),
            _ => self.literal().map(drop),
        }
    }

    /// Steps over a value, to be read later with [`revisit`](Self::revisit).
    pub(crate) fn mark(&mut self) -> Result<usize> {
        let start = self.value_start();
        self.skip()?;
        Ok(start)
    }

    /// Reads the value at a place that [`mark`](Self::mark) gave, then comes back.
    pub(crate) fn revisit<T>(&mut self, mark: usize, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let back = std::mem::replace(&mut self.at, mark);
        let value = read(self)?;
        self.at = back;
        Ok(value)
    }

    /// Where the next value starts.
    pub(crate) fn value_start(&mut self) -> usize {
        self.skip_space();
        self.at
    }

    /// The first byte of the next value.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        // Compact documents have no space here, so the common case is one load and one compare.
        match self.text.as_bytes().get(self.at) {
            Some(&byte) if byte > b' ' => Some(byte),
            _ => {
                self.skip_space();
                self.text.as_bytes().get(self.at).copied()
            }
        }
    }

    /// Notes a problem with the next value.
    pub(crate) fn note(&mut self, message: impl Into<Cow<'static, str>>) {
        let at = self.value_start();
        self.note_at(at, message);
    }

    /// Notes a problem with the value at `at`.
    pub(crate) fn note_at(&mut self, at: usize, message: impl Into<Cow<'static, str>>) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push((at, message.into()));
        } else {
            self.left_out += 1;
        }
    }

    /// Checks that nothing follows, and gives the problems with their paths.
    pub(crate) fn finish(mut self) -> Result<Vec<Problem>> {
        if self.peek().is_some() {
            return Err(self.syntax("expected the end of the document"));
        }
        Ok(self.into_problems())
    }

    /// The problems with their paths.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        let mut problems: Vec<Problem> = self
            .problems
            .iter()
            .map(|(at, message)| Problem::new(path_of(self.text, *at), message.clone()))
            .collect();
        if self.left_out > 0 {
            problems.push(Problem::new("", format!("{} further problems are not listed", self.left_out)));
        }
        problems
    }

    /// Notes that the next value should have been something else, and steps over it; `null` is not worth a note.
    fn wrong_type(&mut self, expected: &str) -> Result<()> {
        let found = match self.peek() {
            Some(b'n') => return self.skip(),
            Some(b'{') => "an object",
            Some(b'[') => "a list",
            Some(b'"') => "text",
            Some(b't' | b'f') => "a truth value",
            _ => "a number",
        };
        self.note(format!("expected {expected}, found {found}"));
        self.skip()
    }

    fn open(&mut self, bracket: u8, expected: &str) -> Result<bool> {
        if self.peek() != Some(bracket) {
            self.wrong_type(expected)?;
            return Ok(false);
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(RecordError::TooDeep { at: self.at });
        }
        self.at += 1;
        Ok(true)
    }

    fn close(&mut self) {
        self.at += 1;
        self.depth -= 1;
    }

    fn syntax(&self, message: &'static str) -> RecordError {
        let message = if self.at >= self.text.len() { "unexpected end" } else { message };
        RecordError::Json { at: self.at, message }
    }

    fn skip_space(&mut self) {
        let bytes = self.text.as_bytes();
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = bytes.get(self.at) {
            self.at += 1;
        }
    }

    /// Steps over a string; gives what stands between the quotes, and whether it holds escapes.
    fn raw_string(&mut self) -> Result<(&'a str, bool)> {
        let start = self.at + 1;
        let (end, escaped) = string_end(self.text.as_bytes(), start)?;
        self.at = end + 1;
        // Both ends are next to an ASCII quote, so they are character boundaries.
        Ok((self.text.get(start..end).unwrap_or_default(), escaped))
    }

    /// Steps over a number, `true`, `false` or `null`.
    fn literal(&mut self) -> Result<&'a str> {
        let start = self.value_start();
        let bytes = self.text.as_bytes();
        while let Some(b'+' | b'-' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'E') = bytes.get(self.at) {
            self.at += 1;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        if is_number(text.as_bytes()) || matches!(text, "true" | "false" | "null") {
            return Ok(text);
        }
        self.at = start;
        Err(self.syntax("expected a value"))
    }

    fn skip_nested(&mut self) -> Result<()> {
        let bytes = self.text.as_bytes();
        // One bit a level: 1 for an object.
        let mut open = 0_u128;
        let mut depth = self.depth;
        while let Some(&byte) = bytes.get(self.at) {
            match byte {
                b'"' => {
                    self.at = string_end(bytes, self.at + 1)?.0 + 1;
                    continue;
                }
                b'{' | b'[' => {
                    depth += 1;
                    if depth > MAX_DEPTH {
                        return Err(RecordError::TooDeep { at: self.at });
                    }
                    open = open << 1 | u128::from(byte == b'{');
                }
                b'}' | b']' => {
                    if (open & 1 == 1) != (byte == b'}') {
                        return Err(self.syntax("expected the other bracket"));
                    }
                    open >>= 1;
                    depth -= 1;
                    if depth == self.depth {
                        self.at += 1;
                        return Ok(());
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        Err(self.syntax("unexpected end"))
    }

    fn unescape(&mut self, raw: &str) -> Result<String> {
        let end = self.at;
        let start = end.saturating_sub(raw.len() + 1);
        let mut out = String::with_capacity(raw.len());
        let mut rest = raw;
        while let Some(backslash) = memchr::memchr(b'\\', rest.as_bytes()) {
            out.push_str(rest.get(..backslash).unwrap_or_default());
            let after = rest.as_bytes().get(backslash + 1..).unwrap_or_default();
            let mut used = 2;
            match after.first() {
                Some(b'"') => out.push('"'),
                Some(b'\\') => out.push('\\'),
                Some(b'/') => out.push('/'),
                Some(b'b') => out.push('\u{8}'),
                Some(b'f') => out.push('\u{c}'),
                Some(b'n') => out.push('\n'),
                Some(b'r') => out.push('\r'),
                Some(b't') => out.push('\t'),
                Some(b'u') => {
                    let (c, len) = unicode_escape(after).ok_or(RecordError::Json {
                        at: start + raw.len() - rest.len() + backslash,
                        message: "expected four hexadecimal digits after \\u",
                    })?;
                    if c.is_none() {
                        self.note_at(start, "half a surrogate pair was replaced");
                    }
                    out.push(c.unwrap_or(char::REPLACEMENT_CHARACTER));
                    used = 1 + len;
                }
                _ => {
                    return Err(RecordError::Json {
                        at: start + raw.len() - rest.len() + backslash,
                        message: "unknown escape",
                    });
                }
            }
            rest = rest.get(backslash + used..).unwrap_or_default();
        }
        out.push_str(rest);
        Ok(out)
    }
}

fn is_number(text: &[u8]) -> bool {
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
fn string_end(bytes: &[u8], mut from: usize) -> Result<(usize, bool)> {
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
                return Err(RecordError::Json {
                    at: from,
                    message: "control character in text",
                });
            }
            Some(_) => from += 1,
            None => {
                return Err(RecordError::Json {
                    at: bytes.len(),
                    message: "unexpected end",
                });
            }
        }
    }
}

/// The path of the value that holds byte `target`, as a JSON pointer.
fn path_of(text: &str, target: usize) -> String {
    let mut path = String::new();
    let mut reader = Reader {
        text,
        at: 0,
        depth: 0,
        problems: Vec::new(),
        left_out: 0,
    };
    // The document may be broken behind the target, so an error only ends the walk.
    let _ = walk_to(&mut reader, target, &mut path);
    path
}

fn walk_to(reader: &mut Reader<'_>, target: usize, path: &mut String) -> Result<bool> {
    let start = reader.value_start();
    if start >= target {
        return Ok(true);
    }
    let mut found = false;
    match reader.peek() {
        Some(b'{') => {
            reader.object(|r, key| {
                if found {
                    return r.skip();
                }
                let len = path.len();
                path.push('/');
                path.push_str(&key.replace('~', "~0").replace('/', "~1"));
                found = step(r, target, path)?;
                if !found {
                    path.truncate(len);
                }
                Ok(())
            })?;
        }
        Some(b'[') => {
            let mut index = 0;
            reader.array(|r| {
                if found {
                    return r.skip();
                }
                let len = path.len();
                path.push_str(&format!("/{index}"));
                index += 1;
                found = step(r, target, path)?;
                if !found {
                    path.truncate(len);
                }
                Ok(())
            })?;
        }
        _ => reader.skip()?,
    }
    Ok(found)
}

/// Descends into the next value where it holds `target`, else steps over it.
fn step(reader: &mut Reader<'_>, target: usize, path: &mut String) -> Result<bool> {
    let start = reader.mark()?;
    if target >= reader.at {
        return Ok(false);
    }
    reader.revisit(start, |r| walk_to(r, target, path))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    /// The whole document as a tree, so that it can be compared with what serde_json reads.
    fn tree(r: &mut Reader<'_>) -> Result<Value> {
        Ok(match r.peek() {
            Some(b'{') => {
                let mut map = Map::new();
                r.object(|r, key| {
                    let value = tree(r)?;
                    map.insert(key.to_owned(), value);
                    Ok(())
                })?;
                Value::Object(map)
            }
            Some(b'[') => {
                let mut list = Vec::new();
                r.array(|r| {
                    list.push(tree(r)?);
                    Ok(())
                })?;
                Value::Array(list)
            }
            Some(b'"') => Value::String(r.owned()?.expect("text")),
            Some(b't' | b'f') => Value::Bool(r.boolean()?.expect("a truth value")),
            Some(b'n') => {
                r.skip()?;
                Value::Null
            }
            _ => r
                .number()?
                .map_or(Value::Null, |n| serde_json::Number::from_f64(n).map_or(Value::Null, Value::Number)),
        })
    }

    fn read(bytes: &[u8]) -> Result<(Value, Vec<Problem>)> {
        let mut r = Reader::new(bytes)?;
        let value = tree(&mut r)?;
        Ok((value, r.finish()?))
    }

    fn skipped(text: &str) -> Result<Vec<Problem>> {
        let mut r = Reader::new(text.as_bytes())?;
        r.skip()?;
        r.finish()
    }

    /// Problems of `{"a": <value>}` where `a` is read with `member`.
    fn problems_of(value: &str, mut member: impl FnMut(&mut Reader<'_>) -> Result<()>) -> Vec<(String, String)> {
        let text = format!("{{\"a\": {value}}}");
        let mut r = Reader::new(text.as_bytes()).unwrap();
        r.object(|r, _| member(r)).unwrap();
        r.finish().unwrap().into_iter().map(|p| (p.at, p.message)).collect()
    }

    #[test]
    fn strings_and_escapes() {
        let text = r#"  {"plain" : "x", "esc\"aped" : "\" \\ \/ \b \f \n \r \t \u00e9 \ud83d\ude00 é", "": ""} "#;
        let (value, problems) = read(text.as_bytes()).unwrap();
        assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
        assert!(problems.is_empty());
    }

    #[test]
    fn half_a_surrogate_pair_is_replaced() {
        let (value, problems) = read(br#"{"a":["x", "\ud83d!"]}"#).unwrap();
        assert_eq!(value["a"][1], "\u{fffd}!");
        assert_eq!(problems, [Problem::new("/a/1", "half a surrogate pair was replaced")]);
    }

    #[test]
    fn broken_documents_name_the_byte() {
        let cases: &[(&[u8], RecordError)] = &[
            (
                b"",
                RecordError::Json {
                    at: 0,
                    message: "unexpected end",
                },
            ),
            (
                b"{",
                RecordError::Json {
                    at: 1,
                    message: "unexpected end",
                },
            ),
            (
                b"{\"a\"",
                RecordError::Json {
                    at: 4,
                    message: "unexpected end",
                },
            ),
            (
                b"{\"a\" 1}",
                RecordError::Json {
                    at: 5,
                    message: "expected a colon",
                },
            ),
            (
                b"{\"a\":1,}",
                RecordError::Json {
                    at: 7,
                    message: "expected a key",
                },
            ),
            (
                b"{\"a\":1 \"b\"}",
                RecordError::Json {
                    at: 7,
                    message: "expected a comma or the end of the object",
                },
            ),
            (
                b"[1 2]",
                RecordError::Json {
                    at: 3,
                    message: "expected a comma or the end of the list",
                },
            ),
            (
                b"[1,]",
                RecordError::Json {
                    at: 3,
                    message: "expected a value",
                },
            ),
            (
                b"[tru]",
                RecordError::Json {
                    at: 1,
                    message: "expected a value",
                },
            ),
            (
                b"[-]",
                RecordError::Json {
                    at: 1,
                    message: "expected a value",
                },
            ),
            (
                b"\"abc",
                RecordError::Json {
                    at: 4,
                    message: "unexpected end",
                },
            ),
            (
                b"\"0123456\n9\"",
                RecordError::Json {
                    at: 8,
                    message: "control character in text",
                },
            ),
            (
                b"\"01\\x\"",
                RecordError::Json {
                    at: 3,
                    message: "unknown escape",
                },
            ),
            (
                b"\"01\\u12g4\"",
                RecordError::Json {
                    at: 3,
                    message: "expected four hexadecimal digits after \\u",
                },
            ),
            (
                b"{} {}",
                RecordError::Json {
                    at: 3,
                    message: "expected the end of the document",
                },
            ),
            (b"{\"a\": \"\xff\"}", RecordError::Utf8 { at: 7 }),
        ];
        for (bytes, error) in cases {
            assert_eq!(read(bytes).as_ref(), Err(error), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn what_is_stepped_over_must_be_balanced() {
        assert_eq!(skipped(r#"{"a":[{"b":"}]\""},{}]}"#), Ok(Vec::new()));
        assert_eq!(
            skipped(r#"{"a":[}"#),
            Err(RecordError::Json {
                at: 6,
                message: "expected the other bracket"
            })
        );
        assert_eq!(
            skipped(r#"{"a":["#),
            Err(RecordError::Json {
                at: 6,
                message: "unexpected end"
            })
        );
        assert_eq!(
            skipped(r#"[1] 2"#),
            Err(RecordError::Json {
                at: 4,
                message: "expected the end of the document"
            })
        );
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let deep = RecordError::TooDeep { at: 128 };
        assert!(read(nested(128).as_bytes()).is_ok());
        assert_eq!(read(nested(129).as_bytes()), Err(deep.clone()));
        assert_eq!(skipped(&nested(128)), Ok(Vec::new()));
        assert_eq!(skipped(&nested(129)), Err(deep.clone()));
        assert_eq!(skipped(&"[".repeat(1_000_000)), Err(deep));
        // Both ways of reading count together.
        let objects = "{\"a\":".repeat(100) + &nested(29);
        let mut r = Reader::new(objects.as_bytes()).unwrap();
        fn descend(r: &mut Reader<'_>, left: u32) -> Result<bool> {
            r.object(|r, _| if left == 0 { r.skip() } else { descend(r, left - 1).map(drop) })
        }
        assert_eq!(descend(&mut r, 99), Err(RecordError::TooDeep { at: 528 }));
    }

    #[test]
    fn length_is_bounded() {
        let error = Reader::new(&vec![b' '; MAX_LEN + 1]).map(drop);
        assert_eq!(
            error,
            Err(RecordError::TooLarge {
                len: MAX_LEN + 1,
                limit: MAX_LEN
            })
        );
    }

    #[test]
    fn wrong_types_are_problems_with_a_path() {
        let text = |found: &str| vec![("/a".to_owned(), found.to_owned())];
        assert_eq!(problems_of("{}", |r| r.string().map(drop)), text("expected text, found an object"));
        assert_eq!(
            problems_of("12", |r| r.string().map(|s| assert_eq!(s.as_deref(), Some("12")))),
            text("expected text, kept as written")
        );
        assert_eq!(
            problems_of("\"x\"", |r| r.object(|r, _| r.skip()).map(drop)),
            text("expected an object, found text")
        );
        assert_eq!(
            problems_of("3", |r| r.array(|r| r.skip()).map(drop)),
            text("expected a list, found a number")
        );
        assert_eq!(
            problems_of("true", |r| r.number().map(drop)),
            text("expected a number, found a truth value")
        );
        assert_eq!(
            problems_of("\"9.8\"", |r| r.number().map(|n| assert_eq!(n, Some(9.8)))),
            text("expected a number, found text")
        );
        assert_eq!(
            problems_of("1e999", |r| r.number().map(|n| assert_eq!(n, None))),
            text("not a number that can be represented")
        );
        assert_eq!(
            problems_of("\"true\"", |r| r.boolean().map(|b| assert_eq!(b, Some(true)))),
            text("expected true or false, found text")
        );
        assert_eq!(
            problems_of("[]", |r| r.boolean().map(drop)),
            text("expected true or false, found a list")
        );
        assert_eq!(problems_of("null", |r| r.string().map(|s| assert_eq!(s, None))), []);
        assert_eq!(problems_of("null", |r| r.object(|r, _| r.skip()).map(|is| assert!(!is))), []);
    }

    #[test]
    fn numbers_of_any_length_are_stepped_over() {
        let digits = "9".repeat(100_000);
        assert_eq!(skipped(&format!("[{digits}, -{digits}.{digits}e+{digits}]")), Ok(Vec::new()));
    }

    #[test]
    fn paths_are_json_pointers() {
        let text = r#"{"x":[[],{"k/~":[1,{"z":2}]}],"y":3}"#;
        assert_eq!(path_of(text, text.find('2').unwrap()), "/x/1/k~1~0/1/z");
        assert_eq!(path_of(text, text.find('3').unwrap()), "/y");
        assert_eq!(path_of(text, 0), "");
        assert_eq!(path_of("{\"a\":[1,", 6), "/a");
    }

    #[test]
    fn problems_are_bounded() {
        let text = format!("[{}1]", "1,".repeat(5000));
        let mut r = Reader::new(text.as_bytes()).unwrap();
        assert_eq!(r.strings().unwrap().len(), 5001);
        let problems = r.finish().unwrap();
        assert_eq!(problems.len(), 51);
        assert_eq!(problems[49].at, "/49");
        assert_eq!(problems[50].message, "4951 further problems are not listed");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_filter("JSON has no NaN", |n| n.is_finite()).prop_map(Value::from),
            ".{0,20}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::vec((".{0,12}", inner), 0..6).prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn reads_what_serde_json_writes(value in any_json(), pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let (found, problems) = read(text.as_bytes()).unwrap();
            prop_assert_eq!(found, value);
            prop_assert_eq!(problems, Vec::new());
            prop_assert_eq!(skipped(&text), Ok(Vec::new()));
        }

        #[test]
        fn refuses_what_serde_json_refuses(text in r#"[\[\]{}",:\\ 01truefalsn.e-]{0,12}|\[("[a\\"u0\n]{0,6}"|[-0-9.eE+]{1,5}|,|[\[{}\]]){0,4}\]"#) {
            let theirs = serde_json::from_str::<Value>(&text);
            let ours = read(text.as_bytes());
            match (theirs, ours) {
                (Ok(theirs), Ok((ours, _))) => prop_assert_eq!(rounded(theirs), rounded(ours)),
                (Err(_), Err(_)) => {}
                // serde_json refuses a number that is too large for a float.
                (Err(error), Ok(_)) => prop_assert!(error.to_string().contains("out of range"), "read {}", text),
                (Ok(_), Err(error)) => prop_assert!(false, "refused {}: {}", text, error),
            }
        }
    }

    /// serde_json tells integers from floats, and gets the last digit of some floats wrong.
    fn rounded(value: Value) -> Value {
        match value {
            Value::Number(n) => format!("{:.9e}", n.as_f64().expect("a float")).into(),
            Value::Array(list) => list.into_iter().map(rounded).collect(),
            Value::Object(map) => map.into_iter().map(|(key, value)| (key, rounded(value))).collect(),
            other => other,
        }
    }
}
