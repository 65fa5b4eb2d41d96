//! The engine's own handling of archives: unpack what is kept, make the edits.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use memchr::memmem;

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
    /// The same, of a packing that is read as a stream.
    #[error("unpack {file}")]
    Stream {
        /// The archive.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
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
    let refuse = |what: String| UnpackError::Archive {
        file: source.file.clone(),
        what,
    };
    let unpacked = unpacked(source, archive, LARGEST)?;
    let mut written = BTreeSet::new();
    let mut found = vec![false; source.keep.len()];
    let mut dropped = vec![false; source.drop.len()];
    for entry in tar::entries(&unpacked).map_err(|what| refuse(what.to_owned()))? {
        let name = entry.name.trim_start_matches("./").trim_end_matches('/');
        let (kept, drop) = (longest(&source.keep, name), longest(&source.drop, name));
        if let Some((at, _)) = drop
            && let Some(dropped) = dropped.get_mut(at)
        {
            *dropped = true;
        }
        let Some((kept, length)) = kept else { continue };
        if drop.is_some_and(|(_, other)| other > length) {
            continue;
        }
        if !is_plain(name) {
            return Err(refuse(format!("{name:?} is no plain path")));
        }
        if let Some(found) = found.get_mut(kept) {
            *found = true;
        }
        if matches!(entry.kind, b'0' | 0) && !written.insert(name.to_owned()) {
            return Err(refuse(format!("{name:?} is in it twice")));
        }
        let path = to.join(name);
        let make = |folder: &Path| fs::create_dir_all(folder).map_err(|e| io_error(folder, e));
        match entry.kind {
            b'0' | 0 => {
                make(path.parent().unwrap_or(to))?;
                fs::write(&path, entry.content).map_err(|e| io_error(&path, e))?;
                if entry.run {
                    fs::set_permissions(&path, Permissions::from_mode(0o755)).map_err(|e| io_error(&path, e))?;
                }
            }
            b'5' => make(&path)?,
            kind => return Err(refuse(format!("{name:?} is of kind {:?}, not a file or folder", char::from(kind)))),
        }
    }
    let all = source.keep.iter().chain(&source.drop);
    match all.zip(found.into_iter().chain(dropped)).find(|(_, found)| !found) {
        Some((missing, _)) => Err(refuse(format!("{missing:?} is not in it"))),
        None => Ok(()),
    }
}

/// The longest of these paths that is this one or leads to it: which, and how long it is.
fn longest(paths: &[String], name: &str) -> Option<(usize, usize)> {
    let within = |p: &str| name == p || name.strip_prefix(p).is_some_and(|rest| rest.starts_with('/'));
    let lengths = paths.iter().map(String::len).enumerate();
    lengths
        .zip(paths)
        .filter(|(_, p)| within(p))
        .map(|(found, _)| found)
        .max_by_key(|(_, length)| *length)
}

/// The tar archive in an archive, at most `limit` bytes.
fn unpacked(source: &Source, archive: &Path, limit: usize) -> Result<Vec<u8>, UnpackError> {
    let file = || source.file.clone();
    let packed = File::open(archive).map_err(|e| io_error(archive, e))?;
    let mut packed = BufReader::new(packed);
    let mut bytes = Vec::new();
    let mut all = |reader: &mut dyn Read| reader.take(limit as u64 + 1).read_to_end(&mut bytes);
    let read = if source.file.ends_with(".tar.gz") {
        all(&mut MultiGzDecoder::new(packed))
    } else if source.file.ends_with(".tar.xz") {
        all(&mut XzReader::new(packed, true))
    } else if source.file.ends_with(".tar.bz2") {
        let mut data = Vec::new();
        packed.read_to_end(&mut data).map_err(|e| io_error(archive, e))?;
        return bzip2::unpack(&data, limit).map_err(|source| UnpackError::Packing { file: file(), source });
    } else {
        return Err(UnpackError::Archive {
            file: file(),
            what: "it is neither .tar.gz, .tar.bz2 nor .tar.xz".into(),
        });
    };
    read.map_err(|source| UnpackError::Stream { file: file(), source })?;
    if bytes.len() > limit {
        return Err(UnpackError::Archive {
            file: file(),
            what: format!("it unpacks to more than {limit} bytes"),
        });
    }
    Ok(bytes)
}

