//! Zip archives, read entry by entry in bounded memory. Names of entries are looked at, never used as paths.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use super::bounds::{Bounds, Exceeded, Limited};
use super::compression::{Compression, Unpacked};

/// What was met in an archive.
pub enum Met<'a> {
    /// A file; not yet read.
    Entry {
        /// Its name as the archive has it, with `outer!` before it inside an inner archive.
        name: &'a str,
        /// Its bytes, unpacked where its name says that they are packed once more: reading fails where a limit is reached or the archive is broken.
        bytes: &'a mut dyn Read,
    },
    /// Something that is not read, and why.
    Refused {
        /// As above.
        name: &'a str,
        /// A fragment that fits after the name.
        why: String,
    },
    /// The number of entries, before the first; not known of a broken archive.
    Entries(usize),
}

/// Why an archive could not be read to its end. What came before was handed over.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The bytes cannot be read.
    #[error("read the archive")]
    Read(#[source] io::Error),
    /// No table of contents, and then no further entry.
    #[error("the archive is cut off or damaged after {entries} entries")]
    Damaged {
        /// Entries that could be read.
        entries: usize,
        /// What is wrong with it.
        source: ZipError,
    },
    /// More than any real archive has.
    #[error("the archive has {entries} entries, more than {limit}")]
    Entries {
        /// Found.
        entries: usize,
        /// The limit.
        limit: usize,
    },
    /// All entries together.
    #[error("the entries of the archive unpack to more than {limit} bytes")]
    Total {
        /// The limit.
        limit: u64,
    },
    /// Whoever takes the entries gave up.
    #[error("stopped")]
    Stopped(#[source] io::Error),
}

/// Hands the entries of an archive over, those of archives inside it included.
pub fn read(file: &File, bounds: Bounds, take: &mut dyn FnMut(Met<'_>) -> io::Result<()>) -> Result<(), ArchiveError> {
    let len = file.metadata().map_err(ArchiveError::Read)?.len();
    let left = bounds.total.min(bounds.expansion(len).saturating_mul(2));
    Walk {
        bounds,
        limit: left,
        left,
        entries: 0,
        take,
    }
    .archive(file, "", 0)
}

struct Walk<'a> {
    bounds: Bounds,
    /// Uncompressed bytes of all entries together, and how many of them are left.
    limit: u64,
    left: u64,
    entries: usize,
    take: &'a mut dyn FnMut(Met<'_>) -> io::Result<()>,
}

