//! Who looks after packages.

use super::super::client::{Client, Error};
use super::Result;
use crate::store::read::{Keepers, Kept};

/// Only packages whose facts hold someone: most channels tell names and versions alone.
const KEPT: &str = "SELECT c.name, k.id, k.name, k.version, p.facts
    FROM cluster k JOIN channel c ON c.id = k.channel_id JOIN package p ON p.id = k.package_id
    WHERE strpos(p.facts, '\"maintainers\":[') > 0 OR strpos(p.facts, '\"teams\":[') > 0";

pub fn all(db: &mut Client) -> Result<Vec<Kept>> {
    let mut kept = Vec::new();
    db.stream(KEPT, &[], |row| {
        // What we wrote ourselves and cannot read any more names nobody.
        let keepers: Keepers = serde_json::from_str(row.get(4)?).unwrap_or_default();
        if !keepers.maintainers.is_empty() || !keepers.teams.is_empty() {
            kept.push(Kept {
                channel: row.get(0)?,
                key: row.get(1)?,
                name: row.get(2)?,
                version: row.get(3)?,
                maintainers: keepers.maintainers,
                teams: keepers.teams,
            });
        }
        Ok::<_, Error>(())
    })??;
    Ok(kept)
}
