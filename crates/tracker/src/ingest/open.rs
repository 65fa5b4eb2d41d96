//! Files as they lie on a disk: plain, compressed, or an archive.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::bounds::{Bounds, Exceeded, Limited};

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
    let compressed = file.metadata()?.len();
    let mut head = Vec::new();
    (&file).take(4).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    let is_brotli = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("br"));
    let buffered = |file| BufReader::with_capacity(256 << 10, file);
    let plain: Box<dyn Read + Send> = match head.as_slice() {
        [b'P', b'K', 3, 4] | [b'P', b'K', 5, 6] => return Ok(Opened::Archive(file)),
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(buffered(file))),
        [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::stream::read::Decoder::with_buffer(buffered(file))?),
        _ if is_brotli => Box::new(brotli_decompressor::Decompressor::new(buffered(file), 256 << 10)),
        _ => {
            return Ok(Opened::Plain(Box::new(Limited::new(
                buffered(file),
                bounds.total,
                Exceeded::Size { limit: bounds.total },
            ))));
        }
    };
    let ratio = Limited::new(plain, bounds.expansion(compressed), Exceeded::Ratio { ratio: bounds.ratio });
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

    #[test]
    fn compressed_files_read_as_plain_ones() {
        assert_eq!(written("x", b"{}").unwrap(), b"{}");
        assert_eq!(written("x.json", &gzip(b"{}")).unwrap(), b"{}");
        assert_eq!(written("x.zst", &zstd::bulk::compress(b"{}", 1).unwrap()).unwrap(), b"{}");
        // {} in brotli, one uncompressed block.
        assert_eq!(written("x.br", &[0x8b, 0x00, 0x80, b'{', b'}', 0x03]).unwrap(), b"{}");
        assert_eq!(written("empty", b"").unwrap(), b"");
    }

    #[test]
    fn security_a_gzip_bomb_is_refused() {
        let bomb = gzip(&vec![0; 64 << 20]);
        assert!(bomb.len() < 1 << 20);
        assert_eq!(
            written("bomb.gz", &bomb).unwrap_err().to_string(),
            "unpacks to more than 10 times its size"
        );
    }

    #[test]
    fn a_cut_off_file_is_an_error() {
        let whole = gzip(&b"some text that is long enough ".repeat(1000));
        assert!(written("cut.gz", &whole[..whole.len() - 10]).is_err());
    }
}
