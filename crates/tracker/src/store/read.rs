//! What pages ask of a database.

/// The questions of the pages.
pub trait Read: Send + Sync {}
