//! Paths of the Nix store.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base32;

/// Where the store is. A store elsewhere is another store: its paths are refused, not misread.
pub const STORE_DIR: &str = "/nix/store";

/// A path directly below the store: 32 base32 digits, a dash, a name.
///
/// Read from a full path (`/nix/store/q7z9...-curl-7.71.1`) or a base name (`q7z9...-curl-7.71.1`), shown in full.
///
/// ```
/// let path: nix_model::StorePath = "/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1".parse()?;
/// assert_eq!(path.name(), "curl-7.71.1");
/// assert_eq!(path.hash_part(), "q7z9hp2zsg4id778s4ai1i1yld6zjvq4");
/// # Ok::<(), nix_model::StorePathError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StorePath(Box<str>);

/// Why a text is not a store path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parse store path at byte {at}: {kind}")]
pub struct StorePathError {
    /// Byte position in the text given.
    pub at: usize,
    /// What was wrong there.
    pub kind: StorePathErrorKind,
}

/// What is wrong with a store path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StorePathErrorKind {
    /// An absolute path outside the store.
    #[error("not below {STORE_DIR}")]
    OutsideStore,
    /// The hash part is shorter than 32 digits or holds another character.
    #[error("expected one of 32 nix base32 digits")]
    Hash,
    /// No dash after the hash part.
    #[error("expected '-' after the hash part")]
    Dash,
    /// The name is empty, longer than 211 bytes, or one of those that a file system would take for a folder.
    #[error("the name is empty, too long, or begins as a relative path")]
    Name,
    /// A character that a name cannot hold.
    #[error("character not allowed in a store path name")]
    Character,
}

impl StorePath {
    /// Reads a base name: `q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1`.
    pub fn from_base(base: &str) -> Result<Self, StorePathError> {
        check_base(base.as_bytes()).map_err(|(at, kind)| StorePathError { at, kind })?;
        Ok(Self(base.into()))
    }

    /// Reads the path at the start of `text` and gives back what follows in it:
    /// `/nix/store/...-source/debian/patches/x.patch` is the path `...-source` and `/debian/patches/x.patch`.
    pub fn split_prefix(text: &str) -> Result<(Self, &str), StorePathError> {
        let skipped = STORE_DIR.len() + 1;
        let base = strip_store_dir(text).ok_or(StorePathError {
            at: 0,
            kind: StorePathErrorKind::OutsideStore,
        })?;
        let end = base.find('/').unwrap_or(base.len());
        let (base, rest) = base.split_at(end);
        match Self::from_base(base) {
            Ok(path) => Ok((path, rest)),
            Err(error) => Err(StorePathError {
                at: error.at + skipped,
                ..error
            }),
        }
    }

    /// The part below the store: `q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1`.
    pub fn base(&self) -> &str {
        &self.0
    }

    /// The 32 digits.
    pub fn hash_part(&self) -> &str {
        &self.0[..HASH_LEN]
    }

    /// What follows the hash part: `curl-7.71.1`.
    pub fn name(&self) -> &str {
        &self.0[HASH_LEN + 1..]
    }

    /// Whether it names a derivation.
    pub fn is_derivation(&self) -> bool {
        self.0.ends_with(".drv")
    }
}

impl FromStr for StorePath {
    type Err = StorePathError;

    fn from_str(text: &str) -> Result<Self, StorePathError> {
        let (base, skipped) = match strip_store_dir(text) {
            Some(base) => (base, STORE_DIR.len() + 1),
            None if text.starts_with('/') => {
                return Err(StorePathError {
                    at: 0,
                    kind: StorePathErrorKind::OutsideStore,
                });
            }
            None => (text, 0),
        };
        Self::from_base(base).map_err(|error| StorePathError {
            at: error.at + skipped,
            ..error
        })
    }
}

impl fmt::Display for StorePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{STORE_DIR}/{}", self.0)
    }
}

