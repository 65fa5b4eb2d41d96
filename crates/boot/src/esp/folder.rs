//! A partition that is mounted.
//!
//! What Linux's FAT driver does shapes the order here (`fs/fat/namei_vfat.c`, `inode.c`). A rename writes the new name without
//! size and first cluster, which follow only when the file itself is synced: after the folder, so that the old name is gone by
//! then and no two names ever lead to the same clusters. And clusters of a file that lost its name are free for others at once,
//! also while its name is still on the medium, unless somebody holds it open.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, StatVfsMountFlags, flock, statvfs};

use super::{Disk, EspError, Item, Space};
use crate::parallel::all_at_once;

/// More files than this are not held open at a time, in all folders together: programs may have 1024.
const MOST_HELD: usize = 400;

/// How many files are synced at a time.
const SYNCS_AT_ONCE: usize = 16;

/// A folder where a partition is mounted.
#[derive(Debug)]
pub struct FolderDisk {
    root: PathBuf,
    changes: BTreeMap<String, Changes>,
}

/// What happened in a folder since it was synced.
#[derive(Debug, Default)]
struct Changes {
    /// Files that lost their names, held so that their clusters stay theirs.
    held: Vec<File>,
    /// Files that got another name.
    renamed: Vec<String>,
}

impl FolderDisk {
    /// The folder must be there.
    pub fn at(root: &Path) -> Result<Self, EspError> {
        if !root.is_dir() {
            return Err(EspError::NoFolder(root.into()));
        }
        Ok(Self {
            root: root.into(),
            changes: BTreeMap::new(),
        })
    }

    /// Fails if nothing can be written because of how it is mounted.
    pub fn check_writable(&self) -> Result<(), EspError> {
        let about = statvfs(&self.root).map_err(|e| EspError::io(self, "look at", "")(e.into()))?;
        if about.f_flag.contains(StatVfsMountFlags::RDONLY) {
            return Err(EspError::ReadOnly(self.root.clone()));
        }
        Ok(())
    }

    /// Whether something is mounted here.
    #[must_use]
    pub fn is_mount_point(&self) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let device = |path: &Path| fs::metadata(path).map(|m| m.dev()).ok();
        device(&self.root) != device(&self.root.join(".."))
    }

    /// Keeps every other of us out until it is dropped.
    pub fn lock(&self) -> Result<Lock, EspError> {
        let folder = File::open(&self.root).map_err(EspError::io(self, "open", ""))?;
        match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Lock { _folder: folder }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(EspError::Locked(self.root.clone())),
            Err(error) => Err(EspError::io(self, "lock", "")(error.into())),
        }
    }

    fn at_path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn changes(&mut self, path: &str) -> &mut Changes {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        self.changes.entry(folder.to_owned()).or_default()
    }

    /// Holds a file that is about to lose its name. One that is not there, or that cannot be opened, has nothing to be kept.
    fn hold(&mut self, path: &str) -> io::Result<()> {
        if let Ok(file) = File::open(self.at_path(path)) {
            if self.changes.values().map(|changes| changes.held.len()).sum::<usize>() >= MOST_HELD {
                let folders: Vec<String> = self.changes.keys().cloned().collect();
                folders.iter().try_for_each(|folder| self.sync_folder(folder))?;
            }
            self.changes(path).held.push(file);
        }
        Ok(())
    }

    fn sync_each(&self, paths: &[String]) -> io::Result<()> {
        // They wait for the medium rather than compute, and share its waits when they come at once.
        let synced = all_at_once(paths, SYNCS_AT_ONCE, |path| File::open(self.at_path(path))?.sync_all());
        synced.into_iter().collect()
    }
}

/// A lock on a partition; the kernel lifts it when its holder ends, however that ends.
#[derive(Debug)]
pub struct Lock {
    _folder: File,
}

impl Disk for FolderDisk {
    fn place(&self) -> &Path {
        &self.root
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Item>> {
        let entries = match fs::read_dir(self.at_path(folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut items = Vec::new();
        for entry in entries {
            let entry = entry?;
            let about = entry.metadata()?;
            // Ours are all named in ASCII; what cannot be named is somebody else's.
            if let (true, Ok(name)) = (about.is_file(), entry.file_name().into_string()) {
                items.push(Item {
                    path: format!("{folder}/{name}"),
                    size: about.len(),
                });
            }
        }
        items.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(items)
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn Read>> {
        Ok(Box::new(File::open(self.at_path(path))?))
    }

    fn space(&self) -> io::Result<Space> {
        let about = statvfs(&self.root)?;
        Ok(Space {
            free: about.f_bavail * about.f_frsize,
            total: about.f_blocks * about.f_frsize,
            cluster: about.f_frsize.max(1),
        })
    }

    fn has_folder(&self, path: &str) -> bool {
        self.at_path(path).is_dir()
    }

    fn create_folder(&mut self, path: &str) -> io::Result<()> {
        fs::create_dir(self.at_path(path))
    }

    fn write(&mut self, path: &str, from: &mut dyn Read) -> io::Result<u64> {
        // In pieces that a processor keeps to itself; kernels are large.
        let mut from = io::BufReader::with_capacity(1 << 17, from);
        io::copy(&mut from, &mut File::create(self.at_path(path))?)
    }

    fn sync(&mut self, paths: &[String]) -> io::Result<()> {
        self.sync_each(paths)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.hold(to)?;
        fs::rename(self.at_path(from), self.at_path(to))?;
        self.changes(to).renamed.push(to.to_owned());
        Ok(())
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        self.hold(path)?;
        fs::remove_file(self.at_path(path))
    }

    fn sync_folder(&mut self, folder: &str) -> io::Result<()> {
        File::open(self.at_path(folder))?.sync_all()?;
        let Some(changes) = self.changes.remove(folder) else {
            return Ok(());
        };
        self.sync_each(&changes.renamed)?;
        drop(changes.held);
        Ok(())
    }
}
