//! Takes in what is new in a feed, from wherever it comes.

mod channels;
mod nvd;
mod osv;

pub(crate) use nvd::Head as NvdHead;
pub(crate) use osv::modified;

use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

use cli_kit::human;
use tempfile::TempDir;
use vuln::advisory::Source;

use crate::config::{self, now};
use crate::feeds::{Feed, Origin, RemoteFile};
use crate::fetch::{FetchError, Fetched, Fetcher};
use crate::ingest::lists::List;
use crate::ingest::plan::Unit;
use crate::ingest::records::chain;
use crate::ingest::{Ingest, IngestError, Report};
use crate::sample;
use crate::store::StoreError;
use crate::timestamp;

/// Where feeds come from, and the means to fetch them.
#[derive(Debug, Clone)]
pub struct Supply {
    /// Where.
    pub origin: Origin,
    fetcher: Fetcher,
    downloads: Option<PathBuf>,
}

impl Supply {
    /// As configured.
    pub fn new(config: &config::Feeds) -> Result<Self, FetchError> {
        Ok(Self {
            origin: Origin::from_config(config),
            fetcher: Fetcher::new(config)?,
            downloads: config.downloads.clone(),
        })
    }
}

/// Takes in every feed. One that fails is named in the report, keeps its old data, and does not stop the others; only the store's own
/// failure does. An empty database that no server can be reached for gets the sample set.
pub fn run(ingest: Ingest<'_>, supply: &Supply) -> Result<Report, StoreError> {
    let mut report = Report::default();
    for feed in Feed::ALL {
        report.merge(one(ingest, feed, supply)?);
    }
    if !report.failures.is_empty() {
        report.merge(sample_for_want_of_better(ingest, supply)?);
    }
    Ok(report)
}

/// Takes in one feed, as [`run`] does with each.
pub fn one(ingest: Ingest<'_>, feed: Feed, supply: &Supply) -> Result<Report, StoreError> {
    let taken = match &supply.origin {
        Origin::Folder(root) => folder(ingest, feed, root),
        Origin::Server(_) | Origin::Upstream(_) => remote(ingest, feed, supply),
    };
    match taken {
        Ok(report) => Ok(report),
        Err(IngestError::Store(e)) => Err(e),
        Err(e) => {
            let why = chain(&e);
            ingest.failed(feed.name(), &why);
            ingest.progress.say(&format!("{}: {why}; {}", feed.name(), age(ingest, feed)?));
            Ok(Report {
                failures: vec![format!("{}: {why}", feed.name())],
                wait: match &e {
                    IngestError::List { source, .. } => source.wait(),
                    IngestError::Fetch(e) => e.wait(),
                    _ => None,
                },
                ..Report::default()
            })
        }
    }
}

/// Fills an empty database with the sample set, where the upstream servers gave nothing.
pub fn sample_for_want_of_better(ingest: Ingest<'_>, supply: &Supply) -> Result<Report, StoreError> {
    let is_empty = ingest.store.mark()? == 0 && ingest.store.channel_states()?.is_empty();
    if !is_empty || !matches!(supply.origin, Origin::Upstream(_)) {
        return Ok(Report::default());
    }
    ingest
        .progress
        .say("no feed can be reached and the database is empty: taking in a small sample set instead");
    sample::take(ingest.store, ingest.progress)
}

fn folder(ingest: Ingest<'_>, feed: Feed, root: &Path) -> Result<Report, IngestError> {
    let path = root.join(feed.folder());
    if !path.exists() {
        ingest.progress.say(&format!(
            "{}: {} is not there; {}",
            feed.name(),
            path.display(),
            age(ingest, feed).map_err(IngestError::Store)?
        ));
        return Ok(Report::default());
    }
    take(ingest, feed, &path)
}

