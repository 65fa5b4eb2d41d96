//! What was wrong with a record that was otherwise kept.

use serde::{Deserialize, Serialize};

/// One thing wrong with one record. A problem never stops a batch: the record's raw bytes are kept beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Where in the record, as a JSON-pointer-like path (`/containers/cna/affected/0/versions`), or `""` for all of it.
    pub at: String,
    /// What is wrong: a lowercase fragment that fits after "record X: ".
    pub message: String,
}

impl Problem {
    /// A problem at `at`.
    pub fn new(at: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            at: at.into(),
            message: message.into(),
        }
    }
}