/// Makes one edit below `root`.
pub fn edit(edit: &Edit, root: &Path) -> Result<(), UnpackError> {
    let path = root.join(&edit.file);
    let text = fs::read(&path).map_err(|e| io_error(&path, e))?;
    let (find, replace) = (edit.find.as_bytes(), edit.replace.as_bytes());
    let mut places = memmem::find_iter(&text, find);
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

/// Shows every file of an archive: its path, whether it is kept, its bytes. Nothing is written.
pub fn members(source: &Source, archive: &Path, see: &mut dyn FnMut(&str, bool, &[u8])) -> Result<(), UnpackError> {
    let unpacked = unpacked(source, archive, LARGEST)?;
    let entries = tar::entries(&unpacked).map_err(|what| UnpackError::Archive {
        file: source.file.clone(),
        what: what.to_owned(),
    })?;
    for entry in entries.iter().filter(|e| matches!(e.kind, b'0' | 0)) {
        let name = entry.name.trim_start_matches("./");
        see(name, is_kept(source, name), entry.content);
    }
    Ok(())
}

fn is_kept(source: &Source, name: &str) -> bool {
    let length = |paths: &[String]| longest(paths, name).map(|(_, length)| length);
    length(&source.keep).is_some_and(|kept| length(&source.drop).is_none_or(|drop| drop <= kept))
}

fn io_error(path: &Path, source: io::Error) -> UnpackError {
    UnpackError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::Command;

    use super::*;

    /// A tar archive of entries: name, kind, what a link says, bytes.
    fn tar(entries: &[(&str, u8, &str, &[u8])]) -> Vec<u8> {
        let mut all = Vec::new();
        for (name, kind, link, content) in entries {
            let mut h = vec![0; 512];
            h[..name.len()].copy_from_slice(name.as_bytes());
            h[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
            h[156] = *kind;
            h[157..157 + link.len()].copy_from_slice(link.as_bytes());
            h[148..156].fill(b' ');
            let sum: u64 = h.iter().map(|b| u64::from(*b)).sum();
            h[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
            all.extend(h);
            all.extend(*content);
            all.resize(all.len().next_multiple_of(512), 0);
        }
        all.resize(all.len() + 1024, 0);
        all
    }

    fn packed(program: &str, data: &[u8]) -> Vec<u8> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(data).unwrap();
        let output = Command::new(program).arg("-c").stdin(file.reopen().unwrap()).output().unwrap();
        assert!(output.status.success());
        output.stdout
    }

    fn source(file: &str, keep: &[&str]) -> Source {
        Source {
            to: "x".into(),
            package: "p".into(),
            version: "1".into(),
            suite: "s".into(),
            file: file.into(),
            sha256: String::new(),
            keep: keep.iter().map(|k| (*k).to_owned()).collect(),
            drop: Vec::new(),
        }
    }

    /// Unpacks `d` of an archive packed with gzip.
    fn take(entries: &[(&str, u8, &str, &[u8])]) -> Result<tempfile::TempDir, String> {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("a.tar.gz");
        fs::write(&archive, packed("gzip", &tar(entries))).unwrap();
        let to = dir.path().join("out");
        fs::create_dir(&to).unwrap();
        unpack(&source("a.tar.gz", &["d"]), &archive, &to)
            .map(|()| dir)
            .map_err(|e| e.to_string())
    }

    #[test]
    fn all_three_packings_are_read_and_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let plain = tar(&[("d/", b'5', "", b""), ("d/f", b'0', "", &[7; 100_000])]);
        for (program, end) in [("gzip", "gz"), ("bzip2", "bz2"), ("xz", "xz")] {
            let name = format!("a.tar.{end}");
            let archive = dir.path().join(&name);
            let bytes = packed(program, &plain);
            fs::write(&archive, &bytes).unwrap();
            let source = source(&name, &["d"]);
            let to = dir.path().join(end);
            unpack(&source, &archive, &to).unwrap();
            assert_eq!(fs::read(to.join("d/f")).unwrap(), [7; 100_000]);
            assert_eq!(unpacked(&source, &archive, plain.len()).unwrap(), plain);
            let said = unpacked(&source, &archive, plain.len() - 1).unwrap_err();
            let said = format!("{said}: {:?}", std::error::Error::source(&said).map(ToString::to_string));
            assert!(said.contains("unpacks to more than "), "{said}");
            fs::write(&archive, &bytes[..bytes.len() / 2]).unwrap();
            assert!(unpack(&source, &archive, &to).is_err(), "half of {name}");
        }
        assert!(unpack(&source("a.zip", &[]), &dir.path().join("a.tar.gz"), dir.path()).is_err());
    }

    #[test]
    fn what_is_dropped_is_left_out_but_for_what_is_kept_within() {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("a.tar.gz");
        let names = ["d/f", "d/x/g", "d/x/h", "d/xy", "e"];
        let entries: Vec<(&str, u8, &str, &[u8])> = names.iter().map(|n| (*n, b'0', "", &b"1"[..])).collect();
        fs::write(&archive, packed("gzip", &tar(&entries))).unwrap();
        let take = |drop: &[&str]| {
            let to = tempfile::tempdir().unwrap();
            let drop = drop.iter().map(|d| (*d).to_owned()).collect();
            let wanted = Source {
                drop,
                ..source("a.tar.gz", &["d", "d/x/h"])
            };
            unpack(&wanted, &archive, to.path()).map(|()| names.map(|n| to.path().join(n).exists()))
        };
        assert_eq!(take(&[]).unwrap(), [true, true, true, true, false]);
        assert_eq!(take(&["d/x"]).unwrap(), [true, false, true, true, false]);
        assert!(take(&["d/z"]).unwrap_err().to_string().contains("\"d/z\" is not in it"));
    }

    #[test]
    fn run_bits_are_kept() {
        let mut archive = tar(&[("d/script", b'0', "", b"#!"), ("d/plain", b'0', "", b"x")]);
        // The mode of the first entry, and its checksum: the digits' own bytes instead of none.
        let mode = b"0000755\0";
        archive[100..108].copy_from_slice(mode);
        archive[148..156].fill(b' ');
        let sum: u64 = archive[..512].iter().map(|b| u64::from(*b)).sum();
        archive[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.tar.gz");
        fs::write(&file, packed("gzip", &archive)).unwrap();
        unpack(&source("a.tar.gz", &["d"]), &file, &dir.path().join("out")).unwrap();
        let mode = |name: &str| fs::metadata(dir.path().join("out/d").join(name)).unwrap().permissions().mode() & 0o111;
        assert_eq!((mode("script"), mode("plain")), (0o111, 0));
    }

    #[test]
    fn entries_that_lead_out_or_say_things_twice_are_refused() {
        let good = take(&[("./d/f", b'0', "", b"x"), ("e/f", b'2', "/etc/passwd", b"")]).unwrap();
        assert_eq!(fs::read(good.path().join("out/d/f")).unwrap(), b"x");
        assert!(!good.path().join("out/e").exists(), "only what is kept is looked at");
        for (entries, complaint) in [
            (vec![("d/../../f", b'0', "", &b"x"[..])], "is no plain path"),
            (vec![("d//f", b'0', "", b"x")], "is no plain path"),
            (vec![("/d/f", b'0', "", b"x")], "\"d\" is not in it"),
            (vec![("d/f", b'0', "", b"x"), ("d/f", b'0', "", b"y")], "is in it twice"),
            (vec![("d/f", b'0', "", b"x"), ("./d/f", b'0', "", b"y")], "is in it twice"),
            (
                vec![("d/l", b'2', "/etc", b""), ("d/l/passwd", b'0', "", b"x")],
                "is of kind '2', not a file or folder",
            ),
            (vec![("d/l", b'1', "/etc/passwd", b"")], "is of kind '1'"),
            (vec![("d/c", b'3', "", b"")], "is of kind '3'"),
            (vec![("d/p", b'6', "", b"")], "is of kind '6'"),
            (
                vec![("h", b'x', "", b"20 path=../../etc/x\n"), ("d/f", b'0', "", b"x")],
                "extended headers are not supported",
            ),
            (
                vec![("h", b'L', "", b"../../etc/x\0"), ("d/f", b'0', "", b"x")],
                "\"d\" is not in it",
            ),
        ] {
            let said = take(&entries).unwrap_err();
            assert!(said.contains(complaint), "{said}, not {complaint}");
        }
        // A file where a folder is, and the other way round.
        assert!(take(&[("d", b'0', "", b"x"), ("d/f", b'0', "", b"x")]).is_err());
        assert!(take(&[("d/f", b'5', "", b""), ("d/f", b'0', "", b"x")]).is_err());
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
