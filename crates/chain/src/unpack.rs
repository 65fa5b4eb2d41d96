//! The engine's own handling of archives: unpack what is kept, make the edits.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::bzip2::{self, Bzip2Error};
use crate::step::{Edit, Source, is_plain};

/// Why an archive could not be unpacked or edited.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// A file cannot be read or written.
    #[error("unpack to {path}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The archive's packing cannot be read.
    #[error("unpack {file}")]
    Packing {
        /// The archive.
        file: String,
        /// Why.
        #[source]
        source: Bzip2Error,
    },
    /// The archive holds something that is refused.
    #[error("unpack {file}: {what}")]
    Archive {
        /// The archive.
        file: String,
        /// What.
        what: String,
    },
    /// An edit does not fit.
    #[error("edit {file}: the text to replace stands there {count} times, not once: {find:?}")]
    Edit {
        /// The file.
        file: String,
        /// How often.
        count: usize,
        /// The text's first line.
        find: String,
    },
}

/// Largest archive, unpacked.
const LARGEST: usize = 512 << 20;

/// Unpacks what the source keeps below `to`.
pub fn unpack(source: &Source, archive: &Path, to: &Path) -> Result<(), UnpackError> {
    let data = fs::read(archive).map_err(|e| io_error(archive, e))?;
    let refuse = |what: String| UnpackError::Archive {
        file: source.file.clone(),
        what,
    };
    if !source.file.ends_with(".tar.bz2") {
        return Err(refuse("only .tar.bz2 is supported".into()));
    }
    let tar = bzip2::unpack(&data, LARGEST).map_err(|error| UnpackError::Packing {
        file: source.file.clone(),
        source: error,
    })?;
    let mut found = vec![false; source.keep.len()];
    for entry in entries(&tar).map_err(|what| refuse(what.to_owned()))? {
        let name = entry.name.trim_start_matches("./").trim_end_matches('/');
        let kept = source
            .keep
            .iter()
            .position(|k| name == k || name.strip_prefix(k.as_str()).is_some_and(|rest| rest.starts_with('/')));
        let Some(kept) = kept else { continue };
        if !is_plain(name) {
            return Err(refuse(format!("{name:?} is no plain path")));
        }
        if let Some(found) = found.get_mut(kept) {
            *found = true;
        }
        let path = to.join(name);
        let make = |folder: &Path| fs::create_dir_all(folder).map_err(|e| io_error(folder, e));
        match entry.kind {
            b'0' | 0 => {
                make(path.parent().unwrap_or(to))?;
                fs::write(&path, entry.content).map_err(|e| io_error(&path, e))?;
            }
            b'5' => make(&path)?,
            kind => return Err(refuse(format!("{name:?} is of kind {:?}, not a file or folder", char::from(kind)))),
        }
    }
    match source.keep.iter().zip(found).find(|(_, found)| !found) {
        Some((missing, _)) => Err(refuse(format!("{missing:?} is not in it"))),
        None => Ok(()),
    }
}

/// Makes one edit below `root`.
pub fn edit(edit: &Edit, root: &Path) -> Result<(), UnpackError> {
    let path = root.join(&edit.file);
    let text = fs::read(&path).map_err(|e| io_error(&path, e))?;
    let (find, replace) = (edit.find.as_bytes(), edit.replace.as_bytes());
    let mut places = text
        .windows(find.len().max(1))
        .enumerate()
        .filter(|(_, w)| *w == find)
        .map(|(at, _)| at);
    let (first, count) = (places.next(), places.count());
    match first {
        Some(at) if count == 0 => {
            let (before, rest) = text.split_at(at);
            let after = rest.get(find.len()..).unwrap_or_default();
            fs::write(&path, [before, replace, after].concat()).map_err(|e| io_error(&path, e))
        }
        _ => Err(UnpackError::Edit {
            file: edit.file.clone(),
            count: first.map_or(0, |_| count + 1),
            find: edit.find.lines().next().unwrap_or_default().to_owned(),
        }),
    }
}

/// An entry of a tar archive.
#[derive(Debug, PartialEq, Eq)]
pub struct TarEntry<'a> {
    /// Its path as written.
    pub name: String,
    /// `0` or zero a file, `5` a folder, others refused by whoever wants them.
    pub kind: u8,
    /// Its bytes.
    pub content: &'a [u8],
}

