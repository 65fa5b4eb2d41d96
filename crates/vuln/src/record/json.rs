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
        let number = matches!(text.as_bytes(), [b'-', b'0'..=b'9', ..] | [b'0'..=b'9', ..]) && text.parse::<f64>().is_ok();
        if number || matches!(text, "true" | "false" | "null") {
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
