//! The register: every key there is.

use super::{database, evaluation, feeds, jobs, limits, log, server, snapshot};

/// One thing that can be configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// `section.name`.
    pub name: &'static str,
    /// The environment variable, where it is not `FIRN_SECTION_NAME`.
    env: Option<&'static str>,
    /// The flag, where there is one beside `--set`.
    pub flag: Option<&'static str>,
    /// What holds where nothing is given; empty for nothing.
    pub default: &'static str,
    /// What it is for, as in the book.
    pub about: &'static str,
    /// Whether its value is for nobody else: never printed, and also read from the file that `NAME_file` names.
    pub is_secret: bool,
}

impl Key {
    /// A key with its default.
    pub const fn new(name: &'static str, default: &'static str, about: &'static str) -> Self {
        Self {
            name,
            env: None,
            flag: None,
            default,
            about,
            is_secret: false,
        }
    }

    /// With an environment variable that was called something else first.
    pub const fn env(mut self, env: &'static str) -> Self {
        self.env = Some(env);
        self
    }

    /// With a flag of its own.
    pub const fn flag(mut self, flag: &'static str) -> Self {
        self.flag = Some(flag);
        self
    }

    /// A secret.
    pub const fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }

    /// The environment variable.
    pub fn variable(&self) -> String {
        self.env.map_or_else(|| variable(self.name), str::to_owned)
    }

    /// The key that names a file with the secret in it.
    pub fn file_name(&self) -> String {
        format!("{}_file", self.name)
    }

    /// Its environment variable.
    pub fn file_variable(&self) -> String {
        variable(&self.file_name())
    }
}

fn variable(name: &str) -> String {
    format!("FIRN_{}", name.replace(['.', '-'], "_").to_ascii_uppercase())
}

/// Keys that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// The table of the file.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
}

/// Every key there is.
pub const KEYS: &[Section] = &[
    database::KEYS,
    server::KEYS,
    limits::KEYS,
    snapshot::KEYS,
    feeds::KEYS,
    evaluation::KEYS,
    jobs::KEYS,
    log::KEYS,
];

/// All keys, in the order of the register.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    KEYS.iter().flat_map(|section| section.keys)
}

/// The key of this name.
pub fn find(name: &str) -> Option<&'static Key> {
    keys().find(|key| key.name == name)
}

/// The secret that `name` names a file for.
pub fn find_file(name: &str) -> Option<&'static Key> {
    name.strip_suffix("_file").and_then(find).filter(|key| key.is_secret)
}

/// Of these names the one that was perhaps meant.
pub fn nearest(name: &str, names: impl Iterator<Item = String>) -> Option<String> {
    /// Names that are less alike than this have nothing to do with each other.
    const ALIKE: f64 = 0.8;
    names
        .map(|known| (strsim::jaro_winkler(name, &known), known))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_stand_in_their_section_and_no_name_means_two() {
        let mut seen = HashSet::new();
        for section in KEYS {
            for key in section.keys {
                assert_eq!(key.name.split_once('.').map(|(first, _)| first), Some(section.name), "{}", key.name);
                assert!(seen.insert(key.name.to_owned()) && seen.insert(key.variable()), "{}", key.name);
                assert!(!key.is_secret || key.default.is_empty(), "{}", key.name);
                assert!(!key.about.is_empty() && !key.about.ends_with('.'), "{}", key.name);
            }
        }
    }
}
