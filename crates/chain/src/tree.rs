//! What a step left behind: made the same everywhere, and given digests.

use std::ffi::OsString;
use std::fs::{self, File, FileTimes, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use nix_model::nar::{self, NarError};
use sha2::{Digest as _, Sha256};

/// Why a tree is not taken.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// A file or folder cannot be read or changed.
    #[error("look through {path}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A device, socket or pipe.
    #[error("{0} is no file, folder or link")]
    Kind(PathBuf),
    /// A link that leads elsewhere.
    #[error("{path} is a link out of the tree, to {to}")]
    Link {
        /// The link.
        path: PathBuf,
        /// What it says.
        to: PathBuf,
    },
    /// It cannot be written as an archive.
    #[error("make a NAR of {path}")]
    Archive {
        /// What could not be written.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<NarError>,
    },
    /// A tree deeper or larger than any step makes.
    #[error("{0}: too many or too deep folders")]
    Size(PathBuf),
}

/// One entry of a tree, in the order of a NAR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path from the root of the tree; empty for the root.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A file: whether it can be run, its size, its digest.
    File {
        /// Whether it can be run.
        run: bool,
        /// Bytes.
        size: u64,
        /// Digest in lowercase digits.
        sha256: String,
    },
    /// A folder.
    Folder,
    /// A link, and where it leads.
    Link(PathBuf),
}

const DEEPEST: usize = 64;
const MOST: usize = 200_000;

/// Every entry of a tree.
pub fn list(root: &Path) -> Result<Vec<Entry>, TreeError> {
    let mut entries = Vec::new();
    collect(root, Path::new(""), 0, &mut entries)?;
    Ok(entries)
}

fn collect(root: &Path, path: &Path, depth: usize, entries: &mut Vec<Entry>) -> Result<(), TreeError> {
    let at = join(root, path);
    if depth > DEEPEST || entries.len() > MOST {
        return Err(TreeError::Size(at));
    }
    let io = |source| TreeError::Io { path: at.clone(), source };
    let data = fs::symlink_metadata(&at).map_err(io)?;
    let mut push = |kind| {
        entries.push(Entry {
            path: path.to_owned(),
            kind,
        });
    };
    if data.is_symlink() {
        push(Kind::Link(fs::read_link(&at).map_err(io)?));
    } else if data.is_file() {
        push(Kind::File {
            run: data.permissions().mode() & 0o111 != 0,
            size: data.len(),
            sha256: sha256_file(&at).map_err(io)?,
        });
    } else if data.is_dir() {
        push(Kind::Folder);
        for name in names(&at)? {
            collect(root, &path.join(name), depth + 1, entries)?;
        }
    } else {
        return Err(TreeError::Kind(at));
    }
    Ok(())
}

/// Makes a tree the same wherever and whenever it was made: modes 0755 and 0644, time 1 s after the epoch, the engine's own. Links must
/// stay inside, whatever other links they pass.
pub fn normalise(root: &Path) -> Result<(), TreeError> {
    let io = |source| TreeError::Io {
        path: root.to_owned(),
        source,
    };
    let above = root.parent().unwrap_or(root);
    let owner = fs::metadata(above).map_err(io)?;
    let mut seen = 0;
    plain(root, Path::new(""), 0, (owner.uid(), owner.gid()), &mut seen)
}

fn plain(root: &Path, path: &Path, depth: usize, owner: (u32, u32), seen: &mut usize) -> Result<(), TreeError> {
    let at = join(root, path);
    let io = |source| TreeError::Io { path: at.clone(), source };
    *seen += 1;
    if depth > DEEPEST || *seen > MOST {
        return Err(TreeError::Size(at));
    }
    let data = fs::symlink_metadata(&at).map_err(io)?;
    if !(data.is_symlink() || data.is_file() || data.is_dir()) {
        return Err(TreeError::Kind(at));
    }
    if data.uid() != owner.0 {
        lchown(&at, Some(owner.0), Some(owner.1)).map_err(io)?;
    }
    if data.is_symlink() {
        let to = fs::read_link(&at).map_err(io)?;
        return if stays_inside(root, path, &to) {
            Ok(())
        } else {
            Err(TreeError::Link { path: path.to_owned(), to })
        };
    }
    let run = data.is_dir() || data.permissions().mode() & 0o111 != 0;
    fs::set_permissions(&at, Permissions::from_mode(if run { 0o755 } else { 0o644 })).map_err(io)?;
    if data.is_dir() {
        for name in names(&at)? {
            plain(root, &path.join(name), depth + 1, owner, seen)?;
        }
    }
    let second = UNIX_EPOCH + Duration::from_secs(1);
    let times = FileTimes::new().set_accessed(second).set_modified(second);
    File::open(&at).and_then(|f| f.set_times(times)).map_err(io)
}

/// Links that one path may pass.
const MOST_LINKS: usize = 40;

/// Whether what a link says leads to a place in the tree. What it passes may be links itself: `d/..` is not where it looks to be if
/// `d` is one.
fn stays_inside(root: &Path, link: &Path, to: &Path) -> bool {
    let parts = |path: &Path| path.components().rev().map(|c| c.as_os_str().to_owned()).collect::<Vec<_>>();
    let mut at = link.parent().unwrap_or(link).to_owned();
    let mut left = parts(to);
    let mut passed = 0;
    while let Some(part) = left.pop() {
        match Path::new(&part).components().next() {
            Some(Component::CurDir) => {}
            Some(Component::ParentDir) => {
                if !at.pop() {
                    return false;
                }
            }
            Some(Component::Normal(name)) => {
                at.push(name);
                if let Ok(to) = fs::read_link(root.join(&at)) {
                    passed += 1;
                    if passed > MOST_LINKS {
                        return false;
                    }
                    at.pop();
                    left.extend(parts(&to));
                }
            }
            _ => return false,
        }
    }
    true
}

