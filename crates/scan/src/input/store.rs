//! Where the store lies, and its derivations.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use nix_model::{Derivation, STORE_DIR, StorePath};

/// A store whose paths are called `/nix/store/...`, wherever it lies: below `/`, or below the folder that `nix --store DIR` got.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// The store below a folder; `/` is this machine's own.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder that it lies below.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether it is this machine's own.
    pub fn is_own(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Where a path's bytes are.
    pub fn place(&self, path: &StorePath) -> PathBuf {
        self.folder().join(path.base())
    }

    /// The folder of all paths.
    pub fn folder(&self) -> PathBuf {
        self.inside(STORE_DIR)
    }

    /// The folder of the database.
    pub fn database(&self) -> PathBuf {
        self.inside("/nix/var/nix/db")
    }

    /// An absolute path as it is below the root.
    pub fn inside(&self, absolute: &str) -> PathBuf {
        self.root.join(absolute.trim_start_matches('/'))
    }
}

/// Where derivations are found: those that were read already, then the `.drv` files of some folders.
#[derive(Debug, Clone, Default)]
pub struct Derivations {
    /// Read already.
    pub known: HashMap<StorePath, Derivation<'static>>,
    /// Folders of `.drv` files, in the order in which they are asked.
    pub folders: Vec<PathBuf>,
}

/// Why a derivation that is there cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DerivationError {
    /// The file cannot be read.
    #[error("read {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file is no derivation.
    #[error("parse {path}")]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: nix_model::derivation::ParseError,
    },
}

impl Derivations {
    /// The derivations of a store.
    pub fn of(store: &Store) -> Self {
        Self {
            known: HashMap::new(),
            folders: vec![store.folder()],
        }
    }

    /// A derivation; `None` where there is no file of it.
    pub fn get(&self, path: &StorePath) -> Result<Option<Derivation<'static>>, DerivationError> {
        if !path.is_derivation() {
            return Ok(None);
        }
        if let Some(known) = self.known.get(path) {
            return Ok(Some(known.clone()));
        }
        for folder in &self.folders {
            if let Some(found) = read(&folder.join(path.base()))? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// Reads a .drv file; `None` where there is none.
fn read(path: &Path) -> Result<Option<Derivation<'static>>, DerivationError> {
    let failed = |source| DerivationError::Read { path: path.into(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::new();
    // One byte more than the parser takes: it says so itself.
    let limit = nix_model::derivation::MAX_LEN as u64 + 1;
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    let parsed = Derivation::parse(&bytes).map_err(|source| DerivationError::Parse { path: path.into(), source })?;
    Ok(Some(parsed.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_elsewhere_has_the_same_names() {
        let path: StorePath = "q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1".parse().unwrap();
        let store = Store::below("/mnt");
        assert_eq!(
            store.place(&path),
            Path::new("/mnt/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1")
        );
        assert_eq!(store.database(), Path::new("/mnt/nix/var/nix/db"));
        assert!(Store::below("/").is_own() && !store.is_own());
    }

    #[test]
    fn derivations_that_are_gone_broken_or_there() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::below(folder.path());
        std::fs::create_dir_all(store.folder()).unwrap();
        let path: StorePath = "q7z9hp2zsg4id778s4ai1i1yld6zjvq4-x-1.drv".parse().unwrap();
        let derivations = Derivations::of(&store);
        assert!(derivations.get(&path).unwrap().is_none());
        std::fs::write(store.place(&path), "Derive([").unwrap();
        let error = derivations.get(&path).unwrap_err();
        assert_eq!(error.to_string(), format!("parse {}", store.place(&path).display()));
        std::fs::write(store.place(&path), r#"Derive([],[],[],"x86_64-linux","sh",[],[("name","x-1")])"#).unwrap();
        assert_eq!(derivations.get(&path).unwrap().unwrap().env("name").unwrap(), "x-1");
        let output: StorePath = "q7z9hp2zsg4id778s4ai1i1yld6zjvq4-x-1".parse().unwrap();
        assert!(derivations.get(&output).unwrap().is_none(), "an output is no derivation");
    }
}
