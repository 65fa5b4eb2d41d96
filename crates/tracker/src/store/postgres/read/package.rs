//! Packages.

use std::collections::BTreeMap;

use super::super::client::{Client, Row};
use super::{Result, json};
use crate::store::read::{ClusterHead, PackageIn, Revision, VersionSpan};

pub fn with_attr(db: &mut Client, attr: &str) -> Result<Vec<PackageIn>> {
    let sql = "SELECT k.id, c.name, k.name, k.pname, k.version, (SELECT count(*) FROM cluster_attr o WHERE o.cluster_id = k.id), p.facts
               FROM cluster_attr a JOIN cluster k ON k.id = a.cluster_id JOIN channel c ON c.id = a.channel_id
                    LEFT JOIN package p ON p.id = k.package_id
               WHERE a.attr = $1 ORDER BY c.name";
    let mut packages = Vec::new();
    for row in db.query(sql, &[attr.into()])? {
        packages.push(PackageIn {
            key: row.get(0)?,
            channel: row.get(1)?,
            name: row.get(2)?,
            pname: row.get(3)?,
            version: row.get(4)?,
            attrs: Vec::new(),
            attr_count: row.get(5)?,
            facts: json(&row, 6)?,
            history: Vec::new(),
        });
    }
    for package in &mut packages {
        package.attrs = attrs(db, package.key, PackageIn::ATTRS)?;
        package.history = history(db, &package.channel, &package.name)?;
    }
    Ok(packages)
}

/// The versions that an attribute had in a channel, newest first.
fn history(db: &mut Client, channel: &str, attr: &str) -> Result<Vec<VersionSpan>> {
    let sql = "SELECT p.version, f.first_revision, f.first_at, u.first_revision, u.first_at
               FROM package p JOIN package_in m ON m.package_id = p.id JOIN channel c ON c.id = m.channel_id
               JOIN package_set f ON f.id = m.from_set LEFT JOIN package_set u ON u.id = m.until_set
               WHERE p.attr = $1 AND c.name = $2 ORDER BY m.from_set";
    let mut spans = Vec::new();
    for row in db.query(sql, &[attr.into(), channel.into()])? {
        let until: Option<String> = row.get(3)?;
        spans.push(VersionSpan {
            version: row.get(0)?,
            from: Revision {
                revision: row.get(1)?,
                at: row.get(2)?,
            },
            until: match until {
                Some(revision) => Some(Revision { revision, at: row.get(4)? }),
                None => None,
            },
        });
    }
    Ok(VersionSpan::joined(spans))
}

/// The first attributes of a package.
pub(super) fn attrs(db: &mut Client, cluster: i64, limit: usize) -> Result<Vec<String>> {
    let sql = "SELECT attr FROM cluster_attr WHERE cluster_id = $1 ORDER BY attr LIMIT $2";
    db.query(sql, &[cluster.into(), limit.into()])?
        .iter()
        .map(|row| row.get(0))
        .collect()
}

pub fn named(db: &mut Client, pname: &str, limit: usize) -> Result<Vec<ClusterHead>> {
    let sql = "SELECT k.name, k.pname, c.name, k.version FROM cluster k JOIN channel c ON c.id = k.channel_id
               WHERE k.name IN (SELECT DISTINCT name FROM cluster WHERE pname = $1 ORDER BY name LIMIT $2) AND k.pname = $1
               ORDER BY k.name, c.name";
    let mut heads: Vec<ClusterHead> = Vec::new();
    for row in db.query(sql, &[pname.into(), limit.into()])? {
        add(&mut heads, None, &row)?;
    }
    Ok(heads)
}

pub fn heads(db: &mut Client, names: &[String]) -> Result<Vec<ClusterHead>> {
    let sql = "SELECT n.n, k.name, k.pname, c.name, k.version FROM unnest($1::text[]) WITH ORDINALITY n (name, n)
               JOIN cluster_attr a ON a.attr = n.name JOIN cluster k ON k.id = a.cluster_id JOIN channel c ON c.id = a.channel_id
               ORDER BY n.n, k.name, c.name";
    let mut found: BTreeMap<i64, Vec<Row>> = BTreeMap::new();
    for row in db.query(sql, &[names.iter().map(String::as_str).collect()])? {
        found.entry(row.get(0)?).or_default().push(row);
    }
    let mut heads: Vec<ClusterHead> = Vec::new();
    for (name, number) in names.iter().zip(1..) {
        let before = heads.len();
        for row in found.get(&number).into_iter().flatten() {
            ClusterHead::add(&mut heads, Some(name), row.get(1)?, row.get(2)?, (row.get(3)?, row.get(4)?));
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

pub fn names(db: &mut Client) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for sql in ["SELECT DISTINCT attr FROM cluster_attr", "SELECT DISTINCT pname FROM cluster"] {
        for row in db.query(sql, &[])? {
            names.push(row.get(0)?);
        }
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// Adds a `name, pname, channel, version` row to the list.
fn add(heads: &mut Vec<ClusterHead>, asked: Option<&str>, row: &Row) -> Result<()> {
    ClusterHead::add(heads, asked, row.get(0)?, row.get(1)?, (row.get(2)?, row.get(3)?));
    Ok(())
}
