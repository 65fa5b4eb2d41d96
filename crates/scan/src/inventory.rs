//! What there is: the parts of a closure, what they refer to, and the packages that they are made of.

use vuln::package::Package;

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
}

impl Seen {
    /// Whether patches would have been seen.
    pub fn shows_patches(self) -> bool {
        matches!(self, Self::Derivation | Self::Channel)
    }
}
