//! Cutting a feed into its entries without holding it in memory.

use std::io::{self, Read};

use crate::problem::Problem;
use crate::record::RecordError;
use crate::record::json::Reader;

/// The largest entry that is passed on. The largest real ones (with thousands of CPE names) have a few MB.
pub const MAX_ENTRY: usize = crate::record::json::MAX_LEN;

/// Bytes asked of the reader at a time.
const CHUNK: usize = 256 << 10;

/// Entries that are left out are named one by one up to this many.
const MAX_PROBLEMS: usize = 50;

/// One entry of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Position in the feed, from 0.
    pub index: u64,
    /// The CVE id as it is written, where there is one.
    pub id: Option<&'a str>,
    /// The bytes of `{"cve": {...}}`, for [`parse_entry`](super::parse_entry).
    pub raw: &'a [u8],
}

/// What a feed says about itself, and what was left out of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Feed {
    /// Entries passed on.
    pub entries: u64,
    /// `timestamp`: when NVD made the file.
    pub timestamp: Option<String>,
    /// `startIndex` of an API page.
    pub start_index: Option<u64>,
    /// `totalResults`: with `start_index` and `entries` it tells whether there are more pages.
    pub total_results: Option<u64>,
    /// Entries that were left out, and why.
    pub problems: Vec<Problem>,
}

/// Why a feed could not be read to its end. Entries before that were passed on.
#[derive(Debug, thiserror::Error)]
pub enum SplitError<E> {
    /// The reader failed.
    #[error("read feed after byte {at}")]
    Read {
        /// Bytes read so far.
        at: u64,
        /// Why.
        source: io::Error,
    },
    /// Not JSON, or not a feed.
    #[error("invalid feed at byte {at}: {message}")]
    Invalid {
        /// Where.
        at: u64,
        /// What was expected.
        message: &'static str,
    },
    /// The callback gave up.
    #[error("stopped by the receiver of the entries")]
    Stopped(#[source] E),
}

/// Passes each entry of a feed file or API page to `receive`, holding at most one entry in memory.
pub fn split<R: Read, E>(reader: R, mut receive: impl FnMut(Entry<'_>) -> Result<(), E>) -> Result<Feed, SplitError<E>> {
    let mut window = Window {
        reader,
        buffer: Vec::new(),
        start: 0,
        dropped: 0,
        ended: false,
    };
    let mut feed = Feed::default();
    let mut has_entries = false;
    window.skip_mark()?;
    window.expect(b'{', "expected an object")?;
    let mut first = true;
    while !window.closes(b'}', &mut first, "expected a comma or the end of the object")? {
        let key = window.value(64)?.bytes().to_vec();
        window.expect(b':', "expected a colon after a key")?;
        match key.as_slice() {
            b"\"vulnerabilities\"" => {
                has_entries = true;
                window.expect(b'[', "expected a list of entries")?;
                let (mut index, mut first) = (0, true);
                while !window.closes(b']', &mut first, "expected a comma or the end of the list")? {
                    pass_on(window.value(MAX_ENTRY)?, index, &mut feed, &mut receive)?;
                    index += 1;
                }
            }
            b"\"timestamp\"" => feed.timestamp = window.value(64)?.text(),
            b"\"startIndex\"" => feed.start_index = window.value(64)?.text().and_then(|t| t.parse().ok()),
            b"\"totalResults\"" => feed.total_results = window.value(64)?.text().and_then(|t| t.parse().ok()),
            _ => {
                window.value(0)?;
            }
        }
    }
    if window.peek()?.is_some() {
        return Err(window.invalid("expected the end of the feed").into());
    }
    if !has_entries {
        return Err(window.invalid("no member \"vulnerabilities\"").into());
    }
    Ok(feed)
}

fn pass_on<E>(
    value: Value<'_>,
    index: u64,
    feed: &mut Feed,
    receive: &mut impl FnMut(Entry<'_>) -> Result<(), E>,
) -> Result<(), SplitError<E>> {
    let message = match value {
        Value::Whole(raw) if raw.first() == Some(&b'{') => {
            feed.entries += 1;
            return receive(Entry {
                index,
                id: entry_id(raw).as_deref(),
                raw,
            })
            .map_err(SplitError::Stopped);
        }
        Value::Whole(_) => "entry is not an object".to_owned(),
        Value::TooLong(len) => format!("entry of {len} bytes is above the limit of {MAX_ENTRY}"),
    };
    if feed.problems.len() < MAX_PROBLEMS {
        feed.problems.push(Problem::new(format!("/vulnerabilities/{index}"), message));
    }
    Ok(())
}

/// The id of an entry, as it is written. Real entries have it within the first hundred bytes.
fn entry_id(raw: &[u8]) -> Option<String> {
    const FOUND: RecordError = RecordError::NoId { path: "" };
    let mut id = None;
    let mut read_id = |r: &mut Reader<'_>, key: &str| {
        if key != "id" {
            return r.skip();
        }
        id = r.owned()?;
        // Nothing behind the id is of interest, and an error is the way to stop.
        Err(FOUND)
    };
    // Whether the entry can be read to its end is for `parse_entry` to say.
    let _ = Reader::of_prefix(raw, raw.len().min(4096)).object(|r, key| match key {
        "cve" => r.object(&mut read_id).map(drop),
        _ => read_id(r, key),
    });
    id
}

/// The part of the feed that is in memory.
struct Window<R> {
    reader: R,
    buffer: Vec<u8>,
    /// Where the next unread byte stands in the buffer.
    start: usize,
    /// Bytes that were dropped before the buffer.
    dropped: u64,
    ended: bool,
}

/// A value of the feed, as it is written.
enum Value<'a> {
    Whole(&'a [u8]),
    /// It was stepped over; this is its length.
    TooLong(u64),
}

impl Value<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Value::Whole(bytes) => bytes,
            Value::TooLong(_) => b"",
        }
    }

    /// Text or number, without quotes. Feeds have no escapes in the members that this is used for.
    fn text(&self) -> Option<String> {
        let text = std::str::from_utf8(self.bytes()).ok()?;
        Some(text.trim_matches('"').to_owned()).filter(|text| !text.is_empty())
    }
}

