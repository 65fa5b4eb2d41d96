//! What a snapshot knows of an inventory: the same matcher, and the same surroundings, as a tracker's.
//!
//! Each package is first joined with the channel that it is from: by store path where the channel has that very path, else by name.
//! Verdicts depend on what else a package set holds (a record that names `samba` means no `sam-ba` where there is a samba), so packages
//! are judged among those of the channel that most of them are from: all that any of the records could mean. A package that is not the
//! channel's own stands in for the channel's.

mod finding;
mod join;
mod library;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use vuln::matching::{Cluster, Facts, Key, PackageIndex, Prepared, Profiles, Vulnerability, rules_digest};
use vuln::snapshot::{ReadAt, Record, Snapshot, SnapshotError, Surroundings};
use vuln::verdict::{Match, Verdict};

use crate::finding::{Finding, Knowledge, Report, hex};
use crate::inventory::Inventory;
pub use finding::sort;
use join::Joined;

/// Records that a thread holds at a time: what bounds the memory of a scan, whatever the size of the system.
const BATCH: usize = 128;

/// How much to say of what does not concern anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// Everything about every verdict.
    #[default]
    All,
    /// Everything about what is open or patched. Of what is fixed or never was there, only that: id, verdict, and whose word it is. A
    /// channel's own packages, whose verdicts the tracker signed, need no matching then.
    Open,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// How much is told.
    pub depth: Depth,
    /// Among whose packages everything is judged; `None` for the channel that most packages are from.
    pub channel: Option<&'a str>,
    /// More findings than this are an error.
    pub most: usize,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// The snapshot.
    #[error("read the snapshot")]
    Snapshot(#[from] SnapshotError),
    /// It does not have the channel.
    #[error("the snapshot has no channel {0}")]
    NoChannel(String),
    /// More than anybody reads, and than fits into memory for many at once.
    #[error("the answer would hold more than {0} findings")]
    TooMany(usize),
}

/// Judges every package of an inventory. `now` is in seconds since 1970.
pub fn judge<S: ReadAt>(inventory: Inventory, snapshot: &Snapshot<S>, now: i64) -> Result<Report, JudgeError> {
    judge_to(Depth::All, inventory, snapshot, now)
}

/// The same, as deep as is asked for.
pub fn judge_to<S: ReadAt>(depth: Depth, inventory: Inventory, snapshot: &Snapshot<S>, now: i64) -> Result<Report, JudgeError> {
    let asked = Asked {
        depth,
        channel: None,
        most: usize::MAX,
    };
    judge_as(asked, inventory, snapshot, now)
}

/// The same, in a channel that is named, and no more than so much.
pub fn judge_as<S: ReadAt>(asked: Asked<'_>, mut inventory: Inventory, snapshot: &Snapshot<S>, now: i64) -> Result<Report, JudgeError> {
    let joined = join::join(&mut inventory, snapshot, named(asked.channel, snapshot)?)?;
    let records = Records::of(&joined, asked.depth, snapshot)?;
    let around = Around::of(&records, &joined, snapshot)?;
    let room = Room::new(asked.most);
    let found = in_parallel(&records.wanted, |numbers| {
        let mut findings = Vec::new();
        for (number, record) in snapshot.records(numbers)? {
            let surroundings = records.surroundings.get(&number).unwrap_or(&records.none);
            around.judge(&record, surroundings, &joined, &inventory, &room, &mut findings);
        }
        Ok(findings)
    })?;
    let mut findings: Vec<Finding> = found.into_iter().flatten().collect();
    for surroundings in records.settled.iter().filter_map(|number| records.surroundings.get(number)) {
        around.settle(surroundings, &joined, &room, &mut findings);
    }
    findings.extend(library::judge(&mut inventory, &joined, snapshot, &room)?);
    if room.is_exceeded() {
        return Err(JudgeError::TooMany(asked.most));
    }
    finding::sort(&mut findings, &inventory);
    Ok(Report {
        time: now,
        inventory,
        knowledge: Knowledge {
            context: joined.context().map(str::to_owned),
            ..knowledge(snapshot)
        },
        findings,
    })
}

