//! What all readers share: the limits of a document, why it was refused, and what was left out of it.

use serde::de::DeserializeOwned;

/// The largest document that is read, in bytes. The largest SBOM in the wild that we heard of has 256 MB.
pub const MAX_BYTES: usize = 256 << 20;

/// Why a document is not read at all.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Larger than [`MAX_BYTES`].
    #[error("read {format} document of {size} bytes: at most {MAX_BYTES} are read")]
    TooLarge {
        /// What it was read as.
        format: &'static str,
        /// Its size in bytes.
        size: usize,
    },
    /// Not JSON, too deep, an element too many, or a member twice.
    #[error("parse {format} document")]
    Json {
        /// What it was read as.
        format: &'static str,
        /// Where and what.
        #[source]
        source: serde_json::Error,
    },
    /// Another format, or another serialisation of this one.
    #[error("read document as {format}: {found}")]
    Other {
        /// What was looked for.
        format: &'static str,
        /// What it looks like instead.
        found: String,
    },
    /// This format in a version with another meaning.
    #[error("read {format} {found}: {known} are read")]
    Version {
        /// What it was read as.
        format: &'static str,
        /// The version that it names, shortened.
        found: String,
        /// The versions that are read.
        known: &'static str,
    },
}

/// Something in a document that could not be used; the rest of it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where: `component 17`, `statement 3`.
    pub at: String,
    /// What is wrong there, as a lowercase fragment. May quote the document.
    pub message: String,
}

/// How many problems are told one by one.
const MAX_PROBLEMS: usize = 100;

/// Problems, as many as a person may want to read, and how many more there were.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    told: Vec<Problem>,
    more: usize,
}

impl Problems {
    pub(crate) fn add(&mut self, at: impl FnOnce() -> String, message: impl FnOnce() -> String) {
        if self.told.len() < MAX_PROBLEMS {
            self.told.push(Problem {
                at: at(),
                message: message(),
            });
        } else {
            self.more += 1;
        }
    }

    pub(crate) fn finish(mut self) -> Vec<Problem> {
        if self.more > 0 {
            self.told.push(Problem {
                at: "document".into(),
                message: format!("{} more problems of this kind", self.more),
            });
        }
        self.told
    }
}

/// Parses a whole document. `format` is for errors.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8], format: &'static str) -> Result<T, ReadError> {
    if bytes.len() > MAX_BYTES {
        return Err(ReadError::TooLarge { format, size: bytes.len() });
    }
    // Editors on some systems put a byte order mark first.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let other = |found: &str| {
        Err(ReadError::Other {
            format,
            found: found.into(),
        })
    };
    match bytes.trim_ascii_start() {
        [] => return other("the document is empty"),
        [b'{', ..] => {}
        [b'<', ..] => return other("this is XML, only JSON is read"),
        [0xfe, 0xff, ..] | [0xff, 0xfe, ..] => return other("this is UTF-16, JSON is written in UTF-8"),
        text if text.starts_with(b"SPDXVersion:") || text.starts_with(b"##") => return other("this is tag-value text, only JSON is read"),
        _ => return other("it does not begin as a JSON object"),
    }
    serde_json::from_slice(bytes).map_err(|source| ReadError::Json { format, source })
}

/// How much memory may be taken for what a document says by reference: a format that names a product once and refers to it lets a small
/// document say very much.
pub(crate) struct Budget(usize);

/// What is said where it is used up.
pub(crate) const REPEATS: &str = "this and what follows is left out: the document repeats itself beyond measure";

impl Budget {
    /// The budget of a document of so many bytes.
    pub(crate) fn of(size: usize) -> Self {
        Self(size.saturating_mul(16).min(1 << 30).saturating_add(16 << 20))
    }

    /// Whether so much is left; if so, it is taken.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        match self.0.checked_sub(bytes) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }
}

/// The start of a foreign text, for a message.
pub(crate) fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_document_is_named() {
        let error = |bytes: &[u8]| parse::<crate::tolerant::Ignored>(bytes, "CycloneDX").unwrap_err().to_string();
        assert_eq!(error(b""), "read document as CycloneDX: the document is empty");
        assert_eq!(error(b"<bom/>"), "read document as CycloneDX: this is XML, only JSON is read");
        assert_eq!(
            error(b"\xff\xfe{\0}\0"),
            "read document as CycloneDX: this is UTF-16, JSON is written in UTF-8"
        );
        assert_eq!(
            error(b"SPDXVersion: SPDX-2.3\n"),
            "read document as CycloneDX: this is tag-value text, only JSON is read"
        );
        assert_eq!(error(b"[]"), "read document as CycloneDX: it does not begin as a JSON object");
        assert_eq!(error(b"{"), "parse CycloneDX document");
        assert!(parse::<crate::tolerant::Ignored>(b"\xef\xbb\xbf {}", "CycloneDX").is_ok());
    }

    #[test]
    fn problems_are_counted_beyond_what_is_told() {
        let mut problems = Problems::default();
        for n in 0..150 {
            problems.add(|| format!("component {n}"), || "has no name".into());
        }
        let told = problems.finish();
        assert_eq!(told.len(), 101);
        assert_eq!(told.last().unwrap().message, "50 more problems of this kind");
    }
}
