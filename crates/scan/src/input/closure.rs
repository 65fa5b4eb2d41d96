//! Closures: of a store, or of another machine as a file tells them.

use std::collections::HashSet;

use cli_kit::{Exit, Explained};
use nix_model::StorePath;
use nix_model::path_info::{Entry, PathInfo, PathInfoError, read_json, read_list};

use super::database::{Database, DatabaseError};
use super::nix::{self, NixError};
use super::store::{Derivations, Store};
use super::{assemble, derivations};
use crate::inventory::Inventory;

/// Why a closure cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ClosureError {
    /// Something asked for is not in the store.
    #[error("{0} is not in the store")]
    Invalid(StorePath),
    /// Neither way led to an answer.
    #[error("the database cannot be used ({database}), and Nix could not be asked")]
    Neither {
        /// Why the database was not used.
        database: String,
        /// Why Nix was of no help.
        #[source]
        source: NixError,
    },
    /// A file that is neither path-info JSON nor a list of paths.
    #[error("read closure {name}")]
    File {
        /// Which file.
        name: String,
        /// Where and why.
        #[source]
        source: PathInfoError,
    },
    /// A file without a single path.
    #[error("read closure {0}: there is no store path in it")]
    Empty(String),
    /// The derivation that made something is not known.
    #[error("which derivation made {0} is not known")]
    NoDeriver(StorePath),
    /// The derivation that made something is gone.
    #[error("{drv}, which made {path}, is not in the store any more")]
    DeriverGone {
        /// What was asked for.
        path: StorePath,
        /// What made it.
        drv: StorePath,
    },
}

impl Explained for ClosureError {
    fn exit(&self) -> Exit {
        match self {
            Self::Invalid(_) => Exit::Usage,
            _ => Exit::Incomplete,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Invalid(_) => "`nix path-info PATH` says what Nix knows; a store elsewhere is given with --store",
            Self::Neither { .. } => {
                "on the machine that has the store: `nix path-info --json --recursive PATH > closure.json`, then `firn-scan closure --from closure.json`"
            }
            Self::File { .. } | Self::Empty(_) => {
                "give what `nix path-info --json --recursive PATH` or `nix-store --query --requisites PATH` printed"
            }
            Self::NoDeriver(_) | Self::DeriverGone { .. } => {
                "the closure at run time can be scanned without --buildtime; Nix keeps derivations with `keep-derivations = true`"
            }
        };
        Some(text.to_owned())
    }
}

/// A closure, and what the reader may want to know about how it was read.
#[derive(Debug)]
pub struct Closure {
    /// What is in it.
    pub inventory: Inventory,
    /// How it was read, where that was not the ordinary way.
    pub note: Option<String>,
}

/// What the roots need when they run: everything that they refer to.
pub fn runtime(store: &Store, roots: &[StorePath], targets: Vec<String>) -> Result<Closure, ClosureError> {
    let (mut infos, note) = infos(store, roots)?;
    sort(&mut infos);
    Ok(Closure {
        inventory: assemble::closure(infos, Some(roots), targets, &Derivations::of(store)),
        note,
    })
}

/// What was needed to build the roots: their derivations, and everything that those need.
pub fn build_time(store: &Store, roots: &[StorePath], targets: Vec<String>) -> Result<Closure, ClosureError> {
    let known = Derivations::of(store);
    let outputs: Vec<StorePath> = roots.iter().filter(|root| !root.is_derivation()).cloned().collect();
    let (infos, note) = if outputs.is_empty() {
        (Vec::new(), None)
    } else {
        infos(store, &outputs)?
    };
    let mut drvs = Vec::new();
    for root in roots {
        if root.is_derivation() {
            if !store.place(root).exists() {
                return Err(ClosureError::Invalid(root.clone()));
            }
            drvs.push(root.clone());
            continue;
        }
        let info = infos.iter().find(|info| info.path == *root);
        let Some(drv) = info.and_then(|info| info.deriver.clone()) else {
            return Err(ClosureError::NoDeriver(root.clone()));
        };
        if !store.place(&drv).exists() {
            return Err(ClosureError::DeriverGone { path: root.clone(), drv });
        }
        drvs.push(drv);
    }
    Ok(Closure {
        inventory: derivations::closure(&drvs, targets, &known),
        note,
    })
}

/// A closure that was written down: path-info JSON, or a list of paths. Derivations are sought in the store, if it has them.
pub fn from_file(name: &str, bytes: &[u8], store: &Store) -> Result<Inventory, ClosureError> {
    let failed = |source| ClosureError::File {
        name: name.to_owned(),
        source,
    };
    let mut infos = Vec::new();
    let mut wrong: Vec<PathInfoError> = Vec::new();
    let mut invalid = Vec::new();
    let mut seen = HashSet::new();
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if matches!(first, Some(b'[' | b'{' | b'"')) {
        read_json(bytes, |entry| match entry {
            Ok(Entry::Valid(info)) if seen.insert(info.path.clone()) => infos.push(info),
            Ok(Entry::Valid(_)) => {}
            Ok(Entry::Invalid(path)) => invalid.push(path),
            Err(error) => wrong.push(error),
        })
        .map_err(failed)?;
    } else {
        read_list(&String::from_utf8_lossy(bytes), |line| match line {
            Ok(path) if seen.insert(path.clone()) => infos.push(PathInfo {
                path,
                references: Vec::new(),
                deriver: None,
                nar_size: None,
                nar_hash: None,
            }),
            Ok(_) => {}
            Err(error) => wrong.push(error),
        });
    }
    if infos.is_empty() {
        return Err(match wrong.into_iter().next() {
            Some(source) => failed(source),
            None => ClosureError::Empty(name.to_owned()),
        });
    }
    sort(&mut infos);
    let mut inventory = assemble::closure(infos, None, vec![name.to_owned()], &Derivations::of(store));
    let count = wrong.len() + invalid.len();
    for error in wrong.into_iter().take(20) {
        let cause = std::error::Error::source(&error)
            .map(|cause| format!(": {cause}"))
            .unwrap_or_default();
        inventory.problems.push(format!("{name}: {error}{cause}"));
    }
    for path in invalid.into_iter().take(20) {
        inventory.problems.push(format!("{name}: {path} was not in that store"));
    }
    if count > 40 {
        inventory
            .problems
            .push(format!("{name}: {count} entries were left out, not all of them listed"));
    }
    Ok(inventory)
}

/// The same closure gives the same report, whoever told of it.
fn sort(infos: &mut [PathInfo]) {
    infos.sort_by(|left, right| left.path.cmp(&right.path));
}

/// From the database; from Nix itself where the database cannot be used.
fn infos(store: &Store, roots: &[StorePath]) -> Result<(Vec<PathInfo>, Option<String>), ClosureError> {
    let database = match Database::open(store).and_then(|database| database.closure(roots)) {
        Ok(infos) => return Ok((infos, None)),
        Err(DatabaseError::Invalid(path)) => return Err(ClosureError::Invalid(path)),
        Err(error) => {
            let cause = std::error::Error::source(&error)
                .map(|cause| format!(": {cause}"))
                .unwrap_or_default();
            format!("{error}{cause}")
        }
    };
    match nix::closure(store, roots) {
        Ok(infos) => Ok((infos, Some(format!("{database}: Nix was asked instead")))),
        Err(NixError::Invalid(path)) => Err(ClosureError::Invalid(path)),
        Err(source) => Err(ClosureError::Neither { database, source }),
    }
}

#[cfg(test)]
mod tests;
