//! Who looks after packages.

use rusqlite::{Connection, Error};

use crate::store::read::{Keepers, Kept};

/// Only packages whose facts hold someone: most channels tell names and versions alone.
pub(super) const KEPT: &str = "SELECT c.name, k.id, k.name, k.version, p.facts
    FROM cluster k JOIN channel c ON c.id = k.channel_id JOIN package p ON p.id = k.package_id
    WHERE p.facts LIKE '%\"maintainers\":[%' OR p.facts LIKE '%\"teams\":[%'";

pub fn all(db: &Connection) -> Result<Vec<Kept>, Error> {
    let mut kept = Vec::new();
    let mut statement = db.prepare_cached(KEPT)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        // What we wrote ourselves and cannot read any more names nobody.
        let keepers: Keepers = serde_json::from_str(row.get_ref(4)?.as_str()?).unwrap_or_default();
        if keepers.maintainers.is_empty() && keepers.teams.is_empty() {
            continue;
        }
        kept.push(Kept {
            channel: row.get(0)?,
            key: row.get(1)?,
            name: row.get(2)?,
            version: row.get(3)?,
            maintainers: keepers.maintainers,
            teams: keepers.teams,
        });
    }
    Ok(kept)
}
