//! CPE 2.3 names (NIST IR 7695): the parts that matter for matching, unescaped and lower case.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A CPE name. `*` (any) is `None`; `-` (not applicable) is `Some("-")`. Values are unescaped and in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cpe {
    /// Application, operating system, hardware; `*` counts as an application.
    pub part: Part,
    /// Vendor.
    pub vendor: Option<Box<str>>,
    /// Product.
    pub product: Option<Box<str>>,
    /// Version.
    pub version: Option<Box<str>>,
    /// Update (`p1`, `rc2`).
    pub update: Option<Box<str>>,
    /// Edition.
    pub edition: Option<Box<str>>,
    /// Language.
    pub language: Option<Box<str>>,
    /// Software edition (`lts`, `esr`, `community`).
    pub sw_edition: Option<Box<str>>,
    /// Target software (`node.js`, `wordpress`, `jenkins`, `python`, `windows`, `android`).
    pub target_sw: Option<Box<str>>,
    /// Target hardware.
    pub target_hw: Option<Box<str>>,
    /// Other.
    pub other: Option<Box<str>>,
}

/// First component of a CPE name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// `a`
    Application,
    /// `o`
    OperatingSystem,
    /// `h`
    Hardware,
}

/// Why a text is not a CPE 2.3 name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parse CPE name at byte {at}: {message}")]
pub struct CpeError {
    /// Byte position.
    pub at: usize,
    /// What was expected.
    pub message: &'static str,
}

impl FromStr for Cpe {
    type Err = CpeError;

    /// Accepts formatted strings (`cpe:2.3:a:vendor:product:...`, missing trailing parts are "any") and 2.2 URIs (`cpe:/a:vendor:product:version`).
    fn from_str(_s: &str) -> Result<Self, CpeError> {
        unimplemented!()
    }
}

impl fmt::Display for Cpe {
    /// The 2.3 formatted string with all 13 parts.
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        unimplemented!()
    }
}

impl Serialize for Cpe {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cpe {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