fn named<S: ReadAt>(channel: Option<&str>, snapshot: &Snapshot<S>) -> Result<Option<u32>, JudgeError> {
    let Some(name) = channel else { return Ok(None) };
    let at = snapshot.header().channels.iter().position(|known| known.name == name);
    let number = at.and_then(|at| u32::try_from(at).ok());
    number.map(Some).ok_or_else(|| JudgeError::NoChannel(name.to_owned()))
}

/// How many more findings there may be.
struct Room {
    taken: AtomicUsize,
    most: usize,
}

impl Room {
    fn new(most: usize) -> Self {
        Self {
            taken: AtomicUsize::new(0),
            most,
        }
    }

    /// Takes the room of one.
    fn take(&self) -> bool {
        self.taken.fetch_add(1, Ordering::Relaxed) < self.most
    }

    fn is_exceeded(&self) -> bool {
        self.taken.load(Ordering::Relaxed) > self.most
    }
}

/// Where the answers come from.
pub fn knowledge<S: ReadAt>(snapshot: &Snapshot<S>) -> Knowledge {
    let header = snapshot.header();
    Knowledge {
        digest: hex(snapshot.root()),
        created: header.created,
        serial: header.serial,
        sources: header.sources.iter().map(|s| (s.name.clone(), s.date)).collect(),
        channels: header.channels.iter().map(|c| c.name.clone()).collect(),
        context: None,
    }
}

/// Everything that these packages are filed under.
fn keys_of<S: ReadAt>(clusters: Vec<Cluster>, snapshot: &Snapshot<S>) -> Result<Vec<Key>, SnapshotError> {
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

/// The records that may be about scanned packages.
#[derive(Debug, Default)]
struct Records {
    /// To be matched.
    wanted: Vec<u32>,
    /// Those that are only about the channel's own packages, and nothing open.
    settled: Vec<u32>,
    surroundings: HashMap<u32, Surroundings>,
    none: Surroundings,
}

impl Records {
    fn of<S: ReadAt>(joined: &Joined, depth: Depth, snapshot: &Snapshot<S>) -> Result<Self, SnapshotError> {
        let of_guests = record_numbers(keys_of(joined.guests().cloned().collect(), snapshot)?, snapshot)?;
        let natives: Vec<Cluster> = joined.natives().map(|(_, cluster)| cluster.clone()).collect();
        let mut numbers = record_numbers(keys_of(natives, snapshot)?, snapshot)?;
        numbers.extend(&of_guests);
        numbers.sort_unstable();
        numbers.dedup();
        // What the tracker made of its own packages holds here only if the same matcher would say it again.
        let is_same = snapshot.header().rules == rules_digest();
        let natives: HashSet<u32> = joined.natives().map(|(number, _)| number).collect();
        let mut records = Self::default();
        let read = in_parallel(&numbers, |numbers| {
            let mut read = snapshot.surroundings(numbers)?;
            // Thousands of records about a kernel ask for the same hundreds of packages.
            for (_, surroundings) in &mut read {
                surroundings.packages.0.retain(|(_, channel)| joined.is_context(*channel));
                surroundings.packages.0.shrink_to_fit();
            }
            Ok(read)
        })?;
        for (number, surroundings) in read.into_iter().flatten() {
            let own = || surroundings.verdicts.iter().filter(|row| natives.contains(&row.package));
            let is_settled = |verdict| matches!(verdict, Verdict::Fixed | Verdict::NotAffected);
            if !is_same || of_guests.binary_search(&number).is_ok() {
                records.wanted.push(number);
            } else if own().next().is_none() {
                continue;
            } else if depth == Depth::Open && own().all(|row| is_settled(row.verdict)) {
                records.settled.push(number);
            } else {
                records.wanted.push(number);
            }
            records.surroundings.insert(number, surroundings);
        }
        records.wanted.sort_unstable();
        records.settled.sort_unstable();
        Ok(records)
    }
}

/// The package set that packages are judged in, and what is known of products.
struct Around {
    index: PackageIndex,
    profiles: Profiles,
    /// Scanned packages by their place in the index.
    scanned: HashMap<usize, Vec<u32>>,
    /// The same, of the channel's own packages, by number.
    natives: HashMap<u32, Vec<u32>>,
}

impl Around {
    fn of<S: ReadAt>(records: &Records, joined: &Joined, snapshot: &Snapshot<S>) -> Result<Self, SnapshotError> {
        let wanted = || records.wanted.iter().filter_map(|number| records.surroundings.get(number));
        let products: BTreeSet<u32> = wanted().flat_map(|s| s.products.iter().copied()).collect();
        let profiles = snapshot.profiles(&products.into_iter().collect::<Vec<_>>())?;
        let (mut clusters, numbers) = joined.among(wanted().flat_map(|s| s.packages.0.iter().map(|(number, _)| *number)), snapshot)?;
        let mut all: HashMap<usize, Vec<u32>> = HashMap::new();
        let mut natives: HashMap<u32, Vec<u32>> = HashMap::new();
        for (package, place) in joined.places(&numbers) {
            all.entry(place).or_default().push(package);
            natives.extend(numbers.get(place).map(|number| (*number, Vec::new())));
        }
        for (number, packages) in &mut natives {
            let place = numbers.binary_search(number).ok();
            packages.extend(place.and_then(|place| all.get(&place)).into_iter().flatten());
        }
        clusters.extend(joined.guests().cloned());
        let guests = clusters.len() - numbers.len();
        let facts = facts(&clusters, snapshot)?;
        Ok(Self {
            index: PackageIndex::of_clusters(clusters, guests, &facts),
            profiles,
            scanned: all,
            natives,
        })
    }

    /// Adds what one record means for the scanned packages.
    fn judge(
        &self,
        record: &Record,
        surroundings: &Surroundings,
        joined: &Joined,
        inventory: &Inventory,
        room: &Room,
        out: &mut Vec<Finding>,
    ) {
        let matches = prepare(record).matches(&self.index, &self.profiles, &|cluster| self.scanned.contains_key(&cluster));
        let matches: Vec<(&Match, &[u32])> = matches
            .iter()
            .filter_map(|found| Some((found, self.scanned.get(&found.cluster)?.as_slice())))
            .collect();
        if matches.is_empty() {
            return;
        }
        let about = finding::About::of(record, surroundings);
        for (found, packages) in matches {
            for package in packages {
                if !room.take() {
                    return;
                }
                out.push(about.finding(*package, found, joined, inventory));
            }
        }
    }

    /// Adds what the tracker says of the channel's own packages.
    fn settle(&self, surroundings: &Surroundings, joined: &Joined, room: &Room, out: &mut Vec<Finding>) {
        for row in &surroundings.verdicts {
            for package in self.natives.get(&row.package).into_iter().flatten() {
                if !room.take() {
                    return;
                }
                out.push(finding::settled(*package, &surroundings.id, row.verdict, joined));
            }
        }
    }
}

fn prepare(record: &Record) -> Prepared<'_> {
    Prepared::new(Vulnerability {
        id: &record.id,
        advisories: &record.advisories,
    })
}

