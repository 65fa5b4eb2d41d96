//! Cutting a feed into its entries without holding it in memory.

use std::io::{self, Read};

use crate::problem::Problem;
use crate::record::json::{Reader, enough};

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
        failed: None,
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
                if has_entries {
                    return Err(window.invalid("\"vulnerabilities\" is given twice").into());
                }
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
    let mut id = None;
    let mut read_id = |r: &mut Reader<'_>, key: &str| {
        if key != "id" {
            return r.skip();
        }
        id = r.owned()?;
        Err(enough())
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
    /// Why the reader failed behind what is in the buffer.
    failed: Option<io::Error>,
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
        let at = self.dropped + before as u64;
        if let Some(source) = self.failed.take() {
            return Err(Fault::Read { at, source });
        }
        let read = self.reader.by_ref().take(CHUNK as u64).read_to_end(&mut self.buffer);
        let grown = self.buffer.len() > before;
        match read {
            // What came before the failure is used first.
            Err(source) if grown => self.failed = Some(source),
            Err(source) => return Err(Fault::Read { at, source }),
            Ok(_) => self.ended = !grown,
        }
        Ok(grown)
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
                // No value stands here.
                b'}' | b']' | b',' | b':' if self.depth == 0 => return Some(at),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives `step` bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let len = self.1.min(into.len()).min(self.0.len());
            into[..len].copy_from_slice(&self.0[..len]);
            self.0 = &self.0[len..];
            Ok(len)
        }
    }

    type Found = Vec<(u64, Option<String>, String)>;

    fn entries(reader: impl Read) -> (Found, Result<Feed, SplitError<()>>) {
        let mut found = Vec::new();
        let feed = split(reader, |entry| {
            found.push((
                entry.index,
                entry.id.map(str::to_owned),
                String::from_utf8_lossy(entry.raw).into_owned(),
            ));
            Ok(())
        });
        (found, feed)
    }

    fn error_of(text: &str) -> (usize, String) {
        let (found, feed) = entries(text.as_bytes());
        (found.len(), feed.unwrap_err().to_string())
    }

    const FEED: &str = r#" {"resultsPerPage": 2, "startIndex": 4000, "totalResults": 4003, "extra": {"a": ["]", {}]}, "timestamp": "2099-01-05T00:00:00.000",
        "vulnerabilities" : [ {"cve": {"id": "CVE-2099-0001", "x": "}\"]"}} ,{"cve":{"z":[],"id":"cve-2099-0002"}}, 7, {}, {"id": "CVE-2099-0003"}] } "#;

    #[test]
    fn a_page_of_any_chunk_size() {
        for step in [1, 2, 3, 7, 64, 100_000] {
            let (found, feed) = entries(Slow(FEED.as_bytes(), step));
            let expected = [
                (0, Some("CVE-2099-0001"), r#"{"cve": {"id": "CVE-2099-0001", "x": "}\"]"}}"#),
                (1, Some("cve-2099-0002"), r#"{"cve":{"z":[],"id":"cve-2099-0002"}}"#),
                (3, None, "{}"),
                (4, Some("CVE-2099-0003"), r#"{"id": "CVE-2099-0003"}"#),
            ];
            assert_eq!(
                found,
                expected.map(|(index, id, raw)| (index, id.map(str::to_owned), raw.to_owned()))
            );
            let expected = Feed {
                entries: 4,
                timestamp: Some("2099-01-05T00:00:00.000".into()),
                start_index: Some(4000),
                total_results: Some(4003),
                problems: vec![Problem::new("/vulnerabilities/2", "entry is not an object")],
            };
            assert_eq!(feed.unwrap(), expected);
        }
    }

    #[test]
    fn what_comes_before_the_break_is_passed_on() {
        let head = r#"{"vulnerabilities": [{"cve": {"id": "CVE-2099-0001"}}"#;
        assert_eq!(
            error_of(head),
            (1, "invalid feed at byte 53: expected a comma or the end of the list".into())
        );
        assert_eq!(
            error_of(&format!("{head}, {{\"cve\"")),
            (1, "invalid feed at byte 55: unexpected end".into())
        );
        assert_eq!(
            error_of(&format!("{head}]")),
            (1, "invalid feed at byte 54: expected a comma or the end of the object".into())
        );
        assert_eq!(
            error_of(&format!("{head}]}} x")),
            (1, "invalid feed at byte 56: expected the end of the feed".into())
        );
    }

    #[test]
    fn other_documents_are_refused() {
        assert_eq!(error_of(""), (0, "invalid feed at byte 0: expected an object".into()));
        assert_eq!(error_of("[]"), (0, "invalid feed at byte 0: expected an object".into()));
        assert_eq!(error_of("{}"), (0, "invalid feed at byte 2: no member \"vulnerabilities\"".into()));
        assert_eq!(
            error_of(r#"{"vulnerabilities": {}}"#),
            (0, "invalid feed at byte 20: expected a list of entries".into())
        );
        assert_eq!(
            error_of(r#"{"vulnerabilities": [], "vulnerabilities": []}"#),
            (0, "invalid feed at byte 42: \"vulnerabilities\" is given twice".into())
        );
        assert_eq!(
            error_of(r#"{"a" 1}"#),
            (0, "invalid feed at byte 5: expected a colon after a key".into())
        );
        assert_eq!(
            error_of(r#"{"vulnerabilities": [,]}"#),
            (0, "invalid feed at byte 21: expected a value".into())
        );
    }

    #[test]
    fn security_an_entry_without_end_takes_no_memory() {
        let huge = format!(r#"{{"cve": {{"id": "CVE-2099-0001", "x": "{}"}}}}"#, "y".repeat(MAX_ENTRY));
        let text = format!(
            r#"{{"note": "{}", "vulnerabilities": [{huge}, {{"cve": {{"id": "CVE-2099-0002"}}}}]}}"#,
            "z".repeat(1 << 20)
        );
        let (found, feed) = entries(text.as_bytes());
        assert_eq!(
            found.iter().map(|(index, id, _)| (*index, id.as_deref())).collect::<Vec<_>>(),
            [(1, Some("CVE-2099-0002"))]
        );
        let message = format!("entry of {} bytes is above the limit of {MAX_ENTRY}", huge.len());
        assert_eq!(feed.unwrap().problems, [Problem::new("/vulnerabilities/0", message)]);
    }

    #[test]
    fn the_receiver_can_stop_and_the_reader_can_fail() {
        assert!(matches!(
            split(FEED.as_bytes(), |_| Err("enough")),
            Err(SplitError::Stopped("enough"))
        ));
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("gone"))
            }
        }
        let (found, feed) = entries((&FEED.as_bytes()[..250]).chain(Broken));
        assert_eq!(found.len(), 2);
        assert!(matches!(feed, Err(SplitError::Read { at: 250, .. })), "{feed:?}");
    }

    proptest! {
        #[test]
        fn damage_is_found_alike_in_any_chunk_size(at in 0..FEED.len(), byte in 0..128_u8, step in 1..40_usize) {
            let mut bytes = FEED.as_bytes().to_vec();
            bytes[at] = byte;
            let (at_once, whole) = entries(&bytes[..]);
            let (in_steps, stepped) = entries(Slow(&bytes, step));
            prop_assert_eq!(at_once, in_steps);
            prop_assert_eq!(format!("{whole:?}"), format!("{stepped:?}"));
        }
    }
}
