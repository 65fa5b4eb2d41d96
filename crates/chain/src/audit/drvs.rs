//! Reads a closure of `.drv` files, from where the first one is or from the store, and looks at what is there of its downloads.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use nix_model::derivation::{Derivation, MAX_LEN};
use nix_model::path_info::{self, Entry};
use nix_model::{STORE_DIR, StorePath};

use super::closure::{Bytes, Node, Report, judge};
use super::generated::recognise;
use crate::step::Source;
use crate::tree;
use crate::unpack;

/// Most derivations of one closure.
const MOST: usize = 500_000;
/// Most problems that are told one by one.
const TOLD: usize = 100;
/// Largest file with sizes of paths.
const LARGEST: u64 = 1 << 30;
/// What is read of one `.narinfo` file.
const LARGEST_NARINFO: u64 = 1 << 20;

/// Why a closure cannot be judged at all.
#[derive(Debug, thiserror::Error)]
pub enum ClosureError {
    /// A file or folder cannot be read.
    #[error("read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What was named is no derivation, and no folder of some.
    #[error("{0} is no .drv file of a store, and no folder that holds any")]
    None(PathBuf),
    /// More than anybody has.
    #[error("more than {MOST} derivations")]
    Size,
    /// The sizes cannot be read.
    #[error("read the sizes of paths in {path}")]
    Sizes {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: path_info::PathInfoError,
    },
}

/// Judges the closure of a `.drv` file, or of all that are in a folder. `sizes` is a file that `nix path-info --json` wrote, or a
/// folder of `.narinfo` files.
pub fn audit(path: &Path, sizes: Option<&Path>) -> Result<Report, ClosureError> {
    let (folder, starts) = starts(path)?;
    let mut known = sizes.map(read_sizes).transpose()?.unwrap_or_default();
    let mut problems = Problems::default();
    let mut nodes: Vec<Node> = Vec::new();
    let mut seen: HashSet<StorePath> = starts.iter().cloned().collect();
    let mut left = starts;
    while let Some(path) = left.pop() {
        if seen.len() > MOST {
            return Err(ClosureError::Size);
        }
        let Some(bytes) = find(&folder, &path, &mut problems) else {
            continue;
        };
        match Derivation::parse(&bytes) {
            Ok(drv) => {
                let node = Node::of(path, &drv);
                left.extend(node.inputs.iter().filter(|i| seen.insert((*i).clone())).cloned());
                nodes.push(node);
            }
            Err(error) => problems.add(format!("{path}: {error}")),
        }
    }
    if nodes.is_empty() && problems.0.is_empty() {
        return Err(ClosureError::None(path.to_owned()));
    }
    let mut report = judge(&nodes, &mut known);
    report.problems = problems.0;
    Ok(report)
}

fn starts(path: &Path) -> Result<(PathBuf, Vec<StorePath>), ClosureError> {
    let drv = |name: &std::ffi::OsStr| StorePath::from_base(name.to_str()?).ok().filter(StorePath::is_derivation);
    if !path.is_dir() {
        let start = path.file_name().and_then(drv).ok_or_else(|| ClosureError::None(path.to_owned()))?;
        // Named as it is here, it must be here.
        File::open(path).map_err(|source| ClosureError::Read {
            path: path.to_owned(),
            source,
        })?;
        return Ok((path.parent().unwrap_or(path).to_owned(), vec![start]));
    }
    let entries = fs::read_dir(path).map_err(|source| ClosureError::Read {
        path: path.to_owned(),
        source,
    })?;
    let mut starts: Vec<StorePath> = entries.flatten().filter_map(|e| drv(&e.file_name())).collect();
    starts.sort_unstable();
    if starts.is_empty() {
        return Err(ClosureError::None(path.to_owned()));
    }
    Ok((path.to_owned(), starts))
}

/// The bytes of a derivation; `None` if it is nowhere or cannot be read, which is noted.
fn find(folder: &Path, path: &StorePath, problems: &mut Problems) -> Option<Vec<u8>> {
    for place in [folder, Path::new(STORE_DIR)] {
        let place = place.join(path.base());
        let file = match File::open(&place) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                problems.add(format!("{}: {error}", place.display()));
                continue;
            }
        };
        let mut bytes = Vec::new();
        // One byte more than a derivation may have: the parser says that it is too long.
        match file.take(MAX_LEN as u64 + 1).read_to_end(&mut bytes) {
            Ok(_) => return Some(bytes),
            Err(error) => problems.add(format!("{}: {error}", place.display())),
        }
    }
    None
}

