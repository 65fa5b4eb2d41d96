//! The snapshot on disk: opened, its signature checked against keys that the user trusts, its age and its place in time judged.
//!
//! What is remembered of a key is the highest serial that was seen of it, in the user's state folder: who hands out an old snapshot again
//! hides what was found since.

// The snapshots of the tests of judging.
#[cfg(test)]
#[path = "../../judging/src/made.rs"]
pub(crate) mod made;
mod remote;
mod trust;
pub mod update;

use std::fs::{self, File};
use std::io;
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use attest::signature::{PublicKey, SignatureError};
use cli_kit::{Exit, Explained};
use rustix::fs::{Advice, fadvise};
use vuln::snapshot::{Opened, ReadAt, SnapshotError, Table};

pub use trust::{Folders, trusted_keys};

/// A snapshot in a file, signed by a key that the user trusts.
pub type Snapshot = vuln::snapshot::Snapshot<FileAt>;

/// Older snapshots bring a warning.
pub const WARN_AGE: i64 = 7 * DAY;
/// Older snapshots are refused, unless told.
pub const MAX_AGE: i64 = 30 * DAY;
const DAY: i64 = 86_400;

/// A file that is read by position.
#[derive(Debug)]
pub struct FileAt(File);

impl ReadAt for FileAt {
    fn size(&self) -> io::Result<u64> {
        self.0.metadata().map(|m| m.len())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn will_read(&self, offset: u64, len: u64) {
        // Advice: where it cannot be followed, reading is slower.
        let _ = fadvise(&self.0, offset, NonZeroU64::new(len), Advice::WillNeed);
    }
}

/// How a snapshot is to be opened.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The file; that of the data folder where none is named.
    pub file: Option<PathBuf>,
    /// Files with public keys; those of the configuration folders where none is named.
    pub trust: Vec<PathBuf>,
    /// Take one that is older than [`MAX_AGE`].
    pub allow_stale: bool,
    /// Take one with a lower serial than one that was seen before.
    pub allow_rollback: bool,
}

/// Why a snapshot is not used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No file was named, and none is where it would be sought.
    #[error("open a snapshot: none is named, and {} is not there", .0.display())]
    None(PathBuf),
    /// The file cannot be opened.
    #[error("open the snapshot {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Neither `HOME` nor the variable of a folder is set.
    #[error("find the user's folders: neither HOME nor XDG_DATA_HOME, XDG_CONFIG_HOME and XDG_STATE_HOME are set")]
    NoHome,
    /// A file with keys cannot be read.
    #[error("read the public key {}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds no key.
    #[error("read the public key {}", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
        /// Why.
        source: SignatureError,
    },
    /// Nothing says whom to trust.
    #[error("check the snapshot {}: no key is trusted", path.display())]
    NobodyTrusted {
        /// The snapshot.
        path: PathBuf,
        /// The folder where keys are sought.
        folder: PathBuf,
    },
    /// Signed by somebody else.
    #[error("check the snapshot {}: it is signed by {key}, which is not trusted", path.display())]
    ForeignKey {
        /// The snapshot.
        path: PathBuf,
        /// Who is said to have signed it.
        key: PublicKey,
    },
    /// The signature does not hold.
    #[error("check the snapshot {}: its header or its signature was changed", path.display())]
    Signature {
        /// The snapshot.
        path: PathBuf,
        /// What the check said.
        source: SignatureError,
    },
    /// The format.
    #[error("use the snapshot {}", path.display())]
    Format {
        /// The snapshot.
        path: PathBuf,
        /// What is wrong with it.
        source: SnapshotError,
    },
    /// Too old to say anything.
    #[error("use the snapshot {}: it is {days} days old, and what was found since is missing", path.display())]
    Stale {
        /// The snapshot.
        path: PathBuf,
        /// Its age.
        days: i64,
    },
    /// Older than one that was seen.
    #[error("use the snapshot {}: its serial is {serial}, and {seen} of the same key was seen before", path.display())]
    Rollback {
        /// The snapshot.
        path: PathBuf,
        /// Its serial.
        serial: u64,
        /// The highest one that was seen.
        seen: u64,
    },
}

impl Explained for OpenError {
    fn exit(&self) -> Exit {
        match self {
            Self::NoHome | Self::Key { .. } | Self::NoKey { .. } | Self::NobodyTrusted { .. } => Exit::Usage,
            _ => Exit::Incomplete,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::None(_) => "--snapshot F names one; `firn-tracker export snapshot --out F` makes one".into(),
            Self::NobodyTrusted { path, folder } => format!(
                "--trust KEY.pub names the key of whoever made it ({}.pub, if you did), or put that file into {}",
                path.display(),
                folder.display()
            ),
            Self::ForeignKey { .. } => "if you know whose key that is, name its file with --trust".into(),
            Self::Stale { .. } => "get a newer one, or --allow-stale".into(),
            Self::Rollback { .. } => "somebody may be hiding what was found since; --allow-rollback takes it all the same".into(),
            Self::Format { source, .. } => match source {
                SnapshotError::Newer { .. } => "a newer firn-scan reads it".into(),
                SnapshotError::Older { .. } => "a newer firn-tracker makes one that this program reads".into(),
                SnapshotError::Truncated { .. } | SnapshotError::TooLong { .. } | SnapshotError::Changed { .. } => {
                    "it was damaged on its way: get it again".into()
                }
                _ => return None,
            },
            Self::Signature { .. } => "it was damaged on its way, or somebody changed it: get it again".into(),
            Self::NoKey { .. } => "a key is one line that begins with firn-key-1:".into(),
            Self::Open { .. } | Self::NoHome | Self::Key { .. } => return None,
        })
    }
}

