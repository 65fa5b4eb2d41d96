//! Derivations: `.drv` files, derivation JSON, and everything that builds need.

use std::collections::{HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::thread;

use cli_kit::{Exit, Explained};
use nix_model::derivation::{Derivation, JsonError, ParseError, read_json};
use nix_model::{StorePath, StorePathError};

use super::assemble::Assembly;
use super::file::{self, FileError};
use super::store::{Derivations, Store};
use crate::inventory::Inventory;

/// Why derivations cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DerivationsError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is no derivation.
    #[error("parse {path}")]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: ParseError,
    },
    /// A file is no derivation JSON.
    #[error("parse {path}")]
    Json {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: JsonError,
    },
    /// A file whose name is no store path, so that nobody knows which derivation it is.
    #[error("the name of {path} is no store path, as that of a .drv file is")]
    Name {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: StorePathError,
    },
    /// A file without any derivation.
    #[error("there is no derivation in {0}")]
    Empty(PathBuf),
}

impl Explained for DerivationsError {
    fn exit(&self) -> Exit {
        match self {
            Self::File(error) => error.exit(),
            _ => Exit::Incomplete,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::File(_) => return None,
            Self::Name { .. } => "call it as it was called in the store: HASH-NAME.drv",
            _ => "give .drv files, or what `nix derivation show --recursive` printed",
        };
        Some(text.to_owned())
    }
}

/// The inventory of files of derivations. What builds need is sought beside each file, then in the store.
pub fn from_files(files: &[PathBuf], store: &Store) -> Result<Inventory, DerivationsError> {
    let mut derivations = Derivations::default();
    let mut given = Vec::new();
    let mut problems = Vec::new();
    for (path, read) in files.iter().zip(read_all(files)) {
        let (name, drv) = match read? {
            Content::Derivation(name, drv) => (name, *drv),
            Content::Json(bytes) => {
                let bytes = bytes.map_or_else(|| file::read(path), Ok)?;
                let before = given.len();
                read_json(&bytes, |entry| match entry {
                    Ok((path, drv)) => {
                        given.push(path.clone());
                        derivations.known.insert(path, drv);
                    }
                    Err(error) => {
                        let cause = std::error::Error::source(&error)
                            .map(|cause| format!(": {cause}"))
                            .unwrap_or_default();
                        problems.push(format!("{}: {error}{cause}", path.display()));
                    }
                })
                .map_err(|source| DerivationsError::Json {
                    path: path.clone(),
                    source,
                })?;
                if given.len() == before {
                    return Err(DerivationsError::Empty(path.clone()));
                }
                continue;
            }
        };
        derivations.known.insert(name.clone(), drv);
        given.push(name);
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        if !derivations.folders.contains(&folder) {
            derivations.folders.push(folder);
        }
    }
    derivations.folders.push(store.folder());
    let targets = files.iter().map(|path| path.display().to_string()).collect();
    let mut inventory = closure(&given, targets, &derivations);
    // To give back the texts of thousands of files takes as long as to judge some: that need not be waited for.
    thread::spawn(move || drop(derivations));
    // Of what was given, what nothing else needs is what was asked for.
    let referred: HashSet<u32> = inventory.parts.iter().flat_map(|part| part.references.iter().copied()).collect();
    let top: Vec<u32> = inventory.roots.iter().copied().filter(|root| !referred.contains(root)).collect();
    if !top.is_empty() {
        inventory.roots = top;
    }
    problems.truncate(50);
    inventory.problems.extend(problems);
    Ok(inventory)
}

/// What is in a file.
enum Content {
    Derivation(StorePath, Box<Derivation<'static>>),
    /// Of any number of derivations. A file may be large and is read again when it is its turn; standard input comes once.
    Json(Option<Vec<u8>>),
}

/// Reads files on all processors; answers in their order.
fn read_all(files: &[PathBuf]) -> Vec<Result<Content, DerivationsError>> {
    let threads = thread::available_parallelism().map_or(2, usize::from).clamp(1, 8);
    let read = |files: &[PathBuf]| files.iter().map(|path| read_one(path)).collect::<Vec<_>>();
    thread::scope(|scope| {
        let parts: Vec<_> = files
            .chunks(files.len().div_ceil(threads).max(1))
            .map(|part| scope.spawn(move || read(part)))
            .collect();
        parts
            .into_iter()
            .flat_map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

fn read_one(path: &Path) -> Result<Content, DerivationsError> {
    let bytes = file::read(path)?;
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') {
        return Ok(Content::Json((path == Path::new("-")).then_some(bytes)));
    }
    let drv = Derivation::parse(&bytes).map_err(|source| DerivationsError::Parse {
        path: path.to_owned(),
        source,
    })?;
    let base = path.file_name().unwrap_or_default().to_string_lossy();
    let name = StorePath::from_base(&base).map_err(|source| DerivationsError::Name {
        path: path.to_owned(),
        source,
    })?;
    Ok(Content::Derivation(name, Box::new(drv.into_owned())))
}

/// The derivations given, and all that they need, as far as there are files of them.
pub fn closure(roots: &[StorePath], targets: Vec<String>, derivations: &Derivations) -> Inventory {
    let mut assembly = Assembly::new(derivations, targets);
    let mut seen: HashSet<StorePath> = roots.iter().cloned().collect();
    let mut pending: VecDeque<StorePath> = roots.iter().cloned().collect();
    let mut missing = 0_usize;
    let mut example = None;
    while let Some(path) = pending.pop_front() {
        let number = assembly.part(&path);
        let drv = match derivations.get(&path) {
            Ok(Some(drv)) => drv,
            other => {
                if let Err(error) = other {
                    let cause = std::error::Error::source(&error)
                        .map(|cause| format!(": {cause}"))
                        .unwrap_or_default();
                    assembly.problem(format!("{error}{cause}"));
                } else if path.is_derivation() {
                    missing += 1;
                    example.get_or_insert_with(|| path.to_string());
                    let package = assembly.named_derivation(&path);
                    assembly.belongs(number, package);
                }
                // Files of the store that builds begin with are no packages: sources, patches, scripts.
                continue;
            }
        };
        let inputs = drv.input_drvs.iter().map(|input| &input.path);
        let mut to = Vec::new();
        for input in inputs.chain(&drv.input_srcs) {
            to.push(assembly.part(input));
            if seen.insert(input.clone()) {
                pending.push_back(input.clone());
            }
        }
        assembly.refer(number, to);
        let package = assembly.described(&path, &drv);
        assembly.belongs(number, package);
    }
    if let Some(example) = example {
        assembly.problem(format!(
            "{missing} derivations that builds need are not there, the first is {example}: their names are all that is known of them"
        ));
    }
    assembly.set_roots(roots);
    assembly.inventory
}

#[cfg(test)]
mod tests;
