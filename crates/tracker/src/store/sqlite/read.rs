//! The questions of the pages, in SQLite's SQL.

use super::Sqlite;
use crate::store::Read;

impl Read for Sqlite {}
