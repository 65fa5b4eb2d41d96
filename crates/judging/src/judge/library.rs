//! Libraries of registries: what packages carry inside, and what SBOMs name besides packages.

use std::collections::HashMap;

use vuln::matching::{Key, Library, patched_ids};
use vuln::snapshot::{ReadAt, Snapshot, SnapshotError, Surroundings};
use vuln::verdict::{Evidence, Match, Verdict};

use super::finding::About;
use super::join::Joined;
use super::{Room, in_parallel, prepare, record_numbers};
use crate::finding::Finding;
use crate::inventory::{Inventory, Scanned, Seen};

/// Judges the libraries of an inventory, which becomes one in which each is a package.
pub(super) fn judge<S: ReadAt>(
    inventory: &mut Inventory,
    joined: &Joined,
    snapshot: &Snapshot<S>,
    room: &Room,
) -> Result<Vec<Finding>, SnapshotError> {
    inventory.unfold();
    let mut libraries: HashMap<Key, Vec<(usize, Library)>> = HashMap::new();
    for (number, scanned) in inventory.packages.iter().enumerate().filter(|(_, s)| s.seen == Seen::Registry) {
        if let Some(library) = scanned.package.purls.first().and_then(|purl| Library::of(purl)) {
            libraries.entry(library.key()).or_default().push((number, library));
        }
    }
    if libraries.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<Key> = libraries.keys().cloned().collect();
    let none = Surroundings::default();
    let found = in_parallel(&record_numbers(keys, snapshot)?, |numbers| {
        let mut findings = Vec::new();
        for (_, record) in snapshot.records(numbers)? {
            let prepared = prepare(&record);
            let mut about = None;
            for (number, library) in prepared.libraries().filter_map(|key| libraries.get(&key)).flatten() {
                let Some(mut found) = prepared.library(*number, library) else {
                    continue;
                };
                if !room.take() {
                    return Ok(findings);
                }
                see_patches(&mut found, &record.id, inventory);
                let about = about.get_or_insert_with(|| About::of(&record, &none));
                let package = u32::try_from(*number).unwrap_or(u32::MAX);
                findings.push(about.finding(package, &found, joined, inventory));
            }
        }
        Ok(findings)
    })?;
    Ok(found.into_iter().flatten().collect())
}

/// A patch of whatever carries the library may mend it there; so may one of its own.
fn see_patches(found: &mut Match, id: &str, inventory: &Inventory) {
    let is_open = matches!(found.verdict, Verdict::Affected | Verdict::Unknown);
    let Some(own) = inventory.packages.get(found.cluster).filter(|_| is_open) else {
        return;
    };
    let names = |scanned: &Scanned| patched_ids(&scanned.package).contains(id);
    let mut carriers = own.inside.iter().map(|carrier| inventory.packages.get(*carrier as usize));
    if names(own) || (!own.inside.is_empty() && carriers.all(|carrier| carrier.is_some_and(names))) {
        found.verdict = Verdict::Patched;
        found.evidence.push(Evidence {
            rule: "patch-names-id".to_owned(),
            detail: format!("a patch that names {id} is applied to it where it is carried"),
        });
    }
}
