//! `snapshot update`: the newest snapshot of a server takes the place of the one that is here. Blocks that are here already are not
//! fetched again. Whose it is, its age and its serial are judged before any block is fetched, and every byte of the new file is checked
//! before it takes the place of the old one: whatever fails, the old one stays.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use cli_kit::{Exit, Explained};
use fetch::FetchError;
use vuln::snapshot::{BlockPlace, ReadAt, SnapshotError};

use super::remote::{self, Found, LARGEST, Remote};
use super::{FileAt, Folders, OpenError, Snapshot, Wanted, believe, judge, note_seen, open_unjudged};

/// Blocks that lie so close together are fetched in one range.
const GAP: u64 = 32 << 10;
/// Bytes of one range.
const RANGE: u64 = 8 << 20;

/// What an update did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updated {
    /// Serial of the snapshot that is here now.
    pub serial: u64,
    /// Whether it is another one than before.
    pub is_new: bool,
    /// Bytes that were fetched.
    pub fetched: u64,
    /// Bytes of the file.
    pub size: u64,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Why the old snapshot stays.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The server.
    #[error("update the snapshot")]
    Remote(#[source] FetchError),
    /// What the server has is not to be used.
    #[error("take the snapshot of the server")]
    Open(#[source] OpenError),
    /// It was signed, and is broken.
    #[error("read the snapshot of the server")]
    Format(#[source] SnapshotError),
    /// Bytes are not those that were signed.
    #[error("check what was fetched from {url}: a block at byte {offset} is not the one that was signed")]
    Changed {
        /// Where it came from.
        url: String,
        /// In the file.
        offset: u64,
    },
    /// The disk.
    #[error("write {}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else is at it.
    #[error("update {}: another update is under way", .0.display())]
    Busy(PathBuf),
}

impl Explained for UpdateError {
    fn exit(&self) -> Exit {
        match self {
            Self::Open(error) => error.exit(),
            Self::Remote(error) => error.exit(),
            _ => Exit::Incomplete,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Open(error) => error.hint(),
            Self::Changed { .. } => Some("the snapshot that was here is still there; what was fetched is kept for the next try".into()),
            Self::Remote(FetchError::Status { status: 404, .. }) => {
                Some("a tracker has it at /snapshot/firn.snapshot once it has matched; --from names the file itself".into())
            }
            Self::Remote(FetchError::Status { status: 503, .. }) => Some("the tracker has made none yet: try again later".into()),
            Self::Remote(error) => error.hint(),
            _ => None,
        }
    }
}

/// Fetches what is new. `wanted` names the file that is to be replaced. `now` is in seconds since 1970.
pub fn update(url: &str, wanted: &Wanted, folders: &Folders, now: i64) -> Result<Updated, UpdateError> {
    let path = wanted.file.clone().unwrap_or_else(|| folders.snapshot());
    let failed = |source| UpdateError::Write {
        path: path.clone(),
        source,
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    // One that cannot be read any more, or is not trusted, is as good as none.
    let old = open_unjudged(wanted, folders).ok().map(|(snapshot, _)| snapshot);
    let tag = old.as_ref().and_then(|_| fs::read_to_string(beside(&path, "tag")).ok());
    let part = beside(&path, "part");
    let found = Remote::find(url, tag.as_deref().map(str::trim)).map_err(UpdateError::Remote)?;
    let (remote, tag) = match found {
        Found::Same => {
            let Some(old) = old else { return Err(nonsense(url)) };
            let warnings = judge(&old, path, wanted, folders, now).map_err(UpdateError::Open)?;
            return Ok(same(&old, 0, warnings));
        }
        Found::Whole(mut body, tag) => {
            let target = Part::open(&part)?;
            target.file.set_len(0).map_err(failed)?;
            let size = io::copy(&mut body, &mut &target.file).map_err(|source| {
                UpdateError::Remote(FetchError::Copy {
                    url: url.to_owned(),
                    source,
                })
            })?;
            let (serial, warnings) = target.settle(url, &path, wanted, folders, now, tag.as_deref())?;
            return Ok(Updated {
                serial,
                is_new: old.is_none_or(|old| old.header().serial != serial),
                fetched: size,
                size,
                warnings,
            });
        }
        Found::Ranges(remote) => {
            let tag = remote.tag.clone();
            (remote, tag)
        }
    };
    let name = PathBuf::from(url);
    let new = believe(remote, &name, &wanted.trust, folders).map_err(UpdateError::Open)?;
    let warnings = judge(&new, name, wanted, folders, now).map_err(UpdateError::Open)?;
    let head = new.head().map_err(UpdateError::Format)?;
    let fetched_head = head.len() as u64;
    if let Some(old) = old.as_ref().filter(|old| old.root() == new.root()) {
        return Ok(same(old, fetched_head, warnings));
    }
    let target = Part::open(&part)?;
    target.file.set_len(new.size()).map_err(failed)?;
    target.file.write_all_at(&head, 0).map_err(failed)?;
    let missing = target.fill(&new, old.as_ref()).map_err(failed)?;
    let mut fetched = fetched_head;
    for range in ranges(&missing) {
        let (from, to) = (range.first().map_or(0, |b| b.offset), range.last().map_or(0, |b| b.offset + b.size));
        let mut bytes = vec![0; usize::try_from(to - from).unwrap_or(0)];
        new.bytes(from, &mut bytes).map_err(UpdateError::Format)?;
        fetched += to - from;
        for block in range {
            let start = usize::try_from(block.offset - from).unwrap_or(usize::MAX);
            let own = bytes.get(start..).and_then(|rest| rest.get(..usize::try_from(block.size).ok()?));
            match own.filter(|own| block.holds(own)) {
                Some(own) => target.file.write_all_at(own, block.offset).map_err(failed)?,
                None => {
                    return Err(UpdateError::Changed {
                        url: url.to_owned(),
                        offset: block.offset,
                    });
                }
            }
        }
    }
    let size = new.size();
    drop(new);
    let (serial, mut more) = target.settle(url, &path, wanted, folders, now, tag.as_deref())?;
    more.extend(warnings);
    more.dedup();
    Ok(Updated {
        serial,
        is_new: true,
        fetched,
        size,
        warnings: more,
    })
}

fn same(old: &Snapshot, fetched: u64, warnings: Vec<String>) -> Updated {
    Updated {
        serial: old.header().serial,
        is_new: false,
        fetched,
        size: old.size(),
        warnings,
    }
}

fn nonsense(url: &str) -> UpdateError {
    UpdateError::Remote(remote::nonsense(url, "it says that a file is the same which it was never told of"))
}

/// Neighbours together.
fn ranges(missing: &[BlockPlace]) -> Vec<&[BlockPlace]> {
    let close = |a: &BlockPlace, b: &BlockPlace| b.offset >= a.offset + a.size && b.offset - (a.offset + a.size) <= GAP;
    let mut ranges = Vec::new();
    for run in missing.chunk_by(close) {
        let mut rest = run;
        while let Some(first) = rest.first() {
            let within = |b: &&BlockPlace| b.offset + b.size - first.offset <= RANGE;
            let count = rest.iter().take_while(within).count().max(1);
            let (range, others) = rest.split_at(count.min(rest.len()));
            ranges.push(range);
            rest = others;
        }
    }
    ranges
}

/// The new file in the making. One that was left by an update that was killed is taken up again.
struct Part {
    path: PathBuf,
    file: File,
}

impl Part {
    fn open(path: &Path) -> Result<Self, UpdateError> {
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let file = open.map_err(|source| UpdateError::Write { path: path.into(), source })?;
        file.try_lock().map_err(|_| UpdateError::Busy(path.into()))?;
        Ok(Self { path: path.into(), file })
    }

    /// Puts in what is here already: in the old snapshot, or left by an earlier update. Answers what is missing, in the file's order.
    fn fill<S: ReadAt>(&self, new: &vuln::snapshot::Snapshot<S>, old: Option<&Snapshot>) -> io::Result<Vec<BlockPlace>> {
        let known: HashMap<[u8; 32], BlockPlace> = old
            .into_iter()
            .flat_map(|old| old.places())
            .map(|place| (place.sha256, place))
            .collect();
        let mut missing = Vec::new();
        for place in new.places() {
            let mut bytes = vec![0; usize::try_from(place.size).unwrap_or(0)];
            if self.file.read_exact_at(&mut bytes, place.offset).is_ok() && place.holds(&bytes) {
                continue;
            }
            let from = known.get(&place.sha256).zip(old);
            if from.is_some_and(|(from, old)| old.bytes(from.offset, &mut bytes).is_ok()) && place.holds(&bytes) {
                self.file.write_all_at(&bytes, place.offset)?;
            } else {
                missing.push(place);
            }
        }
        missing.sort_unstable_by_key(|place| place.offset);
        Ok(missing)
    }

    /// Checks every byte once more, and puts the file in its place.
    fn settle(
        &self,
        url: &str,
        path: &Path,
        wanted: &Wanted,
        folders: &Folders,
        now: i64,
        tag: Option<&str>,
    ) -> Result<(u64, Vec<String>), UpdateError> {
        let failed = |source| UpdateError::Write { path: path.into(), source };
        let file = File::open(&self.path).map_err(failed)?;
        let snapshot = believe(FileAt(file), Path::new(url), &wanted.trust, folders).map_err(UpdateError::Open)?;
        let mut warnings = judge(&snapshot, PathBuf::from(url), wanted, folders, now).map_err(UpdateError::Open)?;
        for place in snapshot.places() {
            let mut bytes = vec![0; usize::try_from(place.size.min(LARGEST)).unwrap_or(0)];
            snapshot.bytes(place.offset, &mut bytes).map_err(UpdateError::Format)?;
            if !place.holds(&bytes) {
                return Err(UpdateError::Changed {
                    url: url.to_owned(),
                    offset: place.offset,
                });
            }
        }
        self.file.sync_all().map_err(failed)?;
        // Without a tag the next update asks for the head; a wrong one would say that an old file is the new one.
        let tag_file = beside(path, "tag");
        match fs::remove_file(&tag_file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        fs::rename(&self.path, path).map_err(failed)?;
        warnings.extend(note_seen(&snapshot, folders));
        if let Some(tag) = tag {
            fs::write(&tag_file, tag).map_err(failed)?;
        }
        Ok((snapshot.header().serial, warnings))
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests;
