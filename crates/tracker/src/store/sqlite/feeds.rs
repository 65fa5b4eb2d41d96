//! Lists that add facts to vulnerabilities: exploited ones, exploit prediction scores.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Transaction, params};

use super::{clean, records};
use crate::store::taking::{Document, EpssLine, KevLine};

type Result<T> = std::result::Result<T, rusqlite::Error>;

/// Replaces the list of known exploited vulnerabilities.
pub fn take_kev(tx: &Transaction<'_>, document: &Document, lines: &[KevLine], at: i64) -> Result<u64> {
    records::keep(tx, document, at)?;
    let mut known: BTreeSet<KevLine> = tx
        .prepare_cached("SELECT name, date_added, due_date, ransomware, action FROM kev")?
        .query_map([], |row| {
            Ok(KevLine {
                name: row.get(0)?,
                date_added: row.get(1)?,
                due_date: row.get(2)?,
                ransomware: row.get(3)?,
                action: row.get(4)?,
            })
        })?
        .collect::<Result<_>>()?;
    tx.execute("DELETE FROM kev", [])?;
    let mut insert = tx.prepare_cached("INSERT INTO kev (name, date_added, due_date, ransomware, action) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    // Of an id given twice the later line counts.
    let by_name: BTreeMap<&str, &KevLine> = lines.iter().map(|line| (line.name.as_str(), line)).collect();
    for line in by_name.into_values() {
        insert.execute(params![line.name, line.date_added, line.due_date, line.ransomware, line.action])?;
        if !known.remove(line) {
            known.insert(line.clone());
        }
    }
    // What is left was on one of the two lists only.
    let mut changed: Vec<String> = known.into_iter().map(|line| line.name).collect();
    changed.dedup();
    records::refresh(tx, &changed)?;
    let mark = super::mark(tx)? + 1;
    let mut tell =
        tx.prepare_cached("INSERT OR REPLACE INTO told (vulnerability_id, mark) SELECT id, ?2 FROM vulnerability WHERE name = ?1")?;
    let mut told = 0;
    for name in &changed {
        told += tell.execute(params![name, mark])?;
    }
    if told > 0 {
        reach(tx, mark)?;
    }
    Ok(changed.len() as u64)
}

/// Replaces the exploit prediction scores. Nearly all of them move a little each day: readers are told of those that are another whole number of
/// percent.
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
    let mark = super::mark(tx)? + 1;
    tx.execute(
        "INSERT OR REPLACE INTO told (vulnerability_id, mark)
         SELECT v.id, ?1 FROM vulnerability v LEFT JOIN epss e ON e.name = v.name
         WHERE CAST(v.epss * 100 AS INTEGER) IS NOT CAST(e.score * 100 AS INTEGER)",
        [mark],
    )?;
    let moved = tx.execute(
        "UPDATE vulnerability SET epss = epss.score, epss_percentile = epss.percentile FROM epss
         WHERE epss.name = vulnerability.name AND (vulnerability.epss IS NOT epss.score OR epss_percentile IS NOT epss.percentile)",
        [],
    )?;
    let gone = tx.execute(
        "UPDATE vulnerability SET epss = NULL, epss_percentile = NULL WHERE epss IS NOT NULL AND name NOT IN (SELECT name FROM epss)",
        [],
    )?;
    if moved + gone > 0 {
        reach(tx, mark)?;
    }
    Ok((moved + gone) as u64)
}

/// Notes that a list changed something.
fn reach(tx: &Transaction<'_>, mark: i64) -> Result<()> {
    tx.execute(
        "INSERT OR REPLACE INTO setting (name, value) VALUES ('told', ?1)",
        [mark.to_string()],
    )
    .map(drop)
}
