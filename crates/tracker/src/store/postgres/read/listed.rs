//! Lists that are read to their end by programs.

use super::super::client::{Client, Row};
use super::{Result, json, named, package, texts};
use crate::store::read::{After, Listed, ListedPackage, Place};

pub fn vulnerabilities(db: &mut Client, after: After, limit: usize) -> Result<Vec<Listed>> {
    let select = |mark: &str, from: &str| {
        format!(
            "SELECT v.id, {mark}, v.name, v.title, v.description, v.state, v.published, v.modified, v.score, v.severity, v.kev_date,
                         v.epss, v.epss_percentile, v.ssvc, v.tags,
                         (SELECT string_agg(a.alias, E'\\n' ORDER BY a.alias) FROM alias a WHERE a.vulnerability_id = v.id)
                  FROM {from}"
        )
    };
    match after {
        After::Key(key) => {
            let sql = select("v.touched", "vulnerability v WHERE v.id > $1 ORDER BY v.id LIMIT $2");
            db.query(&sql, &[key.into(), limit.into()])?.iter().map(one).collect()
        }
        After::Change(mark, key) => {
            let touched = select(
                "v.touched",
                "vulnerability v WHERE (v.touched, v.id) > ($1, $2) ORDER BY v.touched, v.id LIMIT $3",
            );
            let told = select(
                "t.mark",
                "told t JOIN vulnerability v ON v.id = t.vulnerability_id
                 WHERE (t.mark, t.vulnerability_id) > ($1, $2) ORDER BY t.mark, t.vulnerability_id LIMIT $3",
            );
            let mut changed = Vec::new();
            for sql in [touched, told] {
                for row in db.query(&sql, &[mark.into(), key.into(), limit.into()])? {
                    changed.push(one(&row)?);
                }
            }
            Ok(After::in_order_of_change(changed, limit))
        }
    }
}

fn one(row: &Row) -> Result<Listed> {
    let aliases: Option<&str> = row.get(15)?;
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
        tags: row.get::<&str>(14)?.split_ascii_whitespace().map(str::to_owned).collect(),
        aliases: aliases
            .map(|text| text.split('\n').map(str::to_owned).collect())
            .unwrap_or_default(),
    })
}

pub fn packages(db: &mut Client, channel: &str, after: &str, limit: usize) -> Result<Vec<ListedPackage>> {
    let sql = "SELECT id, name, pname, version FROM cluster
               WHERE channel_id = (SELECT id FROM channel WHERE name = $1) AND name > $2 ORDER BY name LIMIT $3";
    let mut listed = Vec::new();
    for row in db.query(sql, &[channel.into(), after.into(), limit.into()])? {
        listed.push(ListedPackage {
            key: row.get(0)?,
            name: row.get(1)?,
            pname: row.get(2)?,
            version: row.get(3)?,
            attrs: Vec::new(),
        });
    }
    for one in &mut listed {
        one.attrs = package::attrs(db, one.key, i64::MAX as usize)?;
    }
    Ok(listed)
}

pub fn places(db: &mut Client, channel: &str, attrs: &[String]) -> Result<Vec<Option<Place>>> {
    let sql = "SELECT k.id, k.name, k.version, p.facts
               FROM unnest($1::text[]) WITH ORDINALITY q (attr, n)
               LEFT JOIN cluster_attr a ON a.attr = q.attr AND a.channel_id = (SELECT id FROM channel WHERE name = $2)
               LEFT JOIN cluster k ON k.id = a.cluster_id LEFT JOIN package p ON p.id = k.package_id ORDER BY q.n";
    let mut places = Vec::with_capacity(attrs.len());
    for row in db.query(sql, &[texts(attrs), channel.into()])? {
        let key: Option<i64> = row.get(0)?;
        places.push(match key {
            None => None,
            Some(key) => Some(Place {
                key,
                name: row.get(1)?,
                version: row.get(2)?,
                facts: json(&row, 3)?.unwrap_or_default(),
            }),
        });
    }
    Ok(places)
}
