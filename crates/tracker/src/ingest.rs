//! Takes files of the sources into the store.
//!
//! Everything foreign is bounded and read as a stream; what cannot be read is a problem beside the rest, never the end of it. A file
//! that was taken is known by its digest and not read again; a run that was killed finds what it stored before and goes on.

pub mod archive;
pub mod bounds;
pub mod compression;
pub mod lists;
pub mod nixpkgs;
pub mod open;
pub mod pipeline;
pub mod plan;
pub mod records;

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use cli_kit::{Exit, Explained};
use sha2::{Digest as _, Sha256};
use vuln::advisory::Source;
use vuln::problem::Problem;

use crate::config::now;
use crate::document::Digest;
use crate::feeds::ListError;
use crate::fetch::FetchError;
use crate::progress::{Phase, Progress};
use crate::store::taking::{Incoming, TakenFile};
use crate::store::{Store, StoreError};
use pipeline::PipelineError;
use plan::{Plan, Unit};
use records::{ReadError, chain};

/// The setting that says that the database holds the sample set.
pub const SAMPLE: &str = "sample";

/// Where things go and who is told.
#[derive(Clone, Copy)]
pub struct Ingest<'a> {
    /// The database.
    pub store: &'a dyn Store,
    /// Shown to people.
    pub progress: &'a Progress,
    /// Whether this is the sample set, which everything real replaces.
    pub is_sample: bool,
}

/// What taking a source did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Files that were taken.
    pub files: u64,
    /// Files that had been taken before.
    pub known: u64,
    /// Records or packages seen.
    pub seen: u64,
    /// Of these new or changed.
    pub changed: u64,
    /// Of these older than what we have.
    pub older: u64,
    /// Things that were wrong.
    pub problems: u64,
    /// Files that could not be taken to their end, and why.
    pub failures: Vec<String>,
    /// How long a server asks to be left alone.
    pub wait: Option<Duration>,
}

impl Report {
    /// Whether there was nothing to take.
    pub fn is_nothing_new(&self) -> bool {
        self.files == 0 && self.failures.is_empty()
    }

    /// Both together.
    pub fn merge(&mut self, other: Report) {
        self.files += other.files;
        self.known += other.known;
        self.seen += other.seen;
        self.changed += other.changed;
        self.older += other.older;
        self.problems += other.problems;
        self.failures.extend(other.failures);
        self.wait = self.wait.max(other.wait);
    }
}

/// Why a source could not be taken at all.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The path.
    #[error("read {path}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A folder without anything that the source could be.
    #[error("find {wanted} in {path}")]
    NoFiles {
        /// The folder.
        path: String,
        /// What was looked for.
        wanted: &'static str,
    },
    /// A package set needs a name.
    #[error("name the channel of {path}")]
    NoChannel {
        /// Which.
        path: String,
    },
    /// Several package sets, one name.
    #[error("take {count} package sets from {path} into one channel")]
    ManyChannels {
        /// The folder.
        path: String,
        /// How many.
        count: usize,
    },
    /// A name that cannot be part of an address.
    #[error("use {name:?} as the name of a channel")]
    ChannelName {
        /// As given.
        name: String,
    },
    /// The files of a server.
    #[error("find the files of {feed}")]
    List {
        /// The feed.
        feed: &'static str,
        /// Why.
        source: Box<ListError>,
    },
    /// Something of a server that is no file of a feed.
    #[error("ask what is new")]
    Fetch(#[source] Box<FetchError>),
    /// The store.
    #[error("store what was read")]
    Store(#[source] StoreError),
}

impl Explained for IngestError {
    fn exit(&self) -> Exit {
        match self {
            Self::NoChannel { .. } | Self::ManyChannels { .. } | Self::ChannelName { .. } | Self::NoFiles { .. } => Exit::Usage,
            Self::Read { .. } | Self::List { .. } | Self::Fetch(_) | Self::Store(_) => Exit::Incomplete,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoChannel { .. } => Some("add --channel NAME, as in --channel nixos-unstable".into()),
            Self::ManyChannels { .. } => Some("leave out --channel: each folder is a channel named like the folder".into()),
            Self::ChannelName { .. } => Some("letters, digits, '.', '_' and '-' make a name".into()),
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("give a file, a folder of files, or a URL".into())
            }
            _ => None,
        }
    }
}

