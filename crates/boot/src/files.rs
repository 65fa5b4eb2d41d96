//! Reading and writing files so that neither half a file nor an open key is left behind.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use cli_kit::{Exit, Explained};

/// Larger than any image or initrd we were told of.
const LARGEST: u64 = 2 << 30;

/// Why a file was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Reading.
    #[error("read {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Too large.
    #[error("read {path}: it is larger than 2 GiB")]
    TooLarge {
        /// Which file.
        path: PathBuf,
    },
    /// Writing.
    #[error("write {path}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl Explained for FileError {
    fn exit(&self) -> Exit {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => Exit::Usage,
            _ => Exit::Incomplete,
        }
    }
}

/// A whole file.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let failed = |source| FileError::Read { path: path.into(), source };
    let mut bytes = Vec::new();
    File::open(path)
        .map_err(failed)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return Err(FileError::TooLarge { path: path.into() });
    }
    Ok(bytes)
}

/// A whole file, or `None` if there is no such file.
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match read(path) {
        Err(FileError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

/// Writes a file as a whole or not at all: beside its place first, on disk before it is renamed.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let failed = |source| FileError::Write { path: path.into(), source };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    // A temporary file is for its owner alone; what it becomes is as readable as any new file.
    let permissions = fs::Permissions::from_mode(0o644);
    file.as_file().set_permissions(permissions).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    // As on the ESP (`esp/folder.rs`): FAT frees what was there at once unless it is held, and the new name is empty until the
    // file is synced behind its folder.
    let before = File::open(path).ok();
    let file = file.persist(path).map_err(|e| failed(e.error))?;
    File::open(folder).and_then(|f| f.sync_all()).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    drop(before);
    Ok(())
}

/// Makes a new file that only its owner may read; fails if there is one.
pub fn create_secret(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let failed = |source| FileError::Write { path: path.into(), source };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.sync_all().map_err(failed)
}

/// Removes a file; false if there was none.
pub fn remove(path: &Path) -> Result<bool, FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(FileError::Write { path: path.into(), source }),
        Ok(()) => Ok(true),
    }
}

/// Makes a folder and those above it.
pub fn create_folder(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(|source| FileError::Write { path: path.into(), source })
}

/// The files of a folder in the order of their names; none if it is not there.
pub fn list(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let failed = |source| FileError::Read {
        path: folder.into(),
        source,
    };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let mut paths: Vec<PathBuf> = entries.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>().map_err(failed)?;
    paths.retain(|p| p.is_file());
    paths.sort();
    Ok(paths)
}
