//! Lists that add facts to vulnerabilities: exploited ones, exploit prediction scores.

use std::collections::BTreeSet;

use rusqlite::{Transaction, params};

use super::{clean, records};
use crate::store::taking::{Document, EpssLine, KevLine};

type Result<T> = std::result::Result<T, rusqlite::Error>;

/// Replaces the list of known exploited vulnerabilities.
pub fn take_kev(tx: &Transaction<'_>, document: &Document, lines: &[KevLine], at: i64) -> Result<u64> {
    records::keep(tx, document, at)?;
    let mut dates: BTreeSet<(String, String)> = tx
        .prepare_cached("SELECT name, date_added FROM kev")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_>>()?;
    tx.execute("DELETE FROM kev", [])?;
    let mut insert =
        tx.prepare_cached("INSERT OR REPLACE INTO kev (name, date_added, due_date, ransomware, action) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for line in lines {
        insert.execute(params![line.name, line.date_added, line.due_date, line.ransomware, line.action])?;
        let pair = (line.name.clone(), line.date_added.clone());
        if !dates.remove(&pair) {
            dates.insert(pair);
        }
    }
    // What is left was on one of the two lists only.
    let mut changed: Vec<String> = dates.into_iter().map(|(name, _)| name).collect();
    changed.dedup();
    records::refresh(tx, &changed)?;
    Ok(changed.len() as u64)
}

/// Replaces the exploit prediction scores.
pub fn take_epss(tx: &Transaction<'_>, document: &Document, lines: &[EpssLine], at: i64) -> Result<u64> {
    records::keep(tx, document, at)?;
    tx.execute("DELETE FROM epss", [])?;
    // In the order of the key, rows are appended.
    let mut sorted: Vec<&EpssLine> = lines.iter().collect();
    sorted.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let mut insert = tx.prepare_cached("INSERT OR REPLACE INTO epss (name, score, percentile) VALUES (?1, ?2, ?3)")?;
    for line in sorted {
        insert.execute(params![line.name, clean(line.score), clean(line.percentile)])?;
    }
    let moved = tx.execute(
        "UPDATE vulnerability SET epss = epss.score, epss_percentile = epss.percentile FROM epss
         WHERE epss.name = vulnerability.name AND (vulnerability.epss IS NOT epss.score OR epss_percentile IS NOT epss.percentile)",
        [],
    )?;
    let gone = tx.execute(
        "UPDATE vulnerability SET epss = NULL, epss_percentile = NULL WHERE epss IS NOT NULL AND name NOT IN (SELECT name FROM epss)",
        [],
    )?;
    Ok((moved + gone) as u64)
}
