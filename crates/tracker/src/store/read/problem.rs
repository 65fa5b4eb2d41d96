//! What went wrong while taking in.

use serde::Serialize;

/// A problem of one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProblemRow {
    /// Grows with each problem: the key for paging.
    pub id: i64,
    /// Source.
    pub source: String,
    /// The record's id, else the name of the file or entry.
    pub key: String,
    /// Where in the document.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// Unix seconds.
    pub seen_at: i64,
    /// File or URL of the document.
    pub url: Option<String>,
    /// The vulnerability that the record is about, where it is about one.
    pub vulnerability: Option<String>,
}

/// A file that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// Source.
    pub source: String,
    /// Path below the mirror's root, or URL.
    pub url: String,
    /// Bytes.
    pub size: u64,
    /// The date of the data, where stated.
    pub data_date: Option<String>,
    /// Unix seconds.
    pub taken_at: i64,
    /// Records in it.
    pub records: u64,
    /// Records that changed.
    pub changed: u64,
    /// Problems found in it.
    pub problems: u64,
}
