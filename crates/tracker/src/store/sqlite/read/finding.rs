//! Findings.

use rusqlite::types::Type;
use rusqlite::{Connection, Error, OptionalExtension, Row, params};

use super::column::{json, named};
use crate::store::read::{ClusterFacts, Facts, Findings, Pair, PairDetail};

pub fn all(db: &Connection, channel: &str) -> Result<Findings, Error> {
    let mut pairs = Vec::new();
    let mut statement = db.prepare_cached(PAIRS)?;
    let mut rows = statement.query([channel])?;
    while let Some(row) = rows.next()? {
        let verdict = row.get_ref(2)?.as_str()?;
        pairs.push(Pair {
            vulnerability: row.get(0)?,
            cluster: row.get(1)?,
            verdict: verdict
                .parse()
                .map_err(|e: String| Error::FromSqlConversionFailure(2, Type::Text, e.into()))?,
            confidence: row.get(3)?,
        });
    }
    let mut keys: Vec<i64> = pairs.iter().map(|pair| pair.cluster).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut clusters = Vec::with_capacity(keys.len());
    let mut statement = db.prepare_cached(CLUSTER)?;
    for key in keys {
        clusters.push(statement.query_row([key], |row| {
            Ok(ClusterFacts {
                key,
                name: row.get(0)?,
                pname: row.get(1)?,
                version: row.get(2)?,
            })
        })?);
    }
    Ok(Findings { clusters, pairs })
}

pub fn facts(db: &Connection, keys: &[i64]) -> Result<Vec<Facts>, Error> {
    let mut statement = db.prepare_cached(FACTS)?;
    let mut facts = Vec::with_capacity(keys.len());
    for &key in keys {
        facts.extend(statement.query_row([key], shown).optional()?);
    }
    Ok(facts)
}

pub fn facts_named(db: &Connection, names: &[String]) -> Result<Vec<Facts>, Error> {
    let mut statement = db.prepare_cached(FACTS_NAMED)?;
    let mut facts = Vec::with_capacity(names.len());
    for name in names {
        facts.extend(statement.query_row([name], shown).optional()?);
    }
    Ok(facts)
}

fn shown(row: &Row<'_>) -> Result<Facts, Error> {
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

pub(super) const DETAIL: &str = "SELECT t.fixed_in, e.lines FROM verdict t JOIN evidence e ON e.id = t.evidence_id
    WHERE t.vulnerability_id = ?1 AND t.cluster_id = ?2 AND +t.channel_id = (SELECT id FROM channel WHERE name = ?3)";

pub(super) const CLUSTER: &str = "SELECT name, pname, version FROM cluster WHERE id = ?1";

macro_rules! facts {
    ($which:literal) => {
        concat!(
            "SELECT id, name, iif(title = '', substr(description, 1, 161), title), severity, score, kev_date, epss, published, year, number
             FROM vulnerability WHERE ",
            $which,
            " = ?1"
        )
    };
}

pub(super) const FACTS: &str = facts!("id");
pub(super) const FACTS_NAMED: &str = facts!("name");
