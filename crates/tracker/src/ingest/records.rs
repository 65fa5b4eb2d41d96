//! Files of records: archives, feeds, lines, single documents, folders of them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use vuln::advisory::Source;
use vuln::record::{self, Kind};

use super::archive::{self, ArchiveError, Met};
use super::bounds::{Bounds, Exceeded, Limited};
use super::open::{Opened, open};
use super::pipeline::Sink;
use super::plan::{Unit, file_name, is_bookkeeping};

/// Why a file could not be read to its end; what came before is taken.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file.
    #[error("read {path}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The archive.
    #[error("read the archive {path}")]
    Archive {
        /// Which.
        path: String,
        /// Why.
        source: ArchiveError,
    },
    /// The feed.
    #[error("read the feed {path}")]
    Feed {
        /// Which.
        path: String,
        /// Why.
        source: record::nvd::SplitError<io::Error>,
    },
    /// The file belongs to another source.
    #[error("{path} holds {found}, not {wanted} records")]
    Kind {
        /// Which.
        path: String,
        /// What it is.
        found: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
}

/// Puts every document of a unit into the sink. Answers the date of the data, where the file states one.
pub fn read(source: Source, unit: &Unit, sink: &mut Sink<'_>) -> Result<Option<String>, ReadError> {
    let path = || unit.path.display().to_string();
    let file_error = |source| ReadError::File { path: path(), source };
    if let Some(documents) = &unit.documents {
        sink.set_total(documents.len() as u64);
        for document in documents {
            loose(unit, document, sink).map_err(file_error)?;
        }
        return Ok(None);
    }
    match open(&unit.path, Bounds::RECORDS).map_err(file_error)? {
        Opened::Archive(file) => of_archive(source, unit, &file, sink).map_err(|source| ReadError::Archive { path: path(), source }),
        Opened::Plain(reader) => of_plain(source, unit, reader, sink),
    }
}

/// The id that a file's name suggests.
fn hint(source: Source, name: &str) -> Option<String> {
    let name = name.rsplit(['/', '!']).next()?;
    let stem = name.strip_suffix(".json")?;
    match source {
        Source::Cve | Source::Nvd => stem.starts_with("CVE-").then(|| stem.to_owned()),
        Source::Osv => Some(stem.to_owned()),
    }
}

fn of_archive(source: Source, unit: &Unit, file: &File, sink: &mut Sink<'_>) -> Result<Option<String>, ArchiveError> {
    let mut total = 0;
    let mut date = unit.date.clone();
    archive::read(file, Bounds::RECORDS, &mut |met| match met {
        Met::Entries(count) => {
            total += count as u64;
            // An archive that holds one entry holds another archive.
            if count > 1 {
                sink.set_total(total);
            }
            Ok(())
        }
        Met::Refused { name, why } => sink.refused(format!("{}!{name}", unit.url), why),
        Met::Entry { name, bytes } => {
            let url = format!("{}!{name}", unit.url);
            if is_bookkeeping(name) || !name.to_ascii_lowercase().ends_with(".json") {
                return Ok(());
            }
            if source == Source::Nvd {
                return match feed(&url, bytes, sink) {
                    Ok(timestamp) => {
                        date = timestamp.or(date.take());
                        Ok(())
                    }
                    Err(record::nvd::SplitError::Stopped(e)) => Err(e),
                    Err(e) => sink.refused(url, chain(&e)),
                };
            }
            match whole(bytes) {
                Ok(bytes) => sink.document(url, hint(source, name), bytes),
                Err(e) => sink.refused(url, e.to_string()),
            }
        }
    })?;
    Ok(date)
}

