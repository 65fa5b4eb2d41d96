//! Ids that no record is about.

use rusqlite::{Connection, Error, OptionalExtension};
use vuln::package::Package;

use crate::store::read::{Kev, Mentions, Naming};

pub fn of(db: &Connection, id: &str) -> Result<Mentions, Error> {
    let kev = db
        .prepare_cached(KEV)?
        .query_row([id], |row| {
            Ok(Kev {
                date_added: row.get(0)?,
                due_date: row.get(1)?,
                ransomware: row.get(2)?,
                action: row.get(3)?,
            })
        })
        .optional()?;
    let epss = db.prepare_cached(EPSS)?.query_row([id], |row| row.get(0)).optional()?;
    Ok(Mentions {
        kev,
        epss,
        packages: packages(db, id)?,
    })
}

pub(super) const KEV: &str = "SELECT date_added, due_date, ransomware, action FROM kev WHERE name = ?1";

pub(super) const EPSS: &str = "SELECT score FROM epss WHERE name = ?1";

fn packages(db: &Connection, id: &str) -> Result<Vec<Naming>, Error> {
    let Some(part) = Mentions::last_part(id) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    let mut statement = db.prepare_cached(NAMING)?;
    let mut rows = statement.query([part])?;
    while let Some(row) = rows.next()? {
        // What we wrote ourselves and cannot read any more names nothing.
        let package: Package = serde_json::from_str(row.get_ref(3)?.as_str()?).unwrap_or_default();
        let Some((says, text)) = Mentions::naming(&package, id) else {
            continue;
        };
        found.push(Naming {
            channel: row.get(0)?,
            attr: row.get(1)?,
            version: row.get(2)?,
            says,
            text,
        });
        if found.len() == Mentions::MOST {
            break;
        }
    }
    found.sort_by(|a, b| (&a.channel, &a.attr).cmp(&(&b.channel, &b.attr)));
    Ok(found)
}

/// By the packages that may name any id, of which there are few: a test reads the plan.
pub(super) const NAMING: &str = "SELECT c.name, p.attr, p.version, p.facts
    FROM package p INDEXED BY package_naming CROSS JOIN channel c
    CROSS JOIN package_in m ON m.channel_id = c.id AND m.package_id = p.id AND m.until_set IS NULL
    WHERE (instr(upper(p.facts), 'CVE') > 0 OR instr(upper(p.facts), 'GHSA') > 0) AND instr(lower(p.facts), lower(?1)) > 0";
