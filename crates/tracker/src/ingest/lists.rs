//! Lists that add facts to vulnerabilities: CISA's exploited ones (KEV), FIRST's prediction scores (EPSS).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use vuln::problem::Problem;
use vuln::record::{epss, kev};

use super::bounds::Bounds;
use super::compression::plain_name;
use super::records::chain;
use super::{Ingest, IngestError, Report, open, plan};
use crate::config::now;
use crate::document::{Digest, Packer};
use crate::progress::Phase;
use crate::store::taking::{Document, EpssLine, Incoming, KevLine, TakenFile};
use crate::timestamp;

/// The whole list is one document: EPSS has 12 MB.
const BOUNDS: Bounds = Bounds {
    entries: 1,
    document: 512 << 20,
    total: 512 << 20,
    ratio: 200,
};

/// The lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Known exploited vulnerabilities.
    Kev,
    /// Exploit prediction scores.
    Epss,
}

impl List {
    /// The source's name.
    pub fn name(self) -> &'static str {
        match self {
            List::Kev => "kev",
            List::Epss => "epss",
        }
    }

    fn is_file(self, name: &str) -> bool {
        let name = plain_name(name);
        match self {
            List::Kev => name.ends_with(".json"),
            List::Epss => name.ends_with(".csv"),
        }
    }
}

