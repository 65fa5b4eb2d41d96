//! Packages of a package set: what matching knows about them.

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
    /// File names of the patches that the derivation applies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<String>,
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
