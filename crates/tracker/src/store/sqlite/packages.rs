//! Package sets, stored by content.

use std::collections::HashMap;
use std::fmt::Write as _;

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use sha2::{Digest as _, Sha256};
use vuln::package::Package;

use super::decode;
use crate::document::Digest;
use crate::store::result::StoredPackage;
use crate::store::taking::{PackageSet, SetReport};

type Result<T> = std::result::Result<T, rusqlite::Error>;

/// A package split into what is stored by content and what changes with each rebuild.
struct Split<'a> {
    package: &'a Package,
    facts: String,
    sha256: Digest,
    paths: String,
}

/// Makes a package set the current one of its channel.
pub fn take_package_set(tx: &Transaction<'_>, set: &PackageSet, at: i64) -> Result<SetReport> {
    let mut split = Vec::with_capacity(set.packages.len());
    for package in &set.packages {
        split.push(split_package(package)?);
    }
    split.sort_by(|a, b| a.package.attr.cmp(&b.package.attr));
    let digest = set_digest(&split);
    tx.prepare_cached("INSERT OR IGNORE INTO channel (name) VALUES (?1)")?
        .execute([&set.channel])?;
    let (channel, current): (i64, Option<i64>) = tx.query_row("SELECT id, set_id FROM channel WHERE name = ?1", [&set.channel], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    let known: Option<i64> = tx
        .query_row(
            "SELECT id FROM package_set WHERE channel_id = ?1 AND digest = ?2",
            params![channel, digest.0],
            |row| row.get(0),
        )
        .optional()?;
    let mut report = SetReport {
        packages: split.len() as u64,
        ..SetReport::default()
    };
    let id = match known {
        Some(id) => id,
        None => {
            let id = insert_set(tx, channel, set, &digest, at)?;
            report.new_packages = insert_members(tx, id, &split)?;
            id
        }
    };
    // The same packages under another revision are the same set, seen again.
    tx.execute(
        "UPDATE package_set SET revision = ?2, taken_at = ?3 WHERE id = ?1",
        params![id, set.revision, at],
    )?;
    if current != Some(id) {
        if known.is_some() {
            restore_paths(tx, id, &split)?;
        }
        if let Some(old) = current {
            // Paths are most of a set's size and of use for the current set only.
            tx.execute("UPDATE package_set_member SET paths = '' WHERE set_id = ?1 AND paths <> ''", [old])?;
        }
        tx.execute("UPDATE channel SET set_id = ?2 WHERE id = ?1", params![channel, id])?;
        super::event(
            tx,
            at,
            "package-set",
            &set.channel,
            &serde_json::json!({"revision": set.revision, "digest": digest.to_string(), "packages": report.packages, "new": report.new_packages}),
        )?;
        report.changed = true;
    }
    Ok(report)
}

/// The packages of a set, in the order that they lie in.
pub fn package_set(db: &Connection, set: i64) -> Result<Vec<StoredPackage>> {
    let sql = "SELECT package.id, package.facts FROM package_set_member m JOIN package ON package.id = m.package_id
               WHERE m.set_id = ?1";
    let count: i64 = db
        .prepare_cached("SELECT count(*) FROM package_set_member WHERE set_id = ?1")?
        .query_row([set], |row| row.get(0))?;
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([set])?;
    // Packages are large: a list that grows would be copied again and again.
    let mut packages = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
    while let Some(row) = rows.next()? {
        let facts = row.get_ref(1)?.as_str()?;
        packages.push(StoredPackage {
            id: row.get(0)?,
            package: serde_json::from_str(facts).map_err(decode)?,
        });
    }
    Ok(packages)
}

fn insert_set(tx: &Transaction<'_>, channel: i64, set: &PackageSet, digest: &Digest, at: i64) -> Result<i64> {
    let with_meta = set
        .packages
        .iter()
        .filter(|p| !p.homepages.is_empty() || p.description.is_some())
        .count();
    tx.prepare_cached(
        "INSERT INTO package_set (channel_id, revision, digest, taken_at, packages, with_meta, with_derivation) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .insert(params![channel, set.revision, digest.0, at, set.packages.len() as i64, with_meta as i64, set.with_derivation as i64])
}

fn insert_members(tx: &Transaction<'_>, set: i64, split: &[Split<'_>]) -> Result<u64> {
    let mut find = tx.prepare_cached("SELECT id FROM package WHERE sha256 = ?1")?;
    let mut insert = tx.prepare_cached("INSERT INTO package (sha256, attr, pname, version, facts) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let mut join = tx.prepare_cached("INSERT OR IGNORE INTO package_set_member (set_id, package_id, paths) VALUES (?1, ?2, ?3)")?;
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
        join.execute(params![set, id, part.paths])?;
    }
    Ok(new)
}

/// A channel that goes back to a set it had: the set's paths were let go.
fn restore_paths(tx: &Transaction<'_>, set: i64, split: &[Split<'_>]) -> Result<()> {
    let ids: HashMap<Digest, i64> = tx
        .prepare(
            "SELECT package.sha256, package.id FROM package_set_member m JOIN package ON package.id = m.package_id WHERE m.set_id = ?1",
        )?
        .query_map([set], |row| Ok((Digest(row.get(0)?), row.get(1)?)))?
        .collect::<Result<_>>()?;
    let mut update = tx.prepare_cached("UPDATE package_set_member SET paths = ?3 WHERE set_id = ?1 AND package_id = ?2")?;
    for part in split {
        if let Some(id) = ids.get(&part.sha256) {
            update.execute(params![set, id, part.paths])?;
        }
    }
    Ok(())
}

fn split_package(package: &Package) -> Result<Split<'_>> {
    let bare = |path: &str| path.strip_prefix("/nix/store/").unwrap_or(path).to_owned();
    let mut paths = String::new();
    // Writing to a string cannot fail.
    if let Some(drv) = &package.drv_path {
        let _ = writeln!(paths, "drv={}", bare(drv));
    }
    for (name, path) in package.outputs.iter().filter(|(_, path)| !path.is_empty()) {
        let _ = writeln!(paths, "{name}={}", bare(path));
    }
    let stripped = Package {
        outputs: package.outputs.iter().map(|(name, _)| (name.clone(), String::new())).collect(),
        drv_path: None,
        ..package.clone()
    };
    let facts = serde_json::to_string(&stripped).map_err(decode)?;
    Ok(Split {
        package,
        sha256: Digest::of(facts.as_bytes()),
        facts,
        paths,
    })
}

/// Of what the set holds, whatever its revision: facts and paths of each attribute.
fn set_digest(split: &[Split<'_>]) -> Digest {
    let mut hash = Sha256::new();
    for part in split {
        hash.update(part.sha256.0);
        hash.update((part.paths.len() as u64).to_le_bytes());
        hash.update(&part.paths);
    }
    Digest(hash.finalize().into())
}
