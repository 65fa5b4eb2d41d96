//! The snapshot that a server publishes.

use std::path::PathBuf;

use super::{ConfigError, Given, Key, Section, data_dir};

/// The keys of this concern.
pub const KEYS: Section = Section {
    name: "snapshot",
    about: "The signed file that a server makes after each match, for scanners and for its own checks of packages",
    keys: &[
        Key::new(
            "snapshot.publish",
            "true",
            "Whether it makes one; without it `/snapshot/` and checks of packages that are not a channel's own are missing",
        ),
        Key::new("snapshot.folder", "", "Where it lies; without it `snapshot` in the data folder"),
        Key::new(
            "snapshot.key",
            "",
            "File with the private key to sign with; without it `snapshot.key` in the data folder, made at first use",
        ),
    ],
};

/// The snapshot that a server publishes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SnapshotConfig {
    /// Where it lies; `None` where none is made.
    pub folder: Option<PathBuf>,
    /// The private key to sign with; `None` for the one in the data folder.
    pub key: Option<PathBuf>,
}

impl SnapshotConfig {
    /// Reads its keys.
    pub fn read(given: &Given) -> Result<Self, ConfigError> {
        let (publish, folder) = (given.value::<bool>("snapshot.publish")?, given.optional("snapshot.folder")?);
        let folder = match folder {
            _ if !publish => None,
            Some(folder) => Some(folder),
            // A machine without a home has no place for it; commands that publish nothing need none.
            None => data_dir().ok().map(|folder| folder.join("snapshot")),
        };
        Ok(Self {
            folder,
            key: given.optional("snapshot.key")?,
        })
    }
}
