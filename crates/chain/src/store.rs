//! Where outputs are kept: one folder a key, complete or not there at all.
//!
//! ```text
//! STORE/KEY-NAME/out/...        what the step made
//! STORE/KEY-NAME/record.json    what is known about it
//! STORE/fetched/SHA256-FILE     source archives
//! STORE/failed/NAME/            the tree of a step that did not hold its pins
//! STORE/failed/NAME.log         what a step that failed said
//! STORE/work/                   what is being made
//! STORE/locks/                  who makes what
//! ```

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::files;
use crate::step::is_plain;
use crate::tree::{self, TreeError};

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file cannot be read or written.
    #[error("use the store at {path}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody else could put things into it.
    #[error("use the store at {path}: others can write there")]
    Shared {
        /// Where.
        path: PathBuf,
    },
    /// A tree in it cannot be read.
    #[error("use the store")]
    Tree(#[source] TreeError),
}

/// What is known about one output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The step.
    pub step: String,
    /// Digest of everything it was made from.
    pub key: String,
    /// Digest of the output as a NAR.
    pub nar_sha256: String,
    /// Bytes of all files.
    pub bytes: u64,
    /// When it was there, in seconds after 1970-01-01 00:00 UTC; 0 in records that do not say.
    #[serde(default)]
    pub finished: u64,
    /// How long it took.
    pub seconds: f64,
    /// How long its programs ran on processors, together.
    pub cpu_seconds: f64,
    /// Memory of its largest process at its largest, in bytes; 0 if it ran none.
    pub max_rss: u64,
    /// Bytes on disk of all it had made when its programs had ended, before what it worked with was removed; 0 in records that do not say.
    #[serde(default)]
    pub disk: u64,
    /// Its declared outputs.
    pub outputs: Vec<Made>,
}

/// A declared output as it came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Its path in the output.
    pub path: String,
    /// Digest of the file, or of the folder's NAR.
    pub sha256: String,
    /// Bytes of all its files.
    pub bytes: u64,
}

/// The store.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// Length of the part of a key that stands in a folder's name.
const SHORT: usize = 32;

static COUNTER: AtomicU64 = AtomicU64::new(0);

