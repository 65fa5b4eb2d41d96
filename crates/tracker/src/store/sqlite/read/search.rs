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
    let ids = |sql: &str, limit: usize| -> Result<Vec<i64>, Error> {
        db.prepare_cached(sql)?
            .query_map(params![question, limit as i64], |row| row.get(0))?
            .collect()
    };
    let mut shown = ids(MATCHING, TextHits::BROAD + 1)?;
    let (matching, broad) = (shown.len(), shown.len() > TextHits::BROAD);
    if broad {
        shown.truncate(limit);
    } else {
        shown = ids(SORTED, limit)?;
    }
    let mut statement = db.prepare_cached(HIT)?;
    let hits = shown
        .iter()
        .map(|id| statement.query_row([id], hit))
        .collect::<Result<_, Error>>()?;
    Ok(TextHits {
        hits,
        total: (!broad).then_some(matching),
        broad,
    })
}

/// Rows from the last one taken in to the first: SQLite stops at the limit, whatever the number of matches.
pub(super) const MATCHING: &str = "SELECT rowid FROM vulnerability_text WHERE vulnerability_text MATCH ?1 ORDER BY rowid DESC LIMIT ?2";

/// The newest ids. Sorted without touching the table: its rows are long and lie far apart.
pub(super) const SORTED: &str =
    "SELECT v.id FROM vulnerability_text f CROSS JOIN vulnerability v INDEXED BY vulnerability_key ON v.id = f.rowid
    WHERE vulnerability_text MATCH ?1 ORDER BY v.year DESC, v.number DESC LIMIT ?2";

pub(super) const HIT: &str = "SELECT name, title, substr(description, 1, 300), severity, score, kev_date, epss, state, published
    FROM vulnerability WHERE id = ?1";

/// A last word of so many letters may be the start of one. Shorter beginnings are those of half the words there are: nobody means
/// them all, and putting their lists together takes long. The text index keeps the lists of this length.
const PREFIX: usize = 3;

/// All words as FTS5 strings: nothing in them has a meaning of its own. `None` where no word holds a letter or digit.
fn question(words: &[String]) -> Option<String> {
    let quoted: Vec<String> = words
        .iter()
        .filter(|word| word.chars().any(char::is_alphanumeric))
        // A zero byte would end the question in the middle of a string.
        .map(|word| format!("\"{}\"", word.replace('"', "\"\"").replace('\0', " ")))
        .collect();
    // The star makes the last word a prefix: people see hits while they still think about the ending.
    let last = words.iter().rev().find(|word| word.chars().any(char::is_alphanumeric))?;
    let letters = last.rsplit(|c: char| !c.is_alphanumeric()).find(|part| !part.is_empty())?;
    let star = if letters.chars().count() >= PREFIX { "*" } else { "" };
    Some(quoted.join(" ") + star)
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
            question(&words("buffer NEAR(a OR \"b title:xyz")).as_deref(),
            Some("\"buffer\" \"NEAR(a\" \"OR\" \"\"\"b\" \"title:xyz\"*")
        );
        assert_eq!(question(&words("\" * ( -")), None);
        // FTS5 makes words of the letters alone: the last of them is the one that could be a beginning.
        assert_eq!(question(&words("in the")).as_deref(), Some("\"in\" \"the\"*"));
        for (asked, wanted) in [
            ("in th", "\"in\" \"th\""),
            ("x long-ab !", "\"x\" \"long-ab\""),
            ("ab-long", "\"ab-long\"*"),
        ] {
            assert_eq!(question(&words(asked)).as_deref(), Some(wanted));
        }
        assert_eq!(question(&[]), None);
    }
}
