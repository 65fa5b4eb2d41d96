//! Package sets: packages by content, and which channel had which of them when.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::decode;
use crate::document::Digest;
use crate::store::parts::{self, Split};
use crate::store::result::{KeptRevision, StoredPackage};
use crate::store::taking::{PackageSet, SetReport};

type Result<T> = std::result::Result<T, rusqlite::Error>;

/// Makes a package set the current one of its channel.
pub fn take_package_set(tx: &Transaction<'_>, set: &PackageSet, at: i64) -> Result<SetReport> {
    let split = parts::split(set).map_err(decode)?;
    let digest = parts::digest(&split);
    tx.prepare_cached("INSERT OR IGNORE INTO channel (name) VALUES (?1)")?
        .execute([&set.channel])?;
    let find = "SELECT c.id, s.id, s.digest FROM channel c LEFT JOIN package_set s ON s.id = c.set_id WHERE c.name = ?1";
    let (channel, current, current_digest): (i64, Option<i64>, Option<[u8; 32]>) =
        tx.query_row(find, [&set.channel], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let mut report = SetReport {
        packages: split.len() as u64,
        ..SetReport::default()
    };
    if current_digest == Some(digest.0) {
        // The same packages under another revision are the same set, seen again.
        tx.execute(
            "UPDATE package_set SET revision = ?2, taken_at = ?3 WHERE id = ?1",
            params![current, set.revision, at],
        )?;
        return Ok(report);
    }
    let id = insert_set(tx, channel, set, &digest, at)?;
    report.new_packages = put_members(tx, channel, id, &split)?;
    report.changed = true;
    tx.execute("UPDATE channel SET set_id = ?2 WHERE id = ?1", params![channel, id])?;
    super::event(
        tx,
        at,
        "package-set",
        &set.channel,
        &serde_json::json!({"revision": set.revision, "digest": digest.to_string(), "packages": report.packages, "new": report.new_packages}),
    )?;
    Ok(report)
}

/// The packages of a set, in the order that they lie in.
pub fn package_set(db: &Connection, set: i64) -> Result<Vec<StoredPackage>> {
    let sql = "SELECT package.id, package.facts FROM package_set s JOIN package_in m ON m.channel_id = s.channel_id
               JOIN package ON package.id = m.package_id
               WHERE s.id = ?1 AND m.from_set <= ?1 AND (m.until_set IS NULL OR m.until_set > ?1)";
    let count: Option<i64> = db
        .prepare_cached("SELECT packages FROM package_set WHERE id = ?1")?
        .query_row([set], |row| row.get(0))
        .optional()?;
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([set])?;
    // Packages are large: a list that grows would be copied again and again.
    let mut packages = Vec::with_capacity(count.and_then(|n| usize::try_from(n).ok()).unwrap_or(0));
    while let Some(row) = rows.next()? {
        let facts = row.get_ref(1)?.as_str()?;
        packages.push(StoredPackage {
            id: row.get(0)?,
            package: serde_json::from_str(facts).map_err(decode)?,
        });
    }
    Ok(packages)
}

/// The revisions that a channel keeps, newest first.
pub fn revisions(db: &Connection, channel: &str) -> Result<Vec<KeptRevision>> {
    let sql = "SELECT s.id, s.revision, s.first_revision, s.first_at FROM package_set s JOIN channel c ON c.id = s.channel_id
               WHERE c.name = ?1 ORDER BY s.id DESC";
    db.prepare_cached(sql)?
        .query_map([channel], |row| {
            Ok(KeptRevision {
                set: row.get(0)?,
                revision: row.get(1)?,
                first_revision: row.get(2)?,
                first_at: row.get(3)?,
            })
        })?
        .collect()
}

/// Takes a set out of its channel's history: what it alone held is gone, what came with it came with the next one.
pub fn forget_set(tx: &Transaction<'_>, set: i64) -> Result<bool> {
    let found: Option<(i64, String)> = tx
        .query_row(
            "SELECT c.id, c.name FROM package_set s JOIN channel c ON c.id = s.channel_id WHERE s.id = ?1",
            [set],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((channel, name)) = found else { return Ok(false) };
    let neighbour = |sql: &str| tx.query_row(sql, params![channel, set], |row| row.get::<_, Option<i64>>(0));
    let before = neighbour("SELECT max(id) FROM package_set WHERE channel_id = ?1 AND id < ?2")?;
    let next = neighbour("SELECT min(id) FROM package_set WHERE channel_id = ?1 AND id > ?2")?;
    // Held by this one alone.
    tx.execute(
        "DELETE FROM package_in WHERE channel_id = ?1 AND from_set = ?2 AND (?3 IS NULL OR until_set = ?3)",
        params![channel, set, next],
    )?;
    // A package that was away for this one set only never was. What came back goes on from where it left.
    tx.execute(
        "UPDATE package_in AS a SET (until_set, paths) = (SELECT b.until_set, b.paths FROM package_in b
             WHERE b.channel_id = ?1 AND b.package_id = a.package_id AND b.from_set = ?3)
         WHERE channel_id = ?1 AND until_set = ?2
               AND EXISTS (SELECT 1 FROM package_in b WHERE b.channel_id = ?1 AND b.package_id = a.package_id AND b.from_set = ?3)",
        params![channel, set, next],
    )?;
    tx.execute(
        "DELETE FROM package_in AS b WHERE channel_id = ?1 AND from_set = ?2 AND EXISTS (SELECT 1 FROM package_in a
             WHERE a.channel_id = ?1 AND a.package_id = b.package_id AND a.from_set < ?2 AND (a.until_set IS NULL OR a.until_set > ?2))",
        params![channel, next],
    )?;
    for column in ["from_set", "until_set"] {
        tx.execute(
            &format!("UPDATE package_in SET {column} = ?3 WHERE channel_id = ?1 AND {column} = ?2"),
            params![channel, set, next],
        )?;
    }
    for table in ["verdict", "verdict_past"] {
        tx.execute(
            &format!("UPDATE {table} SET since_set = ?3 WHERE channel_id = ?1 AND since_set = ?2"),
            params![channel, set, next],
        )?;
    }
    tx.execute(
        "UPDATE verdict_past SET until_set = coalesce(?3, ?4, 0) WHERE channel_id = ?1 AND until_set = ?2",
        params![channel, set, next, before],
    )?;
    if next.is_none() {
        tx.execute("UPDATE channel SET set_id = ?2 WHERE id = ?1", params![channel, before])?;
    }
    tx.execute("DELETE FROM package_set WHERE id = ?1", [set])?;
    if before.or(next).is_none() {
        for table in ["verdict", "verdict_past", "disposition", "channel_count", "cluster_attr", "cluster"] {
            tx.execute(&format!("DELETE FROM {table} WHERE channel_id = ?1"), [channel])?;
        }
        tx.execute("DELETE FROM channel WHERE id = ?1", [channel])?;
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

fn insert_set(tx: &Transaction<'_>, channel: i64, set: &PackageSet, digest: &Digest, at: i64) -> Result<i64> {
    tx.prepare_cached(
        "INSERT INTO package_set (channel_id, revision, first_revision, digest, first_at, taken_at, packages, with_meta, with_derivation)
         VALUES (?1, ?2, ?2, ?3, ?4, ?4, ?5, ?6, ?7)",
    )?
    .insert(params![
        channel,
        set.revision,
        digest.0,
        at,
        set.packages.len() as i64,
        parts::with_meta(set) as i64,
        set.with_derivation as i64
    ])
}

/// Writes what is new, ends what is gone; answers how many packages no set had before.
fn put_members(tx: &Transaction<'_>, channel: i64, set: i64, split: &[Split<'_>]) -> Result<u64> {
    let mut open: HashMap<i64, String> = tx
        .prepare("SELECT package_id, paths FROM package_in WHERE channel_id = ?1 AND until_set IS NULL")?
        .query_map([channel], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_>>()?;
    let mut find = tx.prepare_cached("SELECT id FROM package WHERE sha256 = ?1")?;
    let mut insert = tx.prepare_cached("INSERT INTO package (sha256, attr, pname, version, facts) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let mut begin = tx.prepare_cached("INSERT INTO package_in (channel_id, package_id, from_set, paths) VALUES (?1, ?2, ?3, ?4)")?;
    let mut move_to =
        tx.prepare_cached("UPDATE package_in SET paths = ?3 WHERE channel_id = ?1 AND package_id = ?2 AND until_set IS NULL")?;
    let mut new = 0;
    for part in split {
        let found: Option<i64> = find.query_row([part.sha256.0], |row| row.get(0)).optional()?;
        let id = match found {
            Some(id) => id,
            None => {
                new += 1;
                insert.insert(params![
                    part.sha256.0,
                    part.package.attr,
                    part.package.pname,
                    part.package.version,
                    part.facts
                ])?
            }
        };
        match open.remove(&id) {
            None => drop(begin.execute(params![channel, id, set, part.paths])?),
            Some(paths) if paths != part.paths => drop(move_to.execute(params![channel, id, part.paths])?),
            Some(_) => {}
        }
    }
    // Paths are most of a set's size and of use for the current set only.
    let sql = "UPDATE package_in SET until_set = ?3, paths = '' WHERE channel_id = ?1 AND package_id = ?2 AND until_set IS NULL";
    let mut end = tx.prepare_cached(sql)?;
    for gone in open.into_keys() {
        end.execute(params![channel, gone, set])?;
    }
    Ok(new)
}
