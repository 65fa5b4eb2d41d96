//! The snapshot that a server makes after each match: for scanners to fetch, and for its own checks of packages.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use vuln::snapshot::{Opened, ReadAt, Snapshot, SnapshotError};

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

/// Writes a file beside its place, makes sure that it is on the disk, and moves it: nobody reads half a file, and no power cut leaves one.
pub fn replace(path: &Path, write: impl FnOnce(&mut io::BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let beside = path.with_file_name(name);
    let work = || {
        let mut file = io::BufWriter::new(File::create(&beside)?);
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
