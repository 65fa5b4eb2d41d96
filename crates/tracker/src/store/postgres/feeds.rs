//! Lists that add facts to vulnerabilities: exploited ones, exploit prediction scores.

use std::collections::{BTreeMap, BTreeSet};

use super::client::Client;
use super::{Result, clean, records};
use crate::store::taking::{Document, EpssLine, KevLine};

/// Replaces the list of known exploited vulnerabilities.
pub fn take_kev(tx: &mut Client, document: &Document, lines: &[KevLine], at: i64) -> Result<u64> {
    records::keep(tx, document, at)?;
    let mut known = BTreeSet::new();
    for row in tx.query("SELECT name, date_added, due_date, ransomware, action FROM kev", &[])? {
        known.insert(KevLine {
            name: row.get(0)?,
            date_added: row.get(1)?,
            due_date: row.get(2)?,
            ransomware: row.get(3)?,
            action: row.get(4)?,
        });
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
    for line in by_name.into_values() {
        if !known.remove(line) {
            known.insert(line.clone());
        }
    }
    // What is left was on one of the two lists only.
    let mut changed: Vec<String> = known.into_iter().map(|line| line.name).collect();
    changed.dedup();
    records::refresh(tx, &changed)?;
    let mark = super::mark(tx)? + 1;
    let told = tx.execute(
        "INSERT INTO told (vulnerability_id, mark) SELECT id, $2 FROM vulnerability WHERE name = ANY ($1::text[])
         ON CONFLICT (vulnerability_id) DO UPDATE SET mark = excluded.mark",
        &[changed.iter().map(String::as_str).collect(), mark.into()],
    )?;
    if told > 0 {
        reach(tx, mark)?;
    }
    Ok(changed.len() as u64)
}

/// Replaces the exploit prediction scores. Nearly all of them move a little each day: readers are told of those that are another whole number of
/// percent.
pub fn take_epss(tx: &mut Client, document: &Document, lines: &[EpssLine], at: i64) -> Result<u64> {
    records::keep(tx, document, at)?;
    tx.execute("DELETE FROM epss", &[])?;
    let by_name: BTreeMap<&str, &EpssLine> = lines.iter().map(|line| (line.name.as_str(), line)).collect();
    let row = |line: &&EpssLine| vec![line.name.clone().into(), clean(line.score).into(), clean(line.percentile).into()];
    tx.copy("epss (name, score, percentile)", by_name.values().map(row))?;
    let mark = super::mark(tx)? + 1;
    tx.execute(
        "INSERT INTO told (vulnerability_id, mark)
         SELECT v.id, $1 FROM vulnerability v LEFT JOIN epss e ON e.name = v.name
         WHERE trunc(v.epss * 100) IS DISTINCT FROM trunc(e.score * 100)
         ON CONFLICT (vulnerability_id) DO UPDATE SET mark = excluded.mark",
        &[mark.into()],
    )?;
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
    if moved + gone > 0 {
        reach(tx, mark)?;
    }
    Ok(moved + gone)
}

/// Notes that a list changed something.
fn reach(tx: &mut Client, mark: i64) -> Result<()> {
    let sql = "INSERT INTO setting (name, value) VALUES ('told', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    tx.execute(sql, &[mark.to_string().into()]).map(drop)
}