impl Ingest<'_> {
    /// Takes records from a file or a folder. Of files that fail, what could be read is taken and the report says so.
    pub fn records(self, source: Source, path: &Path) -> Result<Report, IngestError> {
        self.begins(source.name())?;
        let read = |e| IngestError::Read {
            path: path.display().to_string(),
            source: e,
        };
        let Plan { units, refused } = plan::plan(source, path)
            .map_err(read)
            .inspect_err(|e| self.failed(source.name(), &chain(e)))?;
        if units.is_empty() {
            let wanted = match source {
                Source::Cve => "CVE records (*.zip, *.jsonl, *.json)",
                Source::Nvd => "NVD feeds (*.json.gz, *.json)",
                Source::Osv => "OSV records (all.zip, *.json)",
            };
            return Err(IngestError::NoFiles {
                path: path.display().to_string(),
                wanted,
            });
        }
        let mut report = Report::default();
        report.problems += self.refuse(source, &refused)?;
        for unit in &units {
            report.merge(self.unit(source, unit, None)?);
        }
        self.ends(source.name(), &report)?;
        Ok(report)
    }

    /// Takes one file of records; `etag` is what its server calls this version of it.
    pub fn unit(self, source: Source, unit: &Unit, etag: Option<String>) -> Result<Report, IngestError> {
        let name = source.name();
        let (sha256, size) = match unit_digest(unit) {
            Ok(found) => found,
            Err(e) => return Ok(self.unit_failed(unit, format!("read {}: {e}", unit.path.display()))),
        };
        if self.store.was_taken(name, sha256).map_err(IngestError::Store)? {
            return Ok(Report {
                known: 1,
                ..Report::default()
            });
        }
        self.make_room().map_err(IngestError::Store)?;
        self.progress.begin(Phase::Ingesting, &unit.url, None);
        self.store.forget_problems(name, &unit.url).map_err(IngestError::Store)?;
        let mut date = None;
        let (counts, result) = pipeline::run(self.store, self.progress, source, |sink| {
            date = records::read(source, unit, sink)?;
            Ok::<(), ReadError>(())
        });
        let mut report = Report {
            seen: counts.seen,
            changed: counts.batch.changed,
            older: counts.batch.older,
            problems: counts.batch.problems,
            ..Report::default()
        };
        match result {
            Ok(()) => {}
            Err(PipelineError::Store(e)) => {
                self.progress.abandon();
                return Err(IngestError::Store(e));
            }
            Err(PipelineError::Read(e)) => {
                report.merge(self.unit_failed(unit, chain(&e)));
                return Ok(report);
            }
        }
        // A file of nothing but problems is not taken: it is the wrong file, or a damaged one.
        if let Some(first) = counts.first_problem.filter(|_| counts.unreadable == counts.seen) {
            let why = format!("find any {name} record in {}: {first}", unit.path.display());
            report.merge(self.unit_failed(unit, why));
            return Ok(report);
        }
        report.files = 1;
        let taken = TakenFile {
            source: name.to_owned(),
            url: unit.url.clone(),
            sha256,
            size,
            data_date: date.or(counts.newest),
            etag,
            records: report.seen,
            changed: report.changed,
            problems: report.problems,
            took_ms: Some(self.progress.elapsed_ms()),
        };
        self.store.file_taken(&taken, now()).map_err(IngestError::Store)?;
        self.progress.finish();
        Ok(report)
    }

    fn unit_failed(self, unit: &Unit, why: String) -> Report {
        self.progress.abandon();
        self.progress.say(&format!("{}: {why}", unit.url));
        Report {
            failures: vec![why],
            ..Report::default()
        }
    }

    /// Notes what a folder holds that is not taken.
    fn refuse(self, source: Source, refused: &[(std::path::PathBuf, String)]) -> Result<u64, IngestError> {
        let batch: Vec<Incoming> = refused
            .iter()
            .map(|(path, why)| Incoming::Refused {
                source: source.name(),
                key: path.display().to_string(),
                problem: Problem::new("", why.clone()),
            })
            .collect();
        if batch.is_empty() {
            return Ok(0);
        }
        Ok(self.store.take(&batch, now()).map_err(IngestError::Store)?.problems)
    }

    /// Empties a database that holds the sample set, before anything real comes in.
    fn make_room(self) -> Result<(), StoreError> {
        if !self.is_sample && self.store.setting(SAMPLE)?.is_some() {
            self.store.clear()?;
        }
        Ok(())
    }

    /// Notes that a source is looked at.
    pub fn begins(self, name: &str) -> Result<(), IngestError> {
        self.store.source_begins(name, now()).map_err(IngestError::Store)
    }

    /// Notes how looking at a source ended.
    pub fn ends(self, name: &str, report: &Report) -> Result<(), IngestError> {
        let noted = match report.failures.first() {
            None => self.store.source_succeeded(name, now()),
            Some(why) => self.store.source_failed(name, now(), why),
        };
        noted.map_err(IngestError::Store)
    }

    /// Notes that a source failed; that the note cannot be made adds nothing to an error that is under way.
    pub fn failed(self, name: &str, why: &str) {
        let _ = self.store.source_failed(name, now(), why);
    }
}

/// Of a file its bytes; of a folder the names, lengths and times of its documents.
fn unit_digest(unit: &Unit) -> io::Result<(Digest, u64)> {
    let Some(documents) = &unit.documents else {
        return Digest::of_reader(&mut File::open(&unit.path)?);
    };
    let (mut hash, mut size) = (Sha256::new(), 0);
    for path in documents {
        let meta = std::fs::symlink_metadata(path)?;
        hash.update(path.strip_prefix(&unit.path).unwrap_or(path).as_os_str().as_encoded_bytes());
        hash.update([0]);
        hash.update(meta.len().to_le_bytes());
        hash.update(meta.mtime().to_le_bytes());
        hash.update(meta.mtime_nsec().to_le_bytes());
        size += meta.len();
    }
    Ok((Digest(hash.finalize().into()), size))
}
