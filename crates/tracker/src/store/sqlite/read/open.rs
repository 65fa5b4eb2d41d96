//! What was open when.

use rusqlite::{Connection, Error, params};

use super::column::{count, named};
use crate::store::read::{FindingThen, OpenHistory, OpenSpan, Revision};

const SETS: &str = "SELECT s.id, s.first_revision, s.first_at FROM package_set s JOIN channel c ON c.id = s.channel_id
    WHERE c.name = ?1 ORDER BY s.id";

const SPANS: [&str; 2] = [
    "SELECT t.since_set, NULL, v.severity, count(*) FROM verdict t JOIN vulnerability v ON v.id = t.vulnerability_id
    WHERE t.channel_id = (SELECT id FROM channel WHERE name = ?1) AND t.verdict IN ('affected', 'known_vulnerable', 'unknown')
    GROUP BY t.since_set, v.severity",
    "SELECT p.since_set, p.until_set, v.severity, count(*) FROM verdict_past p JOIN vulnerability v ON v.id = p.vulnerability_id
    WHERE p.channel_id = (SELECT id FROM channel WHERE name = ?1) AND p.verdict IN ('affected', 'known_vulnerable', 'unknown')
    GROUP BY p.since_set, p.until_set, v.severity",
];

const THEN: [&str; 2] = [
    "SELECT t.vulnerability_id, k.name, k.pname, k.version, t.verdict, t.confidence
    FROM verdict t JOIN cluster k ON k.id = t.cluster_id
    WHERE t.channel_id = (SELECT id FROM channel WHERE name = ?1) AND (t.since_set IS NULL OR t.since_set <= ?2)",
    "SELECT p.vulnerability_id, p.package, (SELECT k.pname FROM cluster k WHERE k.channel_id = p.channel_id AND k.name = p.package), p.version,
           p.verdict, 1.0
    FROM verdict_past p
    WHERE p.channel_id = (SELECT id FROM channel WHERE name = ?1) AND (p.since_set IS NULL OR p.since_set <= ?2) AND p.until_set > ?2",
];

pub fn findings(db: &Connection, channel: &str, set: i64) -> Result<Vec<FindingThen>, Error> {
    let mut findings = Vec::new();
    for sql in THEN {
        let mut statement = db.prepare_cached(sql)?;
        let mut rows = statement.query(params![channel, set])?;
        while let Some(row) = rows.next()? {
            findings.push(FindingThen {
                vulnerability: row.get(0)?,
                package: row.get(1)?,
                pname: row.get(2)?,
                version: row.get(3)?,
                verdict: named(row, 4)?,
                confidence: row.get(5)?,
            });
        }
    }
    Ok(findings)
}

pub fn history(db: &Connection, channel: &str) -> Result<OpenHistory, Error> {
    let set = |row: &rusqlite::Row<'_>| {
        let revision = Revision {
            revision: row.get(1)?,
            at: row.get(2)?,
        };
        Ok((row.get(0)?, revision))
    };
    let mut history = OpenHistory {
        sets: db.prepare_cached(SETS)?.query_map([channel], set)?.collect::<Result<_, Error>>()?,
        spans: Vec::new(),
    };
    for sql in SPANS {
        let mut statement = db.prepare_cached(sql)?;
        let mut rows = statement.query([channel])?;
        while let Some(row) = rows.next()? {
            history.spans.push(OpenSpan {
                since: row.get(0)?,
                until: row.get(1)?,
                severity: named(row, 2)?,
                count: count(row, 3)?,
            });
        }
    }
    Ok(history)
}
