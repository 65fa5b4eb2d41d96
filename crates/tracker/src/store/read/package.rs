//! Packages.

use serde::Serialize;
use vuln::package::Package;

use super::VersionSpan;

/// A package (a cluster of attributes) in one channel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PackageIn {
    /// Key in this database.
    #[serde(skip)]
    pub key: i64,
    /// Channel.
    pub channel: String,
    /// The most plain attribute.
    pub name: String,
    /// Package name.
    pub pname: String,
    /// Version.
    pub version: String,
    /// The attributes that are this package, at most [`PackageIn::ATTRS`] of them.
    pub attrs: Vec<String>,
    /// How many there are.
    pub attr_count: u64,
    /// The facts of the plain attribute; `None` where the package set has none.
    pub facts: Option<Package>,
    /// The versions that the plain attribute had in the channel, newest first.
    pub history: Vec<VersionSpan>,
}

impl PackageIn {
    /// Attributes listed at most.
    pub const ATTRS: usize = 100;
}

/// A package in a list of packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClusterHead {
    /// The attribute or package name that was asked for; the plain attribute where the question was another.
    pub asked: String,
    /// The most plain attribute.
    pub name: String,
    /// Package name.
    pub pname: String,
    /// `(channel, version)`, by channel.
    pub versions: Vec<(String, String)>,
}

impl ClusterHead {
    /// Adds a row of a list that is sorted by name, then channel: to the last head where it has the same name and was asked for alike.
    pub fn add(heads: &mut Vec<Self>, asked: Option<&str>, name: String, pname: String, version: (String, String)) {
        let asked = asked.unwrap_or(&name);
        match heads.last_mut() {
            Some(last) if last.name == name && last.asked == asked => last.versions.push(version),
            _ => heads.push(Self {
                asked: asked.to_owned(),
                pname,
                versions: vec![version],
                name,
            }),
        }
    }
}
