//! Lists that add facts to vulnerabilities: exploited ones, exploit prediction scores.

use std::collections::{BTreeMap, BTreeSet};

use super::client::Client;
use super::{Result, clean, records};
use crate::store::taking::{Document, EpssLine, KevLine};

/// Replaces the list of known exploited vulnerabilities.
pub fn take_kev(tx: &mut Client, document: &Document, lines: &[KevLine], at: i64) -> Result<u64> {
    records::keep(tx, document, at)?;
    let mut dates = BTreeSet::new();
    for row in tx.query("SELECT name, date_added FROM kev", &[])? {
        dates.insert((row.get::<String>(0)?, row.get::<String>(1)?));
    }
    tx.execute("DELETE FROM kev", &[])?;
    // Of an id given twice the later line counts.
    let by_name: BTreeMap<&str, &KevLine> = lines.iter().map(|line| (line.name.as_str(), line)).collect();
    let row = |line: &&KevLine| {
        vec![
            line.name.clone().into(),
            line.date_added.clone().into(),
            line.due_date.clone().into(),
            line.ransomware.clone().into(),
            line.action.clone().into(),
        ]
    };
    tx.copy("kev (name, date_added, due_date, ransomware, action)", by_name.values().map(row))?;
    for line in lines {
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
pub fn take_epss(tx: &mut Client, document: &Document, lines: &[EpssLine], at: i64) -> Result<u64> {
    records::keep(tx, document, at)?;
    tx.execute("DELETE FROM epss", &[])?;
    let by_name: BTreeMap<&str, &EpssLine> = lines.iter().map(|line| (line.name.as_str(), line)).collect();
    let row = |line: &&EpssLine| vec![line.name.clone().into(), clean(line.score).into(), clean(line.percentile).into()];
    tx.copy("epss (name, score, percentile)", by_name.values().map(row))?;
    let moved = tx.execute(
        "UPDATE vulnerability v SET epss = e.score, epss_percentile = e.percentile FROM epss e
         WHERE e.name = v.name AND (v.epss IS DISTINCT FROM e.score OR v.epss_percentile IS DISTINCT FROM e.percentile)",
        &[],
    )?;
    let gone = tx.execute(
        "UPDATE vulnerability v SET epss = NULL, epss_percentile = NULL
         WHERE v.epss IS NOT NULL AND NOT EXISTS (SELECT 1 FROM epss e WHERE e.name = v.name)",
        &[],
    )?;
    Ok(moved + gone)
}
