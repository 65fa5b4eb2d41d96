//! Findings.

use std::collections::HashMap;

use rusqlite::{CachedStatement, Connection, Error, OptionalExtension, params};

use super::column::{json, named};
use crate::store::read::{ClusterFacts, Facts, Findings, Pair, PairDetail};

pub fn all(db: &Connection, channel: &str) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let mut vulnerabilities = HashMap::new();
    let mut clusters = HashMap::new();
    let mut facts = db.prepare_cached(FACTS)?;
    let mut cluster_facts = db.prepare_cached("SELECT name, pname, version FROM cluster WHERE id = ?1")?;
    let mut statement = db.prepare_cached(PAIRS)?;
    let mut rows = statement.query([channel])?;
    while let Some(row) = rows.next()? {
        let vulnerability = index(&mut vulnerabilities, &mut findings.vulnerabilities, row.get(0)?, |key| {
            read_facts(&mut facts, key)
        })?;
        let cluster = index(&mut clusters, &mut findings.clusters, row.get(1)?, |key| {
            cluster_facts.query_row([key], |row| {
                Ok(ClusterFacts {
                    key,
                    name: row.get(0)?,
                    pname: row.get(1)?,
                    version: row.get(2)?,
                })
            })
        })?;
        findings.pairs.push(Pair {
            vulnerability,
            cluster,
            verdict: named(row, 2)?,
            confidence: row.get(3)?,
        });
    }
    Ok(findings)
}

pub fn details(db: &Connection, channel: &str, pairs: &[(i64, i64)]) -> Result<Vec<PairDetail>, Error> {
    let mut statement = db.prepare_cached(DETAIL)?;
    let mut details = Vec::with_capacity(pairs.len());
    for &pair in pairs {
        let detail = statement
            .query_row(params![pair.0, pair.1, channel], |row| {
                Ok(PairDetail {
                    pair,
                    fixed_in: row.get(0)?,
                    evidence: json(row, 1)?.unwrap_or_default(),
                })
            })
            .optional()?;
        details.extend(detail);
    }
    Ok(details)
}

pub(super) const PAIRS: &str = "SELECT vulnerability_id, cluster_id, verdict, confidence FROM verdict
    WHERE channel_id = (SELECT id FROM channel WHERE name = ?1)";

pub(super) const DETAIL: &str = "SELECT t.fixed_in, t.evidence FROM verdict t
    WHERE t.vulnerability_id = ?1 AND t.cluster_id = ?2 AND +t.channel_id = (SELECT id FROM channel WHERE name = ?3)";

pub(super) const FACTS: &str =
    "SELECT name, title, severity, score, kev_date, epss, published, year, number FROM vulnerability WHERE id = ?1";

fn read_facts(statement: &mut CachedStatement<'_>, key: i64) -> Result<Facts, Error> {
    statement.query_row([key], |row| {
        Ok(Facts {
            key,
            name: row.get(0)?,
            title: row.get(1)?,
            severity: named(row, 2)?,
            score: row.get(3)?,
            kev_date: row.get(4)?,
            epss: row.get(5)?,
            published: row.get(6)?,
            order: (row.get(7)?, row.get(8)?),
        })
    })
}

/// The index of `key` in `table`, which `make` extends where the key is new.
fn index<T>(known: &mut HashMap<i64, u32>, table: &mut Vec<T>, key: i64, make: impl FnOnce(i64) -> Result<T, Error>) -> Result<u32, Error> {
    if let Some(&index) = known.get(&key) {
        return Ok(index);
    }
    let index = table.len() as u32;
    table.push(make(key)?);
    known.insert(key, index);
    Ok(index)
}
