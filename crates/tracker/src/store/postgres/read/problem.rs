//! Problems, and the files they came with.

use super::super::client::{Client, Row};
use super::Result;
use crate::store::read::{ProblemRow, Taken};

/// Columns of [`row`].
const COLUMNS: &str = "p.id, p.source, p.key, p.pointer, p.message, p.seen_at,
    (SELECT d.url FROM document d WHERE d.id = p.document_id),
    (SELECT v.name FROM record r JOIN record_vulnerability rv ON rv.record_id = r.id JOIN vulnerability v ON v.id = rv.vulnerability_id
     WHERE r.source = p.source AND r.key = p.key ORDER BY v.id LIMIT 1)";

pub fn page(db: &mut Client, source: Option<&str>, before: Option<i64>, limit: usize) -> Result<Vec<ProblemRow>> {
    let before = before.unwrap_or(i64::MAX);
    let rows = match source {
        None => db.query(
            &format!("SELECT {COLUMNS} FROM problem p WHERE p.id < $1 ORDER BY p.id DESC LIMIT $2"),
            &[before.into(), limit.into()],
        )?,
        Some(source) => db.query(
            &format!("SELECT {COLUMNS} FROM problem p WHERE p.source = $1 AND p.id < $2 ORDER BY p.id DESC LIMIT $3"),
            &[source.into(), before.into(), limit.into()],
        )?,
    };
    rows.iter().map(row).collect()
}

/// The problems of one record.
pub(super) fn of_record(db: &mut Client, source: &str, key: &str, limit: usize) -> Result<Vec<ProblemRow>> {
    let sql = format!("SELECT {COLUMNS} FROM problem p WHERE p.source = $1 AND md5(p.key) = md5($2) AND p.key = $2 ORDER BY p.id LIMIT $3");
    db.query(&sql, &[source.into(), key.into(), limit.into()])?
        .iter()
        .map(row)
        .collect()
}

pub fn taken(db: &mut Client, source: Option<&str>, limit: usize) -> Result<Vec<Taken>> {
    let sql = "SELECT source, url, size, data_date, taken_at, records, changed, problems FROM taken
               WHERE $1::text IS NULL OR source = $1::text ORDER BY taken_at DESC, url DESC LIMIT $2";
    db.query(sql, &[source.into(), limit.into()])?
        .iter()
        .map(|row| {
            Ok(Taken {
                source: row.get(0)?,
                url: row.get(1)?,
                size: row.get(2)?,
                data_date: row.get(3)?,
                taken_at: row.get(4)?,
                records: row.get(5)?,
                changed: row.get(6)?,
                problems: row.get(7)?,
            })
        })
        .collect()
}

fn row(row: &Row) -> Result<ProblemRow> {
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
