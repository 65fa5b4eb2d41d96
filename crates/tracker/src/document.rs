//! Raw documents: hashed, packed for keeping, parsed by their source's format.

use std::cell::RefCell;
use std::fmt;
use std::io;

use sha2::{Digest as _, Sha256};
use vuln::advisory::{Advisory, Source};
use vuln::problem::Problem;
use vuln::record::{self, RecordError};

/// Level 3 is where this kind of text stops getting much smaller for the time it takes.
const LEVEL: i32 = 3;

/// SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Of everything that a reader gives; its length comes with it.
    pub fn of_reader(reader: &mut impl io::Read) -> io::Result<(Self, u64)> {
        let (mut hash, mut buffer, mut len) = (Sha256::new(), vec![0; 256 << 10], 0);
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok((Self(hash.finalize().into()), len)),
                Ok(n) => {
                    hash.update(buffer.get(..n).unwrap_or_default());
                    len += n as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// As stored.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Packs documents; one for each thread, as it keeps its working memory.
pub struct Packer(zstd::bulk::Compressor<'static>);

impl Packer {
    /// A packer.
    pub fn new() -> io::Result<Self> {
        zstd::bulk::Compressor::new(LEVEL).map(Self)
    }

    /// Packs.
    pub fn pack(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        self.0.compress(bytes)
    }
}

/// What [`Packer::pack`] packed; `size` is its length before.
pub fn unpack(packed: &[u8], size: usize) -> io::Result<Vec<u8>> {
    thread_local! {
        // Its working memory costs more to make than a record to unpack.
        static UNPACKER: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
    }
    UNPACKER.with_borrow_mut(|unpacker| {
        let unpacker = match unpacker {
            Some(unpacker) => unpacker,
            None => unpacker.insert(zstd::bulk::Decompressor::new()?),
        };
        unpacker.decompress(packed, size)
    })
}

/// Parses a document by its source's format.
pub fn parse(source: Source, bytes: &[u8]) -> Result<(Advisory, Vec<Problem>), RecordError> {
    match source {
        Source::Cve => record::cve::parse(bytes),
        Source::Nvd => record::nvd::parse_entry(bytes),
        Source::Osv => record::osv::parse(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_and_unpacks() {
        let text = b"the same words, the same words, the same words".repeat(10);
        let packed = Packer::new().unwrap().pack(&text).unwrap();
        assert!(packed.len() < text.len() / 4);
        assert_eq!(unpack(&packed, text.len()).unwrap(), text);
        assert!(unpack(&packed, text.len() - 1).is_err());
    }

    #[test]
    fn digests_of_bytes_and_readers_agree() {
        let (digest, len) = Digest::of_reader(&mut &b"abc"[..]).unwrap();
        assert_eq!((digest, len), (Digest::of(b"abc"), 3));
        assert_eq!(
            digest.to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