/// Opens a snapshot and checks whose it is, how old it is and whether a later one was seen. Answers it with what the user should know.
/// `now` is in seconds since 1970.
pub fn open(wanted: &Wanted, folders: &Folders, now: i64) -> Result<(Snapshot, Vec<String>), OpenError> {
    let (snapshot, path) = open_unjudged(wanted, folders)?;
    let mut warnings = judge(&snapshot, path, wanted, folders, now)?;
    warnings.extend(note_seen(&snapshot, folders));
    Ok((snapshot, warnings))
}

/// Judges the age of a snapshot and its place in time; answers what the user should know.
fn judge<S: ReadAt>(
    snapshot: &vuln::snapshot::Snapshot<S>,
    path: PathBuf,
    wanted: &Wanted,
    folders: &Folders,
    now: i64,
) -> Result<Vec<String>, OpenError> {
    let mut warnings = Vec::new();
    let header = snapshot.header();
    let age = now.saturating_sub(header.created);
    let days = age / DAY;
    if age > MAX_AGE && !wanted.allow_stale {
        return Err(OpenError::Stale { path, days });
    }
    if age > WARN_AGE {
        warnings.push(format!("the snapshot is {days} days old: what was found since is missing"));
    } else if age < -DAY {
        warnings.push("the snapshot was made in the future: the clock of this machine, or of the one that made it, is wrong".into());
    }
    if header.rules != vuln::matching::rules_digest() {
        warnings.push(format!(
            "the snapshot was made by another version of the matcher ({}): what that one finds may be missing here",
            header.producer
        ));
    }
    if let Some(seen) = read_seen(&folders.seen(snapshot.key())).filter(|seen| header.serial < *seen) {
        if !wanted.allow_rollback {
            return Err(OpenError::Rollback {
                path,
                serial: header.serial,
                seen,
            });
        }
        warnings.push(format!("the snapshot is an old one: serial {seen} of the same key was seen before"));
    }
    Ok(warnings)
}

/// Notes that a snapshot is in use here, so that no older one is taken for current; answers what the user should know. Only of one that is
/// here whole: an update that fails must leave the one before it usable.
fn note_seen<S: ReadAt>(snapshot: &vuln::snapshot::Snapshot<S>, folders: &Folders) -> Option<String> {
    let (file, serial) = (folders.seen(snapshot.key()), snapshot.header().serial);
    if read_seen(&file).is_some_and(|seen| seen >= serial) {
        return None;
    }
    write_seen(&file, serial).err().map(|error| {
        format!(
            "that this snapshot was seen could not be noted in {} ({error}): an older one would not be noticed",
            file.display()
        )
    })
}

/// Opens a snapshot and checks its signature, whatever its age.
pub fn open_unjudged(wanted: &Wanted, folders: &Folders) -> Result<(Snapshot, PathBuf), OpenError> {
    let path = match &wanted.file {
        Some(path) => path.clone(),
        None => Some(folders.snapshot())
            .filter(|path| path.exists())
            .ok_or_else(|| OpenError::None(folders.snapshot()))?,
    };
    let file = File::open(&path).map_err(|source| OpenError::Open {
        path: path.clone(),
        source,
    })?;
    let snapshot = believe(FileAt(file), &path, &wanted.trust, folders)?;
    Ok((snapshot, path))
}

/// Reads the beginning of a snapshot and checks whose it is.
fn believe<S: ReadAt>(source: S, path: &Path, trust: &[PathBuf], folders: &Folders) -> Result<vuln::snapshot::Snapshot<S>, OpenError> {
    let path = path.to_owned();
    let format = |source| OpenError::Format {
        path: path.clone(),
        source,
    };
    let opened = Opened::read(source).map_err(format)?;
    let key = PublicKey::from_bytes(*opened.key());
    let trusted = trusted_keys(trust, folders)?;
    if trusted.is_empty() {
        return Err(OpenError::NobodyTrusted {
            path,
            folder: folders.keys(),
        });
    }
    if !trusted.contains(&key) {
        return Err(OpenError::ForeignKey { path, key });
    }
    key.verify(opened.signed(), opened.signature())
        .map_err(|source| OpenError::Signature {
            path: path.clone(),
            source,
        })?;
    opened.trusted().map_err(format)
}

/// Reads and checks every block; answers each table with its entries.
pub fn check(snapshot: &Snapshot, path: &Path) -> Result<Vec<(Table, u64)>, OpenError> {
    let format = |source| OpenError::Format {
        path: path.to_owned(),
        source,
    };
    Table::ALL
        .iter()
        .map(|table| Ok((*table, snapshot.check(*table).map_err(format)?)))
        .collect()
}

/// The highest serial that was seen; a file that cannot be read, or holds something else, tells nothing.
fn read_seen(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn write_seen(path: &Path, serial: u64) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // Written beside and moved: two scans at a time leave one of both serials, never half a number.
    let beside = path.with_extension(format!("{}.part", std::process::id()));
    fs::write(&beside, format!("{serial}\n"))?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests;