fn of_plain(source: Source, unit: &Unit, mut reader: Box<dyn Read + Send>, sink: &mut Sink<'_>) -> Result<Option<String>, ReadError> {
    let path = unit.path.display().to_string();
    let fail = |source| ReadError::File {
        path: path.clone(),
        source,
    };
    let name = file_name(&unit.path).to_ascii_lowercase();
    let name = name
        .strip_suffix(".gz")
        .or_else(|| name.strip_suffix(".zst"))
        .unwrap_or(&name)
        .to_owned();
    if name.ends_with(".jsonl") || name.ends_with(".ndjson") {
        lines(unit, reader, sink).map_err(fail)?;
        return Ok(unit.date.clone());
    }
    let mut head = Vec::new();
    (&mut reader).take(64 << 10).read_to_end(&mut head).map_err(fail)?;
    let kind = record::sniff(&head);
    if let Some(found) = kind.and_then(|kind| foreign(source, kind)) {
        return Err(ReadError::Kind {
            path,
            found,
            wanted: source.name(),
        });
    }
    let reader = io::Cursor::new(head).chain(reader);
    if source == Source::Nvd && kind != Some(Kind::NvdEntry) {
        return feed(&unit.url, reader, sink).map_err(|source| ReadError::Feed { path, source });
    }
    let bytes = whole(reader).map_err(fail)?;
    sink.document(unit.url.clone(), hint(source, &file_name(&unit.path)), bytes)
        .map_err(fail)?;
    Ok(None)
}

/// Documents in the file are of another source: what they are.
fn foreign(source: Source, kind: Kind) -> Option<&'static str> {
    let (of, what) = match kind {
        Kind::Cve => (Some(Source::Cve), "a CVE record"),
        Kind::NvdEntry | Kind::NvdFeed => (Some(Source::Nvd), "NVD records"),
        Kind::Osv => (Some(Source::Osv), "an OSV record"),
        Kind::Kev => (None, "CISA's list of exploited vulnerabilities"),
        Kind::Epss => (None, "exploit prediction scores"),
    };
    (of != Some(source)).then_some(what)
}

fn feed(url: &str, reader: impl Read, sink: &mut Sink<'_>) -> Result<Option<String>, record::nvd::SplitError<io::Error>> {
    let feed = record::nvd::split(reader, |entry| {
        let name = entry
            .id
            .map_or_else(|| format!("{url}!{}", entry.index), |id| format!("{url}!{id}"));
        sink.document(name, entry.id.map(str::to_owned), entry.raw.to_vec())
    })?;
    for problem in feed.problems {
        sink.refused(format!("{url}!{}", problem.at), problem.message)
            .map_err(record::nvd::SplitError::Stopped)?;
    }
    Ok(feed.timestamp)
}

fn lines(unit: &Unit, reader: impl Read, sink: &mut Sink<'_>) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(256 << 10, reader);
    let limit = Bounds::RECORDS.document;
    for number in 1_u64.. {
        let mut line = Vec::new();
        if (&mut reader).take(limit + 1).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let name = format!("{}!{number}", unit.url);
        if line.len() as u64 > limit && line.last() != Some(&b'\n') {
            // The rest of the line goes by unseen.
            reader.skip_until(b'\n')?;
            sink.refused(name, Exceeded::Size { limit }.to_string())?;
        } else if !line.trim_ascii().is_empty() {
            line.truncate(line.trim_ascii_end().len());
            sink.document(name, None, line)?;
        }
    }
    Ok(())
}

fn loose(unit: &Unit, path: &Path, sink: &mut Sink<'_>) -> io::Result<()> {
    let inside = path.strip_prefix(&unit.path).unwrap_or(path).to_string_lossy();
    let url = format!("{}!{inside}", unit.url);
    let stem = file_name(path);
    let stem = stem.strip_suffix(".json").unwrap_or(&stem);
    // A file that cannot be read is this file's problem, not the folder's.
    match File::open(path).and_then(whole) {
        Ok(bytes) => sink.document(url, Some(stem.to_owned()), bytes),
        Err(e) => sink.refused(url, e.to_string()),
    }
}

fn whole(reader: impl Read) -> io::Result<Vec<u8>> {
    let limit = Bounds::RECORDS.document;
    let mut bytes = Vec::new();
    Limited::new(reader, limit, Exceeded::Size { limit }).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// An error with everything below it.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        next = error.source();
    }
    text
}
