//! Sources and counts.

use rusqlite::{Connection, Error, OptionalExtension};

use super::column::count;
use crate::store::read::{Counts, Source};

pub fn is_sample(db: &Connection) -> Result<bool, Error> {
    let value = db
        .prepare_cached("SELECT value FROM setting WHERE name = 'sample'")?
        .query_row([], |row| row.get::<_, String>(0))
        .optional()?;
    Ok(value.as_deref() == Some("1"))
}

pub fn all(db: &Connection) -> Result<Vec<Source>, Error> {
    db.prepare_cached(
        "SELECT name, last_attempt, last_success, last_error, data_date,
                (SELECT records * 1000.0 / took_ms FROM taken t WHERE t.source = source.name AND took_ms > 0 AND records > 0
                 ORDER BY taken_at DESC LIMIT 1)
         FROM source ORDER BY name",
    )?
    .query_map([], |row| {
        Ok(Source {
            name: row.get(0)?,
            last_attempt: row.get(1)?,
            last_success: row.get(2)?,
            last_error: row.get(3)?,
            data_date: row.get(4)?,
            rate: row.get(5)?,
        })
    })?
    .collect()
}

pub fn counts(db: &Connection) -> Result<Counts, Error> {
    let mut counts = Counts::default();
    let mut statement = db.prepare_cached("SELECT source, count(*) FROM record GROUP BY source")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let records = count(row, 1)?;
        match row.get_ref(0)?.as_str()? {
            "cve" => counts.cve = records,
            "nvd" => counts.nvd = records,
            "osv" => counts.osv = records,
            _ => {}
        }
    }
    db.prepare_cached("SELECT (SELECT count(*) FROM kev), (SELECT count(*) FROM epss), (SELECT count(*) FROM vulnerability)")?
        .query_row([], |row| {
            counts.kev = count(row, 0)?;
            counts.epss = count(row, 1)?;
            counts.vulnerabilities = count(row, 2)?;
            Ok(counts)
        })
}
