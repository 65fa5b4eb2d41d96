//! What is known about an id that no record is about.

use serde::Serialize;
use vuln::id::CveId;
use vuln::package::{Package, ids_in};

use super::vulnerability::Kev;

/// Everything but records that speaks of an id.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Mentions {
    /// CISA's entry.
    pub kev: Option<Kev>,
    /// Probability of exploitation within 30 days, in [0, 1].
    pub epss: Option<f64>,
    /// Packages that name it, by channel and attribute.
    pub packages: Vec<Naming>,
}

/// A package that names an id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Naming {
    /// Channel.
    pub channel: String,
    /// Attribute.
    pub attr: String,
    /// Version.
    pub version: String,
    /// `known_vulnerable` or `patched`, as a verdict would be called; `named_in_script` where a build script names it.
    pub says: &'static str,
    /// The words, the patch or the part of the script that name it.
    pub text: String,
}

impl Mentions {
    /// Packages that are listed, at most.
    pub const MOST: usize = 50;

    /// An id in the spelling that lists and packages are stored with.
    pub fn spelling(id: &str) -> String {
        let upper = id.trim().to_uppercase();
        if upper.parse::<CveId>().is_ok() {
            return upper;
        }
        match upper.strip_prefix("GHSA-") {
            Some(rest) => format!("GHSA-{}", rest.to_lowercase()),
            None => id.trim().to_owned(),
        }
    }

    /// What all ways to write an id have: names of patches write `cve_2011_4620`. `None` where that is too little to look for.
    pub fn last_part(id: &str) -> Option<&str> {
        id.rsplit_once('-').map(|(_, part)| part).filter(|part| part.len() >= 4)
    }

    /// Where a package names an id: as in [`Naming::says`] and [`Naming::text`].
    pub fn naming(package: &Package, id: &str) -> Option<(&'static str, String)> {
        let names = |text: &&String| ids_in(text).iter().any(|named| named == id);
        if let Some(text) = package.known_vulnerabilities.iter().find(names) {
            return Some(("known_vulnerable", text.clone()));
        }
        if let Some(patch) = package.patches.iter().find(names) {
            return Some(("patched", patch.clone()));
        }
        let script = package.script_ids.iter().find(|script| script.id == id)?;
        Some(("named_in_script", script.phase.clone()))
    }

    /// Whether nothing speaks of it.
    pub fn is_empty(&self) -> bool {
        self.kev.is_none() && self.epss.is_none() && self.packages.is_empty()
    }
}
