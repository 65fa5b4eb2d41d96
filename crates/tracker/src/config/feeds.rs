//! Where feeds come from.

use super::{ConfigError, Given, Key, Section};

/// The keys of this concern.
pub const KEYS: Section = Section {
    name: "feeds",
    about: "Where feeds come from",
    keys: &[Key::new(
        "feeds.mirror",
        "",
        "Folder or URL that holds the upstream files, one folder a source; without it the upstream servers are asked",
    )
    .env("FIRN_MIRROR")
    .flag("--mirror")],
};

/// Where feeds come from.
#[derive(Debug, Clone)]
pub struct Feeds {
    /// A mirror.
    pub mirror: Option<String>,
}

impl Feeds {
    /// Reads its keys.
    pub fn read(given: &Given) -> Result<Self, ConfigError> {
        Ok(Self {
            mirror: given.optional("feeds.mirror")?,
        })
    }
}
