//! Files as they lie on a disk: plain, compressed, or an archive.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::bounds::{Bounds, Exceeded, Limited};
use super::compression::{Compression, Unpacked};
use super::plan::file_name;

/// What a file turned out to be.
pub enum Opened {
    /// A zip archive.
    Archive(File),
    /// Anything else, uncompressed while it is read and bounded.
    Plain(Box<dyn Read + Send>),
}

/// Looks at the first bytes, not at the name: only brotli has none of its own.
pub fn open(path: &Path, bounds: Bounds) -> io::Result<Opened> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut head = Vec::new();
    (&file).take(6).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    if let [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] = head.as_slice() {
        return Ok(Opened::Archive(file));
    }
    let compression = Compression::of(&head, &file_name(path));
    let unpacked = Unpacked::new(compression, BufReader::with_capacity(256 << 10, file))?;
    let expansion = match compression {
        Some(_) => bounds.expansion(size),
        None => u64::MAX,
    };
    let ratio = Limited::new(unpacked, expansion, Exceeded::Ratio { ratio: bounds.ratio });
    Ok(Opened::Plain(Box::new(Limited::new(
        ratio,
        bounds.total,
        Exceeded::Size { limit: bounds.total },
    ))))
}

/// All bytes of a file that is one document.
pub fn read(path: &Path, bounds: Bounds) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match open(path, bounds)? {
        Opened::Plain(reader) => {
            let limit = bounds.document;
            Limited::new(reader, limit, Exceeded::Size { limit }).read_to_end(&mut bytes)?;
            Ok(bytes)
        }
        Opened::Archive(_) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "an archive, where one document was expected",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const BOUNDS: Bounds = Bounds {
        entries: 1,
        document: 1 << 30,
        total: 1 << 30,
        ratio: 10,
    };

    fn written(name: &str, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join(name);
        std::fs::write(&path, bytes)?;
        read(&path, BOUNDS)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(bytes).unwrap();
        gz.finish().unwrap()
    }

    fn xz(bytes: &[u8]) -> Vec<u8> {
        let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(0)).unwrap();
        xz.write_all(bytes).unwrap();
        xz.finish().unwrap()
    }

    #[test]
    fn compressed_files_read_as_plain_ones() {
        assert_eq!(written("x", b"{}").unwrap(), b"{}");
        assert_eq!(written("x.json", &gzip(b"{}")).unwrap(), b"{}");
        assert_eq!(written("x.zst", &zstd::bulk::compress(b"{}", 1).unwrap()).unwrap(), b"{}");
        assert_eq!(written("x.xz", &xz(b"{}")).unwrap(), b"{}");
        assert_eq!(written("x.xz", &[xz(b"{"), xz(b"}")].concat()).unwrap(), b"{}");
        // {} in brotli, one uncompressed block.
        assert_eq!(written("x.br", &[0x8b, 0x00, 0x80, b'{', b'}', 0x03]).unwrap(), b"{}");
        assert_eq!(written("empty", b"").unwrap(), b"");
    }

    #[test]
    fn security_bombs_are_refused() {
        let zeros = vec![0; 64 << 20];
        for bomb in [gzip(&zeros), xz(&zeros), zstd::bulk::compress(&zeros, 1).unwrap()] {
            assert!(bomb.len() < 1 << 20);
            assert_eq!(
                written("bomb", &bomb).unwrap_err().to_string(),
                "unpacks to more than 10 times its size"
            );
        }
    }

    #[test]
    fn security_a_dictionary_of_4_gb_takes_no_memory() {
        let mut bytes = xz(b"{}");
        // After 12 bytes of stream header: length of the block header, flags, filter LZMA2, one byte of properties: the dictionary.
        assert_eq!(bytes[13..16], [0, 0x21, 1]);
        bytes[16] = 40;
        let mut crc = flate2::Crc::new();
        crc.update(&bytes[12..20]);
        assert_eq!(bytes[12], 2, "the block header has 12 bytes");
        bytes[20..24].copy_from_slice(&crc.sum().to_le_bytes());
        assert_eq!(written("x.xz", &bytes).unwrap(), b"{}");
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kilobytes: u64 = most.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(kilobytes < 2 << 20, "{kilobytes} kB");
    }

    #[test]
    fn a_cut_off_file_is_an_error() {
        let text = b"some text that is long enough ".repeat(1000);
        for whole in [gzip(&text), xz(&text)] {
            assert!(written("cut", &whole[..whole.len() - 10]).is_err());
        }
    }
}