impl Walk<'_> {
    fn archive(&mut self, mut file: &File, prefix: &str, depth: u32) -> Result<(), ArchiveError> {
        let mut archive = match ZipArchive::new(BufReader::new(file)) {
            Ok(archive) => archive,
            Err(ZipError::Io(e)) if e.kind() != io::ErrorKind::UnexpectedEof => return Err(ArchiveError::Read(e)),
            // The table of contents stands at the end: without it, entries are read from the start as far as they go.
            Err(broken) => {
                file.seek(SeekFrom::Start(0)).map_err(ArchiveError::Read)?;
                return self.stream(file, prefix, depth, broken);
            }
        };
        if archive.len() > self.bounds.entries.saturating_sub(self.entries) {
            return Err(ArchiveError::Entries {
                entries: archive.len(),
                limit: self.bounds.entries,
            });
        }
        (self.take)(Met::Entries(archive.len())).map_err(ArchiveError::Stopped)?;
        if archive.has_duplicate_names() {
            self.refuse(prefix, "has several entries of one name: only one of each is read".to_owned())?;
        }
        for index in 0..archive.len() {
            self.entries += 1;
            let broken = match archive.by_index(index) {
                Ok(mut entry) => {
                    self.entry(&mut entry, prefix, depth)?;
                    continue;
                }
                Err(e) => reason(&e),
            };
            let name = archive
                .name_for_index(index)
                .and_then(Result::ok)
                .map_or_else(|| format!("entry {index}"), Into::into);
            self.refuse(&format!("{prefix}{name}"), broken)?;
        }
        Ok(())
    }

    fn stream(&mut self, file: &File, prefix: &str, depth: u32, broken: ZipError) -> Result<(), ArchiveError> {
        let mut reader = BufReader::new(file);
        loop {
            match zip::read::read_zipfile_from_stream(&mut reader) {
                Ok(Some(mut entry)) => {
                    self.entries += 1;
                    if self.entries > self.bounds.entries {
                        return Err(ArchiveError::Entries {
                            entries: self.entries,
                            limit: self.bounds.entries,
                        });
                    }
                    self.entry(&mut entry, prefix, depth)?;
                }
                Ok(None) | Err(_) => {
                    return Err(ArchiveError::Damaged {
                        entries: self.entries,
                        source: broken,
                    });
                }
            }
        }
    }

    fn entry<R: Read>(&mut self, entry: &mut ZipFile<'_, R>, prefix: &str, depth: u32) -> Result<(), ArchiveError> {
        let bare = match entry.name() {
            Ok(name) => name.into_owned(),
            Err(_) => String::from_utf8_lossy(entry.name_raw()).into_owned(),
        };
        let name = format!("{prefix}{bare}");
        if let Some(why) = unsafe_name(&bare) {
            return self.refuse(&name, why.to_owned());
        }
        if entry.is_dir() {
            return Ok(());
        }
        if entry.is_symlink() {
            return self.refuse(&name, "is a symbolic link".to_owned());
        }
        let packed = entry.compressed_size();
        let left = self.left;
        let mut counted = self.bounded(entry, packed, left);
        let taken = if bare.to_ascii_lowercase().ends_with(".zip") {
            self.inner_archive(&mut counted, &name, depth)
        } else {
            self.file(&mut counted, &name, packed)
        };
        // What was packed inside took its own share already.
        self.left = self.left.saturating_sub(counted.passed());
        if counted.is_exceeded() {
            return Err(ArchiveError::Total { limit: self.limit });
        }
        taken
    }

    /// Bytes that came from `packed` ones, where all may be `left` together.
    fn bounded<R: Read>(&self, bytes: R, packed: u64, left: u64) -> Limited<Limited<R>> {
        let ratio = Exceeded::Ratio { ratio: self.bounds.ratio };
        let bytes = Limited::new(bytes, self.bounds.expansion(packed), ratio);
        Limited::new(bytes, left, Exceeded::Size { limit: left })
    }

    /// Hands an entry over; one that was compressed before it was packed is bounded once more.
    fn file(&mut self, bytes: &mut dyn Read, name: &str, packed: u64) -> Result<(), ArchiveError> {
        let Some(named) = Compression::of_name(name) else {
            return (self.take)(Met::Entry { name, bytes }).map_err(ArchiveError::Stopped);
        };
        let mut buffered = BufReader::new(bytes);
        let unpacked = buffered
            .fill_buf()
            .map(|head| Compression::of(head, name))
            .and_then(|found| Unpacked::new(found, buffered));
        let unpacked = match unpacked {
            Ok(unpacked) => unpacked,
            Err(e) => return self.refuse(name, format!("cannot be read as {named:?}: {e}")),
        };
        let mut counted = self.bounded(unpacked, packed, self.left);
        let taken = (self.take)(Met::Entry { name, bytes: &mut counted }).map_err(ArchiveError::Stopped);
        self.left = self.left.saturating_sub(counted.passed());
        if counted.is_exceeded() {
            return Err(ArchiveError::Total { limit: self.limit });
        }
        taken
    }

    /// An archive inside is put into a file without a name: its table of contents stands at its end.
    fn inner_archive(&mut self, bytes: &mut dyn Read, name: &str, depth: u32) -> Result<(), ArchiveError> {
        if depth > 0 {
            return self.refuse(name, "is an archive inside an archive inside an archive".to_owned());
        }
        let mut file = tempfile::tempfile().map_err(ArchiveError::Read)?;
        let copied = io::copy(bytes, &mut file);
        file.seek(SeekFrom::Start(0)).map_err(ArchiveError::Read)?;
        // What came through is read even where the rest did not: it may be a day's work of others.
        let inner = self.archive(&file, &format!("{name}!"), depth + 1);
        match copied {
            Ok(_) => inner,
            Err(e) if e.get_ref().is_some_and(|e| e.is::<Exceeded>()) => self.refuse(name, e.to_string()),
            Err(e) => Err(ArchiveError::Damaged {
                entries: self.entries,
                source: ZipError::Io(e),
            }),
        }
    }

    fn refuse(&mut self, name: &str, why: String) -> Result<(), ArchiveError> {
        (self.take)(Met::Refused { name, why }).map_err(ArchiveError::Stopped)
    }
}

/// Names that would lead out of a folder. We never unpack to one, but who writes such names means harm.
fn unsafe_name(name: &str) -> Option<&'static str> {
    let name = name.replace('\\', "/");
    if name.starts_with('/') || name.get(1..3) == Some(":/") {
        return Some("has an absolute path");
    }
    if name.split('/').any(|part| part == "..") {
        return Some("has a path that leads out of the archive");
    }
    name.contains('\0').then_some("has a name with a NUL in it")
}

fn reason(error: &ZipError) -> String {
    match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => "is encrypted".to_owned(),
        other => format!("cannot be read: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out() {
        for bad in ["/etc/passwd", "../x", "a/../../x", "a\\..\\x", "C:\\x", "c:/x", "..", "a\0b"] {
            assert!(unsafe_name(bad).is_some(), "{bad}");
        }
        for good in ["cves/2024/3xxx/CVE-2024-3094.json", "a..b/c", "...", "x"] {
            assert!(unsafe_name(good).is_none(), "{good}");
        }
    }
}