fn take(ingest: Ingest<'_>, feed: Feed, path: &Path) -> Result<Report, IngestError> {
    match feed {
        Feed::Records(source) => ingest.records(source, path),
        Feed::Kev => ingest.list(List::Kev, path, None),
        Feed::Epss => ingest.list(List::Epss, path, None),
        Feed::Nixpkgs => ingest.nixpkgs(path, None, None),
    }
}

/// How old the data is that a feed leaves in place.
fn age(ingest: Ingest<'_>, feed: Feed) -> Result<String, StoreError> {
    let date = ingest.store.data_date(feed.name())?;
    Ok(match date.as_deref().and_then(timestamp::unix) {
        Some(unix) => {
            let age = std::time::Duration::from_secs(u64::try_from(now() - unix).unwrap_or(0));
            format!("what we have is {} old", human::duration(age))
        }
        None => "nothing that states its date was taken before".to_owned(),
    })
}

fn remote(ingest: Ingest<'_>, feed: Feed, supply: &Supply) -> Result<Report, IngestError> {
    let bench = Bench::new(supply.downloads.as_deref(), feed)?;
    let remote = Remote {
        ingest,
        feed,
        fetcher: &supply.fetcher,
        dir: bench.path(),
    };
    let listed = || {
        supply
            .origin
            .files(feed, &supply.fetcher, ingest.store)
            .map_err(|e| IngestError::List {
                feed: feed.name(),
                source: Box::new(e),
            })
    };
    match (feed, &supply.origin) {
        (Feed::Records(Source::Nvd), Origin::Upstream(upstream)) => nvd::follow(&remote, upstream, listed),
        (Feed::Records(Source::Osv), Origin::Upstream(upstream)) => osv::follow(&remote, upstream),
        (Feed::Records(source), _) => remote.records(source, listed()?),
        (Feed::Kev, _) => remote.list(List::Kev, listed()?),
        (Feed::Epss, _) => remote.list(List::Epss, listed()?),
        (Feed::Nixpkgs, _) => channels::follow(&remote, listed()?),
    }
}

/// A folder for the files of one feed on their way. It outlives a run that is killed, so that the next one goes on; while another process
/// works in it, a temporary one does.
enum Bench {
    Kept {
        path: PathBuf,
        /// Locked while it is open.
        _lock: File,
    },
    Temporary(TempDir),
}

impl Bench {
    fn new(downloads: Option<&Path>, feed: Feed) -> Result<Self, IngestError> {
        if let Some(root) = downloads {
            let path = root.join(feed.folder());
            let made = std::fs::create_dir_all(&path).and_then(|()| File::create(root.join(format!("{}.lock", feed.folder()))));
            let lock = made.map_err(|source| IngestError::Read {
                path: path.display().to_string(),
                source,
            })?;
            if lock.try_lock().is_ok() {
                return Ok(Self::Kept { path, _lock: lock });
            }
        }
        let dir = tempfile::tempdir().map_err(|source| IngestError::Read {
            path: "a temporary folder".into(),
            source,
        })?;
        Ok(Self::Temporary(dir))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept { path, .. } => path,
            Self::Temporary(dir) => dir.path(),
        }
    }
}

/// Fetches files of one feed into a folder and takes them from there.
struct Remote<'a> {
    ingest: Ingest<'a>,
    feed: Feed,
    fetcher: &'a Fetcher,
    dir: &'a Path,
}

/// What became of a file.
enum Got {
    File { path: PathBuf, tag: Option<String> },
    Same,
    Missing,
    Failed(Trouble),
}

/// Why a file did not come.
struct Trouble {
    why: String,
    /// The server does not answer, or asks to be left alone: its other files need not be asked for.
    is_final: bool,
    wait: Option<std::time::Duration>,
}

