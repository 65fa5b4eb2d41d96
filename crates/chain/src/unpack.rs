//! The engine's own handling of archives: unpack what is kept, make the edits.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::bzip2::{self, Bzip2Error};
use crate::step::{Edit, Source, is_plain};
use crate::tar;

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
    let unpacked = bzip2::unpack(&data, LARGEST).map_err(|error| UnpackError::Packing {
        file: source.file.clone(),
        source: error,
    })?;
    let mut found = vec![false; source.keep.len()];
    for entry in tar::entries(&unpacked).map_err(|what| refuse(what.to_owned()))? {
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

fn io_error(path: &Path, source: io::Error) -> UnpackError {
    UnpackError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
