//! Lists that are read to their end by programs.

use rusqlite::{Connection, Error, OptionalExtension, Row, params};

use super::column::{json, named};
use super::{package, vulnerability};
use crate::store::read::{After, Listed, ListedPackage, Place};

macro_rules! listed {
    ($mark:literal, $from:literal) => {
        concat!(
            "SELECT id, ",
            $mark,
            ", name, title, description, state, published, modified, score, severity, kev_date, epss, epss_percentile, ssvc, tags FROM ",
            $from
        )
    };
}

pub(super) const BY_KEY: &str = listed!("touched", "vulnerability WHERE id > ?1 ORDER BY id LIMIT ?2");
/// By the time of a change, in two questions each: the rest of the mark that was reached, and what is above it. One that compares pairs would read
/// the whole mark again for each page, and a list of EPSS brings hundreds of thousands of rows with one mark.
///
/// Nothing is left out because the other list has it too: the first list of EPSS tells of nearly all, and looking for one that it does not tell of
/// would be looking at each.
pub(super) const CHANGED: [&str; 4] = [
    listed!(
        "touched",
        "vulnerability v INDEXED BY vulnerability_touched WHERE touched = ?1 AND id > ?2 ORDER BY id LIMIT ?3"
    ),
    listed!(
        "touched",
        "vulnerability v INDEXED BY vulnerability_touched WHERE touched > ?1 ORDER BY touched, id LIMIT ?3"
    ),
    listed!(
        "mark",
        "told t INDEXED BY told_mark CROSS JOIN vulnerability v ON v.id = t.vulnerability_id
         WHERE t.mark = ?1 AND t.vulnerability_id > ?2 ORDER BY t.vulnerability_id LIMIT ?3"
    ),
    listed!(
        "mark",
        "told t INDEXED BY told_mark CROSS JOIN vulnerability v ON v.id = t.vulnerability_id
         WHERE t.mark > ?1 ORDER BY t.mark, t.vulnerability_id LIMIT ?3"
    ),
];

pub fn vulnerabilities(db: &Connection, after: After, most: usize) -> Result<Vec<Listed>, Error> {
    let limit = most as i64;
    let mut listed: Vec<Listed> = match after {
        After::Key(key) => db
            .prepare_cached(BY_KEY)?
            .query_map(params![key, limit], one)?
            .collect::<Result<_, _>>()?,
        After::Change(mark, key) => {
            let mut changed: Vec<Listed> = Vec::new();
            for sql in CHANGED {
                let mut statement = db.prepare_cached(sql)?;
                let rows = statement.query_map(params![mark, key, limit], one)?;
                rows.into_iter().try_for_each(|row| row.map(|one| changed.push(one)))?;
            }
            After::in_order_of_change(changed, most)
        }
    };
    let mut aliases = db.prepare_cached(vulnerability::ALIASES)?;
    for one in &mut listed {
        one.aliases = aliases.query_map([one.key], |row| row.get(0))?.collect::<Result<_, _>>()?;
    }
    Ok(listed)
}

fn one(row: &Row<'_>) -> Result<Listed, Error> {
    let tags: String = row.get(14)?;
    Ok(Listed {
        key: row.get(0)?,
        touched: row.get(1)?,
        name: row.get(2)?,
        title: row.get(3)?,
        description: row.get(4)?,
        state: row.get(5)?,
        published: row.get(6)?,
        modified: row.get(7)?,
        score: row.get(8)?,
        severity: named(row, 9)?,
        kev_date: row.get(10)?,
        epss: row.get(11)?,
        epss_percentile: row.get(12)?,
        ssvc: row.get(13)?,
        tags: tags.split_ascii_whitespace().map(str::to_owned).collect(),
        aliases: Vec::new(),
    })
}

pub(super) const PACKAGES: &str = "SELECT id, name, pname, version FROM cluster
    WHERE channel_id = (SELECT id FROM channel WHERE name = ?1) AND name > ?2 ORDER BY name LIMIT ?3";

pub fn packages(db: &Connection, channel: &str, after: &str, limit: usize) -> Result<Vec<ListedPackage>, Error> {
    let mut listed: Vec<ListedPackage> = db
        .prepare_cached(PACKAGES)?
        .query_map(params![channel, after, limit as i64], |row| {
            Ok(ListedPackage {
                key: row.get(0)?,
                name: row.get(1)?,
                pname: row.get(2)?,
                version: row.get(3)?,
                attrs: Vec::new(),
            })
        })?
        .collect::<Result<_, _>>()?;
    for one in &mut listed {
        one.attrs = package::attrs(db, one.key, i64::MAX as usize)?;
    }
    Ok(listed)
}

pub(super) const PLACE: &str = "SELECT k.id, k.name, k.version, p.facts
    FROM cluster_attr a JOIN cluster k ON k.id = a.cluster_id LEFT JOIN package p ON p.id = k.package_id
    WHERE a.attr = ?1 AND a.channel_id = (SELECT id FROM channel WHERE name = ?2)";

pub fn places(db: &Connection, channel: &str, attrs: &[String]) -> Result<Vec<Option<Place>>, Error> {
    let mut statement = db.prepare_cached(PLACE)?;
    let mut places = Vec::with_capacity(attrs.len());
    for attr in attrs {
        let place = statement.query_row([attr, channel], |row| {
            Ok(Place {
                key: row.get(0)?,
                name: row.get(1)?,
                version: row.get(2)?,
                facts: json(row, 3)?.unwrap_or_default(),
            })
        });
        places.push(place.optional()?);
    }
    Ok(places)
}
