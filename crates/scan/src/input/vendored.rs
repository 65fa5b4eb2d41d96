//! What a package carries inside: dependencies of Cargo, Go and npm that its derivation names one by one, and archives of
//! dependencies whose content no derivation tells.
//!
//! Names and versions are taken from where they are stated, never guessed: addresses of registries (`registry`), names that
//! Nixpkgs' own builders give (`importCargoLock`, `buildRustCrate`), attributes (gomod2nix, node2nix) and lock files (`lock`) that a
//! derivation holds as text (`importNpmLock`, `importCargoLock`). Many packages fetch all dependencies as one archive with one hash
//! (`cargoHash`, `vendorHash`, `npmDepsHash`): of those it is only known that they are there.

mod lock;
mod node;
mod registry;

use std::collections::{BTreeSet, HashSet};

use nix_model::StorePath;
use nix_model::derivation::{Attributes, Derivation};

/// The most that are kept of one package, and the most derivations that are read for it.
const MOST: usize = 20_000;
/// How far we go from a package through derivations that only collect.
const DEEPEST: usize = 4;

/// What is carried.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Carried {
    /// Package URLs of dependencies, in order, each once.
    pub known: Vec<String>,
    /// Names of archives with an unknown number of unknown dependencies, in order, each once.
    pub sealed: Vec<String>,
}

/// What a derivation carries. `own` are the names of the package's own sources; `input` gives the derivations that it needs.
pub fn of(drv: &Derivation<'_>, own: &[String], input: &mut dyn FnMut(&StorePath) -> Option<Derivation<'static>>) -> Carried {
    let mut walk = Walk {
        own,
        input,
        known: BTreeSet::new(),
        sealed: BTreeSet::new(),
        seen: HashSet::new(),
    };
    let attributes = attributes_of(drv);
    walk.add_stated(&attributes);
    // Crates that are built one by one are inputs of one another under names of their own.
    let is_crate = attributes.text("crateName").is_some();
    for input in &drv.input_drvs {
        walk.visit(&input.path, 1, Within::Package { is_crate });
    }
    Carried {
        known: walk.known.into_iter().collect(),
        sealed: walk.sealed.into_iter().collect(),
    }
}

struct Walk<'a> {
    own: &'a [String],
    input: &'a mut dyn FnMut(&StorePath) -> Option<Derivation<'static>>,
    known: BTreeSet<String>,
    sealed: BTreeSet<String>,
    seen: HashSet<StorePath>,
}

/// What an input is an input of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Package {
        is_crate: bool,
    },
    Collector,
    /// A derivation below a collector that unpacks one dependency.
    Unpacker,
}

impl Walk<'_> {
    fn visit(&mut self, path: &StorePath, depth: usize, within: Within) {
        let name = path.name().strip_suffix(".drv").unwrap_or(path.name());
        let collects = COLLECTORS.iter().any(|word| name.contains(word));
        let is_of_interest = match within {
            Within::Package { is_crate } => collects || is_archive(name) || is_crate && name.starts_with(CRATE),
            Within::Collector => true,
            Within::Unpacker => is_archive(name) || registry::is_named_crate(name),
        };
        let is_enough = self.known.len() >= MOST || self.seen.len() >= MOST;
        if !is_of_interest || is_enough || self.own.iter().any(|source| source == name) || !self.seen.insert(path.clone()) {
            return;
        }
        if within == (Within::Package { is_crate: true })
            && let Some(purl) = name.strip_prefix(CRATE).and_then(registry::named_crate)
        {
            self.known.insert(purl);
            return;
        }
        let Some(drv) = (self.input)(path) else {
            match registry::by_name(name) {
                Some(purl) => drop(self.known.insert(purl)),
                None => self.seal(name),
            }
            return;
        };
        let attributes = attributes_of(&drv);
        if drv.outputs.iter().any(|output| output.is_fixed()) {
            match registry::by_address(&attributes).or_else(|| registry::by_name(name)) {
                Some(purl) => drop(self.known.insert(purl)),
                None => self.seal(name),
            }
            return;
        }
        let next = match within {
            _ if collects => Within::Collector,
            Within::Collector => Within::Unpacker,
            Within::Package { .. } | Within::Unpacker => return,
        };
        if next == Within::Collector {
            self.add_stated(&attributes);
        }
        if depth < DEEPEST {
            for input in &drv.input_drvs {
                self.visit(&input.path, depth + 1, next);
            }
        }
    }

    /// What a derivation says itself, without another one being read.
    fn add_stated(&mut self, attributes: &Attributes<'_>) {
        let room = MOST.saturating_sub(self.known.len());
        let mut found = Vec::new();
        if let Some(script) = attributes.text("compositionScript") {
            found.extend(node::composed(&script));
        }
        if let Some(text) = attributes.text("packageLock") {
            found.extend(lock::npm(&text));
        }
        if let Some(text) = attributes.text("lockFileContents") {
            found.extend(lock::cargo(&text));
        }
        self.known.extend(found.into_iter().take(room));
    }

    /// Notes an archive of dependencies that cannot be looked into.
    fn seal(&mut self, name: &str) {
        let stem = [".tar.gz", ".tar.zst", ".tgz"].iter().find_map(|ending| name.strip_suffix(ending));
        let stem = stem.unwrap_or(name);
        if SEALED.iter().any(|end| stem.ends_with(end)) && self.sealed.len() < MOST {
            self.sealed.insert(name.to_owned());
        }
    }
}

/// What `buildRustCrate` puts before the name of a crate.
const CRATE: &str = "rust_";

/// Words in the names of derivations that put fetched dependencies together.
const COLLECTORS: [&str; 12] = [
    "vendor",
    "cargo-deps",
    "cargo-package",
    "go-modules",
    "node-dependencies",
    "node_modules",
    "npm-deps",
    "npm-lock",
    "yarn-deps",
    "yarn-cache",
    "pnpm-deps",
    "offline",
];

/// How the names of archives end that hold all dependencies of a package, under one hash.
const SEALED: [&str; 11] = [
    "-vendor",
    "-vendor-staging",
    "-cargo-deps",
    "-go-modules",
    "-goModules",
    "-npm-deps",
    "-yarn-deps",
    "-yarn-cache",
    "-pnpm-deps",
    "-offline",
    "-offline-cache",
];

fn is_archive(name: &str) -> bool {
    [".tar.gz", ".tgz", ".crate", ".zip"].iter().any(|ending| name.ends_with(ending))
}

fn attributes_of<'d>(drv: &'d Derivation<'_>) -> Attributes<'d> {
    drv.attributes().unwrap_or_else(|_| drv.env_attributes())
}

#[cfg(test)]
mod tests;
