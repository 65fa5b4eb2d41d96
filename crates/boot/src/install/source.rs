//! Kernels and initrds as generations name them: read once each, hashed on all processors.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use boot_formats::Sha256Digest;
use boot_formats::pe::{Headers, PeError};
use cli_kit::{Exit, Explained, escape_lines};

use super::IMAGES;
use super::entry::Entry;
use super::survey::Image;
use crate::esp::{EntryId, EntryName};
use crate::parallel::in_parallel;

/// A file whose content is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Where it is.
    pub path: PathBuf,
    /// SHA-256.
    pub digest: Sha256Digest,
    /// Bytes.
    pub size: u64,
}

/// An entry whose files were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The entry.
    pub entry: Entry,
    /// Its kernel.
    pub kernel: SourceFile,
    /// Its initrd, this machine's secrets included.
    pub initrd: Option<SourceFile>,
    /// Which processor the kernel is for, as PE images say it.
    pub machine: u16,
}

/// Why an entry cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file.
    #[error("read {path}")]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The kernel is no EFI program.
    #[error("kernel {path} is refused")]
    Kernel {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: PeError,
    },
    /// The program that appends secrets was not started.
    #[error("run {program} to append secrets to the initrd")]
    Start {
        /// Which one.
        program: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It failed.
    #[error("{program}, which appends secrets to the initrd, ended with {status}: {said}")]
    Ended {
        /// Which one.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it said.
        said: String,
    },
    /// A place for initrds with secrets.
    #[error("make a folder for initrds with secrets")]
    Scratch(#[source] io::Error),
}

impl Explained for SourceError {
    fn exit(&self) -> Exit {
        Exit::Incomplete
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("the generation was removed meanwhile, or its store paths were collected".into())
            }
            Self::Ended { .. } => Some("see boot.initrd.secrets: the files it names must be on this machine".into()),
            _ => None,
        }
    }
}

/// Which kernel and initrd each entry was made of, as far as its generation says: where files of a partition may have been
/// copied from. A guess, which only says what to compare a file with: comparing is several times faster than hashing twice.
#[derive(Debug, Default)]
pub struct Originals {
    by_entry: BTreeMap<EntryId, Original>,
}

#[derive(Debug)]
struct Original {
    command_line: String,
    kernel: PathBuf,
    initrd: Option<PathBuf>,
}

impl Originals {
    /// Of these entries.
    #[must_use]
    pub fn of(entries: &[Entry]) -> Self {
        let by_entry = entries.iter().map(|entry| {
            let original = Original {
                command_line: entry.command_line.clone(),
                kernel: entry.spec.kernel.clone().into(),
                // A copy with secrets is another file each time.
                initrd: entry
                    .spec
                    .initrd
                    .clone()
                    .filter(|_| entry.spec.initrd_secrets.is_none())
                    .map(Into::into),
            };
            (entry.id.clone(), original)
        });
        Self {
            by_entry: by_entry.collect(),
        }
    }

    /// What the files that images refer to may be copies of, by path on the partition.
    pub(super) fn of_images<'a>(&'a self, images: impl Iterator<Item = (&'a String, &'a Image)>) -> BTreeMap<&'a str, &'a Path> {
        let mut guessed = BTreeMap::new();
        for (path, image) in images {
            let file = path.strip_prefix(IMAGES).and_then(|p| p.strip_prefix('/'));
            let Some(original) = file.and_then(EntryName::parse).and_then(|name| self.by_entry.get(&name.id)) else {
                continue;
            };
            if image.command_line.as_ref() != Some(&original.command_line) {
                continue;
            }
            for ((path, _), original) in image.references.iter().zip([Some(&original.kernel), original.initrd.as_ref()]) {
                guessed.extend(original.map(|o| (path.as_str(), o.as_path())));
            }
        }
        guessed
    }
}

/// What a file turned out to be.
pub(super) struct Hashed {
    pub digest: Sha256Digest,
    pub size: u64,
    /// Whether the file that it was compared with has the same bytes.
    pub is_same: bool,
}

/// Reads a file once: hashes it, and compares it with another, if there is one to compare with.
pub(super) fn hash_and_compare(mut file: impl Read, other: Option<&Path>) -> io::Result<Hashed> {
    use sha2::Digest as _;
    // Both fit into a processor's own cache.
    const STEP: usize = 1 << 17;
    let mut hasher = sha2::Sha256::new();
    let (mut here, mut there) = (vec![0; STEP], vec![0; STEP]);
    // One that is not there, or cannot be read, is not the same.
    let mut other = other.and_then(|path| File::open(path).ok());
    let mut size = 0;
    loop {
        let count = fill(&mut file, &mut here)?;
        let bytes = here.get(..count).unwrap_or_default();
        if let Some(original) = &mut other
            && !fill(original, &mut there).is_ok_and(|n| there.get(..n) == Some(bytes))
        {
            other = None;
        }
        if count == 0 {
            return Ok(Hashed {
                digest: hasher.finalize().into(),
                size,
                is_same: other.is_some(),
            });
        }
        hasher.update(bytes);
        size += count as u64;
    }
}

/// Reads until the buffer is full or the file ends.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Sources whose digest and size are known.
pub type Known = BTreeMap<PathBuf, (Sha256Digest, u64)>;