impl fmt::Debug for StorePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for StorePath {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StorePath {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Digits of the hash part: 20 bytes in base32.
const HASH_LEN: usize = 32;
/// Nix's own limit, which leaves room for `.drv.lock.check` within a file name of 255 bytes.
const MAX_NAME: usize = 211;

fn strip_store_dir(text: &str) -> Option<&str> {
    text.strip_prefix(STORE_DIR)?.strip_prefix('/')
}

fn check_base(base: &[u8]) -> Result<(), (usize, StorePathErrorKind)> {
    let digits = base.iter().take(HASH_LEN).take_while(|c| base32::digit(**c).is_some()).count();
    if digits < HASH_LEN {
        return Err((digits, StorePathErrorKind::Hash));
    }
    if base.get(HASH_LEN) != Some(&b'-') {
        return Err((HASH_LEN, StorePathErrorKind::Dash));
    }
    let start = HASH_LEN + 1;
    let name = base.get(start..).unwrap_or_default();
    // `.`, `..`, `.-x` and `..-x` could be taken for a folder; other leading dots are fine since Nix 2.24.
    let relative = matches!(name, b"." | b"..") || name.starts_with(b".-") || name.starts_with(b"..-");
    if name.is_empty() || name.len() > MAX_NAME || relative {
        return Err((start, StorePathErrorKind::Name));
    }
    match name.iter().position(|c| !is_name_character(*c)) {
        Some(at) => Err((start + at, StorePathErrorKind::Character)),
        None => Ok(()),
    }
}

fn is_name_character(c: u8) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, b'+' | b'-' | b'.' | b'_' | b'?' | b'=')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HASH: &str = "q7z9hp2zsg4id778s4ai1i1yld6zjvq4";

    fn error(text: &str) -> (usize, StorePathErrorKind) {
        let error = text.parse::<StorePath>().unwrap_err();
        (error.at, error.kind)
    }

    #[test]
    fn reads_full_paths_and_base_names_as_one() {
        let full: StorePath = format!("/nix/store/{HASH}-curl-7.71.1.drv").parse().unwrap();
        let base: StorePath = format!("{HASH}-curl-7.71.1.drv").parse().unwrap();
        assert_eq!(full, base);
        assert_eq!(full.to_string(), format!("/nix/store/{HASH}-curl-7.71.1.drv"));
        assert_eq!((full.hash_part(), full.name()), (HASH, "curl-7.71.1.drv"));
        assert!(full.is_derivation());
        assert_eq!(
            serde_json::to_string(&full).unwrap(),
            format!("\"/nix/store/{HASH}-curl-7.71.1.drv\"")
        );
        assert_eq!(
            serde_json::from_str::<StorePath>(&format!("\"{HASH}-curl-7.71.1.drv\"")).unwrap(),
            full
        );
    }

    #[test]
    fn names_what_is_wrong_and_where() {
        assert_eq!(error("/gnu/store/x"), (0, StorePathErrorKind::OutsideStore));
        assert_eq!(error("/nix/store/"), (11, StorePathErrorKind::Hash));
        assert_eq!(
            error(&format!("/nix/store/{}-x", HASH.replace('h', "e"))),
            (15, StorePathErrorKind::Hash)
        );
        assert_eq!(error(HASH), (32, StorePathErrorKind::Dash));
        assert_eq!(error(&format!("{HASH}-")), (33, StorePathErrorKind::Name));
        assert_eq!(error(&format!("{HASH}-..")), (33, StorePathErrorKind::Name));
        assert_eq!(error(&format!("{HASH}-..-a")), (33, StorePathErrorKind::Name));
        assert_eq!(error(&format!("{HASH}-a/b")), (34, StorePathErrorKind::Character));
        assert_eq!(error(&format!("{HASH}-ä")), (33, StorePathErrorKind::Character));
        assert_eq!(error(&format!("{HASH}-{}", "a".repeat(212))), (33, StorePathErrorKind::Name));
        assert!(format!("{HASH}-{}", "a".repeat(211)).parse::<StorePath>().is_ok());
        assert!(format!("{HASH}-.gitignore").parse::<StorePath>().is_ok());
        assert_eq!(
            "x".parse::<StorePath>().unwrap_err().to_string(),
            "parse store path at byte 1: expected one of 32 nix base32 digits"
        );
    }

    #[test]
    fn splits_a_file_inside_a_path() {
        let text = format!("/nix/store/{HASH}-source/debian/patches/x.patch");
        let (path, rest) = StorePath::split_prefix(&text).unwrap();
        assert_eq!((path.name(), rest), ("source", "/debian/patches/x.patch"));
        assert_eq!(
            StorePath::split_prefix("debian/x.patch").unwrap_err().kind,
            StorePathErrorKind::OutsideStore
        );
    }

    proptest! {
        #[test]
        fn round_trips(hash in "[0-9a-df-np-sv-z]{32}", name in "[a-zA-Z0-9+_?=][a-zA-Z0-9+._?=-]{0,80}") {
            let text = format!("/nix/store/{hash}-{name}");
            let path: StorePath = text.parse().unwrap();
            prop_assert_eq!(path.to_string(), text);
        }

        #[test]
        fn never_panics(text: String) {
            let _ = text.parse::<StorePath>();
            let _ = StorePath::split_prefix(&text);
        }
    }
}
