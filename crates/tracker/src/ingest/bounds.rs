//! Limits for what comes from outside: a small file must not become a large one in our memory or on our disk.

use std::io::{self, Read};

/// What is accepted from one file.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Entries of an archive.
    pub entries: usize,
    /// Uncompressed bytes of one document.
    pub document: u64,
    /// Uncompressed bytes of the whole file.
    pub total: u64,
    /// Uncompressed bytes for each compressed one. Real feeds stay below 40; deflate itself ends at 1032.
    pub ratio: u64,
}

impl Bounds {
    /// For files of records: the largest feeds have 350,000 entries and 2 GB.
    pub const RECORDS: Self = Self {
        entries: 2_000_000,
        document: 16 << 20,
        total: 16 << 30,
        ratio: 200,
    };

    /// Uncompressed bytes that `compressed` ones may become. Small files may be anything: they cannot do harm.
    pub fn expansion(&self, compressed: u64) -> u64 {
        const HARMLESS: u64 = 4 << 20;
        compressed.saturating_mul(self.ratio).saturating_add(HARMLESS)
    }
}

/// Why reading stopped: the named limit was reached. Travels inside an [`io::Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Exceeded {
    /// One document.
    #[error("larger than {limit} bytes")]
    Size {
        /// The limit.
        limit: u64,
    },
    /// Compressed bytes against uncompressed ones.
    #[error("unpacks to more than {ratio} times its size")]
    Ratio {
        /// The limit.
        ratio: u64,
    },
}

/// A reader that fails once more than its limit came through it; a plain `take` would end in silence.
pub struct Limited<R> {
    inner: R,
    limit: u64,
    passed: u64,
    exceeded: Exceeded,
}

impl<R: Read> Limited<R> {
    /// Passes at most `limit` bytes.
    pub fn new(inner: R, limit: u64, exceeded: Exceeded) -> Self {
        Self {
            inner,
            limit,
            passed: 0,
            exceeded,
        }
    }

    /// Bytes that came through.
    pub fn passed(&self) -> u64 {
        self.passed.min(self.limit)
    }

    /// Whether the limit was passed.
    pub fn is_exceeded(&self) -> bool {
        self.passed > self.limit
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.passed = self.passed.saturating_add(n as u64);
        if self.is_exceeded() {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, self.exceeded));
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_an_error_not_an_end() {
        let read = |limit| {
            let mut bytes = Vec::new();
            Limited::new(&b"12345"[..], limit, Exceeded::Size { limit })
                .read_to_end(&mut bytes)
                .map(|_| bytes)
        };
        assert_eq!(read(5).unwrap(), b"12345");
        assert_eq!(read(4).unwrap_err().to_string(), "larger than 4 bytes");
    }

    #[test]
    fn small_files_may_expand() {
        assert!(Bounds::RECORDS.expansion(100) > 1 << 20);
        assert_eq!(Bounds::RECORDS.expansion(u64::MAX), u64::MAX);
    }
}
