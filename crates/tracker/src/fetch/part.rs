//! A file on its way: `NAME.part`, and in `NAME.part.of` whose start it is.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The start of a file.
pub struct Part {
    path: PathBuf,
    /// Of which file: its address and the server's name for this version of it.
    of: PathBuf,
    url: String,
    tag: Option<String>,
    file: File,
    len: u64,
}

impl Part {
    /// The start of `to` that an earlier call left, or none yet.
    pub fn open(to: &Path, url: &str) -> io::Result<Self> {
        let beside = |ending: &str| {
            let mut name = to.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        let (path, of) = (beside(".part"), beside(".part.of"));
        let file = OpenOptions::new().append(true).create(true).open(&path)?;
        let len = file.metadata()?.len();
        let mut part = Self {
            path,
            of,
            url: url.to_owned(),
            tag: None,
            file,
            len,
        };
        part.tag = match std::fs::read_to_string(&part.of) {
            Ok(text) => text.split_once('\n').filter(|(of, _)| *of == url).map(|(_, tag)| tag.to_owned()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(e),
        };
        if part.tag.is_none() && len > 0 {
            part.restart()?;
        }
        Ok(part)
    }

    /// How much there is and whose start it is, if it can be gone on with.
    pub fn resumable(&self) -> Option<(u64, &str)> {
        self.tag.as_deref().filter(|_| self.len > 0).map(|tag| (self.len, tag))
    }

    /// Bytes that are there.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Forgets what is there.
    pub fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.len = 0;
        self.tag = None;
        Ok(())
    }

    /// Notes the server's name for this version. A weak tag names no bytes, and without a name nothing can be gone on with.
    pub fn known_as(&mut self, tag: Option<&str>) -> io::Result<()> {
        self.tag = tag.filter(|tag| !tag.starts_with("W/") && !tag.contains('\n')).map(str::to_owned);
        match &self.tag {
            Some(tag) => std::fs::write(&self.of, format!("{}\n{tag}", self.url)),
            None => remove(&self.of),
        }
    }

    /// Writes what comes.
    pub fn append(&mut self, from: &mut impl Read) -> io::Result<()> {
        let copied = io::copy(from, &mut self.file);
        // What came before an error counts too.
        self.file.flush()?;
        self.len = self.file.metadata()?.len();
        copied.map(drop)
    }

    /// Leaves what came for the next time, if it can be gone on with then.
    pub fn keep(self) -> io::Result<()> {
        if self.resumable().is_some() {
            self.file.sync_all()
        } else {
            self.remove()
        }
    }

    /// All of it is there.
    pub fn finish(self, to: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        std::fs::rename(&self.path, to)?;
        remove(&self.of)
    }

    /// Nothing of it is wanted.
    pub fn remove(self) -> io::Result<()> {
        remove(&self.path)?;
        remove(&self.of)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Where a part begins: of `bytes 100-199/200` the 100.
pub fn start(range: &str) -> Option<u64> {
    range.strip_prefix("bytes ")?.trim().split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_goes_on_only_for_the_file_it_is_of() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("f");
        let mut part = Part::open(&to, "http://a/f").unwrap();
        assert_eq!(part.resumable(), None);
        part.known_as(Some("\"1\"")).unwrap();
        part.append(&mut &b"half"[..]).unwrap();
        part.keep().unwrap();
        assert_eq!(Part::open(&to, "http://a/f").unwrap().resumable(), Some((4, "\"1\"")));
        assert_eq!(Part::open(&to, "http://b/f").unwrap().resumable(), None, "another address");
        let mut part = Part::open(&to, "http://b/f").unwrap();
        part.known_as(Some("W/\"1\"")).unwrap();
        part.append(&mut &b"half"[..]).unwrap();
        part.keep().unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "a weak tag names no bytes");
    }

    #[test]
    fn where_parts_begin() {
        assert_eq!(start("bytes 100-199/200"), Some(100));
        assert_eq!(start("bytes 0-/*"), Some(0));
        for bad in ["", "bytes */200", "items 1-2/3", "bytes -5"] {
            assert_eq!(start(bad), None, "{bad}");
        }
    }
}
