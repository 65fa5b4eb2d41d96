//! Package sets: packages by content, and which channel had which of them when.

use std::collections::{HashMap, HashSet};

use super::books::digest;
use super::client::{Client, Error, Value};
use super::{Result, new_ids, next_id};
use crate::document::Digest;
use crate::store::parts::{self, Split};
use crate::store::result::{KeptRevision, StoredPackage};
use crate::store::taking::{PackageSet, SetReport};

/// Rows sent in one statement.
const CHUNK: usize = 10_000;

/// Makes a package set the current one of its channel.
pub fn take_package_set(tx: &mut Client, set: &PackageSet, at: i64) -> Result<SetReport> {
    let split = parts::split(set).map_err(Error::decode)?;
    let sum = parts::digest(&split);
    tx.execute(
        "INSERT INTO channel (name) VALUES ($1) ON CONFLICT DO NOTHING",
        &[(&set.channel).into()],
    )?;
    let find = "SELECT c.id, s.id, s.digest FROM channel c LEFT JOIN package_set s ON s.id = c.set_id WHERE c.name = $1";
    let row = tx.one(find, &[(&set.channel).into()])?;
    let (channel, current): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
    let current_digest: Option<&[u8]> = row.get(2)?;
    let mut report = SetReport {
        packages: split.len() as u64,
        ..SetReport::default()
    };
    if current_digest == Some(sum.0.as_slice()) {
        // The same packages under another revision are the same set, seen again.
        tx.execute(
            "UPDATE package_set SET revision = $2, taken_at = $3 WHERE id = $1",
            &[current.into(), (&set.revision).into(), at.into()],
        )?;
        return Ok(report);
    }
    let id = insert_set(tx, channel, set, &sum, at)?;
    report.new_packages = put_members(tx, channel, id, &split)?;
    report.changed = true;
    tx.execute("UPDATE channel SET set_id = $2 WHERE id = $1", &[channel.into(), id.into()])?;
    let data = serde_json::json!({
        "revision": set.revision, "digest": sum.to_string(), "packages": report.packages, "new": report.new_packages,
    });
    super::event(tx, at, "package-set", &set.channel, &data)?;
    Ok(report)
}

/// The packages of a set, by their rows.
pub fn package_set(db: &mut Client, set: i64) -> Result<Vec<StoredPackage>> {
    let sql =
        "SELECT p.id, p.facts FROM package_set s JOIN package_in m ON m.channel_id = s.channel_id JOIN package p ON p.id = m.package_id
               WHERE s.id = $1 AND m.from_set <= $1 AND (m.until_set IS NULL OR m.until_set > $1)";
    let count = db.optional("SELECT packages FROM package_set WHERE id = $1", &[set.into()])?;
    let count = count.map_or(Ok(0), |row| row.get::<i64>(0))?;
    let mut packages = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
    db.stream(sql, &[set.into()], |row| {
        packages.push(StoredPackage {
            id: row.get(0)?,
            package: serde_json::from_str(row.get(1)?).map_err(Error::decode)?,
        });
        Ok::<_, Error>(())
    })??;
    packages.sort_unstable_by_key(|package| package.id);
    Ok(packages)
}

/// The revisions that a channel keeps, newest first.
pub fn revisions(db: &mut Client, channel: &str) -> Result<Vec<KeptRevision>> {
    let sql = "SELECT s.id, s.revision, s.first_revision, s.first_at FROM package_set s JOIN channel c ON c.id = s.channel_id
               WHERE c.name = $1 ORDER BY s.id DESC";
    db.query(sql, &[channel.into()])?
        .iter()
        .map(|row| {
            Ok(KeptRevision {
                set: row.get(0)?,
                revision: row.get(1)?,
                first_revision: row.get(2)?,
                first_at: row.get(3)?,
            })
        })
        .collect()
}

/// Takes a set out of its channel's history: what it alone held is gone, what came with it came with the next one.
pub fn forget_set(tx: &mut Client, set: i64) -> Result<bool> {
    let sql = "SELECT c.id, c.name, (SELECT max(id) FROM package_set WHERE channel_id = c.id AND id < s.id),
                      (SELECT min(id) FROM package_set WHERE channel_id = c.id AND id > s.id)
               FROM package_set s JOIN channel c ON c.id = s.channel_id WHERE s.id = $1";
    let Some(row) = tx.optional(sql, &[set.into()])? else {
        return Ok(false);
    };
    let (channel, name): (i64, String) = (row.get(0)?, row.get(1)?);
    let (before, next): (Option<i64>, Option<i64>) = (row.get(2)?, row.get(3)?);
    // Held by this one alone.
    tx.execute(
        "DELETE FROM package_in WHERE channel_id = $1 AND from_set = $2 AND ($3::bigint IS NULL OR until_set = $3)",
        &[channel.into(), set.into(), next.into()],
    )?;
    // A package that was away for this one set only never was. What came back goes on from where it left.
    tx.execute(
        "UPDATE package_in a SET until_set = b.until_set, paths = b.paths FROM package_in b
         WHERE a.channel_id = $1 AND a.until_set = $2 AND b.channel_id = $1 AND b.package_id = a.package_id AND b.from_set = $3",
        &[channel.into(), set.into(), next.into()],
    )?;
    tx.execute(
        "DELETE FROM package_in b USING package_in a WHERE b.channel_id = $1 AND b.from_set = $2 AND a.channel_id = $1
             AND a.package_id = b.package_id AND a.from_set < $2 AND (a.until_set IS NULL OR a.until_set > $2)",
        &[channel.into(), next.into()],
    )?;
    for column in ["from_set", "until_set"] {
        tx.execute(
            &format!("UPDATE package_in SET {column} = $3 WHERE channel_id = $1 AND {column} = $2"),
            &[channel.into(), set.into(), next.into()],
        )?;
    }
    for table in ["verdict", "verdict_past"] {
        tx.execute(
            &format!("UPDATE {table} SET since_set = $3 WHERE channel_id = $1 AND since_set = $2"),
            &[channel.into(), set.into(), next.into()],
        )?;
    }
    tx.execute(
        "UPDATE verdict_past SET until_set = $3 WHERE channel_id = $1 AND until_set = $2",
        &[channel.into(), set.into(), next.or(before).unwrap_or(0).into()],
    )?;
    if next.is_none() {
        tx.execute("UPDATE channel SET set_id = $2 WHERE id = $1", &[channel.into(), before.into()])?;
    }
    tx.execute("DELETE FROM package_set WHERE id = $1", &[set.into()])?;
    if before.or(next).is_none() {
        for table in ["verdict", "verdict_past", "disposition", "channel_count", "cluster_attr", "cluster"] {
            tx.execute(&format!("DELETE FROM {table} WHERE channel_id = $1"), &[channel.into()])?;
        }
        tx.execute("DELETE FROM channel WHERE id = $1", &[channel.into()])?;
    }
    super::event(
        tx,
        crate::config::now(),
        "package-set-forgotten",
        &name,
        &serde_json::json!({ "set": set }),
    )?;
    Ok(true)
}

