//! Partitions that firmware reads: the EFI system partition, and the extended boot partition (XBOOTLDR).
//!
//! Everything that changes one goes through [`Disk`], so that tests can stop it anywhere and see what would be left.

mod folder;
mod name;

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use cli_kit::{Exit, Explained};

pub use folder::{FolderDisk, Lock};
pub use name::{EntryId, EntryName, is_short_for, shared_digest};

/// One file of a partition. Paths begin below its root and have `/` between their parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// As `EFI/Linux/nixos-generation-1.efi`.
    pub path: String,
    /// Bytes.
    pub size: u64,
}

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes that can still be written.
    pub free: u64,
    /// Bytes of the whole.
    pub total: u64,
    /// A file takes a multiple of this.
    pub cluster: u64,
}

impl Space {
    /// What a file of this size takes.
    #[must_use]
    pub const fn taken(&self, size: u64) -> u64 {
        size.div_ceil(self.cluster) * self.cluster
    }
}

/// A partition's files.
///
/// The order in which changes reach the medium is only what is asked for: a file's bytes are there after [`Disk::sync`], its
/// name (or that it is gone) after [`Disk::sync_folder`].
pub trait Disk: Sync {
    /// Where it is, for messages.
    fn place(&self) -> &Path;
    /// Files of a folder, by name, without folders in it; none if it is not there.
    fn list(&self, folder: &str) -> io::Result<Vec<Item>>;
    /// Opens a file to be read.
    fn open(&self, path: &str) -> io::Result<Box<dyn Read>>;
    /// How much room there is.
    fn space(&self) -> io::Result<Space>;
    /// Whether a folder is there.
    fn has_folder(&self, path: &str) -> bool;
    /// Makes a folder in one that is there.
    fn create_folder(&mut self, path: &str) -> io::Result<()>;
    /// Writes a file, or another content into one that is there; gives how many bytes.
    fn write(&mut self, path: &str, from: &mut dyn Read) -> io::Result<u64>;
    /// Waits until the bytes of files are on the medium.
    fn sync(&mut self, paths: &[String]) -> io::Result<()>;
    /// Gives a file another name in its folder, in the place of what has that name. Until the folder is synced, what had the
    /// name keeps its bytes on the medium, and a name that is new may lead to an empty file there.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file. Its bytes stay on the medium, and its room taken, until the folder is synced.
    fn remove(&mut self, path: &str) -> io::Result<()>;
    /// Waits until the names in a folder are on the medium.
    fn sync_folder(&mut self, folder: &str) -> io::Result<()>;
}

/// Why something with a partition failed.
#[derive(Debug, thiserror::Error)]
pub enum EspError {
    /// A file or folder.
    #[error("{what} {}", place.join(path).display())]
    Io {
        /// What was tried, as `write`.
        what: &'static str,
        /// The partition.
        place: PathBuf,
        /// The file on it.
        path: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// There is no such folder.
    #[error("{0} is not a folder")]
    NoFolder(PathBuf),
    /// Mounted so that nothing can be written.
    #[error("{0} is mounted read-only")]
    ReadOnly(PathBuf),
    /// Another of us is at work.
    #[error("another firn-boot is changing {0}")]
    Locked(PathBuf),
}

impl EspError {
    /// Of a disk.
    pub fn io(disk: &dyn Disk, what: &'static str, path: &str) -> impl FnOnce(io::Error) -> Self + use<> {
        let (place, path) = (disk.place().to_owned(), path.to_owned());
        move |source| Self::Io { what, place, path, source }
    }
}

impl Explained for EspError {
    fn exit(&self) -> Exit {
        match self {
            Self::NoFolder(_) => Exit::Usage,
            _ => Exit::Incomplete,
        }
    }

    fn hint(&self) -> Option<String> {
        const DAMAGED: &str =
            "the kernel makes a damaged FAT read-only: unmount it, run `fsck.vfat -a` on its device, mount it again, then run this again";
        match self {
            Self::NoFolder(path) => Some(format!("mount the EFI system partition at {} first", path.display())),
            Self::ReadOnly(_) => Some(DAMAGED.into()),
            Self::Locked(_) => Some("wait until it is done; a lock of a program that died does not stay".into()),
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull => Some(
                    "somebody else filled it meanwhile; `firn-boot install --plan` shows what is needed. What is listed still boots".into(),
                ),
                io::ErrorKind::ReadOnlyFilesystem => Some(DAMAGED.into()),
                io::ErrorKind::PermissionDenied => Some("run this as root".into()),
                io::ErrorKind::NotFound => None,
                _ => Some("what is listed still boots; run this again, and check the file system (`fsck.vfat`) if it fails again".into()),
            },
        }
    }
}
