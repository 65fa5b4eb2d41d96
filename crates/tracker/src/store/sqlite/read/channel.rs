//! Channels.

use rusqlite::{Connection, Error};

use super::column::{count, named};
use crate::store::read::{Channel, Count, Mark};

pub fn all(db: &Connection) -> Result<Vec<Channel>, Error> {
    let mut keys = Vec::new();
    let mut channels = db
        .prepare_cached(
            "SELECT c.id, c.name, s.revision, s.taken_at, coalesce(s.packages, 0), coalesce(s.with_meta, 0),
                    coalesce(s.with_derivation, 0), c.matched_at, c.set_id IS NOT c.matched_set
             FROM channel c LEFT JOIN package_set s ON s.id = c.set_id ORDER BY c.name",
        )?
        .query_map([], |row| {
            keys.push(row.get::<_, i64>(0)?);
            Ok(Channel {
                name: row.get(1)?,
                revision: row.get(2)?,
                taken_at: row.get(3)?,
                packages: count(row, 4)?,
                with_meta: count(row, 5)?,
                with_derivation: count(row, 6)?,
                matched_at: row.get(7)?,
                stale: row.get(8)?,
                counts: Vec::new(),
            })
        })?
        .collect::<Result<Vec<_>, Error>>()?;
    let mut statement =
        db.prepare_cached("SELECT verdict, severity, count FROM channel_count WHERE channel_id = ?1 ORDER BY verdict, severity")?;
    for (key, channel) in keys.into_iter().zip(&mut channels) {
        channel.counts = statement
            .query_map([key], |row| {
                Ok(Count {
                    verdict: named(row, 0)?,
                    severity: named(row, 1)?,
                    count: count(row, 2)?,
                })
            })?
            .collect::<Result<_, Error>>()?;
    }
    Ok(channels)
}

pub fn marks(db: &Connection) -> Result<Vec<Mark>, Error> {
    db.prepare_cached(
        "SELECT c.name, printf('%d %d %d %s', c.matched_set, c.matched_mark, c.matched_at, c.matched_rules),
                printf('%d %s', c.matched_set, c.matched_rules), coalesce((SELECT value FROM setting WHERE name = 'told'), '')
         FROM channel c WHERE c.matched_set IS NOT NULL ORDER BY c.name",
    )?
    .query_map([], |row| {
        Ok(Mark {
            channel: row.get(0)?,
            stamp: row.get(1)?,
            packages: row.get(2)?,
            told: row.get(3)?,
        })
    })?
    .collect()
}
