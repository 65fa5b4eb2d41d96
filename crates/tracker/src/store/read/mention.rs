//! What is known about an id that no record is about.

use serde::Serialize;

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

    /// Whether nothing speaks of it.
    pub fn is_empty(&self) -> bool {
        self.kev.is_none() && self.epss.is_none() && self.packages.is_empty()
    }
}
