//! What was open in a channel and is not any more.

use rusqlite::{Connection, Error};

use super::column::named;
use crate::store::read::Fix;

/// Open findings that packages ended, and that no later one followed.
const FIXES: &str = "SELECT v.name, v.published, v.severity, c.name, p.package, p.version,
           (SELECT t.verdict FROM verdict t JOIN cluster k ON k.id = t.cluster_id
            WHERE t.vulnerability_id = p.vulnerability_id AND t.channel_id = p.channel_id AND k.name = p.package),
           s.first_revision, s.first_at
    FROM verdict_past p JOIN vulnerability v ON v.id = p.vulnerability_id JOIN channel c ON c.id = p.channel_id
    JOIN package_set s ON s.id = p.until_set
    WHERE p.because = 'packages' AND p.verdict IN ('affected', 'known_vulnerable')
      AND NOT EXISTS (SELECT 1 FROM verdict t JOIN cluster k ON k.id = t.cluster_id
                      WHERE t.vulnerability_id = p.vulnerability_id AND t.channel_id = p.channel_id AND k.name = p.package
                        AND t.verdict IN ('affected', 'known_vulnerable', 'unknown'))
      AND NOT EXISTS (SELECT 1 FROM verdict_past q
                      WHERE q.vulnerability_id = p.vulnerability_id AND q.channel_id = p.channel_id AND q.package = p.package
                        AND q.verdict IN ('affected', 'known_vulnerable', 'unknown') AND q.id > p.id)
    ORDER BY s.first_at DESC, p.id DESC LIMIT ?1";

pub fn fixes(db: &Connection) -> Result<Vec<Fix>, Error> {
    db.prepare_cached(FIXES)?
        .query_map([i64::try_from(Fix::MOST).unwrap_or(i64::MAX)], |row| {
            let is_there = row.get_ref(6)? != rusqlite::types::ValueRef::Null;
            Ok(Fix {
                vulnerability: row.get(0)?,
                published: row.get(1)?,
                severity: named(row, 2)?,
                channel: row.get(3)?,
                package: row.get(4)?,
                version: row.get(5)?,
                became: if is_there { Some(named(row, 6)?) } else { None },
                revision: row.get(7)?,
                at: row.get(8)?,
            })
        })?
        .collect()
}
