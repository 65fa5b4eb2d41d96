//! Findings.

use std::collections::HashMap;

use super::super::client::{Client, Error, Row};
use super::{Result, json, named, texts};
use crate::store::read::{ClusterFacts, Facts, Findings, Pair, PairDetail};

pub fn all(db: &mut Client, channel: &str) -> Result<Findings> {
    let sql = "SELECT vulnerability_id, cluster_id, verdict, confidence FROM verdict
               WHERE channel_id = (SELECT id FROM channel WHERE name = $1)";
    let mut pairs = Vec::new();
    db.stream(sql, &[channel.into()], |row| {
        pairs.push(Pair {
            vulnerability: row.get(0)?,
            cluster: row.get(1)?,
            verdict: row.get::<&str>(2)?.parse().map_err(Error::decode)?,
            confidence: row.get(3)?,
        });
        Ok::<_, Error>(())
    })??;
    let mut keys: Vec<i64> = pairs.iter().map(|pair| pair.cluster).collect();
    keys.sort_unstable();
    keys.dedup();
    let sql = "SELECT id, name, pname, version FROM cluster WHERE id = ANY ($1::bigint[]) ORDER BY id";
    let mut clusters = Vec::with_capacity(keys.len());
    for row in db.query(sql, &[keys.into()])? {
        clusters.push(ClusterFacts {
            key: row.get(0)?,
            name: row.get(1)?,
            pname: row.get(2)?,
            version: row.get(3)?,
        });
    }
    Ok(Findings { clusters, pairs })
}

const FACTS: &str =
    "SELECT id, name, CASE WHEN title = '' THEN substr(description, 1, 161) ELSE title END, severity, score, kev_date, epss,
                            published, year, number
                     FROM vulnerability";

pub fn facts(db: &mut Client, keys: &[i64]) -> Result<Vec<Facts>> {
    let sql = format!("{FACTS} WHERE id = ANY ($1::bigint[])");
    let mut found = HashMap::with_capacity(keys.len());
    for row in db.query(&sql, &[keys.into()])? {
        let facts = shown(&row)?;
        found.insert(facts.key, facts);
    }
    Ok(keys.iter().filter_map(|key| found.remove(key)).collect())
}

pub fn facts_named(db: &mut Client, names: &[String]) -> Result<Vec<Facts>> {
    let sql = format!("{FACTS} WHERE name = ANY ($1::text[])");
    db.query(&sql, &[texts(names)])?.iter().map(shown).collect()
}

fn shown(row: &Row) -> Result<Facts> {
    Ok(Facts {
        key: row.get(0)?,
        name: row.get(1)?,
        title: Facts::one_line(row.get(2)?),
        severity: named(row, 3)?,
        score: row.get(4)?,
        kev_date: row.get(5)?,
        epss: row.get(6)?,
        published: row.get(7)?,
        order: (row.get(8)?, row.get(9)?),
    })
}

pub fn details(db: &mut Client, channel: &str, pairs: &[(i64, i64)]) -> Result<Vec<PairDetail>> {
    let sql = "SELECT p.vulnerability, p.cluster, t.fixed_in, e.lines
               FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY p (vulnerability, cluster, n)
               JOIN verdict t ON t.vulnerability_id = p.vulnerability AND t.cluster_id = p.cluster JOIN evidence e ON e.id = t.evidence_id
               WHERE t.channel_id = (SELECT id FROM channel WHERE name = $3) ORDER BY p.n";
    let vulnerabilities: Vec<i64> = pairs.iter().map(|pair| pair.0).collect();
    let clusters: Vec<i64> = pairs.iter().map(|pair| pair.1).collect();
    db.query(sql, &[vulnerabilities.into(), clusters.into(), channel.into()])?
        .iter()
        .map(|row| {
            Ok(PairDetail {
                pair: (row.get(0)?, row.get(1)?),
                fixed_in: row.get(2)?,
                evidence: json(row, 3)?.unwrap_or_default(),
            })
        })
        .collect()
}
