//! Ids and full text.

use rusqlite::{Connection, Error, OptionalExtension, Row, params};

use super::column::named;
use crate::store::read::{Hit, Resolved, TextHits};

pub fn resolve(db: &Connection, id: &str) -> Result<Option<Resolved>, Error> {
    let upper = id.to_uppercase();
    let mut by_name = db.prepare_cached(BY_NAME)?;
    if let Some(name) = by_name.query_row([id, &upper], |row| row.get(0)).optional()? {
        return Ok(Some(Resolved { name, alias: false }));
    }
    // GHSA ids are in lower case behind their prefix; other aliases are as their source writes them.
    let ghsa = upper.strip_prefix("GHSA-").map(|rest| format!("GHSA-{}", rest.to_lowercase()));
    let name = db
        .prepare_cached(BY_ALIAS)?
        .query_row(params![id, upper, ghsa], |row| row.get(0))
        .optional()?;
    Ok(name.map(|name| Resolved { name, alias: true }))
}

pub(super) const BY_NAME: &str = "SELECT name FROM vulnerability WHERE name IN (?1, ?2)";

pub(super) const BY_ALIAS: &str = "SELECT v.name FROM alias a JOIN vulnerability v ON v.id = a.vulnerability_id
    WHERE a.alias IN (?1, ?2, ?3) ORDER BY v.year DESC, v.number DESC LIMIT 1";

pub fn text(db: &Connection, words: &[String], limit: usize) -> Result<TextHits, Error> {
    let Some(question) = question(words) else {
        return Ok(TextHits::default());
    };
    let matching: Vec<i64> = db
        .prepare_cached(MATCHING)?
        .query_map(params![question, TextHits::BROAD as i64 + 1], |row| row.get(0))?
        .collect::<Result<_, Error>>()?;
    if matching.len() > TextHits::BROAD {
        let mut statement = db.prepare_cached(&format!("SELECT {COLUMNS} FROM vulnerability v WHERE v.id = ?1"))?;
        let hits = matching
            .iter()
            .take(limit)
            .map(|id| statement.query_row([id], hit))
            .collect::<Result<_, Error>>()?;
        return Ok(TextHits {
            hits,
            total: None,
            broad: true,
        });
    }
    let hits = db
        .prepare_cached(&sorted())?
        .query_map(params![question, limit as i64], hit)?
        .collect::<Result<_, Error>>()?;
    Ok(TextHits {
        hits,
        total: Some(matching.len()),
        broad: false,
    })
}

/// Rows from the last one taken in to the first: SQLite stops at the limit, whatever the number of matches.
pub(super) const MATCHING: &str = "SELECT rowid FROM vulnerability_text WHERE vulnerability_text MATCH ?1 ORDER BY rowid DESC LIMIT ?2";

const COLUMNS: &str = "v.name, v.title, substr(v.description, 1, 300), v.severity, v.score, v.kev_date, v.epss, v.state, v.published";

pub(super) fn sorted() -> String {
    format!(
        "SELECT {COLUMNS} FROM vulnerability_text f CROSS JOIN vulnerability v ON v.id = f.rowid
         WHERE vulnerability_text MATCH ?1 ORDER BY v.year DESC, v.number DESC LIMIT ?2"
    )
}

/// All words as FTS5 strings: nothing in them has a meaning of its own. `None` where no word holds a letter or digit.
fn question(words: &[String]) -> Option<String> {
    let quoted: Vec<String> = words
        .iter()
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .map(|word| format!("\"{}\"", word.replace('"', "\"\"")))
        .collect();
    // The star makes the last word a prefix: people see hits while they still think about the ending.
    (!quoted.is_empty()).then(|| quoted.join(" ") + "*")
}

fn hit(row: &Row<'_>) -> Result<Hit, Error> {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_cannot_become_operators() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            question(&words("buffer NEAR(a OR \"b title:x")).as_deref(),
            Some("\"buffer\" \"NEAR(a\" \"OR\" \"\"\"b\" \"title:x\"*")
        );
        assert_eq!(question(&words("\" * ( -")), None);
        assert_eq!(question(&[]), None);
    }
}
