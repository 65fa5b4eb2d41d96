//! Kernels and initrds as generations name them: read once each, hashed on all processors.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use boot_formats::Sha256Digest;
use boot_formats::pe::{Headers, PeError};
use cli_kit::{Exit, Explained, escape_lines};

use super::entry::Entry;
use super::survey::{Image, Survey};
use crate::esp::{Disk, EntryId, digest};

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

/// Kernels and initrds that a partition holds already, by the file that they were copied from. Comparing is several times
/// faster than hashing once more.
#[derive(Default)]
pub struct Copies<'a> {
    by_source: BTreeMap<PathBuf, (&'a dyn Disk, String, Sha256Digest)>,
}

impl<'a> Copies<'a> {
    /// What the images of these entries refer to, where image and file were just found to be whole: an image that the key
    /// signs now, for the same system, already says that this digest belongs to it.
    pub fn of(entries: &[Entry], disk: &'a dyn Disk, survey: &Survey, copies: &mut Self) {
        let there: BTreeMap<EntryId, &Image> = survey.entries().map(|(_, name, image)| (name.id, image)).collect();
        for entry in entries {
            let Some(image) = there.get(&entry.id) else { continue };
            let is_same = image.command_line.as_deref() == Some(&entry.command_line) && image.refused_now.is_none();
            if !is_same || !survey.is_whole(image) {
                continue;
            }
            // A copy with secrets is another file each time.
            let initrd = entry.spec.initrd.as_ref().filter(|_| entry.spec.initrd_secrets.is_none());
            let sources = [Some(&entry.spec.kernel), initrd];
            for (source, (path, digest)) in sources.into_iter().zip(&image.references) {
                if let Some(source) = source {
                    copies.by_source.insert(source.into(), (disk, path.clone(), *digest));
                }
            }
        }
    }

    /// Digest and size of a source, by comparing or by hashing.
    fn digest(&self, source: &Path) -> io::Result<(Sha256Digest, u64)> {
        if let Some((disk, path, digest)) = self.by_source.get(source)
            && let Ok(copy) = disk.open(path)
            && let Ok(Some(size)) = same(File::open(source)?, copy)
        {
            return Ok((*digest, size));
        }
        File::open(source).and_then(digest)
    }
}

/// How many bytes both have, if they are the same.
fn same(mut one: impl Read, mut other: impl Read) -> io::Result<Option<u64>> {
    const STEP: usize = 1 << 18;
    let (mut a, mut b) = (Vec::with_capacity(STEP), Vec::with_capacity(STEP));
    let mut size = 0;
    loop {
        a.clear();
        b.clear();
        one.by_ref().take(STEP as u64).read_to_end(&mut a)?;
        other.by_ref().take(STEP as u64).read_to_end(&mut b)?;
        if a != b {
            return Ok(None);
        }
        if a.is_empty() {
            return Ok(Some(size));
        }
        size += a.len() as u64;
    }
}

/// Reads what entries name. An entry whose files cannot be had is left out, and it is said why. Initrds with secrets are made
/// in `scratch`, which only root may read.
pub fn prepare(entries: Vec<Entry>, scratch: &Path, copies: &Copies<'_>) -> (Vec<Prepared>, Vec<(EntryId, SourceError)>) {
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
    let digests = in_parallel(&paths, |path| copies.digest(path));
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

/// The same function for each of some things, on all processors; results in their order.
pub fn in_parallel<T: Sync, R: Send>(things: &[T], each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from).min(things.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(thing) = things.get(at) else { return done };
            done.push((at, each(thing)));
        }
    };
    let mut all: Vec<(usize, R)> = std::thread::scope(|scope| {
        let helpers: Vec<_> = (1..processors).map(|_| scope.spawn(work)).collect();
        let mut all = work();
        for helper in helpers {
            match helper.join() {
                Ok(done) => all.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_told_from_the_longer_and_the_other() {
        let long = vec![7; (1 << 18) + 5];
        let mut other = long.clone();
        other[1 << 18] = 8;
        assert_eq!(same(long.as_slice(), long.as_slice()).unwrap(), Some(long.len() as u64));
        assert_eq!(same(long.as_slice(), other.as_slice()).unwrap(), None);
        assert_eq!(same(long.as_slice(), &long[1..]).unwrap(), None);
        assert_eq!(same(&long[..1 << 18], long.as_slice()).unwrap(), None);
        assert_eq!(same([].as_slice(), [].as_slice()).unwrap(), Some(0));
    }

    #[test]
    fn results_stand_in_the_order_of_things() {
        let things: Vec<u32> = (0..1000).collect();
        assert_eq!(in_parallel(&things, |t| t * 2), (0..1000).map(|t| t * 2).collect::<Vec<_>>());
        assert_eq!(in_parallel(&[] as &[u32], |t| *t), Vec::<u32>::new());
    }
}
