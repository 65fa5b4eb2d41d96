//! The package side of matching: clusters of attributes that are one package, and the tables to find them.

use serde::{Deserialize, Serialize};

use crate::package::Package;

/// Attributes that a person sees as one line: the same software, version, patches and marks.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// The shortest, most plain attribute: `curl`, not `curlFull`. Unique in an index.
    pub name: String,
    /// All attributes, sorted.
    pub attrs: Vec<String>,
    /// The facts of the attribute named `name`.
    pub package: Package,
}

/// What any channel knows about a package's identity (homepage, sources), for channels that list names only.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {}

/// Collects [`Facts`] from packages in any order.
#[derive(Debug, Default)]
pub struct FactsBuilder {}

impl FactsBuilder {
    /// Learns from one package.
    pub fn add(&mut self, _package: &Package) {}

    /// The facts.
    pub fn finish(self) -> Facts {
        Facts {}
    }
}

/// A package set, clustered and indexed for matching.
#[derive(Debug, Default)]
pub struct PackageIndex {
    clusters: Vec<Cluster>,
}

impl PackageIndex {
    /// Clusters and indexes the packages of one channel.
    pub fn new(_packages: Vec<Package>, _facts: &Facts) -> Self {
        Self::default()
    }

    /// The clusters; [`Match::cluster`](crate::verdict::Match::cluster) points into them.
    pub fn clusters(&self) -> &[Cluster] {
        &self.clusters
    }
}