/// Numbers of the records that may matter to packages filed under these keys, sorted.
fn record_numbers<S: ReadAt>(mut keys: Vec<Key>, snapshot: &Snapshot<S>) -> Result<Vec<u32>, SnapshotError> {
    // In the order of the table: each thread reads blocks that no other one reads.
    keys.sort_by_cached_key(Key::number);
    let found = in_batches(keys.len().div_ceil(threads()), &keys, |keys| snapshot.record_numbers(keys))?;
    let mut numbers: Vec<u32> = found.into_iter().flatten().collect();
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

fn threads() -> usize {
    thread::available_parallelism().map_or(2, usize::from).clamp(1, 8)
}

/// Works on batches on all processors.
fn in_parallel<T: Send>(numbers: &[u32], work: impl Fn(&[u32]) -> Result<T, SnapshotError> + Sync) -> Result<Vec<T>, SnapshotError> {
    in_batches(BATCH, numbers, work)
}

/// Works on batches of a size on all processors.
fn in_batches<I: Sync, T: Send>(
    size: usize,
    items: &[I],
    work: impl Fn(&[I]) -> Result<T, SnapshotError> + Sync,
) -> Result<Vec<T>, SnapshotError> {
    let batches = std::sync::Mutex::new(items.chunks(size.max(1)));
    let next = || batches.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
    let threads = threads().min(items.len().div_ceil(size.max(1)));
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

#[cfg(test)]
mod tests;
