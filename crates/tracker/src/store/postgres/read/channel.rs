//! Channels.

use super::super::client::Client;
use super::{Result, named};
use crate::store::read::{Channel, Count, Mark};

pub fn all(db: &mut Client) -> Result<Vec<Channel>> {
    let mut channels = Vec::new();
    let mut keys: Vec<i64> = Vec::new();
    let sql = "SELECT c.id, c.name, s.revision, s.taken_at, coalesce(s.packages, 0), coalesce(s.with_meta, 0),
                      coalesce(s.with_derivation, 0), c.matched_at, c.set_id IS DISTINCT FROM c.matched_set
               FROM channel c LEFT JOIN package_set s ON s.id = c.set_id ORDER BY c.name";
    for row in db.query(sql, &[])? {
        keys.push(row.get(0)?);
        channels.push(Channel {
            name: row.get(1)?,
            revision: row.get(2)?,
            taken_at: row.get(3)?,
            packages: row.get(4)?,
            with_meta: row.get(5)?,
            with_derivation: row.get(6)?,
            matched_at: row.get(7)?,
            stale: row.get(8)?,
            counts: Vec::new(),
        });
    }
    let sql = "SELECT channel_id, verdict, severity, count FROM channel_count ORDER BY channel_id, verdict, severity";
    for row in db.query(sql, &[])? {
        let key: i64 = row.get(0)?;
        let Some(channel) = keys.iter().position(|k| *k == key).and_then(|n| channels.get_mut(n)) else {
            continue;
        };
        channel.counts.push(Count {
            verdict: named(&row, 1)?,
            severity: named(&row, 2)?,
            count: row.get(3)?,
        });
    }
    Ok(channels)
}

pub fn marks(db: &mut Client) -> Result<Vec<Mark>> {
    let sql = "SELECT c.name, concat_ws(' ', c.matched_set, c.matched_mark, c.matched_at, c.matched_rules),
                      concat_ws(' ', c.matched_set, c.matched_rules), coalesce((SELECT value FROM setting WHERE name = 'told'), '')
               FROM channel c WHERE c.matched_set IS NOT NULL ORDER BY c.name";
    db.query(sql, &[])?
        .iter()
        .map(|row| {
            Ok(Mark {
                channel: row.get(0)?,
                stamp: row.get(1)?,
                packages: row.get(2)?,
                told: row.get(3)?,
            })
        })
        .collect()
}
