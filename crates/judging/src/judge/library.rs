//! Libraries of registries: what packages carry inside, and what SBOMs name besides packages.

use std::collections::HashMap;

use vuln::matching::{Key, Library, patched_ids};
use vuln::snapshot::{ReadAt, Snapshot, SnapshotError, Surroundings};
use vuln::verdict::{Evidence, Match, Verdict};

use super::finding::About;
use super::join::Joined;
use super::{in_parallel, prepare};
use crate::finding::Finding;
use crate::inventory::{Inventory, Seen};

/// Judges the libraries of an inventory, which becomes one in which each is a package.
pub(super) fn judge<S: ReadAt>(inventory: &mut Inventory, joined: &Joined, snapshot: &Snapshot<S>) -> Result<Vec<Finding>, SnapshotError> {
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
    let found = in_parallel(&snapshot.record_numbers(&keys)?, |numbers| {
        let mut findings = Vec::new();
        for (_, record) in snapshot.records(numbers)? {
            let prepared = prepare(&record);
            let mut about = None;
            for (number, library) in prepared.libraries().filter_map(|key| libraries.get(&key)).flatten() {
                let Some(mut found) = prepared.library(*number, library) else {
                    continue;
                };
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

/// A patch of whatever carries the library may mend it there.
fn see_patches(found: &mut Match, id: &str, inventory: &Inventory) {
    let inside = inventory.packages.get(found.cluster).map_or(&[][..], |s| &s.inside);
    let carriers = || inside.iter().filter_map(|carrier| inventory.packages.get(*carrier as usize));
    let is_open = matches!(found.verdict, Verdict::Affected | Verdict::Unknown);
    if is_open && !inside.is_empty() && carriers().all(|c| patched_ids(&c.package).contains(id)) {
        found.verdict = Verdict::Patched;
        found.evidence.push(Evidence {
            rule: "patch-names-id".to_owned(),
            detail: format!("what carries it applies a patch that names {id}"),
        });
    }
}
