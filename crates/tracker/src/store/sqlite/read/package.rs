//! Packages.

use rusqlite::{Connection, Error, Row, params};

use super::column::{count, json};
use crate::store::read::{ClusterHead, PackageIn, Revision, VersionSpan};

pub(super) const WITH_ATTR: &str = "SELECT k.id, c.name, k.name, k.pname, k.version,
           (SELECT count(*) FROM cluster_attr o WHERE o.cluster_id = k.id), p.facts
    FROM cluster_attr a JOIN cluster k ON k.id = a.cluster_id JOIN channel c ON c.id = a.channel_id
         LEFT JOIN package p ON p.id = k.package_id
    WHERE a.attr = ?1 ORDER BY c.name";

pub fn with_attr(db: &Connection, attr: &str) -> Result<Vec<PackageIn>, Error> {
    let mut packages = db
        .prepare_cached(WITH_ATTR)?
        .query_map([attr], |row| {
            Ok(PackageIn {
                key: row.get(0)?,
                channel: row.get(1)?,
                name: row.get(2)?,
                pname: row.get(3)?,
                version: row.get(4)?,
                attrs: Vec::new(),
                attr_count: count(row, 5)?,
                facts: json(row, 6)?,
                history: Vec::new(),
            })
        })?
        .collect::<Result<Vec<_>, Error>>()?;
    for package in &mut packages {
        package.attrs = attrs(db, package.key, PackageIn::ATTRS)?;
        package.history = history(db, &package.channel, &package.name)?;
    }
    Ok(packages)
}

/// The order is ours to say: with no figures about its tables, SQLite walks through all packages of the channel.
pub(super) const HISTORY: &str = "SELECT p.version, f.first_revision, f.first_at, u.first_revision, u.first_at
    FROM channel c CROSS JOIN package p INDEXED BY package_attr CROSS JOIN package_in m ON m.channel_id = c.id AND m.package_id = p.id
         JOIN package_set f ON f.id = m.from_set LEFT JOIN package_set u ON u.id = m.until_set
    WHERE p.attr = ?1 AND c.name = ?2 ORDER BY m.from_set";

/// The versions that an attribute had in a channel, newest first.
fn history(db: &Connection, channel: &str, attr: &str) -> Result<Vec<VersionSpan>, Error> {
    let spans = db
        .prepare_cached(HISTORY)?
        .query_map([attr, channel], |row| {
            let until: Option<String> = row.get(3)?;
            Ok(VersionSpan {
                version: row.get(0)?,
                from: Revision {
                    revision: row.get(1)?,
                    at: row.get(2)?,
                },
                until: match until {
                    Some(revision) => Some(Revision { revision, at: row.get(4)? }),
                    None => None,
                },
            })
        })?
        .collect::<Result<_, Error>>()?;
    Ok(VersionSpan::joined(spans))
}

/// The first attributes of a package.
pub(super) fn attrs(db: &Connection, cluster: i64, limit: usize) -> Result<Vec<String>, Error> {
    db.prepare_cached(ATTRS)?
        .query_map(params![cluster, limit as i64], |row| row.get(0))?
        .collect()
}

pub(super) const ATTRS: &str = "SELECT attr FROM cluster_attr WHERE cluster_id = ?1 ORDER BY attr LIMIT ?2";

pub(super) const NAMED: &str = "SELECT k.name, k.pname, c.name, k.version FROM cluster k JOIN channel c ON c.id = k.channel_id
    WHERE k.name IN (SELECT DISTINCT name FROM cluster WHERE pname = ?1 ORDER BY name LIMIT ?2) AND +k.pname = ?1
    ORDER BY k.name, c.name";

pub fn named(db: &Connection, pname: &str, limit: usize) -> Result<Vec<ClusterHead>, Error> {
    let mut heads: Vec<ClusterHead> = Vec::new();
    let mut statement = db.prepare_cached(NAMED)?;
    let mut rows = statement.query(params![pname, limit as i64])?;
    while let Some(row) = rows.next()? {
        add(&mut heads, None, row)?;
    }
    Ok(heads)
}

pub(super) const HEAD_BY_ATTR: &str = "SELECT k.name, k.pname, c.name, k.version
    FROM cluster_attr a JOIN cluster k ON k.id = a.cluster_id JOIN channel c ON c.id = a.channel_id
    WHERE a.attr = ?1 ORDER BY k.name, c.name";

pub fn heads(db: &Connection, names: &[String]) -> Result<Vec<ClusterHead>, Error> {
    let mut heads: Vec<ClusterHead> = Vec::new();
    let mut by_attr = db.prepare_cached(HEAD_BY_ATTR)?;
    for name in names {
        let before = heads.len();
        let mut rows = by_attr.query([name])?;
        while let Some(row) = rows.next()? {
            add(&mut heads, Some(name), row)?;
        }
        if heads.len() == before {
            heads.extend(named(db, name, 1)?.into_iter().map(|head| ClusterHead {
                asked: name.clone(),
                ..head
            }));
        }
    }
    Ok(heads)
}

pub(super) const NAMES: [&str; 2] = [
    "SELECT DISTINCT attr FROM cluster_attr ORDER BY attr",
    "SELECT DISTINCT pname FROM cluster ORDER BY pname",
];

/// Both lists come sorted from their index: SQL's own union would sort everything again.
pub fn names(db: &Connection) -> Result<Vec<String>, Error> {
    let mut names: Vec<String> = Vec::new();
    for sql in NAMES {
        for name in db.prepare_cached(sql)?.query_map([], |row| row.get(0))? {
            names.push(name?);
        }
    }
    // Two sorted runs: merged in one pass.
    names.sort();
    names.dedup();
    Ok(names)
}

/// Adds a `name, pname, channel, version` row to the list.
fn add(heads: &mut Vec<ClusterHead>, asked: Option<&str>, row: &Row<'_>) -> Result<(), Error> {
    ClusterHead::add(heads, asked, row.get(0)?, row.get(1)?, (row.get(2)?, row.get(3)?));
    Ok(())
}
