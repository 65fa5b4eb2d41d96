//! Files of records: archives, feeds, lines, single documents, folders of them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use vuln::advisory::Source;
use vuln::record::{self, Kind};

use super::archive::{self, ArchiveError, Met};
use super::bounds::{Bounds, Exceeded, Limited};
use super::compression::plain_name;
use super::open::{self, Opened, open};
use super::pipeline::Sink;
use super::plan::{NO_RECORDS, Unit, file_name, is_beside, is_lines};

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
    /// Nothing in it could be a record.
    #[error("find any {wanted} record in {path}")]
    Nothing {
        /// Which.
        path: String,
        /// What it should hold.
        wanted: &'static str,
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
    let Read { date, was_empty } = if let Some(documents) = &unit.documents {
        sink.set_total(documents.len() as u64);
        for document in documents {
            loose(source, unit, document, sink).map_err(file_error)?;
        }
        Read::default()
    } else {
        match open(&unit.path, Bounds::RECORDS).map_err(file_error)? {
            Opened::Archive(file) => of_archive(source, unit, &file, sink).map_err(|source| ReadError::Archive { path: path(), source })?,
            Opened::Plain(reader) => of_plain(source, unit, reader, sink)?,
        }
    };
    if sink.documents() == 0 && !was_empty {
        return Err(ReadError::Nothing {
            path: path(),
            wanted: source.name(),
        });
    }
    Ok(date)
}

/// A file that was read to its end.
#[derive(Default)]
struct Read {
    /// The date of the data, where the file states one.
    date: Option<String>,
    /// It is a file of records, of which there were none that day.
    was_empty: bool,
}

/// The id that a file's name suggests.
fn hint(source: Source, name: &str) -> Option<String> {
    let name = name.rsplit(['/', '!']).next()?;
    let stem = name.get(..plain_name(name).strip_suffix(".json")?.len())?;
    match source {
        Source::Cve | Source::Nvd => stem.starts_with("CVE-").then(|| stem.to_owned()),
        Source::Osv => Some(stem.to_owned()),
    }
}

fn of_archive(source: Source, unit: &Unit, file: &File, sink: &mut Sink<'_>) -> Result<Read, ArchiveError> {
    let mut total = 0;
    let mut date = unit.date.clone();
    let mut was_empty = true;
    archive::read(file, Bounds::RECORDS, &mut |met| match met {
        Met::Entries(count) => {
            total += count as u64;
            // An archive that holds one entry holds another archive.
            if count > 1 {
                sink.set_total(total);
            }
            Ok(())
        }
        Met::Refused { name, why } => {
            was_empty = false;
            sink.refused(format!("{}!{name}", unit.url), why)
        }
        Met::Entry { name, .. } if is_beside(name) => Ok(()),
        Met::Entry { name, bytes } => {
            let url = format!("{}!{name}", unit.url);
            let plain = plain_name(name);
            if is_lines(&plain) {
                was_empty = false;
                return match lines(&url, bytes, sink)? {
                    Ok(()) => Ok(()),
                    Err(e) => sink.refused(url, e.to_string()),
                };
            }
            if !plain.ends_with(".json") {
                was_empty = false;
                return sink.refused(url, NO_RECORDS.to_owned());
            }
            if source == Source::Nvd {
                return match feed(&url, bytes, sink) {
                    Ok(read) => {
                        was_empty &= read.was_empty;
                        date = read.date.or(date.take());
                        Ok(())
                    }
                    Err(record::nvd::SplitError::Stopped(e)) => Err(e),
                    Err(e) => {
                        was_empty = false;
                        sink.refused(url, chain(&e))
                    }
                };
            }
            was_empty = false;
            match whole(bytes) {
                Ok(bytes) => sink.document(url, hint(source, name), bytes),
                Err(e) => sink.refused(url, e.to_string()),
            }
        }
    })?;
    Ok(Read { date, was_empty })
}

fn of_plain(source: Source, unit: &Unit, mut reader: Box<dyn io::Read + Send>, sink: &mut Sink<'_>) -> Result<Read, ReadError> {
    let path = unit.path.display().to_string();
    let fail = |source| ReadError::File {
        path: path.clone(),
        source,
    };
    if is_lines(&plain_name(&file_name(&unit.path))) {
        lines(&unit.url, reader, sink).and_then(|read| read).map_err(fail)?;
        return Ok(Read {
            date: unit.date.clone(),
            was_empty: false,
        });
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
    Ok(Read::default())
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

fn feed(url: &str, reader: impl io::Read, sink: &mut Sink<'_>) -> Result<Read, record::nvd::SplitError<io::Error>> {
    let feed = record::nvd::split(reader, |entry| {
        let name = entry
            .id
            .map_or_else(|| format!("{url}!{}", entry.index), |id| format!("{url}!{id}"));
        sink.document(name, entry.id.map(str::to_owned), entry.raw.to_vec())
    })?;
    let was_empty = feed.entries == 0 && feed.problems.is_empty();
    for problem in feed.problems {
        sink.refused(format!("{url}!{}", problem.at), problem.message)
            .map_err(record::nvd::SplitError::Stopped)?;
    }
    Ok(Read {
        date: feed.timestamp,
        was_empty,
    })
}

/// One document a line. Inside, how reading ended; outside, whether anybody took what was read.
fn lines(url: &str, reader: impl io::Read, sink: &mut Sink<'_>) -> io::Result<io::Result<()>> {
    let mut reader = BufReader::with_capacity(256 << 10, reader);
    let limit = Bounds::RECORDS.document;
    for number in 1_u64.. {
        let mut line = Vec::new();
        match (&mut reader).take(limit + 1).read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) => {}
            Err(e) => return Ok(Err(e)),
        }
        let name = format!("{url}!{number}");
        if line.len() as u64 > limit && line.last() != Some(&b'\n') {
            sink.refused(name, Exceeded::Size { limit }.to_string())?;
            // The rest of the line goes by unseen.
            if let Err(e) = reader.skip_until(b'\n') {
                return Ok(Err(e));
            }
        } else if !line.trim_ascii().is_empty() {
            line.truncate(line.trim_ascii_end().len());
            sink.document(name, None, line)?;
        }
    }
    Ok(Ok(()))
}

fn loose(source: Source, unit: &Unit, path: &Path, sink: &mut Sink<'_>) -> io::Result<()> {
    let inside = path.strip_prefix(&unit.path).unwrap_or(path).to_string_lossy();
    let url = format!("{}!{inside}", unit.url);
    // A file that cannot be read is this file's problem, not the folder's.
    match open::read(path, Bounds::RECORDS) {
        Ok(bytes) => sink.document(url, hint(source, &inside), bytes),
        Err(e) => sink.refused(url, e.to_string()),
    }
}

fn whole(reader: impl io::Read) -> io::Result<Vec<u8>> {
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