/// Digest of the tree as a NAR (Nix Archive), in lowercase digits: the number that Nix gives for the same tree.
pub fn nar_sha256(root: &Path) -> Result<String, TreeError> {
    let mut nar = nar::Writer::new(HashWriter(Sha256::new())).map_err(|e| archive(root, e))?;
    node(root, b"", 0, &mut nar)?;
    let hash = nar.finish().map_err(|e| archive(root, e))?;
    Ok(hex(&hash.0.finalize()))
}

fn node(at: &Path, name: &[u8], depth: usize, nar: &mut nar::Writer<HashWriter>) -> Result<(), TreeError> {
    let io = |source| TreeError::Io {
        path: at.to_owned(),
        source,
    };
    if depth > DEEPEST {
        return Err(TreeError::Size(at.to_owned()));
    }
    let data = fs::symlink_metadata(at).map_err(io)?;
    let written = if data.is_symlink() {
        nar.link(name, fs::read_link(at).map_err(io)?.as_os_str().as_encoded_bytes())
    } else if data.is_file() {
        let run = data.permissions().mode() & 0o111 != 0;
        nar.file(name, run, data.len(), &mut File::open(at).map_err(io)?)
    } else if data.is_dir() {
        nar.enter(name).map_err(|e| archive(at, e))?;
        for name in names(at)? {
            node(&at.join(&name), name.as_encoded_bytes(), depth + 1, nar)?;
        }
        nar.leave()
    } else {
        return Err(TreeError::Kind(at.to_owned()));
    };
    written.map_err(|e| archive(at, e))
}

fn archive(at: &Path, source: NarError) -> TreeError {
    TreeError::Archive {
        path: at.to_owned(),
        source: Box::new(source),
    }
}

/// What is in a folder, in the order of bytes.
fn names(folder: &Path) -> Result<Vec<OsString>, TreeError> {
    let io = |source| TreeError::Io {
        path: folder.to_owned(),
        source,
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        names.push(entry.map_err(io)?.file_name());
    }
    names.sort_unstable();
    Ok(names)
}

struct HashWriter(Sha256);

impl Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Digest of a file, in lowercase digits.
pub fn sha256_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let got = file.read(&mut buffer)?;
        if got == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(buffer.get(..got).unwrap_or_default());
    }
}

/// Digest of some bytes, in lowercase digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Digest of a file, or of the NAR of a folder: what a pin holds.
pub fn pin(path: &Path) -> Result<String, TreeError> {
    let io = |source| TreeError::Io {
        path: path.to_owned(),
        source,
    };
    if fs::symlink_metadata(path).map_err(io)?.is_dir() {
        nar_sha256(path)
    } else {
        sha256_file(path).map_err(io)
    }
}

fn join(root: &Path, path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() {
        root.to_owned()
    } else {
        root.join(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn digest_is_the_one_nix_gives() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("t");
        fs::create_dir(&root).unwrap();
        fs::write(root.join("a"), "hello\n").unwrap();
        fs::write(root.join("b"), "#!").unwrap();
        fs::set_permissions(root.join("b"), Permissions::from_mode(0o700)).unwrap();
        symlink("a", root.join("c")).unwrap();
        normalise(&root).unwrap();
        // nix-hash --type sha256 of a tree made the same way
        assert_eq!(
            nar_sha256(&root).unwrap(),
            "bb66559d2219ac9f773fa84e9bff9dbba90b42f3f08b71ce170b3700c2d1def5"
        );
        let data = fs::metadata(root.join("b")).unwrap();
        assert_eq!(data.permissions().mode() & 0o777, 0o755);
        assert_eq!(data.modified().unwrap(), UNIX_EPOCH + Duration::from_secs(1));
    }

    #[test]
    fn links_must_stay_inside() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("t");
        fs::create_dir_all(root.join("p/q")).unwrap();
        symlink("../..", root.join("p/q/top")).unwrap();
        symlink("round", root.join("round")).unwrap();
        for (link, to, inside) in [
            ("a", "b", true),
            ("a", "p/q/top/p", true),
            ("d/a", "../b", true),
            ("d/a", "../../b", false),
            ("a", "/etc/passwd", false),
            ("a", "..", false),
            ("a", "", true),
            // By its words this stays inside: p/q/top is two folders down. But it is the top itself.
            ("p/q/e", "top/../../etc/passwd", false),
            ("p/q/e", "top/..", false),
            ("a", "round", false),
            ("a", "p/q/top/p/q/top/..", false),
        ] {
            assert_eq!(stays_inside(&root, Path::new(link), Path::new(to)), inside, "{link} -> {to}");
        }
    }

    #[test]
    fn rights_and_folders_without_rights_become_plain() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("t");
        fs::create_dir_all(root.join("closed")).unwrap();
        fs::write(root.join("closed/program"), "#!").unwrap();
        fs::set_permissions(root.join("closed/program"), Permissions::from_mode(0o6711)).unwrap();
        fs::set_permissions(root.join("closed"), Permissions::from_mode(0o1000)).unwrap();
        normalise(&root).unwrap();
        let mode = |path: &str| fs::metadata(root.join(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("closed"), mode("closed/program")), (0o755, 0o755));
    }

    #[test]
    fn pipes_and_sockets_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("t");
        fs::create_dir(&root).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(root.join("s")).unwrap();
        for said in [
            normalise(&root).unwrap_err(),
            list(&root).unwrap_err(),
            nar_sha256(&root).unwrap_err(),
        ] {
            assert!(said.to_string().ends_with("s is no file, folder or link"), "{said}");
        }
    }
}
