//! A pull reader over one JSON document in memory, made for records that are mostly right.
//!
//! One pass, no tree: a caller names the members it wants, the rest is stepped over. A value of the wrong type is not the
//! end of a record: it is noted as a problem with its place, stepped over, and reading goes on. Broken JSON is the end.
//!
//! What is stepped over is checked for balanced brackets, closed strings and depth only. `null` counts as absent. A key that
//! occurs twice in an object that is read makes the document mean two things: [`Reader::finish`] refuses it.

mod keys;
mod path;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;

use self::keys::Keys;
use self::path::path_of;
use self::text::{Text, broken, is_number, string_end};
use super::RecordError;
use crate::problem::Problem;

/// Deeper documents are refused, as serde_json does.
const MAX_DEPTH: u32 = 128;

/// Problems kept for one document; each costs one walk over it to find its path.
const MAX_PROBLEMS: usize = 50;

/// Characters of the path in an error.
const MAX_PATH: usize = 200;

/// The largest document that is read. The largest real record has about 3 MB.
pub(crate) const MAX_LEN: usize = 16 << 20;

/// Errors end a record and are rare, values come by the thousand: a thin error keeps the results of the hot functions small.
pub(crate) type Result<T> = std::result::Result<T, Box<RecordError>>;

/// What a reader that has found what it came for returns to stop early. It does not leave this crate.
pub(crate) fn enough() -> Box<RecordError> {
    broken(0, "stopped early")
}

/// A position in a document, and what was wrong before it.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
    keys: Keys<'a>,
    problems: Vec<(usize, Cow<'static, str>)>,
    left_out: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`; a byte order mark is stepped over.
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self> {
        if bytes.len() > MAX_LEN {
            return Err(Box::new(RecordError::TooLarge {
                len: bytes.len(),
                limit: MAX_LEN,
            }));
        }
        let text = std::str::from_utf8(bytes).map_err(|e| Box::new(RecordError::Utf8 { at: e.valid_up_to() }))?;
        Ok(Self::at_start(text))
    }

    /// A reader over at most `len` bytes from the start, up to the first that is not UTF-8.
    pub(crate) fn of_prefix(bytes: &'a [u8], len: usize) -> Self {
        let bytes = bytes.get(..len).unwrap_or(bytes);
        let valid = std::str::from_utf8(bytes).map_or_else(|e| e.valid_up_to(), str::len);
        // Cannot fail: everything before that place was found valid.
        let text = bytes.get(..valid).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default();
        Self::at_start(text)
    }

    fn at_start(text: &'a str) -> Self {
        let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Self {
            text,
            at,
            depth: 0,
            keys: Keys::default(),
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
        let mut object = self.keys.enter();
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.syntax("expected a key"));
            }
            let key = self.raw_string()?;
            if self.peek() != Some(b':') {
                return Err(self.syntax("expected a colon"));
            }
            self.at += 1;
            self.keys.add(&mut object, key);
            if key.escaped {
                let (key, _) = key.decode()?;
                member(self, &key)?;
            } else {
                member(self, key.raw)?;
            }
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                }
                Some(b'}') => {
                    self.keys.leave(object);
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

    /// Reads one member of an object, stepping over the others.
    pub(crate) fn member<T>(&mut self, name: &str, mut read: impl FnMut(&mut Self) -> Result<Option<T>>) -> Result<Option<T>> {
        let mut value = None;
        self.object(|r, key| {
            if key == name {
                value = read(r)?;
                return Ok(());
            }
            r.skip()
        })?;
        Ok(value)
    }

    /// Reads a list of what `item` reads, leaving out where it reads nothing.
    pub(crate) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<Option<T>>) -> Result<Vec<T>> {
        let mut list = Vec::new();
        self.array(|r| {
            if let Some(item) = item(r)? {
                // Most lists of a record have one item or two; a vector would start with room for four.
                if list.len() == list.capacity() {
                    list.reserve_exact(list.len().max(1));
                }
                list.push(item);
            }
            Ok(())
        })?;
        Ok(list)
    }

    /// Reads a list of strings.
    pub(crate) fn strings(&mut self) -> Result<Vec<String>> {
        self.list(Self::owned)
    }

    /// Reads a string. A number or truth value is kept as written, with a problem.
    pub(crate) fn string(&mut self) -> Result<Option<Cow<'a, str>>> {
        match self.peek() {
            Some(b'"') => {
                let text = self.raw_string()?;
                let (decoded, replaced) = text.decode()?;
                if replaced {
                    self.note_at(text.at - 1, "half a surrogate pair was replaced");
                }
                Ok(Some(decoded))
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
                self.raw_string()?.raw
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
                self.raw_string()?.raw
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

    /// Where a key behind `start` stands that its object had already. Who asks says what becomes of it: the document is no longer
    /// refused for it.
    pub(crate) fn take_repeated(&mut self, start: usize) -> Option<usize> {
        self.keys.repeated.take_if(|at| *at >= start)
    }

    /// Checks that nothing follows and that no key was given twice, and gives the problems with their paths.
    pub(crate) fn finish(mut self) -> Result<Vec<Problem>> {
        if self.peek().is_some() {
            return Err(self.syntax("expected the end of the document"));
        }
        if let Some(at) = self.keys.repeated {
            let path = path_of(self.text, at).chars().take(MAX_PATH).collect();
            return Err(Box::new(RecordError::Repeated { at, path }));
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
            return Err(Box::new(RecordError::TooDeep { at: self.at }));
        }
        self.at += 1;
        Ok(true)
    }

    fn close(&mut self) {
        self.at += 1;
        self.depth -= 1;
    }

    fn syntax(&self, message: &'static str) -> Box<RecordError> {
        let message = if self.at >= self.text.len() { "unexpected end" } else { message };
        broken(self.at, message)
    }

    fn skip_space(&mut self) {
        let bytes = self.text.as_bytes();
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = bytes.get(self.at) {
            self.at += 1;
        }
    }

    /// Steps over a string.
    fn raw_string(&mut self) -> Result<Text<'a>> {
        let at = self.at + 1;
        let (end, escaped) = string_end(self.text.as_bytes(), at)?;
        self.at = end + 1;
        // Both ends are next to an ASCII quote, so they are character boundaries.
        let raw = self.text.get(at..end).unwrap_or_default();
        Ok(Text { raw, at, escaped })
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
                        return Err(Box::new(RecordError::TooDeep { at: self.at }));
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
}
