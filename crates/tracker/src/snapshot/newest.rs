//! The snapshot that a server makes after each match: for scanners to fetch, and for its own checks of packages.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use vuln::snapshot::{Opened, ReadAt, Snapshot, SnapshotError};

use crate::store::{Store, StoreError, hidden};

/// The snapshot, open.
pub type Newest = Snapshot<FileAt>;

/// A file that is read by position.
#[derive(Debug)]
pub struct FileAt(File);

impl ReadAt for FileAt {
    fn size(&self) -> io::Result<u64> {
        self.0.metadata().map(|metadata| metadata.len())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }
}

/// What tells a file from the one that was there before: device, inode, length, time.
type Mark = (u64, u64, u64, i64, i64);

/// The folder where it lies.
#[derive(Debug)]
pub struct Shelf {
    folder: PathBuf,
    key: Option<PathBuf>,
    open: Mutex<Option<(Mark, Arc<Newest>)>>,
}

impl Shelf {
    /// The name of the snapshot in its folder, and below `/snapshot/`; its key is beside it, with `.pub`.
    pub const NAME: &'static str = "firn.snapshot";

    /// Its folder, and the key to sign with; `None` for the one in the data folder.
    pub fn new(folder: PathBuf, key: Option<PathBuf>) -> Self {
        Self {
            folder,
            key,
            open: Mutex::default(),
        }
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file with the key to sign with, where one is named.
    pub fn key(&self) -> Option<&Path> {
        self.key.as_deref()
    }

    /// The snapshot's file.
    pub fn path(&self) -> PathBuf {
        self.folder.join(Self::NAME)
    }

    /// The snapshot; `None` before the first one is made. The file is our own: whoever could change it could change the program. Blocks
    /// are checked all the same when they are read.
    pub fn newest(&self) -> Result<Option<Arc<Newest>>, SnapshotError> {
        let fail = |source| SnapshotError::Read {
            what: "the newest snapshot",
            source,
        };
        let file = match File::open(self.path()) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fail(error)),
        };
        let mark = mark(&file.metadata().map_err(fail)?);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((last, snapshot)) = open.as_ref()
            && *last == mark
        {
            return Ok(Some(Arc::clone(snapshot)));
        }
        let snapshot = Arc::new(Opened::read(FileAt(file))?.trusted()?);
        *open = Some((mark, Arc::clone(&snapshot)));
        Ok(Some(snapshot))
    }
}

/// Whether a snapshot tells of a channel that is private by now.
pub fn tells_secrets(newest: &Newest, store: &dyn Store) -> Result<bool, StoreError> {
    for channel in &newest.header().channels {
        if hidden::is_private(store, &channel.name)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn mark(metadata: &fs::Metadata) -> Mark {
    use std::os::unix::fs::MetadataExt as _;
    (
        metadata.dev(),
        metadata.ino(),
        metadata.len(),
        metadata.mtime(),
        metadata.mtime_nsec(),
    )
}

/// Writes a file beside its place, makes sure that it is on the disk, and moves it: nobody reads half a file, and no power cut leaves one. Of two
/// processes that do so at once one fails with [`io::ErrorKind::WouldBlock`].
pub fn replace(path: &Path, write: impl FnOnce(&mut io::BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let beside = path.with_file_name(name);
    // Ours alone until the end of this function.
    let mut file = io::BufWriter::new(alone(&beside)?);
    let work = || {
        write(&mut file)?;
        io::Write::flush(&mut file)?;
        file.get_ref().sync_all()?;
        fs::rename(&beside, path)
    };
    work().inspect_err(|_| {
        // What is left of half a file is of no use; that it cannot be removed adds nothing to the failure.
        let _ = fs::remove_file(&beside);
    })
}

/// An empty file that no other process writes.
fn alone(path: &Path) -> io::Result<File> {
    loop {
        let file = File::options().write(true).create(true).truncate(false).open(path)?;
        file.try_lock().map_err(io::Error::from)?;
        // Whoever had the lock may have moved the file to its place since we opened it: that one is not ours to empty.
        let is_there = |there: fs::Metadata| Ok(mark(&there) == mark(&file.metadata()?));
        match fs::metadata(path).and_then(is_there) {
            Ok(true) => {
                file.set_len(0)?;
                return Ok(file);
            }
            Ok(false) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn of_two_that_write_at_once_one_is_refused_and_the_file_stays_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        replace(&path, |file| {
            file.write_all(b"first")?;
            let second = replace(&path, |file| file.write_all(b"second")).unwrap_err();
            assert_eq!(second.kind(), io::ErrorKind::WouldBlock);
            Ok(())
        })
        .unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"first");
        // What a killed process left is written over.
        fs::write(folder.path().join("file.part"), "much longer than what comes").unwrap();
        replace(&path, |file| file.write_all(b"third")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"third");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
