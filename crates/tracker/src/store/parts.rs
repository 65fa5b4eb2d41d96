//! What both databases make of a package set before they write it.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use vuln::package::Package;

use super::taking::PackageSet;
use crate::document::Digest;

/// A package split into what is stored by content and what changes with each rebuild.
pub struct Split<'a> {
    /// As it came.
    pub package: &'a Package,
    /// JSON, without store paths.
    pub facts: String,
    /// Of the facts.
    pub sha256: Digest,
    /// Lines `output=path`.
    pub paths: String,
}

/// A package set, each package once, by attribute.
pub fn split(set: &PackageSet) -> Result<Vec<Split<'_>>, serde_json::Error> {
    let mut split = set.packages.iter().map(split_package).collect::<Result<Vec<_>, _>>()?;
    split.sort_by(|a, b| a.package.attr.cmp(&b.package.attr).then_with(|| a.sha256.cmp(&b.sha256)));
    split.dedup_by(|a, b| a.sha256 == b.sha256);
    Ok(split)
}

/// Of what the set holds, whatever its revision: facts and paths of each attribute.
pub fn digest(split: &[Split<'_>]) -> Digest {
    let mut hash = Sha256::new();
    for part in split {
        hash.update(part.sha256.0);
        hash.update((part.paths.len() as u64).to_le_bytes());
        hash.update(&part.paths);
    }
    Digest(hash.finalize().into())
}

/// Packages with a homepage or description.
pub fn with_meta(set: &PackageSet) -> usize {
    let has = |p: &&Package| !p.homepages.is_empty() || p.description.is_some();
    set.packages.iter().filter(has).count()
}

fn split_package(package: &Package) -> Result<Split<'_>, serde_json::Error> {
    let bare = |path: &str| path.strip_prefix("/nix/store/").unwrap_or(path).to_owned();
    let mut paths = String::new();
    // Writing to a string cannot fail.
    if let Some(drv) = &package.drv_path {
        let _ = writeln!(paths, "drv={}", bare(drv));
    }
    for (name, path) in package.outputs.iter().filter(|(_, path)| !path.is_empty()) {
        let _ = writeln!(paths, "{name}={}", bare(path));
    }
    let stripped = Package {
        outputs: package.outputs.iter().map(|(name, _)| (name.clone(), String::new())).collect(),
        drv_path: None,
        ..package.clone()
    };
    let facts = serde_json::to_string(&stripped)?;
    Ok(Split {
        package,
        sha256: Digest::of(facts.as_bytes()),
        facts,
        paths,
    })
}
