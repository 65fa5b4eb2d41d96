//! What a command is pointed at, whatever kind of thing it is: a generation, a store path, a file.

use std::path::{Path, PathBuf};

use cli_kit::{Failure, Talk, escape};
use nix_model::StorePath;

use super::closure::{self, Closure};
use super::file;
use super::store::Store;
use super::{derivations, document, target};
use crate::inventory::Inventory;

/// Where NixOS keeps the generations of the system.
pub const SYSTEM_PROFILE: &str = "/nix/var/nix/profiles/system";
/// The system that runs.
pub const CURRENT_SYSTEM: &str = "/run/current-system";

/// Which closure of a store path is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// What it refers to.
    Runtime,
    /// What it was built from.
    BuildTime,
}

/// Reads whatever is named: a number is a generation of the system, a file is told by its content, anything else leads to the
/// store.
pub fn read(name: &str, extent: Extent, store: &Store, talk: &Talk) -> Result<Inventory, Failure> {
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
        let link = store.inside(&format!("{SYSTEM_PROFILE}-{name}-link"));
        return paths(&[link], extent, store, talk);
    }
    let path = PathBuf::from(name);
    let in_store = path.starts_with(nix_model::STORE_DIR);
    if name == "-" || (!in_store && path.is_file() && target::resolve(&path, store).is_err()) {
        return from_file(&path, store);
    }
    paths(&[path], extent, store, talk)
}

/// The closure of paths.
pub fn paths(targets: &[PathBuf], extent: Extent, store: &Store, talk: &Talk) -> Result<Inventory, Failure> {
    let mut roots: Vec<StorePath> = Vec::new();
    for target in targets {
        let root = target::resolve(target, store)?;
        if !roots.contains(&root) {
            roots.push(root);
        }
    }
    let names = targets.iter().map(|target| target.display().to_string()).collect();
    let Closure { inventory, note } = match extent {
        Extent::Runtime => closure::runtime(store, &roots, names)?,
        Extent::BuildTime => closure::build_time(store, &roots, names)?,
    };
    if let Some(note) = note {
        talk.say(&escape(&note));
    }
    Ok(inventory)
}

/// A closure that was written down; `-` is standard input.
pub fn closure_file(path: &Path, store: &Store) -> Result<Inventory, Failure> {
    let bytes = file::read(path)?;
    let name = if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    };
    Ok(closure::from_file(&name, &bytes, store)?)
}

/// A file of any kind.
fn from_file(path: &Path, store: &Store) -> Result<Inventory, Failure> {
    if path == Path::new("-") {
        return closure_file(path, store);
    }
    let bytes = file::read(path)?;
    let one = [path.to_path_buf()];
    Ok(match kind(&bytes) {
        Kind::Sbom => document::from_files(&one)?,
        Kind::Derivation => derivations::from_files(&one, store)?,
        Kind::Closure => closure::from_file(&path.display().to_string(), &bytes, store)?,
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Sbom,
    Derivation,
    Closure,
}

/// Tells files apart by words that each kind has to have.
fn kind(bytes: &[u8]) -> Kind {
    let has = |word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
    let text = bytes.trim_ascii_start();
    if text.starts_with(b"Derive(") || text.starts_with(b"DrvWithVersion(") {
        Kind::Derivation
    } else if !text.starts_with(b"{") {
        Kind::Closure
    } else if has("\"bomFormat\"") || has("\"spdxVersion\"") {
        Kind::Sbom
    } else if has("\"builder\"") && !has("\"narHash\"") {
        Kind::Derivation
    } else {
        Kind::Closure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_files() {
        assert_eq!(kind(br#" {"bomFormat":"CycloneDX"}"#), Kind::Sbom);
        assert_eq!(kind(br#"{"spdxVersion":"SPDX-2.3"}"#), Kind::Sbom);
        assert_eq!(kind(br#"{"/nix/store/x.drv":{"builder":"x"}}"#), Kind::Derivation);
        assert_eq!(kind(b"Derive([])"), Kind::Derivation);
        assert_eq!(kind(br#"{"/nix/store/x":{"narHash":"x"}}"#), Kind::Closure);
        assert_eq!(kind(b"[]"), Kind::Closure);
        assert_eq!(kind(b"/nix/store/x"), Kind::Closure);
    }

    #[test]
    fn numbers_are_generations() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::below(folder.path());
        let talk = Talk::new(true);
        let error = read("42", Extent::Runtime, &store, &talk).unwrap_err();
        let shown = error.render(false);
        assert!(shown.contains("nix/var/nix/profiles/system-42-link"), "{shown}");
    }
}
