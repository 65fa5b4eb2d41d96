//! The store: one suite for every database, and what is SQLite's alone.

mod conformance;
mod postgres;
mod sqlite;
mod transfer;
