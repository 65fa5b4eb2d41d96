//! Under what packages are filed, and what records are looked up by.
//!
//! Only the engine knows what it asks for: it is put to an index that files nothing and notes every question
//! ([`Prepared::keys`](super::Prepared::keys)). What it finds can only make it ask less, so that these are all the keys under which a
//! package can matter to a vulnerability.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// One question to a package set. All texts are folded as the index folds them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// A plain package's name.
    Name(String),
    /// The name of a library, whatever its language.
    Library(String),
    /// The repository that a package is built from.
    Repository(String),
    /// Vendor and product of a CPE name in a package's metadata.
    Cpe(String, String),
    /// A package URL in a package's metadata, without version.
    Purl(String),
    /// The vulnerability that a patch or a mark names.
    Id(String),
    /// A library by the package URL that its registry gives it, without version: what packages carry inside.
    Registry(String),
    /// The name in a store path: what tells which package of a channel a path may be.
    Pname(String),
}

impl Key {
    /// A number for tables. Two keys may share one: what a table finds is then a little more than was asked for.
    pub fn number(&self) -> u64 {
        let (kind, texts): (u8, [&str; 2]) = match self {
            Key::Name(name) => (0, [name, ""]),
            Key::Library(name) => (1, [name, ""]),
            Key::Repository(place) => (2, [place, ""]),
            Key::Cpe(vendor, product) => (3, [vendor, product]),
            Key::Purl(purl) => (4, [purl, ""]),
            Key::Id(id) => (5, [id, ""]),
            Key::Pname(name) => (6, [name, ""]),
            Key::Registry(purl) => (7, [purl, ""]),
        };
        // FNV-1a with a finish that spreads the last bytes to the first bits, which tables keep.
        let bytes = std::iter::once(kind).chain(texts[0].bytes()).chain([0]).chain(texts[1].bytes());
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
            (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let hash = (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^ hash >> 29
    }
}

/// The questions that were asked.
#[derive(Debug, Default)]
pub(super) struct Asked(Mutex<HashSet<Key>>);

impl Asked {
    pub fn note(&self, key: Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
    }

    pub fn into_keys(self) -> HashSet<Key> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
