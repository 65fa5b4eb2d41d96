use std::io::{self, Read, Write};

use super::{DEEPEST, MAGIC, NarError, is_name, is_target, padding};

/// Writes an archive, node by node: one node, or one folder with all in it. Names come in the order of their bytes.
///
/// ```
/// let mut nar = nix_model::nar::Writer::new(Vec::new())?;
/// nar.enter(b"")?;
/// nar.file(b"hello", false, 3, &mut &b"hi\n"[..])?;
/// nar.link(b"hi", b"hello")?;
/// nar.leave()?;
/// assert_eq!(nar.finish()?.len(), 480);
/// # Ok::<(), nix_model::nar::NarError>(())
/// ```
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    /// Of each open folder, the name last written.
    open: Vec<Vec<u8>>,
    /// Whether the one node of the top is written.
    done: bool,
}

const BUFFER: usize = 64 * 1024;

impl<W: Write> Writer<W> {
    /// Starts an archive.
    pub fn new(out: W) -> Result<Self, NarError> {
        let mut writer = Self {
            out,
            open: Vec::new(),
            done: false,
        };
        writer.strings(&[MAGIC])?;
        Ok(writer)
    }

    /// Writes a file of exactly `size` bytes. The name of the top node is not written.
    pub fn file(&mut self, name: &[u8], run: bool, size: u64, content: &mut impl Read) -> Result<(), NarError> {
        self.begin(name)?;
        self.strings(&[b"(", b"type", b"regular"])?;
        if run {
            self.strings(&[b"executable", b""])?;
        }
        self.strings(&[b"contents"])?;
        self.bytes(&size.to_le_bytes())?;
        let mut buffer = [0; BUFFER];
        let mut left = size;
        loop {
            let got = match content.read(&mut buffer) {
                Ok(got) => got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(NarError::Write { source }),
            };
            if got == 0 {
                break;
            }
            left = left
                .checked_sub(got as u64)
                .ok_or_else(|| tree("a file has more bytes than was said"))?;
            self.bytes(buffer.get(..got).unwrap_or_default())?;
        }
        if left > 0 {
            return Err(tree("a file has fewer bytes than was said"));
        }
        self.pad(size)?;
        self.strings(&[b")"])?;
        self.end()
    }

    /// Writes a link.
    pub fn link(&mut self, name: &[u8], target: &[u8]) -> Result<(), NarError> {
        if !is_target(target) {
            return Err(tree("a link cannot say that"));
        }
        self.begin(name)?;
        self.strings(&[b"(", b"type", b"symlink", b"target", target, b")"])?;
        self.end()
    }

    /// Begins a folder; what is written until [`Self::leave`] is in it.
    pub fn enter(&mut self, name: &[u8]) -> Result<(), NarError> {
        if self.open.len() >= DEEPEST {
            return Err(tree("folders are too deep"));
        }
        self.begin(name)?;
        self.strings(&[b"(", b"type", b"directory"])?;
        self.open.push(Vec::new());
        Ok(())
    }

    /// Ends the folder that was begun last.
    pub fn leave(&mut self) -> Result<(), NarError> {
        if self.open.pop().is_none() {
            return Err(tree("no folder is open"));
        }
        self.strings(&[b")"])?;
        self.end()
    }

    /// Ends the archive; gives back what it was written to.
    pub fn finish(mut self) -> Result<W, NarError> {
        if !self.done {
            return Err(tree("it has no end yet"));
        }
        self.out.flush().map_err(|source| NarError::Write { source })?;
        Ok(self.out)
    }

    fn begin(&mut self, name: &[u8]) -> Result<(), NarError> {
        let Some(last) = self.open.last_mut() else {
            return if self.done { Err(tree("it has an end already")) } else { Ok(()) };
        };
        if !is_name(name) {
            return Err(tree("an entry of a folder needs a name that a file can have"));
        }
        if last.as_slice() >= name {
            return Err(tree("names are not in order"));
        }
        name.clone_into(last);
        self.strings(&[b"entry", b"(", b"name", name, b"node"])
    }

    fn end(&mut self) -> Result<(), NarError> {
        if self.open.is_empty() {
            self.done = true;
            return Ok(());
        }
        self.strings(&[b")"])
    }

    fn strings(&mut self, all: &[&[u8]]) -> Result<(), NarError> {
        for string in all {
            let length = string.len() as u64;
            self.bytes(&length.to_le_bytes())?;
            self.bytes(string)?;
            self.pad(length)?;
        }
        Ok(())
    }

    fn pad(&mut self, length: u64) -> Result<(), NarError> {
        const ZEROES: [u8; 8] = [0; 8];
        let count = usize::try_from(padding(length)).unwrap_or_default();
        self.bytes(ZEROES.get(..count).unwrap_or_default())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), NarError> {
        self.out.write_all(bytes).map_err(|source| NarError::Write { source })
    }
}

const fn tree(what: &'static str) -> NarError {
    NarError::Tree { what }
}