fn insert_set(tx: &mut Client, channel: i64, set: &PackageSet, sum: &Digest, at: i64) -> Result<i64> {
    tx.one(
        "INSERT INTO package_set (channel_id, revision, first_revision, digest, first_at, taken_at, packages, with_meta, with_derivation)
         VALUES ($1, $2, $2, $3, $4, $4, $5, $6, $7) RETURNING id",
        &[
            channel.into(),
            (&set.revision).into(),
            (&sum.0).into(),
            at.into(),
            set.packages.len().into(),
            parts::with_meta(set).into(),
            set.with_derivation.into(),
        ],
    )?
    .get(0)
}

/// Writes what is new, ends what is gone; answers how many packages no set had before.
fn put_members(tx: &mut Client, channel: i64, set: i64, split: &[Split<'_>]) -> Result<u64> {
    let mut open: HashMap<i64, String> = HashMap::new();
    let sql = "SELECT package_id, paths FROM package_in WHERE channel_id = $1 AND until_set IS NULL";
    tx.stream(sql, &[channel.into()], |row| {
        open.insert(row.get(0)?, row.get(1)?);
        Ok::<_, Error>(())
    })??;
    let mut ids = known_packages(tx, split)?;
    let new: Vec<&Split<'_>> = split.iter().filter(|part| !ids.contains_key(&part.sha256)).collect();
    let mut fresh = new_ids(tx, "package", new.len())?;
    for part in &new {
        ids.insert(part.sha256, next_id(&mut fresh)?);
    }
    let id_of = |part: &Split<'_>| ids.get(&part.sha256).copied().unwrap_or_default();
    tx.copy(
        "package (id, sha256, attr, pname, version, facts)",
        new.iter().map(|part| {
            vec![
                id_of(part).into(),
                (&part.sha256.0).into(),
                (&part.package.attr).into(),
                (&part.package.pname).into(),
                (&part.package.version).into(),
                (&part.facts).into(),
            ]
        }),
    )?;
    let (mut begun, mut moved) = (Vec::new(), Vec::new());
    for part in split {
        match open.remove(&id_of(part)) {
            None => begun.push(part),
            Some(paths) if paths != part.paths => moved.push(part),
            Some(_) => {}
        }
    }
    tx.copy(
        "package_in (channel_id, package_id, from_set, paths)",
        begun
            .iter()
            .map(|part| vec![channel.into(), id_of(part).into(), set.into(), (&part.paths).into()]),
    )?;
    for chunk in moved.chunks(CHUNK) {
        let ids: Vec<i64> = chunk.iter().map(|part| id_of(part)).collect();
        let paths = chunk.iter().map(|part| part.paths.as_str()).collect::<Value<'_>>();
        tx.execute(
            "UPDATE package_in m SET paths = v.paths FROM unnest($2::bigint[], $3::text[]) v (id, paths)
             WHERE m.channel_id = $1 AND m.package_id = v.id AND m.until_set IS NULL",
            &[channel.into(), ids.into(), paths],
        )?;
    }
    // Paths are most of a set's size and of use for the current set only.
    let gone: Vec<i64> = open.into_keys().collect();
    tx.execute(
        "UPDATE package_in SET until_set = $3, paths = '' WHERE channel_id = $1 AND package_id = ANY ($2::bigint[]) AND until_set IS NULL",
        &[channel.into(), gone.into(), set.into()],
    )?;
    Ok(new.len() as u64)
}

fn known_packages(tx: &mut Client, split: &[Split<'_>]) -> Result<HashMap<Digest, i64>> {
    let mut known = HashMap::with_capacity(split.len());
    let mut seen = HashSet::new();
    for chunk in split.chunks(CHUNK) {
        let sums = chunk
            .iter()
            .filter(|part| seen.insert(part.sha256))
            .map(|part| part.sha256.0.as_slice())
            .collect();
        let found = tx.query(
            "SELECT sha256, id FROM package WHERE sha256 = ANY ($1::bytea[])",
            &[Value::Blobs(sums)],
        )?;
        for row in found {
            known.insert(digest(row.get(0)?)?, row.get(1)?);
        }
    }
    Ok(known)
}
