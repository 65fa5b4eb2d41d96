//! Sources and counts.

use super::super::client::Client;
use super::Result;
use crate::store::read::{Counts, Source};

pub fn is_sample(db: &mut Client) -> Result<bool> {
    db.one("SELECT EXISTS (SELECT 1 FROM setting WHERE name = 'sample' AND value = '1')", &[])?
        .get(0)
}

pub fn all(db: &mut Client) -> Result<Vec<Source>> {
    let sql = "SELECT name, last_attempt, last_success, last_error, data_date,
                      (SELECT records::double precision * 1000 / took_ms FROM taken t
                       WHERE t.source = source.name AND took_ms > 0 AND records > 0 ORDER BY taken_at DESC LIMIT 1)
               FROM source ORDER BY name";
    db.query(sql, &[])?
        .iter()
        .map(|row| {
            Ok(Source {
                name: row.get(0)?,
                last_attempt: row.get(1)?,
                last_success: row.get(2)?,
                last_error: row.get(3)?,
                data_date: row.get(4)?,
                rate: row.get(5)?,
            })
        })
        .collect()
}

pub fn counts(db: &mut Client) -> Result<Counts> {
    let sql = "SELECT (SELECT count(*) FROM kev), (SELECT count(*) FROM epss), (SELECT count(*) FROM vulnerability)";
    let row = db.one(sql, &[])?;
    let mut counts = Counts {
        kev: row.get(0)?,
        epss: row.get(1)?,
        vulnerabilities: row.get(2)?,
        ..Counts::default()
    };
    for row in db.query("SELECT source, count(*) FROM record GROUP BY source", &[])? {
        match row.get::<&str>(0)? {
            "cve" => counts.cve = row.get(1)?,
            "nvd" => counts.nvd = row.get(1)?,
            "osv" => counts.osv = row.get(1)?,
            _ => {}
        }
    }
    Ok(counts)
}
