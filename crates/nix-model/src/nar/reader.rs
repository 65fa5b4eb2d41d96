use std::io::{self, Read};

use super::{DEEPEST, Kind, LONGEST_NAME, LONGEST_TARGET, MAGIC, NarError, is_name, is_target, padding};

/// A node of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its path from the top, names separated by `/`; empty for the top itself. No name is `.` or `..` or empty.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: Kind,
}

/// Reads an archive, node by node; a folder comes before what is in it. After a file, [`Reader`] reads its bytes as [`Read`]; what is
/// not read of them is passed over. It reads nothing behind the archive's end.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    /// Bytes read.
    at: u64,
    /// Of each open folder, the length of its path and the name last read.
    open: Vec<(usize, Vec<u8>)>,
    /// Path of the node last read.
    path: Vec<u8>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    /// Within a file's bytes: how many are left, and how many the file has.
    Content(u64, u64),
    /// Within a folder.
    Entries,
    End,
    /// An error was found.
    Broken,
}

/// Longest of the words of the format.
const LONGEST_WORD: usize = 16;

impl<R: Read> Reader<R> {
    /// Reads an archive from its first byte on.
    pub const fn new(source: R) -> Self {
        Self {
            source,
            at: 0,
            open: Vec::new(),
            path: Vec::new(),
            state: State::Start,
        }
    }

    /// The next node; none at the end.
    pub fn next_node(&mut self) -> Result<Option<Node>, NarError> {
        let node = self.step();
        if node.is_err() {
            self.state = State::Broken;
        }
        node
    }

    /// How many bytes were read.
    pub const fn position(&self) -> u64 {
        self.at
    }

    fn step(&mut self) -> Result<Option<Node>, NarError> {
        match self.state {
            State::Start => {
                self.word(&[MAGIC])?;
                return self.node().map(Some);
            }
            State::Content(..) => {
                self.skip()?;
                self.state = State::Entries;
                self.end_of_node()?;
            }
            State::Entries => {}
            State::End => return Ok(None),
            State::Broken => return Err(self.format("an error was found before")),
        }
        loop {
            if self.open.is_empty() {
                self.state = State::End;
                return Ok(None);
            }
            if self.word(&[b"entry", b")"])? == 0 {
                break;
            }
            // The end of a folder, which may itself be an entry.
            self.open.pop();
            if !self.open.is_empty() {
                self.word(&[b")"])?;
            }
        }
        self.word(&[b"("])?;
        self.word(&[b"name"])?;
        let name = self.string(LONGEST_NAME)?;
        if !is_name(&name) {
            return Err(self.format("that is no name of a file"));
        }
        let at = self.at;
        let Some((above, last)) = self.open.last_mut() else {
            return Err(self.format("an entry outside of any folder"));
        };
        if *last >= name {
            return Err(NarError::Format {
                at,
                what: "names are not in order",
            });
        }
        self.path.truncate(*above);
        if !self.path.is_empty() {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(&name);
        *last = name;
        self.word(&[b"node"])?;
        self.node().map(Some)
    }

    fn node(&mut self) -> Result<Node, NarError> {
        self.word(&[b"("])?;
        self.word(&[b"type"])?;
        let kind = match self.word(&[b"regular", b"symlink", b"directory"])? {
            0 => {
                let run = self.word(&[b"contents", b"executable"])? == 1;
                if run {
                    self.word(&[b""])?;
                    self.word(&[b"contents"])?;
                }
                let size = self.length()?;
                self.state = State::Content(size, size);
                Kind::File { run, size }
            }
            1 => {
                self.word(&[b"target"])?;
                let target = self.string(LONGEST_TARGET)?;
                if !is_target(&target) {
                    return Err(self.format("no link says that"));
                }
                self.state = State::Entries;
                self.end_of_node()?;
                Kind::Link(target)
            }
            _ => {
                if self.open.len() >= DEEPEST {
                    return Err(self.format("folders are too deep"));
                }
                self.open.push((self.path.len(), Vec::new()));
                self.state = State::Entries;
                Kind::Folder
            }
        };
        Ok(Node {
            path: self.path.clone(),
            kind,
        })
    }

    /// A node that is no folder ends, and so does the entry that it is.
    fn end_of_node(&mut self) -> Result<(), NarError> {
        self.word(&[b")"])?;
        if !self.open.is_empty() {
            self.word(&[b")"])?;
        }
        Ok(())
    }

    /// Passes over what is left of a file, and its padding.
    fn skip(&mut self) -> Result<(), NarError> {
        let mut buffer = [0; 4096];
        while let State::Content(left, size) = self.state {
            if left == 0 {
                return self.pad(size);
            }
            self.content(&mut buffer)?;
        }
        Ok(())
    }

    /// Reads of a file's bytes; 0 at their end.
    fn content(&mut self, buffer: &mut [u8]) -> Result<usize, NarError> {
        let State::Content(left, size) = self.state else { return Ok(0) };
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(part) = buffer.get_mut(..most).filter(|p| !p.is_empty()) else {
            return Ok(0);
        };
        let at = self.at;
        let got = self.source.read(part).map_err(|source| NarError::Read { at, source })?;
        if got == 0 {
            return Err(self.format("it ends within a file"));
        }
        self.at = self.at.saturating_add(got as u64);
        self.state = State::Content(left.saturating_sub(got as u64), size);
        Ok(got)
    }

    /// Which of the words comes next.
    fn word(&mut self, words: &[&[u8]]) -> Result<usize, NarError> {
        let word = self.string(LONGEST_WORD)?;
        words
            .iter()
            .position(|w| *w == word)
            .ok_or_else(|| self.format("another word was expected"))
    }

    /// A string of at most `longest` bytes.
    fn string(&mut self, longest: usize) -> Result<Vec<u8>, NarError> {
        let length = self.length()?;
        let Some(count) = usize::try_from(length).ok().filter(|l| *l <= longest) else {
            return Err(self.format("a string is too long"));
        };
        let mut string = vec![0; count];
        self.exact(&mut string)?;
        self.pad(length)?;
        Ok(string)
    }

    fn length(&mut self) -> Result<u64, NarError> {
        let mut bytes = [0; 8];
        self.exact(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn pad(&mut self, length: u64) -> Result<(), NarError> {
        let mut zeroes = [0; 8];
        let count = usize::try_from(padding(length)).unwrap_or_default();
        self.exact(zeroes.get_mut(..count).unwrap_or_default())?;
        if zeroes != [0; 8] {
            return Err(self.format("padding is not zero"));
        }
        Ok(())
    }

    fn exact(&mut self, buffer: &mut [u8]) -> Result<(), NarError> {
        let at = self.at;
        self.source.read_exact(buffer).map_err(|source| match source.kind() {
            io::ErrorKind::UnexpectedEof => self.format("it ends too early"),
            _ => NarError::Read { at, source },
        })?;
        self.at = self.at.saturating_add(buffer.len() as u64);
        Ok(())
    }

    const fn format(&self, what: &'static str) -> NarError {
        NarError::Format { at: self.at, what }
    }
}

impl<R: Read> Read for Reader<R> {
    /// Bytes of the file that came last.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.content(buffer) {
            Ok(got) => Ok(got),
            Err(NarError::Read { source, .. }) if source.kind() == io::ErrorKind::Interrupted => Err(source),
            Err(error) => {
                self.state = State::Broken;
                Err(io::Error::other(error))
            }
        }
    }
}
