//! Ids that no record is about.

use super::super::client::Client;
use super::Result;
use crate::store::read::{Kev, Mentions, Naming};

pub fn of(db: &mut Client, id: &str) -> Result<Mentions> {
    let kev = db.optional(
        "SELECT date_added, due_date, ransomware, action FROM kev WHERE name = $1",
        &[id.into()],
    )?;
    let kev = kev.map(|row| {
        Ok::<_, super::Error>(Kev {
            date_added: row.get(0)?,
            due_date: row.get(1)?,
            ransomware: row.get(2)?,
            action: row.get(3)?,
        })
    });
    let epss = db.optional("SELECT score FROM epss WHERE name = $1", &[id.into()])?;
    Ok(Mentions {
        kev: kev.transpose()?,
        epss: epss.map(|row| row.get(0)).transpose()?,
        packages: packages(db, id)?,
    })
}

fn packages(db: &mut Client, id: &str) -> Result<Vec<Naming>> {
    let Some(part) = Mentions::last_part(id) else {
        return Ok(Vec::new());
    };
    let sql = "SELECT c.name, p.attr, p.version, p.facts FROM package p
               JOIN package_in m ON m.package_id = p.id AND m.until_set IS NULL JOIN channel c ON c.id = m.channel_id
               WHERE (strpos(upper(p.facts), 'CVE') > 0 OR strpos(upper(p.facts), 'GHSA') > 0) AND strpos(lower(p.facts), lower($1)) > 0
               ORDER BY p.id, c.id";
    let mut found = Vec::new();
    for row in db.query(sql, &[part.into()])? {
        // What we wrote ourselves and cannot read any more names nothing.
        let package = serde_json::from_str(row.get(3)?).unwrap_or_default();
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
