//! Brings a database file to this program's schema.

use rusqlite::{Connection, TransactionBehavior};

/// In order; `user_version` counts those that ran. A migration that shipped is never changed.
pub const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/sqlite/0001_start.sql"),
    include_str!("../../../migrations/sqlite/0002_search.sql"),
    include_str!("../../../migrations/sqlite/0003_named.sql"),
    include_str!("../../../migrations/sqlite/0004_history.sql"),
    include_str!("../../../migrations/sqlite/0005_jobs.sql"),
    include_str!("../../../migrations/sqlite/0006_evidence.sql"),
    include_str!("../../../migrations/sqlite/0007_told.sql"),
];

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A newer program made the file.
    #[error("the schema is version {found}, this program knows versions up to {known}")]
    Newer {
        /// Of the file.
        found: u32,
        /// Of this program.
        known: u32,
    },
    /// A statement failed.
    #[error("bring the schema up to date")]
    Run {
        /// Why.
        source: rusqlite::Error,
    },
}

/// Runs what is missing, each migration in a transaction of its own.
pub fn run(db: &mut Connection) -> Result<(), MigrateError> {
    // Where a table is made anew, what points at it points nowhere for a moment: SQLite's manual asks for this order.
    let references = |db: &Connection, on: bool| db.pragma_update(None, "foreign_keys", on);
    references(db, false).map_err(|source| MigrateError::Run { source })?;
    let done = all_steps(db);
    references(db, true).map_err(|source| MigrateError::Run { source })?;
    done
}

fn all_steps(db: &mut Connection) -> Result<(), MigrateError> {
    let known = MIGRATIONS.len() as u32;
    loop {
        match step(db).map_err(|source| MigrateError::Run { source })? {
            None => {}
            Some(found) if found > known => return Err(MigrateError::Newer { found, known }),
            Some(_) => return Ok(()),
        }
    }
}

/// Runs the next migration, or tells the version where none is left.
fn step(db: &mut Connection) -> Result<Option<u32>, rusqlite::Error> {
    // The version is read inside the transaction: another process may be at it too.
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = tx.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))?;
    let Some(sql) = MIGRATIONS.get(found as usize) else {
        return Ok(Some(found));
    };
    tx.execute_batch(sql)?;
    tx.pragma_update(None, "user_version", found + 1)?;
    tx.commit()?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_the_first_version_keeps_what_it_has() {
        let mut db = Connection::open_in_memory().unwrap();
        db.execute_batch(MIGRATIONS[0]).unwrap();
        db.execute_batch(
            "INSERT INTO vulnerability (id, name, year, number, title, description, state, severity, touched)
                 VALUES (7, 'CVE-2024-0001', 2024, 1, 'A title', 'An overflow', 'published', 'high', 1);
             INSERT INTO vulnerability_text (vulnerability_text) VALUES ('rebuild');
             PRAGMA user_version = 1;",
        )
        .unwrap();
        run(&mut db).unwrap();
        let found = "SELECT rowid FROM vulnerability_text WHERE vulnerability_text MATCH '\"ove\"*'";
        assert_eq!(db.query_row(found, [], |row| row.get::<_, i64>(0)).unwrap(), 7);
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let mut db = Connection::open_in_memory().unwrap();
        run(&mut db).unwrap();
        run(&mut db).unwrap();
        db.pragma_update(None, "user_version", MIGRATIONS.len() as u32 + 1).unwrap();
        assert!(matches!(run(&mut db), Err(MigrateError::Newer { .. })));
    }
}