#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn add(&mut self, problem: String) {
        if self.0.len() < TOLD {
            self.0.push(problem);
        } else if self.0.len() == TOLD {
            self.0.push("and more like these".into());
        }
    }
}

/// Sizes that were given; others are looked up in the store.
#[derive(Default)]
struct Known(HashMap<StorePath, u64>);

fn read_sizes(path: &Path) -> Result<Known, ClosureError> {
    if path.is_dir() {
        return read_narinfos(path);
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|f| f.take(LARGEST).read_to_end(&mut bytes));
    read.map_err(|source| ClosureError::Read {
        path: path.to_owned(),
        source,
    })?;
    let mut sizes = HashMap::new();
    let parsed = path_info::read_json(&bytes, |entry| {
        // A bad entry is no size.
        if let Ok(Entry::Valid(info)) = entry
            && let Some(size) = info.nar_size
        {
            sizes.insert(info.path, size);
        }
    });
    parsed.map_err(|source| ClosureError::Sizes {
        path: path.to_owned(),
        source,
    })?;
    Ok(Known(sizes))
}

/// From a folder of `*.narinfo` files, as binary caches have them. One that says nothing usable gives no size.
fn read_narinfos(folder: &Path) -> Result<Known, ClosureError> {
    let entries = fs::read_dir(folder).map_err(|source| ClosureError::Read {
        path: folder.to_owned(),
        source,
    })?;
    let names = entries.flatten().map(|e| e.path());
    let sizes = names.filter(|p| p.extension().is_some_and(|e| e == "narinfo")).filter_map(|path| {
        let mut text = String::new();
        File::open(&path).ok()?.take(LARGEST_NARINFO).read_to_string(&mut text).ok()?;
        path_info::read_narinfo(&text)
    });
    Ok(Known(sizes.collect()))
}

impl Bytes for Known {
    fn size(&mut self, path: &StorePath) -> Option<u64> {
        if let Some(size) = self.0.get(path) {
            return Some(*size);
        }
        let entries = tree::list(&Path::new(STORE_DIR).join(path.base())).ok()?;
        let sizes = entries
            .iter()
            .map(|e| if let tree::Kind::File { size, .. } = e.kind { size } else { 0 });
        Some(sizes.sum())
    }

    fn programs(&mut self, path: &StorePath) -> Option<bool> {
        let root = Path::new(STORE_DIR).join(path.base());
        if !root.exists() {
            return None;
        }
        let entries = tree::list(&root).ok()?;
        let files = entries.iter().filter(|e| matches!(e.kind, tree::Kind::File { .. }));
        let mut is_clear = true;
        for entry in files {
            let file = if entry.path.as_os_str().is_empty() {
                root.clone()
            } else {
                root.join(&entry.path)
            };
            let name = entry.path.file_name().map_or(path.name().into(), |name| name.to_string_lossy());
            if is_program(&file)? {
                return Some(true);
            }
            match holds_programs(&file, &name) {
                Some(true) => return Some(true),
                Some(false) => {}
                // Then its name has to tell.
                None => is_clear = false,
            }
        }
        is_clear.then_some(false)
    }
}

fn is_program(file: &Path) -> Option<bool> {
    let mut start = Vec::new();
    File::open(file).ok()?.take(64).read_to_end(&mut start).ok()?;
    Some(recognise(&start).is_some_and(|g| matches!(g.kind, "program or object" | "library")))
}

/// Whether an archive holds programs; `None` if it is one that we cannot unpack, or not to its end.
fn holds_programs(file: &Path, name: &str) -> Option<bool> {
    if !is_packed(name) {
        return Some(false);
    }
    let source = Source {
        file: name.to_owned(),
        ..Source::default()
    };
    let mut found = false;
    let looked = unpack::members(&source, file, &mut |_, _, bytes| {
        found |= recognise(bytes.get(..64.min(bytes.len())).unwrap_or_default()).is_some_and(|g| g.kind == "program or object");
    });
    (looked.is_ok() || found).then_some(found)
}

/// Whether a file is packed, by its name.
fn is_packed(name: &str) -> bool {
    const ENDINGS: [&str; 18] = [
        "tar", "gz", "tgz", "bz2", "tbz", "tbz2", "xz", "txz", "zst", "lz", "lzma", "zip", "jar", "whl", "rpm", "deb", "7z", "AppImage",
    ];
    name.rsplit_once('.')
        .is_some_and(|(_, ending)| ENDINGS.iter().any(|packed| packed.eq_ignore_ascii_case(ending)))
}
