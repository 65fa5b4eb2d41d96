//! Brings a database to this program's schema.

use super::Result;
use super::client::{Client, Error};

/// In order, one for each of SQLite's. A migration that shipped is never changed.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/postgres/0001_start.sql"),
    include_str!("../../../migrations/postgres/0002_search.sql"),
    include_str!("../../../migrations/postgres/0003_named.sql"),
    include_str!("../../../migrations/postgres/0004_history.sql"),
    include_str!("../../../migrations/postgres/0005_jobs.sql"),
    include_str!("../../../migrations/postgres/0006_evidence.sql"),
    include_str!("../../../migrations/postgres/0007_told.sql"),
];

/// Runs what is missing, each migration in a transaction of its own; other processes that do the same wait.
pub fn run(db: &mut Client) -> Result<()> {
    let known = MIGRATIONS.len();
    if version(db)? == Some(known) {
        return Ok(());
    }
    loop {
        // The lock of all writes: it is let go with the transaction.
        db.run(super::WRITE)?;
        let done = step(db, known);
        db.run(if done.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
        if done? {
            return Ok(());
        }
    }
}

/// The version, where the database has one.
fn version(db: &mut Client) -> Result<Option<usize>> {
    let is_ours: bool = db.one("SELECT to_regclass('schema_version') IS NOT NULL", &[])?.get(0)?;
    if !is_ours {
        return Ok(None);
    }
    let version: i64 = db.one("SELECT version FROM schema_version", &[])?.get(0)?;
    Ok(Some(usize::try_from(version).unwrap_or(usize::MAX)))
}

/// Runs the next migration; whether none was left.
fn step(db: &mut Client, known: usize) -> Result<bool> {
    let found = match version(db)? {
        Some(found) => found,
        None => {
            db.run("CREATE TABLE schema_version (version BIGINT NOT NULL); INSERT INTO schema_version VALUES (0)")?;
            0
        }
    };
    if found > known {
        return Err(Error::Protocol(format!(
            "the schema is version {found}, this program knows versions up to {known}"
        )));
    }
    let Some(sql) = MIGRATIONS.get(found) else { return Ok(true) };
    db.run(sql)?;
    db.execute("UPDATE schema_version SET version = version + 1", &[])?;
    Ok(false)
}