impl Store {
    /// Opens the store at `root`, making it if it is not there, and clears away what killed builds left.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        for folder in ["", "fetched", "failed", "work", "locks"] {
            let path = root.join(folder);
            fs::create_dir_all(&path).map_err(|source| StoreError::Io { path, source })?;
        }
        let root = root.canonicalize().map_err(|source| StoreError::Io {
            path: root.to_owned(),
            source,
        })?;
        let store = Self { root };
        store.keep_others_out()?;
        store.sweep()?;
        Ok(store)
    }

    /// Where the output of a key is, once it is there.
    pub fn entry(&self, key: &str, step: &str) -> PathBuf {
        self.root.join(format!("{}-{step}", key.get(..SHORT).unwrap_or(key)))
    }

    /// The record of an output, if it is there and its bytes still have the digests they had. What the record says about outputs is
    /// not believed either.
    pub fn find(&self, key: &str, step: &str) -> Result<Option<Record>, StoreError> {
        let entry = self.entry(key, step);
        let Ok(text) = fs::read(entry.join("record.json")) else {
            return Ok(None);
        };
        let Ok(record) = serde_json::from_slice::<Record>(&text) else {
            return Ok(None);
        };
        let out = entry.join("out");
        let good = record.key == key && record.step == step && record.nar_sha256 == tree::nar_sha256(&out).map_err(StoreError::Tree)?;
        for made in &record.outputs {
            let now = if is_plain(&made.path) {
                tree::pin(&out.join(&made.path)).ok()
            } else {
                None
            };
            if now.as_ref() != Some(&made.sha256) {
                return Ok(None);
            }
        }
        Ok(good.then_some(record))
    }

    /// An empty folder to work in. Its lock is held as long as the value lives.
    pub fn work(&self, step: &str) -> Result<Work, StoreError> {
        let parent = self.root.join("work");
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Io { path, source }
        };
        loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let name = format!("{step}-{}-{number}", std::process::id());
            let lock_path = parent.join(format!("{name}.lock"));
            let lock = match OpenOptions::new().write(true).create_new(true).open(&lock_path) {
                // Left behind by a process of the same number, or used by one in another container.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                other => other.map_err(io(&lock_path))?,
            };
            lock.lock().map_err(io(&lock_path))?;
            // Between the two, another process may have taken it for one that nobody holds.
            let same = |there: fs::Metadata| {
                lock.metadata()
                    .is_ok_and(|own| (own.dev(), own.ino()) == (there.dev(), there.ino()))
            };
            if !fs::metadata(&lock_path).is_ok_and(same) {
                continue;
            }
            let folder = parent.join(&name);
            for part in ["", "out", "root", "src", "room"] {
                let path = folder.join(part);
                fs::create_dir_all(&path).map_err(io(&path))?;
            }
            return Ok(Work {
                folder,
                lock_path,
                _lock: lock,
            });
        }
    }

    /// Waits until nobody else makes this key.
    pub fn lock(&self, key: &str) -> Result<File, StoreError> {
        let path = self.root.join("locks").join(key);
        let lock = File::create(&path).and_then(|f| f.lock().map(|()| f));
        lock.map_err(|source| StoreError::Io { path, source })
    }

    /// Puts a finished work folder in its place, in one step: it is there with its record, or it is not there.
    pub fn commit(&self, work: Work, record: &Record) -> Result<PathBuf, StoreError> {
        let io = |path: &Path, source| StoreError::Io {
            path: path.to_owned(),
            source,
        };
        let place = work.folder.join("record.json");
        let text = serde_json::to_vec_pretty(record).map_err(|e| io(&place, e.into()))?;
        fs::write(&place, text).map_err(|e| io(&place, e))?;
        // What was made is kept, not what it was made in.
        for path in [work.src(), work.room(), work.root()] {
            let removed = files::remove(&path);
            removed.map_err(|e| io(&path, e))?;
        }
        let entry = self.entry(&record.key, &record.step);
        if entry.exists() {
            // Its bytes changed since it was made, or it would have been used.
            files::remove(&entry).map_err(|e| io(&entry, e))?;
        }
        fs::rename(&work.folder, &entry).map_err(|e| io(&entry, e))?;
        Ok(entry)
    }

    /// Keeps the output of a step that did not hold its pins, to be looked at.
    pub fn keep_failed(&self, work: Work, step: &str) -> Result<PathBuf, StoreError> {
        let place = self.root.join("failed").join(step);
        let io = |source| StoreError::Io {
            path: place.clone(),
            source,
        };
        if place.exists() {
            files::remove(&place).map_err(io)?;
        }
        fs::rename(work.folder.join("out"), &place).map_err(io)?;
        Ok(place)
    }

    /// Keeps what a step that failed said.
    pub fn keep_log(&self, log: &Path, step: &str) -> Result<PathBuf, StoreError> {
        let place = self.root.join("failed").join(format!("{step}.log"));
        let moved = fs::rename(log, &place);
        moved
            .map(|()| place.clone())
            .map_err(|source| StoreError::Io { path: place, source })
    }

    /// Where an archive is, once it was fetched.
    pub fn fetched(&self, sha256: &str, file: &str) -> PathBuf {
        self.root.join("fetched").join(format!("{sha256}-{file}"))
    }

    /// Every output of a step that is in the store, whatever it was made from.
    pub fn outputs_of(&self, step: &str) -> Vec<(PathBuf, Record)> {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        entries
            .filter_map(|e| {
                let text = fs::read(e.path().join("record.json")).ok()?;
                let record: Record = serde_json::from_slice(&text).ok()?;
                (record.step == step).then(|| (e.path(), record))
            })
            .collect()
    }

    /// The store is its owner's alone to write to. In `work`, steps leave files that nobody looked at yet, programs with set-user-id
    /// bits among them: nobody else gets there.
    fn keep_others_out(&self) -> Result<(), StoreError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Io { path, source }
        };
        let own = Path::new("/proc/self");
        let user = fs::metadata(own).map_err(io(own))?.uid();
        let data = fs::metadata(&self.root).map_err(io(&self.root))?;
        if data.uid() != user || data.mode() & 0o002 != 0 {
            return Err(StoreError::Shared { path: self.root.clone() });
        }
        let work = self.root.join("work");
        fs::set_permissions(&work, Permissions::from_mode(0o700)).map_err(io(&work))
    }

    /// Removes work folders whose makers are gone: nobody holds their locks.
    fn sweep(&self) -> Result<(), StoreError> {
        let work = self.root.join("work");
        let io = |source| StoreError::Io {
            path: work.clone(),
            source,
        };
        for entry in fs::read_dir(&work).map_err(io)?.flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|e| e != "lock") {
                continue;
            }
            if File::open(&path).is_ok_and(|f| f.try_lock().is_ok()) {
                let folder = path.with_extension("");
                if folder.exists() {
                    files::remove(&folder).map_err(io)?;
                }
                fs::remove_file(&path).map_err(io)?;
            }
        }
        Ok(())
    }
}

/// A folder that something is being made in.
#[derive(Debug)]
pub struct Work {
    folder: PathBuf,
    lock_path: PathBuf,
    _lock: File,
}

impl Work {
    /// Where the output goes.
    pub fn out(&self) -> PathBuf {
        self.folder.join("out")
    }

    /// Where the step's sources are copied to.
    pub fn src(&self) -> PathBuf {
        self.folder.join("src")
    }

    /// Where the step keeps what it needs no longer in the end.
    pub fn room(&self) -> PathBuf {
        self.folder.join("room")
    }

    /// An empty folder for the sandbox to build its root over.
    pub fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// All of it.
    pub fn all(&self) -> &Path {
        &self.folder
    }

    /// What the step's programs said.
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }
}

impl Drop for Work {
    /// Nothing is left of work that was not put in its place; what cannot be removed now is removed when the store is next opened.
    fn drop(&mut self) {
        let _ = files::remove(&self.folder);
        let _ = fs::remove_file(&self.lock_path);
    }
}
