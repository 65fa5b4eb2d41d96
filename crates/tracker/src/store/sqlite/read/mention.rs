//! Ids that no record is about.

use rusqlite::{Connection, Error, OptionalExtension};
use vuln::id::CveId;
use vuln::package::{Package, ids_in};

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
    // Names of patches write an id in many ways (`cve_2011_4620`): what all of them have is its last part.
    let Some((_, part)) = id.rsplit_once('-').filter(|(_, part)| part.len() >= 4) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    let mut statement = db.prepare_cached(NAMING)?;
    let mut rows = statement.query([part])?;
    while let Some(row) = rows.next()? {
        // What we wrote ourselves and cannot read any more names nothing.
        let package: Package = serde_json::from_str(row.get_ref(3)?.as_str()?).unwrap_or_default();
        let Some((says, text)) = naming(&package, id) else {
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
    CROSS JOIN package_set_member m ON m.set_id = c.set_id AND m.package_id = p.id
    WHERE (instr(upper(p.facts), 'CVE') > 0 OR instr(upper(p.facts), 'GHSA') > 0) AND instr(lower(p.facts), lower(?1)) > 0";

fn naming(package: &Package, id: &str) -> Option<(&'static str, String)> {
    let names = |text: &&String| ids_in(text).iter().any(|named| named == id);
    if let Some(text) = package.known_vulnerabilities.iter().find(names) {
        return Some(("known_vulnerable", text.clone()));
    }
    if let Some(patch) = package.patches.iter().find(names) {
        return Some(("patched", patch.clone()));
    }
    let script = package.script_ids.iter().find(|script| script.id == id)?;
    Some(("named_in_script", script.phase.clone()))
}

/// An id in the spelling that lists and packages are stored with.
pub fn spelling(id: &str) -> String {
    let upper = id.trim().to_uppercase();
    if upper.parse::<CveId>().is_ok() {
        return upper;
    }
    match upper.strip_prefix("GHSA-") {
        Some(rest) => format!("GHSA-{}", rest.to_lowercase()),
        None => id.trim().to_owned(),
    }
}
