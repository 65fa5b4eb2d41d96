//! Packages of a package set: what matching knows about them, and how it is read.
//!
//! A channel's facts come in parts: [`list`] reads `packages.json` and `nix-env -qaP --json`, [`eval`] a line of
//! `nix-eval-jobs`, [`join`] makes one package of both, [`derivation::enrich`] adds what only the `.drv` file says: patches and
//! sources. [`ecosystem()`] tells which registry a package's name belongs to, [`ids_in`] which vulnerabilities a text names.

pub mod derivation;
pub mod ecosystem;
pub mod eval;
mod ids;
mod join;
pub mod list;
mod meta;

pub use ecosystem::{Ecosystem, ecosystem};
pub use ids::ids_in;
pub use join::join;

use serde::{Deserialize, Serialize};

/// One attribute of a package set.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Package {
    /// Attribute path: `python38Packages.django`.
    pub attr: String,
    /// `pname`, else the name's first part split as Nix does.
    pub pname: String,
    /// `version`, else the name's second part; may be empty.
    pub version: String,
    /// `x86_64-linux`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub system: String,
    /// Output names with their store paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<(String, String)>,
    /// `meta.position` without the store prefix: `pkgs/tools/networking/curl/default.nix:25`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// One line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `meta.homepage`, all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub homepages: Vec<String>,
    /// `meta.changelog`, all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changelogs: Vec<String>,
    /// SPDX ids, else short names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<String>,
    /// Maintainers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub maintainers: Vec<Maintainer>,
    /// Short names of the teams.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub teams: Vec<String>,
    /// `meta.knownVulnerabilities`, as written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known_vulnerabilities: Vec<String>,
    /// Other pages about the software: `meta.downloadPage` and `meta.repositories`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<String>,
    /// CPE names from `meta.identifiers`: `cpe`, or made from `cpeParts`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cpes: Vec<String>,
    /// `meta.identifiers.possibleCPEs`: guesses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub possible_cpes: Vec<String>,
    /// `meta.identifiers.purl` and `purls`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub purls: Vec<String>,
    /// Source URLs (fixed-output input derivations' `url`/`urls`, where they are the package's `src`/`srcs`), with `mirror://` left as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source_urls: Vec<String>,
    /// Names of the sources in the store (`curl-7.71.1.tar.bz2`; `source` is what fetchers call an unpacked tree), known even
    /// where the derivation that fetches them is not. Empty for packages without a source of their own: wrappers, collections.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source_names: Vec<String>,
    /// File names of the patches that the derivation applies; where a patch's own name names no vulnerability but the address
    /// it is fetched from does, that address too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<String>,
    /// Vulnerabilities that the build script names in a comment or command: mended there without a patch file (a plugin
    /// removed, a setting changed). Weaker than a patch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub script_ids: Vec<ScriptId>,
    /// `/nix/store/...drv`, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drv_path: Option<String>,
}

/// A maintainer, as much as the package set tells.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Maintainer {
    /// Name.
    pub name: String,
    /// GitHub handle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub github: Option<String>,
}

/// A vulnerability named in a build script.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ScriptId {
    /// `CVE-2016-9447`.
    pub id: String,
    /// The attribute that holds the script: `postInstall`.
    pub phase: String,
}
