//! What a step left behind: made the same everywhere, and given digests.

use std::fs::{self, File, FileTimes, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

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
        let mut names = Vec::new();
        for entry in fs::read_dir(&at).map_err(io)? {
            names.push(entry.map_err(io)?.file_name());
        }
        names.sort_unstable();
        for name in names {
            collect(root, &path.join(name), depth + 1, entries)?;
        }
    } else {
        return Err(TreeError::Kind(at));
    }
    Ok(())
}

/// Makes a tree the same wherever and whenever it was made: modes 0755 and 0644, time 1 s after the epoch. Links must stay inside.
pub fn normalise(root: &Path) -> Result<(), TreeError> {
    for entry in list(root)? {
        let at = join(root, &entry.path);
        let io = |source| TreeError::Io { path: at.clone(), source };
        let mode = match &entry.kind {
            Kind::Link(to) if stays_inside(&entry.path, to) => continue,
            Kind::Link(to) => {
                return Err(TreeError::Link {
                    path: entry.path,
                    to: to.clone(),
                });
            }
            Kind::File { run: false, .. } => 0o644,
            Kind::File { run: true, .. } | Kind::Folder => 0o755,
        };
        fs::set_permissions(&at, Permissions::from_mode(mode)).map_err(io)?;
        let second = UNIX_EPOCH + Duration::from_secs(1);
        let times = FileTimes::new().set_accessed(second).set_modified(second);
        File::open(&at).and_then(|f| f.set_times(times)).map_err(io)?;
    }
    Ok(())
}

fn stays_inside(link: &Path, to: &Path) -> bool {
    let mut depth = link.components().count().saturating_sub(1);
    for part in to.components() {
        match part {
            std::path::Component::Normal(_) => depth += 1,
            std::path::Component::ParentDir if depth > 0 => depth -= 1,
            std::path::Component::CurDir => {}
            _ => return false,
        }
    }
    true
}

/// Digest of the tree as a NAR (Nix Archive), in lowercase digits: the number that Nix gives for the same tree.
pub fn nar_sha256(root: &Path) -> Result<String, TreeError> {
    let mut hash = HashWriter(Sha256::new());
    write_nar(root, &mut hash)?;
    Ok(hex(&hash.0.finalize()))
}

/// The tree as a NAR.
pub fn write_nar(root: &Path, out: &mut impl Write) -> Result<(), TreeError> {
    let io = |source| TreeError::Io {
        path: root.to_owned(),
        source,
    };
    text(out, b"nix-archive-1").map_err(io)?;
    node(root, 0, out)
}

fn node(at: &Path, depth: usize, out: &mut impl Write) -> Result<(), TreeError> {
    let io = |source| TreeError::Io {
        path: at.to_owned(),
        source,
    };
    if depth > DEEPEST {
        return Err(TreeError::Size(at.to_owned()));
    }
    let data = fs::symlink_metadata(at).map_err(io)?;
    let mut texts = |all: &[&[u8]]| all.iter().try_for_each(|t| text(out, t)).map_err(io);
    if data.is_symlink() {
        let to = fs::read_link(at).map_err(io)?;
        texts(&[b"(", b"type", b"symlink", b"target", to.as_os_str().as_encoded_bytes(), b")"])
    } else if data.is_file() {
        texts(&[b"(", b"type", b"regular"])?;
        if data.permissions().mode() & 0o111 != 0 {
            texts(&[b"executable", b""])?;
        }
        texts(&[b"contents"])?;
        let content = fs::read(at).map_err(io)?;
        texts(&[&content, b")"])
    } else {
        texts(&[b"(", b"type", b"directory"])?;
        let mut names = Vec::new();
        for entry in fs::read_dir(at).map_err(io)? {
            names.push(entry.map_err(io)?.file_name());
        }
        names.sort_unstable();
        for name in names {
            let mut texts = |all: &[&[u8]]| all.iter().try_for_each(|t| text(out, t)).map_err(io);
            texts(&[b"entry", b"(", b"name", name.as_encoded_bytes(), b"node"])?;
            node(&at.join(&name), depth + 1, out)?;
            text(out, b")").map_err(io)?;
        }
        text(out, b")").map_err(io)
    }
}

/// A string of a NAR: its length in eight bytes, itself, zeroes up to a multiple of eight.
fn text(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(&(bytes.len() as u64).to_le_bytes())?;
    out.write_all(bytes)?;
    out.write_all(&[0; 7][..(8 - bytes.len() % 8) % 8])
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
        for (link, to, inside) in [
            ("a", "b", true),
            ("d/a", "../b", true),
            ("d/a", "../../b", false),
            ("a", "/etc/passwd", false),
            ("a", "..", false),
        ] {
            assert_eq!(stays_inside(Path::new(link), Path::new(to)), inside, "{link} -> {to}");
        }
    }
}
