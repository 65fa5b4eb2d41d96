//! What there is: the parts of a closure, what they refer to, and the packages that they are made of.

use std::collections::{BTreeMap, HashSet};

use vuln::package::Package;
use vuln::purl::Purl;

/// Everything that was found in one or several inputs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Inventory {
    /// What was asked for, as a person named it: `/run/current-system`, `closure.json`.
    pub targets: Vec<String>,
    /// Store paths, or components of an SBOM. No order is promised but that of the input.
    pub parts: Vec<Part>,
    /// Indices into `parts` of what was asked for itself.
    pub roots: Vec<u32>,
    /// The packages that the parts are outputs of; several parts (outputs) may be one package.
    pub packages: Vec<Scanned>,
    /// What could not be read and was left out, one sentence each, naming the file or record.
    pub problems: Vec<String>,
}

/// A node of the closure.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Part {
    /// `/nix/store/<hash>-<name>`, or the reference of an SBOM's component.
    pub name: String,
    /// Indices into [`Inventory::parts`] of what it refers to. Cycles are possible in hostile input.
    pub references: Vec<u32>,
    /// Index into [`Inventory::packages`]; `None` for what is no package (scripts, configuration, sources, patches).
    pub package: Option<u32>,
    /// Bytes of its NAR, where known.
    pub nar_size: Option<u64>,
    /// `sha256-...` or `sha256:...` of its NAR as it was given, where known.
    pub nar_hash: Option<String>,
}

/// A package with how it was seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scanned {
    /// Facts: `pname`, `version`, patches, sources. `attr` is empty until a snapshot names it.
    pub package: Package,
    /// Where the facts are from.
    pub seen: Seen,
    /// Dependencies that it carries inside (Cargo, Go, npm), as package URLs.
    pub vendored: Vec<String>,
    /// Names of archives of dependencies that it carries and that cannot be looked into: `ripgrep-14.1.0-vendor`.
    pub sealed: Vec<String>,
    /// Indices into [`Inventory::packages`] of those that carry it inside; empty for what stands for itself.
    pub inside: Vec<u32>,
}

/// Where the facts about a package are from: the less is seen, the less certain is `affected`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Seen {
    /// Its derivation: name, version, patches and sources.
    Derivation,
    /// A channel's package set, by its output path: as good as the derivation.
    Channel,
    /// An SBOM: name and version, patches where it lists them.
    Sbom,
    /// The name of its store path alone: patches cannot be seen.
    #[default]
    StorePath,
    /// The name that a registry of libraries (crates.io, npm, Go) gives it, as what carries it inside or an SBOM says.
    Registry,
}

impl Seen {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Derivation, Self::Channel, Self::Sbom, Self::StorePath, Self::Registry];

    /// The name in files: `store_path`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Derivation => "derivation",
            Self::Channel => "channel",
            Self::Sbom => "sbom",
            Self::StorePath => "store_path",
            Self::Registry => "registry",
        }
    }

    /// Whether patches would have been seen.
    pub fn shows_patches(self) -> bool {
        matches!(self, Self::Derivation | Self::Channel)
    }
}

impl Inventory {
    /// Makes a package of each library that packages carry inside: one for all that carry it.
    pub fn unfold(&mut self) {
        let mut known: BTreeMap<String, u32> = BTreeMap::new();
        for (number, scanned) in (0u32..).zip(&self.packages).filter(|(_, s)| s.seen == Seen::Registry) {
            known.extend(scanned.package.purls.first().map(|purl| (purl.clone(), number)));
        }
        let carried: Vec<(u32, String)> = (0u32..)
            .zip(&self.packages)
            .flat_map(|(number, scanned)| scanned.vendored.iter().map(move |purl| (number, purl.clone())))
            .collect();
        // Where a document said so already.
        let mut told: HashSet<(u32, u32)> = (0u32..)
            .zip(&self.packages)
            .flat_map(|(number, scanned)| scanned.inside.iter().map(move |carrier| (number, *carrier)))
            .collect();
        for (carrier, text) in carried {
            // What is no package URL stays a text of its carrier.
            let Ok(purl) = text.parse::<Purl>() else { continue };
            let number = *known.entry(purl.to_string()).or_insert_with(|| {
                self.packages.push(Scanned::of_registry(&purl));
                // More packages than this do not fit into memory.
                u32::try_from(self.packages.len() - 1).unwrap_or(u32::MAX)
            });
            if let Some(library) = self.packages.get_mut(number as usize)
                && told.insert((number, carrier))
            {
                library.inside.push(carrier);
            }
        }
    }
}

impl Scanned {
    /// A library by its package URL.
    pub fn of_registry(purl: &Purl) -> Self {
        Self {
            package: Package {
                pname: match &purl.namespace {
                    Some(namespace) => format!("{namespace}/{}", purl.name),
                    None => purl.name.clone(),
                },
                version: purl.version.clone().unwrap_or_default(),
                purls: vec![purl.to_string()],
                ..Package::default()
            },
            seen: Seen::Registry,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_carry_is_one_package_inside_of_each() {
        let carrier = |vendored: &[&str]| Scanned {
            vendored: vendored.iter().map(|&purl| purl.to_owned()).collect(),
            ..Scanned::default()
        };
        let mut inventory = Inventory {
            packages: vec![
                carrier(&["pkg:npm/lodash@4.17.19", "no purl"]),
                carrier(&["pkg:npm/lodash@4.17.19", "pkg:npm/%40babel/core@7.0.0"]),
                Scanned::of_registry(&"pkg:npm/%40babel/core@7.0.0".parse().unwrap()),
            ],
            ..Inventory::default()
        };
        inventory.unfold();
        let told: Vec<_> = inventory
            .packages
            .iter()
            .skip(2)
            .map(|s| (s.package.pname.as_str(), s.inside.as_slice()))
            .collect();
        assert_eq!(told, [("@babel/core", [1].as_slice()), ("lodash", [0, 1].as_slice())]);
        let before = inventory.clone();
        inventory.unfold();
        assert_eq!(inventory, before, "twice is once");
    }
}