impl Remote<'_> {
    fn records(&self, source: Source, files: Vec<RemoteFile>) -> Result<Report, IngestError> {
        self.ingest.begins(source.name())?;
        let (report, _) = self.collections(source, files)?;
        self.ingest.ends(source.name(), &report)?;
        Ok(report)
    }

    /// Takes files of records one after the other. Whether the server need not be asked for more.
    fn collections(&self, source: Source, files: Vec<RemoteFile>) -> Result<(Report, bool), IngestError> {
        let mut report = Report::default();
        for file in files {
            match self.get(&file, source.name(), &file.name)? {
                Got::File { path, tag } => {
                    let date = file
                        .name
                        .rsplit('/')
                        .next()
                        .and_then(|name| name.get(..10))
                        .filter(|d| timestamp::unix(d).is_some());
                    let unit = Unit {
                        date: date.map(str::to_owned),
                        url: file.name,
                        path: path.clone(),
                        documents: None,
                    };
                    report.merge(self.ingest.unit(source, &unit, tag)?);
                    remove(&path)?;
                }
                other => {
                    if count(&mut report, other) {
                        return Ok((report, true));
                    }
                }
            }
        }
        Ok((report, false))
    }

    fn list(&self, list: List, mut files: Vec<RemoteFile>) -> Result<Report, IngestError> {
        // Of several days the last one holds all that is asked.
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let Some(file) = files.pop() else { return Ok(Report::default()) };
        match self.get(&file, list.name(), &file.name)? {
            Got::File { path, tag } => {
                let report = self.ingest.list(list, &path, tag);
                remove(&path)?;
                report
            }
            other => {
                self.ingest.begins(list.name())?;
                let mut report = Report::default();
                count(&mut report, other);
                self.ingest.ends(list.name(), &report)?;
                Ok(report)
            }
        }
    }

    /// Fetches one file, unless it is the one that was taken as `taken` before.
    fn get(&self, file: &RemoteFile, source: &str, taken: &str) -> Result<Got, IngestError> {
        let tag = self
            .ingest
            .store
            .taken_file(source, taken)
            .map_err(IngestError::Store)?
            .and_then(|taken| taken.etag);
        // Names come from servers: one that leads out of our folder is none.
        if Path::new(&file.name).components().any(|part| !matches!(part, Component::Normal(_))) {
            return Ok(Got::Failed(Trouble {
                why: format!("take {:?} for the name of a file", file.name),
                is_final: false,
                wait: None,
            }));
        }
        let path = self.dir.join(&file.name);
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        made.map_err(|source| IngestError::Read {
            path: path.display().to_string(),
            source,
        })?;
        match self.fetcher.file(&file.url, tag.as_deref(), &path, self.ingest.progress) {
            Ok(Fetched::New { tag }) => Ok(Got::File { path, tag }),
            Ok(Fetched::Same) => Ok(Got::Same),
            Err(e) if file.is_optional && e.is_missing() => Ok(Got::Missing),
            Err(e) => self.trouble(&e).map(Got::Failed),
        }
    }

    /// Says that something did not come.
    fn trouble(&self, e: &FetchError) -> Result<Trouble, IngestError> {
        let why = chain(e);
        let age = age(self.ingest, self.feed).map_err(IngestError::Store)?;
        self.ingest.progress.say(&format!("{}: {why}; {age}", self.feed.name()));
        Ok(Trouble {
            why,
            is_final: e.is_unreachable() || e.wait().is_some(),
            wait: e.wait(),
        })
    }
}

/// Counts what became of a file. Whether the others need not be asked for.
fn count(report: &mut Report, got: Got) -> bool {
    match got {
        Got::Same => report.known += 1,
        Got::Failed(trouble) => {
            report.failures.push(trouble.why);
            report.wait = report.wait.max(trouble.wait);
            return trouble.is_final;
        }
        Got::File { .. } | Got::Missing => {}
    }
    false
}

fn remove(path: &Path) -> Result<(), IngestError> {
    // Hundreds of megabytes that were taken need not lie there until the last file came.
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(IngestError::Read {
            path: path.display().to_string(),
            source,
        }),
        _ => Ok(()),
    }
}
