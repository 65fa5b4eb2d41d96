//! Takes in what is new in all feeds, from wherever they come.

use std::io;
use std::path::{Component, Path, PathBuf};

use cli_kit::human;
use vuln::advisory::Source;

use crate::config::now;
use crate::feeds::{Feed, Origin, RemoteFile};
use crate::fetch::{Fetched, Fetcher};
use crate::ingest::lists::List;
use crate::ingest::plan::Unit;
use crate::ingest::records::chain;
use crate::ingest::{Ingest, IngestError, Report};
use crate::sample;
use crate::store::StoreError;
use crate::timestamp;

/// Takes in every feed. One that fails is named in the report, keeps its old data, and does not stop the others; only the store's own
/// failure does. An empty database that no server can be reached for gets the sample set.
pub fn run(ingest: Ingest<'_>, origin: &Origin) -> Result<Report, StoreError> {
    let fetcher = Fetcher::default();
    let mut report = Report::default();
    for feed in Feed::ALL {
        let taken = match origin {
            Origin::Folder(root) => folder(ingest, feed, root),
            Origin::Server(_) | Origin::Upstream(_) => remote(ingest, feed, origin, &fetcher),
        };
        match taken {
            Ok(taken) => report.merge(taken),
            Err(IngestError::Store(e)) => return Err(e),
            Err(e) => {
                let why = chain(&e);
                ingest.failed(feed.name(), &why);
                ingest.progress.say(&format!("{}: {why}; {}", feed.name(), age(ingest, feed)?));
                report.failures.push(format!("{}: {why}", feed.name()));
            }
        }
    }
    let is_empty = ingest.store.mark()? == 0 && ingest.store.channel_states()?.is_empty();
    if is_empty && matches!(origin, Origin::Upstream(_)) && !report.failures.is_empty() {
        ingest
            .progress
            .say("no feed can be reached and the database is empty: taking in a small sample set instead");
        report.merge(sample::take(ingest.store, ingest.progress)?);
    }
    Ok(report)
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

fn remote(ingest: Ingest<'_>, feed: Feed, origin: &Origin, fetcher: &Fetcher) -> Result<Report, IngestError> {
    let listed = origin.files(feed, fetcher, ingest.store).map_err(|e| IngestError::List {
        feed: feed.name(),
        source: Box::new(e),
    })?;
    let dir = tempfile::tempdir().map_err(|source| IngestError::Read {
        path: "a temporary folder".into(),
        source,
    })?;
    let remote = Remote {
        ingest,
        feed,
        fetcher,
        dir: dir.path(),
    };
    match feed {
        Feed::Records(source) => remote.records(source, listed),
        Feed::Kev => remote.list(List::Kev, listed),
        Feed::Epss => remote.list(List::Epss, listed),
        Feed::Nixpkgs => remote.channels(listed),
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
    File {
        path: PathBuf,
        tag: Option<String>,
    },
    Same,
    Missing,
    Failed(String),
    /// The server does not answer: its other files need not be asked for.
    Unreachable(String),
}

impl Remote<'_> {
    fn records(&self, source: Source, files: Vec<RemoteFile>) -> Result<Report, IngestError> {
        self.ingest.begins(source.name())?;
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
                Got::Unreachable(why) => {
                    report.failures.push(why);
                    break;
                }
                other => count(&mut report, other),
            }
        }
        self.ingest.ends(source.name(), &report)?;
        Ok(report)
    }

    fn list(&self, list: List, mut files: Vec<RemoteFile>) -> Result<Report, IngestError> {
        // Of several days the last one holds all that is asked.
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let Some(file) = files.pop() else { return Ok(Report::default()) };
        match self.get(&file, list.name(), &file.name)? {
            Got::File { path, tag } => self.ingest.list(list, &path, tag),
            other => {
                self.ingest.begins(list.name())?;
                let mut report = Report::default();
                count(&mut report, other);
                self.ingest.ends(list.name(), &report)?;
                Ok(report)
            }
        }
    }

    /// A channel is taken where its list changed; the small files beside it come with it.
    fn channels(&self, files: Vec<RemoteFile>) -> Result<Report, IngestError> {
        let mut report = Report::default();
        let channel = |file: &RemoteFile| file.name.split('/').nth(1).unwrap_or_default().to_owned();
        let is_list = |file: &RemoteFile| file.name.rsplit('/').next().is_some_and(|name| name.starts_with("packages.json"));
        for file in files.iter().filter(|file| is_list(file)) {
            let name = channel(file);
            let source = format!("nixpkgs/{name}");
            match self.get(file, &source, &format!("channels/{name}"))? {
                Got::File { tag, .. } => {
                    for beside in files.iter().filter(|other| channel(other) == name && !is_list(other)) {
                        if let Got::Failed(why) | Got::Unreachable(why) = self.get(beside, &source, "")? {
                            report.failures.push(why);
                        }
                    }
                    report.merge(self.ingest.nixpkgs(&self.dir.join("channels").join(&name), Some(&name), tag)?);
                }
                Got::Missing => {}
                Got::Unreachable(why) => {
                    report.failures.push(why);
                    break;
                }
                other => {
                    self.ingest.begins(&source)?;
                    let mut one = Report::default();
                    count(&mut one, other);
                    self.ingest.ends(&source, &one)?;
                    report.merge(one);
                }
            }
        }
        if report == Report::default() {
            return Err(IngestError::NoFiles {
                path: "the server's channels".into(),
                wanted: "packages.json.br",
            });
        }
        Ok(report)
    }

    /// Fetches one file, unless it is the one that was taken as `taken` before.
    fn get(&self, file: &RemoteFile, source: &str, taken: &str) -> Result<Got, IngestError> {
        let tag = self
            .ingest
            .store
            .taken_file(source, taken)
            .map_err(IngestError::Store)?
            .and_then(|taken| taken.etag);
        let path = self.dir.join(&file.name);
        // Names come from servers: one that leads out of our folder is none.
        if Path::new(&file.name).components().any(|part| !matches!(part, Component::Normal(_))) {
            return Ok(Got::Failed(format!("take {:?} for the name of a file", file.name)));
        }
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        made.map_err(|source| IngestError::Read {
            path: path.display().to_string(),
            source,
        })?;
        match self.fetcher.file(&file.url, tag.as_deref(), &path, self.ingest.progress) {
            Ok(Fetched::New { tag }) => Ok(Got::File { path, tag }),
            Ok(Fetched::Same) => Ok(Got::Same),
            Err(e) if file.is_optional && e.is_missing() => Ok(Got::Missing),
            Err(e) => {
                let why = chain(&e);
                let age = age(self.ingest, self.feed).map_err(IngestError::Store)?;
                self.ingest.progress.say(&format!("{}: {why}; {age}", self.feed.name()));
                Ok(if e.is_unreachable() {
                    Got::Unreachable(why)
                } else {
                    Got::Failed(why)
                })
            }
        }
    }
}

fn count(report: &mut Report, got: Got) {
    match got {
        Got::Same => report.known += 1,
        Got::Failed(why) | Got::Unreachable(why) => report.failures.push(why),
        Got::File { .. } | Got::Missing => {}
    }
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
