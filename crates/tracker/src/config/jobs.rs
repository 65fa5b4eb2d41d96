//! How jobs are done.

use std::time::Duration;

use super::{ConfigError, Given, Key, Section, Span};

/// The keys of this concern.
pub const KEYS: Section = Section {
    name: "jobs",
    about: "How the jobs of a database are shared",
    keys: &[Key::new(
        "jobs.lease",
        "2 min",
        "How long a job that a process was doing stays its own after its last sign of life; then another one does it",
    )],
};

/// How jobs are done.
#[derive(Debug, Clone)]
pub struct Jobs {
    /// How long a job stays with a process that gives no sign of life.
    pub lease: Duration,
}

impl Jobs {
    /// Reads its keys.
    pub fn read(given: &Given) -> Result<Self, ConfigError> {
        Ok(Self {
            lease: given.value::<Span>("jobs.lease")?.0.max(Duration::from_secs(1)),
        })
    }
}
