//! Upstream bytes in, an [`Advisory`](crate::Advisory) and its [`Problem`](crate::Problem)s out.
//!
//! One module a format. A record is refused only where it is not JSON or has no id; a member of the wrong type or with a value
//! that cannot be read is a problem, the rest of the record is kept. `null` counts as absent. A document in which
//! a key occurs twice in one object that is read is refused: readers differ in which one they take. So are documents above
//! 16 MiB, deeper than 128 levels or not in UTF-8.
//!
//! - [`cve`]: CVE Record Format 5.0, 5.1 and 5.2;
//! - [`nvd`]: NVD API 2.0, one entry or a whole feed file or page as a stream;
//! - [`osv`]: OSV schema 1.x;
//! - [`kev`]: CISA's catalogue of known exploited vulnerabilities;
//! - [`epss`]: FIRST's exploit prediction scores.

pub mod cve;
pub mod epss;
pub mod kev;
pub mod nvd;
pub mod osv;

mod applicability;
mod field;
mod json;
mod sniff;
#[cfg(test)]
mod tests;

pub use sniff::{Kind, sniff};

use crate::id::IdError;

/// Why a record was refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Larger than any real record.
    #[error("document of {len} bytes is above the limit of {limit}")]
    TooLarge {
        /// Its length.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// Not UTF-8.
    #[error("invalid UTF-8 at byte {at}")]
    Utf8 {
        /// The first byte that is wrong.
        at: usize,
    },
    /// Not JSON.
    #[error("invalid JSON at byte {at}: {message}")]
    Json {
        /// Where reading stopped.
        at: usize,
        /// What was expected or found.
        message: &'static str,
    },
    /// More levels of objects and lists than any real record has.
    #[error("nested deeper than 128 levels at byte {at}")]
    TooDeep {
        /// The bracket that is one too many.
        at: usize,
    },
    /// A key that occurs twice in one object: which value is meant is anybody's guess.
    #[error("{path} is given twice, the second time at byte {at}")]
    Repeated {
        /// Where the second one stands.
        at: usize,
        /// A JSON pointer to it, at most 200 characters.
        path: String,
    },
    /// Not a record of this format, or one without its id.
    #[error("no id at {path}")]
    NoId {
        /// Where the id should be.
        path: &'static str,
    },
    /// The id is not one.
    #[error("no CVE id at {path}: {id:?}")]
    BadId {
        /// Where it was found.
        path: &'static str,
        /// What was found, at most 64 characters of it.
        id: String,
        /// Why it is not an id.
        source: IdError,
    },
    /// Not the CSV that EPSS publishes.
    #[error("line {line}: {message}")]
    Csv {
        /// Line, from 1.
        line: usize,
        /// What was expected.
        message: &'static str,
    },
}

impl From<Box<RecordError>> for RecordError {
    fn from(error: Box<RecordError>) -> Self {
        *error
    }
}
