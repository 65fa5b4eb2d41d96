//! The store: one suite for every database, and what is SQLite's alone.

mod conformance;
mod postgres;
mod queue;
mod sqlite;
mod transfer;
mod upgrade;