const RECORD: usize = 512;

/// The entries of a tar archive (ustar, and GNU's long names).
pub fn entries(tar: &[u8]) -> Result<Vec<TarEntry<'_>>, &'static str> {
    let mut rest = tar;
    let mut entries = Vec::new();
    let mut long_name = None;
    loop {
        let Some((header, after)) = rest.split_at_checked(RECORD) else {
            return Err("it ends within a header");
        };
        if header.iter().all(|b| *b == 0) {
            return Ok(entries);
        }
        let field = |from: usize, to: usize| header.get(from..to).unwrap_or_default();
        let sum: u64 = header
            .iter()
            .enumerate()
            .map(|(at, b)| if (148..156).contains(&at) { 32 } else { u64::from(*b) })
            .sum();
        if octal(field(148, 156)) != Some(sum) {
            return Err("a header's checksum does not hold");
        }
        let size = octal(field(124, 136))
            .and_then(|s| usize::try_from(s).ok())
            .ok_or("a size is no number")?;
        let padded = size.checked_next_multiple_of(RECORD).ok_or("a size is too large")?;
        let (Some(content), Some(next)) = (after.get(..size), after.get(padded..)) else {
            return Err("it ends within a file");
        };
        rest = next;
        let kind = header.get(156).copied().unwrap_or_default();
        match kind {
            b'L' => long_name = Some(name(content)?),
            // comments and dates, which change nothing here
            b'g' => {}
            b'x' => return Err("extended headers are not supported"),
            _ => {
                let short = name(field(0, 100))?;
                let prefix = if field(257, 262) == b"ustar" {
                    name(field(345, 500))?
                } else {
                    String::new()
                };
                let plain = if prefix.is_empty() { short } else { format!("{prefix}/{short}") };
                entries.push(TarEntry {
                    name: long_name.take().unwrap_or(plain),
                    kind,
                    content,
                });
            }
        }
    }
}

fn name(field: &[u8]) -> Result<String, &'static str> {
    let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
    let text = field.get(..end).unwrap_or_default();
    String::from_utf8(text.to_vec()).map_err(|_| "a name is no UTF-8")
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    u64::from_str_radix(text.trim_matches([' ', '\0']), 8).ok()
}

fn io_error(path: &Path, source: io::Error) -> UnpackError {
    UnpackError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, kind: u8, size: usize) -> Vec<u8> {
        let mut h = vec![0; RECORD];
        h[..name.len()].copy_from_slice(name.as_bytes());
        h[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
        h[156] = kind;
        h[148..156].fill(b' ');
        let sum: u64 = h.iter().map(|b| u64::from(*b)).sum();
        h[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        h
    }

    #[test]
    fn files_and_long_names_are_read() {
        let long = "d/".repeat(80) + "f";
        let mut tar = header("././@LongLink", b'L', long.len());
        tar.extend(long.as_bytes());
        tar.resize(2 * RECORD, 0);
        tar.extend(header("short", b'0', 3));
        tar.extend(b"abc");
        tar.resize(4 * RECORD, 0);
        tar.extend(vec![0; 2 * RECORD]);
        let read = entries(&tar).unwrap();
        assert_eq!(
            (read.len(), read[0].name.as_str(), read[0].content),
            (1, long.as_str(), &b"abc"[..])
        );
        tar[RECORD * 2] ^= 1;
        assert_eq!(entries(&tar), Err("a header's checksum does not hold"));
        assert_eq!(entries(&tar[..700]), Err("it ends within a file"));
    }

    #[test]
    fn an_edit_must_fit_exactly_once() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.c"), "one two two").unwrap();
        let make = |find: &str| Edit {
            file: "a.c".into(),
            why: String::new(),
            find: find.into(),
            replace: "1".into(),
        };
        edit(&make("one"), dir.path()).unwrap();
        assert_eq!(fs::read(dir.path().join("a.c")).unwrap(), b"1 two two");
        assert!(
            edit(&make("two"), dir.path())
                .unwrap_err()
                .to_string()
                .contains("stands there 2 times")
        );
        assert!(
            edit(&make("three"), dir.path())
                .unwrap_err()
                .to_string()
                .contains("stands there 0 times")
        );
    }
}