impl Ingest<'_> {
    /// Takes a list; of a folder the newest by name. `etag` is what its server calls this version of it.
    pub fn list(self, list: List, path: &Path, etag: Option<String>) -> Result<Report, IngestError> {
        self.begins(list.name())?;
        let file = match newest(list, path) {
            Ok(Some(file)) => file,
            Ok(None) => {
                let wanted = match list {
                    List::Kev => "known_exploited_vulnerabilities.json",
                    List::Epss => "epss_scores-*.csv.gz",
                };
                return Err(IngestError::NoFiles {
                    path: path.display().to_string(),
                    wanted,
                });
            }
            Err(source) => {
                let error = IngestError::Read {
                    path: path.display().to_string(),
                    source,
                };
                self.failed(list.name(), &chain(&error));
                return Err(error);
            }
        };
        self.progress.begin(Phase::Ingesting, list.name(), None);
        let report = match self.list_file(list, &file, etag) {
            Ok(report) => report,
            Err(Failed::Store(e)) => {
                self.progress.abandon();
                return Err(e);
            }
            Err(Failed::Read(why)) => {
                self.progress.say(&why);
                Report {
                    failures: vec![why],
                    ..Report::default()
                }
            }
        };
        if report.files > 0 {
            self.progress.finish()
        } else {
            self.progress.abandon()
        }
        self.ends(list.name(), &report)?;
        Ok(report)
    }

    fn list_file(self, list: List, file: &Path, etag: Option<String>) -> Result<Report, Failed> {
        let name = plan::file_name(file);
        let url = format!("{}/{name}", list.name());
        let unreadable = |e: &dyn std::error::Error| Failed::Read(format!("read {}: {}", file.display(), chain(e)));
        let (sha256, size) = fs::File::open(file)
            .and_then(|mut f| Digest::of_reader(&mut f))
            .map_err(|e| unreadable(&e))?;
        let known = Report {
            known: 1,
            ..Report::default()
        };
        if self.store.was_taken(list.name(), sha256).map_err(store)? {
            return Ok(known);
        }
        self.make_room().map_err(store)?;
        let bytes = open::read(file, BOUNDS).map_err(|e| unreadable(&e))?;
        let document = || -> Result<Document, Failed> {
            Ok(Document {
                source: list.name(),
                key: name.clone(),
                url: url.clone(),
                sha256: Digest::of(&bytes),
                size: bytes.len() as u64,
                packed: Packer::new().and_then(|mut p| p.pack(&bytes)).map_err(|e| unreadable(&e))?,
            })
        };
        self.store.forget_problems(list.name(), &url).map_err(store)?;
        let (date, seen, changed, problems) = match list {
            List::Kev => {
                let (catalog, problems) = kev::parse(&bytes).map_err(|e| unreadable(&e))?;
                if self.is_older(list, catalog.released.as_deref())? {
                    return Ok(Report {
                        older: catalog.entries.len() as u64,
                        ..known
                    });
                }
                let lines: Vec<KevLine> = catalog.entries.iter().map(kev_line).collect();
                not_empty(lines.len(), problems.first(), file)?;
                let changed = self.store.take_kev(&document()?, &lines, now()).map_err(store)?;
                (catalog.released, lines.len(), changed, problems)
            }
            List::Epss => {
                let scores = epss::parse(&bytes).map_err(|e| unreadable(&e))?;
                let date = scores.date.clone();
                if self.is_older(list, date.as_deref())? {
                    return Ok(known);
                }
                let (mut lines, mut problems) = (Vec::new(), Vec::new());
                for score in scores {
                    match score {
                        Ok(score) => lines.push(EpssLine {
                            name: score.cve.to_string(),
                            score: score.score,
                            percentile: score.percentile,
                        }),
                        Err(problem) => problems.push(problem),
                    }
                }
                not_empty(lines.len(), problems.first(), file)?;
                let changed = self.store.take_epss(&document()?, &lines, now()).map_err(store)?;
                (date, lines.len(), changed, problems)
            }
        };
        self.progress.add(seen as u64);
        self.note(list, &url, &problems)?;
        let report = Report {
            files: 1,
            seen: seen as u64,
            changed,
            problems: problems.len() as u64,
            ..Report::default()
        };
        let taken = TakenFile {
            source: list.name().to_owned(),
            url,
            sha256,
            size,
            data_date: date,
            etag,
            records: report.seen,
            changed,
            problems: report.problems,
            took_ms: Some(self.progress.elapsed_ms()),
        };
        self.store.file_taken(&taken, now()).map_err(store)?;
        Ok(report)
    }

    /// Whether the list is older than the one we have.
    fn is_older(self, list: List, date: Option<&str>) -> Result<bool, Failed> {
        let ours = self.store.data_date(list.name()).map_err(store)?;
        Ok(date
            .zip(ours.as_deref())
            .is_some_and(|(date, ours)| timestamp::compare(date, ours).is_lt()))
    }

    fn note(self, list: List, url: &str, problems: &[Problem]) -> Result<(), Failed> {
        let batch: Vec<Incoming> = problems
            .iter()
            .map(|problem| Incoming::Refused {
                source: list.name(),
                key: format!("{url}!{}", problem.at),
                problem: problem.clone(),
            })
            .collect();
        if !batch.is_empty() {
            self.store.take(&batch, now()).map_err(store)?;
        }
        Ok(())
    }
}

enum Failed {
    Read(String),
    Store(IngestError),
}

fn store(error: crate::store::StoreError) -> Failed {
    Failed::Store(IngestError::Store(error))
}

/// A list without a line replaces nothing: no day has had one.
fn not_empty(lines: usize, first: Option<&Problem>, file: &Path) -> Result<(), Failed> {
    if lines > 0 {
        return Ok(());
    }
    let why = first.map_or_else(String::new, |problem| format!(": {}", problem.message));
    Err(Failed::Read(format!("find any line in {}{why}", file.display())))
}

fn newest(list: List, path: &Path) -> io::Result<Option<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(Some(path.to_owned()));
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && list.is_file(&entry.file_name().to_string_lossy().to_ascii_lowercase()) {
            files.push(entry.path());
        }
    }
    Ok(files.into_iter().max())
}

fn kev_line(entry: &kev::KevEntry) -> KevLine {
    KevLine {
        name: entry.cve.to_string(),
        date_added: entry.date_added.clone(),
        due_date: entry.due_date.clone(),
        ransomware: entry.ransomware.then(|| "Known".to_owned()),
        action: entry.required_action.clone(),
    }
}
