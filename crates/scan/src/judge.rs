//! What a snapshot knows of an inventory: the same matcher, and the same surroundings, as a tracker's.
//!
//! Each package is first joined with the channel that it is from: by store path where the channel has that very path, else by name.
//! Verdicts depend on what else a package set holds (a record that names `samba` means no `sam-ba` where there is a samba), so packages
//! are judged among those of the channel that most of them are from: all that any of the records could mean. A package that is not the
//! channel's own stands in for the channel's.

mod finding;
mod join;

use std::collections::HashMap;
use std::thread;

use vuln::matching::{Cluster, Facts, Key, PackageIndex, Prepared, Vulnerability};
use vuln::snapshot::{ReadAt, Record, Snapshot, SnapshotError};
use vuln::verdict::Match;

use crate::finding::{Finding, Knowledge, Report};
use crate::inventory::Inventory;
use join::Joined;

/// Records that a thread holds at a time: what bounds the memory of a scan, whatever the size of the system.
const BATCH: usize = 512;

/// Judges every package of an inventory. `now` is in seconds since 1970.
pub fn judge<S: ReadAt>(mut inventory: Inventory, snapshot: &Snapshot<S>, now: i64) -> Result<Report, SnapshotError> {
    let joined = join::join(&mut inventory, snapshot)?;
    let numbers = snapshot.record_numbers(&keys_of(&joined, snapshot)?)?;
    let around = Around::of(&numbers, &joined, snapshot)?;
    let found = in_parallel(&numbers, |numbers| {
        let mut findings = Vec::new();
        for (_, record) in snapshot.records(numbers)? {
            around.judge(&record, &joined, &inventory, &mut findings)?;
        }
        Ok(findings)
    })?;
    let mut findings: Vec<Finding> = found.into_iter().flatten().collect();
    finding::sort(&mut findings, &inventory);
    Ok(Report {
        time: now,
        inventory,
        knowledge: knowledge(snapshot),
        findings,
    })
}

/// Where the answers come from.
pub fn knowledge<S: ReadAt>(snapshot: &Snapshot<S>) -> Knowledge {
    let header = snapshot.header();
    Knowledge {
        digest: snapshot.root().iter().map(|byte| format!("{byte:02x}")).collect(),
        created: header.created,
        serial: header.serial,
        sources: header.sources.iter().map(|s| (s.name.clone(), s.date)).collect(),
        channels: header.channels.iter().map(|c| c.name.clone()).collect(),
    }
}

/// Everything that the scanned packages are filed under.
fn keys_of<S: ReadAt>(joined: &Joined, snapshot: &Snapshot<S>) -> Result<Vec<Key>, SnapshotError> {
    let clusters = joined.clusters();
    let facts = facts(&clusters, snapshot)?;
    let index = PackageIndex::of_clusters(clusters, 0, &facts);
    Ok(index.filed().map(|(key, _)| key).collect())
}

/// What channels know of packages that only have a name.
fn facts<S: ReadAt>(clusters: &[Cluster], snapshot: &Snapshot<S>) -> Result<Facts, SnapshotError> {
    let bare = clusters.iter().map(|c| &c.package).filter(|p| {
        p.description.is_none()
            && [&p.homepages, &p.pages, &p.changelogs, &p.source_urls]
                .iter()
                .all(|urls| urls.is_empty())
    });
    snapshot.facts(&bare.map(Facts::key).collect::<Vec<_>>())
}

/// The package set that packages are judged in, and what is known of products.
struct Around {
    index: PackageIndex,
    profiles: vuln::matching::Profiles,
    /// Scanned packages by their place in the index.
    scanned: HashMap<usize, Vec<u32>>,
}

impl Around {
    fn of<S: ReadAt>(numbers: &[u32], joined: &Joined, snapshot: &Snapshot<S>) -> Result<Self, SnapshotError> {
        // What a record asks for depends on what is known of its products, and both on all records: a first look at them.
        let asked = in_parallel(numbers, |numbers| {
            let records = snapshot.records(numbers)?;
            let prepared: Vec<Prepared<'_>> = records.iter().map(|(_, r)| prepare(r)).collect();
            let mut products: Vec<&str> = prepared.iter().flat_map(Prepared::products).collect();
            products.sort_unstable();
            products.dedup();
            let profiles = snapshot.profiles(&products)?;
            let mut keys: Vec<Key> = prepared.iter().flat_map(|p| p.keys(&profiles)).collect();
            keys.sort_unstable();
            keys.dedup();
            let products: Vec<String> = products.into_iter().map(str::to_owned).collect();
            Ok((products, keys))
        })?;
        let (mut products, mut keys) = (Vec::new(), Vec::new());
        for (some_products, some_keys) in asked {
            products.extend(some_products);
            keys.extend(some_keys);
        }
        products.sort_unstable();
        products.dedup();
        keys.sort_unstable();
        keys.dedup();
        let profiles = snapshot.profiles(&products.iter().map(String::as_str).collect::<Vec<_>>())?;
        let (mut clusters, places) = joined.among(&keys, snapshot)?;
        let natives = clusters.len();
        let mut scanned: HashMap<usize, Vec<u32>> = HashMap::new();
        for (package, place) in joined.places(&places, natives) {
            scanned.entry(place).or_default().push(package);
        }
        clusters.extend(joined.guests().cloned());
        let facts = facts(&clusters, snapshot)?;
        let guests = clusters.len() - natives;
        Ok(Self {
            index: PackageIndex::of_clusters(clusters, guests, &facts),
            profiles,
            scanned,
        })
    }

    /// Adds what one record means for the scanned packages.
    fn judge(&self, record: &Record, joined: &Joined, inventory: &Inventory, out: &mut Vec<Finding>) -> Result<(), SnapshotError> {
        let outcome = prepare(record).candidates(&self.index, &self.profiles);
        let matches: Vec<(&Match, &[u32])> = outcome
            .matches
            .iter()
            .filter_map(|found| Some((found, self.scanned.get(&found.cluster)?.as_slice())))
            .collect();
        if matches.is_empty() {
            return Ok(());
        }
        let about = finding::About::of(record);
        for (found, packages) in matches {
            for package in packages {
                out.push(about.finding(*package, found, joined, inventory));
            }
        }
        Ok(())
    }
}

fn prepare(record: &Record) -> Prepared<'_> {
    Prepared::new(Vulnerability {
        id: &record.id,
        advisories: &record.advisories,
    })
}

/// Works on batches on all processors.
fn in_parallel<T: Send>(numbers: &[u32], work: impl Fn(&[u32]) -> Result<T, SnapshotError> + Sync) -> Result<Vec<T>, SnapshotError> {
    let batches = std::sync::Mutex::new(numbers.chunks(BATCH));
    let next = || batches.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
    let threads = thread::available_parallelism().map_or(2, usize::from).clamp(1, 8);
    thread::scope(|scope| {
        let run = || -> Result<Vec<T>, SnapshotError> {
            let mut done = Vec::new();
            while let Some(batch) = next() {
                done.push(work(batch)?);
            }
            Ok(done)
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        let mut all = Vec::new();
        for thread in running {
            all.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(all)
    })
}
