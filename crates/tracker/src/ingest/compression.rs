//! Files and entries of archives that are compressed as a whole.

use std::io::{self, BufRead, Read};

use brotli_decompressor::Decompressor;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use zstd::stream::read::Decoder as Zstd;

/// The ways that feeds are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// .xz
    Xz,
    /// RFC 7932. It has no first bytes of its own.
    Brotli,
}

const ENDINGS: [(&str, Compression); 4] = [
    (".gz", Compression::Gzip),
    (".zst", Compression::Zstd),
    (".xz", Compression::Xz),
    (".br", Compression::Brotli),
];

impl Compression {
    /// By the first six bytes and, for brotli, by the name.
    pub fn of(head: &[u8], name: &str) -> Option<Self> {
        match head {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            _ => Self::of_name(name).filter(|named| *named == Self::Brotli),
        }
    }

    /// By the name alone.
    pub fn of_name(name: &str) -> Option<Self> {
        let ending = |ending: &str| name.len() > ending.len() && name.to_ascii_lowercase().ends_with(ending);
        ENDINGS
            .into_iter()
            .find(|(text, _)| ending(text))
            .map(|(_, compression)| compression)
    }
}

/// A name in lower case without what says how the file is compressed.
pub fn plain_name(name: &str) -> String {
    let mut name = name.to_ascii_lowercase();
    if Compression::of_name(&name).is_some()
        && let Some((stem, _)) = name.rsplit_once('.')
    {
        name.truncate(stem.len());
    }
    name
}

/// Uncompressed bytes. It bounds nothing: callers do.
pub enum Unpacked<R: BufRead> {
    /// As it is.
    Plain(R),
    /// See [`Compression`]
    Gzip(Box<MultiGzDecoder<R>>),
    /// See [`Compression`]
    Zstd(Zstd<'static, R>),
    /// See [`Compression`]
    Xz(Box<XzReader<R>>),
    /// See [`Compression`]
    Brotli(Box<Decompressor<R>>),
}

impl<R: BufRead> Unpacked<R> {
    /// Reads what `reader` holds.
    pub fn new(compression: Option<Compression>, reader: R) -> io::Result<Self> {
        Ok(match compression {
            None => Self::Plain(reader),
            Some(Compression::Gzip) => Self::Gzip(Box::new(MultiGzDecoder::new(reader))),
            Some(Compression::Zstd) => Self::Zstd(Zstd::with_buffer(reader)?),
            // The dictionary that a header claims, up to 4 GB, is only set aside: its memory is used as far as bytes come out, and these
            // are bounded.
            Some(Compression::Xz) => Self::Xz(Box::new(XzReader::new(reader, true))),
            Some(Compression::Brotli) => Self::Brotli(Box::new(Decompressor::new(reader, 64 << 10))),
        })
    }
}

impl<R: BufRead> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(reader) => reader.read(buffer),
            Self::Gzip(reader) => reader.read(buffer),
            Self::Zstd(reader) => reader.read(buffer),
            Self::Xz(reader) => reader.read(buffer),
            Self::Brotli(reader) => reader.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_their_compression() {
        for (name, plain) in [
            ("CVE-2024-0001.json", "cve-2024-0001.json"),
            ("CVE-2024-0001.JSON.XZ", "cve-2024-0001.json"),
            ("packages.json.br", "packages.json"),
            ("x.jsonl.zst", "x.jsonl"),
            ("all.zip", "all.zip"),
            (".gz", ".gz"),
            ("a/b.gz", "a/b"),
        ] {
            assert_eq!(plain_name(name), plain, "{name}");
        }
    }

    #[test]
    fn first_bytes_decide_and_the_name_only_for_brotli() {
        assert_eq!(Compression::of(&[0x1f, 0x8b, 8, 0, 0, 0], "x.br"), Some(Compression::Gzip));
        assert_eq!(Compression::of(b"\xfd7zXZ\0", "x.json"), Some(Compression::Xz));
        assert_eq!(Compression::of(b"{}", "x.br"), Some(Compression::Brotli));
        // A file that is not what its name says is read as what it is.
        assert_eq!(Compression::of(b"{}", "x.json.xz"), None);
    }
}
