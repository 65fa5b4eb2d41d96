//! Ids and full text.

use super::super::client::Client;
use super::super::words;
use super::{Result, named};
use crate::store::read::{Hit, Resolved, TextHits};

pub fn resolve(db: &mut Client, id: &str) -> Result<Option<Resolved>> {
    let upper = id.to_uppercase();
    let by_name = "SELECT name FROM vulnerability WHERE name IN ($1, $2)";
    if let Some(row) = db.optional(by_name, &[id.into(), (&upper).into()])? {
        return Ok(Some(Resolved {
            name: row.get(0)?,
            alias: false,
        }));
    }
    // GHSA ids are in lower case behind their prefix; other aliases are as their source writes them.
    let ghsa = upper.strip_prefix("GHSA-").map(|rest| format!("GHSA-{}", rest.to_lowercase()));
    let by_alias = "SELECT v.name FROM alias a JOIN vulnerability v ON v.id = a.vulnerability_id
                    WHERE a.alias IN ($1, $2, $3) ORDER BY v.year DESC, v.number DESC LIMIT 1";
    let row = db.optional(by_alias, &[id.into(), (&upper).into(), ghsa.into()])?;
    row.map(|row| {
        Ok(Resolved {
            name: row.get(0)?,
            alias: true,
        })
    })
    .transpose()
}

/// Any rows, no more than are counted: where more match, the index is not followed to its end.
const MATCHING: &str = "SELECT id FROM vulnerability_text WHERE words @@ $1::text::tsquery LIMIT $2";

/// Rows from the last one taken in to the first, where many match: as the operator's function, which no index serves, it is a walk over the rows
/// that soon has enough of them.
const LAST: &str = "SELECT id FROM vulnerability_text WHERE ts_match_vq(words, $1::text::tsquery) ORDER BY id DESC LIMIT $2";

/// The newest ids.
const SORTED: &str = "SELECT v.id FROM vulnerability_text f JOIN vulnerability v ON v.id = f.id
                      WHERE f.words @@ $1::text::tsquery ORDER BY v.year DESC, v.number DESC LIMIT $2";

pub fn text(db: &mut Client, words: &[String], limit: usize) -> Result<TextHits> {
    let Some(question) = words::question(words) else {
        return Ok(TextHits::default());
    };
    let mut ids = |sql: &str, limit: usize| -> Result<Vec<i64>> {
        db.query(sql, &[(&question).into(), limit.into()])?
            .iter()
            .map(|row| row.get(0))
            .collect()
    };
    let mut shown = ids(MATCHING, TextHits::BROAD + 1)?;
    let (matching, broad) = (shown.len(), shown.len() > TextHits::BROAD);
    if matching > 0 {
        shown = ids(if broad { LAST } else { SORTED }, limit)?;
    }
    let sql = "SELECT v.name, v.title, substr(v.description, 1, 300), v.severity, v.score, v.kev_date, v.epss, v.state, v.published
               FROM unnest($1::bigint[]) WITH ORDINALITY k (id, n) JOIN vulnerability v ON v.id = k.id ORDER BY k.n";
    let hits = db.query(sql, &[shown.into()])?;
    let hits = hits.iter().map(|row| {
        Ok(Hit {
            name: row.get(0)?,
            title: row.get(1)?,
            excerpt: row.get(2)?,
            severity: named(row, 3)?,
            score: row.get(4)?,
            kev_date: row.get(5)?,
            epss: row.get(6)?,
            state: row.get(7)?,
            published: row.get(8)?,
        })
    });
    Ok(TextHits {
        hits: hits.collect::<Result<_>>()?,
        total: (!broad).then_some(matching),
        broad,
    })
}