impl<R: Read> Window<R> {
    /// The next byte that is not space.
    fn peek(&mut self) -> Result<Option<u8>, Fault> {
        loop {
            match self.buffer.get(self.start).copied() {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.start += 1,
                None if self.fill()? => {}
                byte => return Ok(byte),
            }
        }
    }

    fn expect(&mut self, byte: u8, message: &'static str) -> Result<(), Fault> {
        if self.peek()? != Some(byte) {
            return Err(self.invalid(message));
        }
        self.start += 1;
        Ok(())
    }

    /// Whether the list or object ends here; else a comma before the next item is stepped over.
    fn closes(&mut self, bracket: u8, first: &mut bool, message: &'static str) -> Result<bool, Fault> {
        let is_first = std::mem::take(first);
        match self.peek()? {
            Some(byte) if byte == bracket => {
                self.start += 1;
                Ok(true)
            }
            Some(b',') if !is_first => {
                self.start += 1;
                Ok(false)
            }
            Some(_) if is_first => Ok(false),
            _ => Err(self.invalid(message)),
        }
    }

    fn skip_mark(&mut self) -> Result<(), Fault> {
        self.peek()?;
        if self.buffer.starts_with(b"\xef\xbb\xbf") {
            self.start = 3;
        }
        Ok(())
    }

    /// Steps over the next value; it is given where it has at most `limit` bytes.
    fn value(&mut self, limit: usize) -> Result<Value<'_>, Fault> {
        self.peek()?;
        let mut scan = Scan::default();
        // Bytes of the value that are seen already, in the buffer and dropped from it.
        let (mut seen, mut given_up) = (0, 0_u64);
        loop {
            let unseen = self.buffer.get(self.start + seen..).unwrap_or_default();
            if let Some(len) = scan.end(unseen) {
                seen += len;
                break;
            }
            seen += unseen.len();
            if given_up > 0 || seen > limit {
                given_up += seen as u64;
                self.start += seen;
                seen = 0;
            }
            if !self.fill()? {
                return Err(self.invalid("unexpected end"));
            }
        }
        let start = self.start;
        self.start += seen;
        if given_up > 0 || seen > limit {
            return Ok(Value::TooLong(given_up + seen as u64));
        }
        if seen == 0 {
            return Err(self.invalid("expected a value"));
        }
        Ok(Value::Whole(self.buffer.get(start..self.start).unwrap_or_default()))
    }

    /// Drops what was read and reads more; `false` at the end.
    fn fill(&mut self) -> Result<bool, Fault> {
        if self.ended {
            return Ok(false);
        }
        self.buffer.drain(..self.start);
        self.dropped += self.start as u64;
        self.start = 0;
        let before = self.buffer.len();
        self.reader
            .by_ref()
            .take(CHUNK as u64)
            .read_to_end(&mut self.buffer)
            .map_err(|source| Fault::Read {
                at: self.dropped + before as u64,
                source,
            })?;
        self.ended = self.buffer.len() == before;
        Ok(!self.ended)
    }

    fn invalid(&self, message: &'static str) -> Fault {
        Fault::Invalid {
            at: self.dropped + self.start as u64,
            message,
        }
    }
}

/// Looks for the end of one value, over any number of pieces.
#[derive(Default)]
struct Scan {
    depth: u64,
    in_string: bool,
    after_backslash: bool,
    in_literal: bool,
}

impl Scan {
    /// How many bytes of this piece belong to the value, where it ends in it.
    fn end(&mut self, piece: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            if self.in_string {
                if std::mem::take(&mut self.after_backslash) {
                    piece.get(at)?;
                    at += 1;
                }
                let found = memchr::memchr2(b'"', b'\\', piece.get(at..)?)?;
                at += found + 1;
                if piece.get(at - 1) == Some(&b'\\') {
                    self.after_backslash = true;
                    continue;
                }
                self.in_string = false;
                if self.depth == 0 {
                    return Some(at);
                }
                continue;
            }
            let byte = *piece.get(at)?;
            if self.in_literal && matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\t' | b'\r') {
                return Some(at);
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                // A bracket that closes nothing: no value stands here.
                b'}' | b']' if self.depth == 0 => return Some(at),
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ if self.depth == 0 => self.in_literal = true,
                _ => {}
            }
            at += 1;
        }
    }
}

/// An error before it is known what the receiver's errors are.
#[derive(Debug)]
enum Fault {
    Read { at: u64, source: io::Error },
    Invalid { at: u64, message: &'static str },
}

impl<E> From<Fault> for SplitError<E> {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Read { at, source } => SplitError::Read { at, source },
            Fault::Invalid { at, message } => SplitError::Invalid { at, message },
        }
    }
}
