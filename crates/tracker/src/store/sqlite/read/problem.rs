//! Problems, and the files they came with.

use rusqlite::{Connection, Error, Row, params};

use super::column::count;
use crate::store::read::{ProblemRow, Taken};

/// Columns of [`row`].
const COLUMNS: &str = "p.id, p.source, p.key, p.pointer, p.message, p.seen_at,
    (SELECT d.url FROM document d WHERE d.id = p.document_id),
    (SELECT v.name FROM record r JOIN record_vulnerability rv ON rv.record_id = r.id JOIN vulnerability v ON v.id = rv.vulnerability_id
     WHERE r.source = p.source AND r.key = p.key ORDER BY v.id LIMIT 1)";

pub fn page(db: &Connection, source: Option<&str>, before: Option<i64>, limit: usize) -> Result<Vec<ProblemRow>, Error> {
    let before = before.unwrap_or(i64::MAX);
    let limit = limit as i64;
    match source {
        None => db
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM problem p WHERE p.id < ?1 ORDER BY p.id DESC LIMIT ?2"
            ))?
            .query_map(params![before, limit], row)?
            .collect(),
        Some(source) => db
            .prepare_cached(&of_source())?
            .query_map(params![source, before, limit], row)?
            .collect(),
    }
}

pub(super) fn of_source() -> String {
    format!("SELECT {COLUMNS} FROM problem p WHERE p.source = ?1 AND p.id < ?2 ORDER BY p.id DESC LIMIT ?3")
}

/// The problems of one record.
pub(super) fn of_record(db: &Connection, source: &str, key: &str, limit: usize) -> Result<Vec<ProblemRow>, Error> {
    db.prepare_cached(&of_record_sql())?
        .query_map(params![source, key, limit as i64], row)?
        .collect()
}

pub(super) fn of_record_sql() -> String {
    format!("SELECT {COLUMNS} FROM problem p WHERE p.source = ?1 AND p.key = ?2 ORDER BY p.id LIMIT ?3")
}

pub fn taken(db: &Connection, source: Option<&str>, limit: usize) -> Result<Vec<Taken>, Error> {
    db.prepare_cached(
        "SELECT source, url, size, data_date, taken_at, records, changed, problems FROM taken
         WHERE ?1 IS NULL OR source = ?1 ORDER BY taken_at DESC, url DESC LIMIT ?2",
    )?
    .query_map(params![source, limit as i64], |row| {
        Ok(Taken {
            source: row.get(0)?,
            url: row.get(1)?,
            size: count(row, 2)?,
            data_date: row.get(3)?,
            taken_at: row.get(4)?,
            records: count(row, 5)?,
            changed: count(row, 6)?,
            problems: count(row, 7)?,
        })
    })?
    .collect()
}

fn row(row: &Row<'_>) -> Result<ProblemRow, Error> {
    Ok(ProblemRow {
        id: row.get(0)?,
        source: row.get(1)?,
        key: row.get(2)?,
        pointer: row.get(3)?,
        message: row.get(4)?,
        seen_at: row.get(5)?,
        url: row.get(6)?,
        vulnerability: row.get(7)?,
    })
}