/// Reads what entries name. An entry whose files cannot be had is left out, and it is said why. Initrds with secrets are made
/// in `scratch`, which only root may read.
pub fn prepare(entries: Vec<Entry>, scratch: &Path, known: &Known) -> (Vec<Prepared>, Vec<(EntryId, SourceError)>) {
    let mut refused = Vec::new();
    let mut with_initrd = Vec::new();
    let mut joined: BTreeMap<(String, String), PathBuf> = BTreeMap::new();
    for entry in entries {
        match initrd(&entry, scratch, &mut joined) {
            Ok(initrd) => with_initrd.push((entry, initrd)),
            Err(error) => refused.push((entry.id, error)),
        }
    }
    let mut paths: Vec<PathBuf> = Vec::new();
    for (entry, initrd) in &with_initrd {
        paths.push(entry.spec.kernel.clone().into());
        paths.extend(initrd.clone());
    }
    paths.sort();
    paths.dedup();
    let digests = in_parallel(&paths, |path| match known.get(path) {
        Some(known) => Ok(*known),
        None => {
            let hashed = hash_and_compare(File::open(path)?, None)?;
            Ok((hashed.digest, hashed.size))
        }
    });
    let known: BTreeMap<&PathBuf, io::Result<(Sha256Digest, u64)>> = paths.iter().zip(digests).collect();
    let mut machines = BTreeMap::new();
    let mut prepared = Vec::new();
    for (entry, initrd) in with_initrd {
        let file = |path: &PathBuf| match known.get(path) {
            Some(Ok((digest, size))) => Ok(SourceFile {
                path: path.clone(),
                digest: *digest,
                size: *size,
            }),
            Some(Err(error)) => Err(SourceError::Read {
                path: path.clone(),
                source: again(error),
            }),
            None => Err(SourceError::Read {
                path: path.clone(),
                source: io::ErrorKind::NotFound.into(),
            }),
        };
        let made = (|| {
            let path = PathBuf::from(&entry.spec.kernel);
            let kernel = file(&path)?;
            let initrd = initrd.as_ref().map(file).transpose()?;
            let machine = match machines.get(&path) {
                Some(machine) => *machine,
                None => machine(&path)?,
            };
            machines.insert(path, machine);
            Ok((kernel, initrd, machine))
        })();
        match made {
            Ok((kernel, initrd, machine)) => prepared.push(Prepared {
                entry,
                kernel,
                initrd,
                machine,
            }),
            Err(error) => refused.push((entry.id, error)),
        }
    }
    (prepared, refused)
}

/// An error for each that meets it.
fn again(error: &io::Error) -> io::Error {
    error
        .raw_os_error()
        .map_or_else(|| io::Error::new(error.kind(), error.to_string()), io::Error::from_raw_os_error)
}

/// The initrd of an entry; where it has secrets, a copy with them.
fn initrd(entry: &Entry, scratch: &Path, joined: &mut BTreeMap<(String, String), PathBuf>) -> Result<Option<PathBuf>, SourceError> {
    let Some(initrd) = &entry.spec.initrd else { return Ok(None) };
    let Some(program) = &entry.spec.initrd_secrets else {
        return Ok(Some(initrd.into()));
    };
    let key = (initrd.clone(), program.clone());
    if let Some(path) = joined.get(&key) {
        return Ok(Some(path.clone()));
    }
    let path = scratch.join(format!("initrd-{}", joined.len()));
    let read = |source| SourceError::Read {
        path: initrd.into(),
        source,
    };
    // Not fs::copy: permissions of the store would forbid the program to append.
    let mut from = File::open(initrd).map_err(read)?;
    let mut to = File::create(&path).map_err(SourceError::Scratch)?;
    io::copy(&mut from, &mut to).map_err(SourceError::Scratch)?;
    drop(to);
    let output = Command::new(program)
        .arg(&path)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| SourceError::Start {
            program: program.clone(),
            source,
        })?;
    if !output.status.success() {
        // What was appended so far is no initrd.
        let _ = fs::remove_file(&path);
        let said = String::from_utf8_lossy(&output.stderr);
        let start = said.char_indices().rev().nth(400).map_or(0, |(at, _)| at);
        return Err(SourceError::Ended {
            program: program.clone(),
            status: output.status,
            said: escape_lines(said.get(start..).unwrap_or_default().trim()).into_owned(),
        });
    }
    joined.insert(key, path.clone());
    Ok(Some(path))
}

/// Which processor a kernel is for.
fn machine(path: &Path) -> Result<u16, SourceError> {
    let mut head = Vec::new();
    File::open(path)
        .and_then(|file| file.take(64 << 10).read_to_end(&mut head))
        .map_err(|source| SourceError::Read { path: path.into(), source })?;
    let headers = Headers::parse(&head).map_err(|source| SourceError::Kernel { path: path.into(), source })?;
    Ok(headers.machine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hashed_is_told_from_the_longer_and_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("original");
        let long = vec![7; (1 << 17) + 5];
        fs::write(&path, &long).unwrap();
        let mut other = long.clone();
        other[1 << 17] = 8;
        let hashed = |bytes: &[u8]| hash_and_compare(bytes, Some(&path)).unwrap();
        for (bytes, is_same) in [
            (&long[..], true),
            (&other, false),
            (&long[1..], false),
            (&long[..1 << 17], false),
            (&[], false),
        ] {
            let hashed = hashed(bytes);
            assert_eq!((hashed.digest, hashed.size), (boot_formats::sha256(bytes), bytes.len() as u64));
            assert_eq!(hashed.is_same, is_same, "{} bytes", bytes.len());
        }
        let longer = [&long[..], b"more"].concat();
        assert!(!hashed(&longer).is_same);
        fs::write(&path, []).unwrap();
        assert!(hashed(&[]).is_same);
        assert!(!hash_and_compare([].as_slice(), Some(&folder.path().join("none"))).unwrap().is_same);
    }
}
