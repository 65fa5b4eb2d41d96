//! The only door to the database: a trait in domain terms, synchronous, no SQL in its words and no version order behind it.
//!
//! Two databases are two products (`sqlite` now): each implements the trait in its own SQL, one conformance suite holds both.

pub mod read;
pub mod sqlite;

use std::sync::Arc;

pub use read::Read;

use crate::config::Database;

/// Everything the tracker asks of a database.
pub trait Store: Read {}

/// What failed in the store. The database's own error is the source.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct StoreError {
    /// What was tried.
    what: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl StoreError {
    /// Failed at `what`.
    pub fn new(what: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            what: what.into(),
            source: source.into(),
        }
    }
}

/// Opens the database, creating or migrating it where needed.
pub fn open(database: &Database) -> Result<Arc<dyn Store>, StoreError> {
    match database {
        Database::Sqlite(path) => Ok(Arc::new(sqlite::Sqlite::open(path)?)),
    }
}
