//! Drives the matcher of [`vuln::matching`] over the database: what to match again, with what, and where it goes.
//!
//! Profiles of products and facts about packages are derived from the whole database, kept, and used until what they were derived
//! from changes: a delta of records is matched with them in a second. The result is written in one transaction, while it is made.

mod derive;
mod handover;
mod outcome;
mod preview;
mod shelf;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use vuln::advisory::Advisory;
use vuln::matching::{Facts, Memo, PackageIndex, Prepared, Profiles, Vulnerability};
use vuln::package::Package;

use crate::config::now;
use crate::document;
use crate::parallel::{parallel, processors};
use crate::progress::{Phase, Progress};
use crate::store::result::{ChannelState, ClusterRow, MatchResult, MatchedChannel, OutcomeRow, StoredPackage, StoredVulnerability};
use crate::store::{Store, StoreError, hidden};
use derive::{Basis, Ground};
use handover::Handover;
pub use preview::{Change, Preview};
use shelf::Shelf;

/// Vulnerabilities that are read at a time.
const PAGE: usize = 256;

/// Up to so many changed vulnerabilities are read again for each channel: then only as many indices of packages are in memory at a
/// time as there are processors, and taking that memory is what a day's delta spends its time with. More are read once, for all
/// channels.
const FEW: u64 = 5000;

/// Pages that may wait to be written, half a megabyte each: as many as are matched while the packages of all channels are written.
const AHEAD: u64 = 96;

/// What a match did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Channels whose verdicts were written anew.
    pub full: Vec<String>,
    /// Channels where only changed vulnerabilities were matched.
    pub incremental: Vec<String>,
    /// Vulnerabilities that were matched with at least one channel.
    pub vulnerabilities: u64,
    /// Verdicts written.
    pub verdicts: u64,
}

impl Report {
    /// Whether everything was matched already.
    pub fn is_nothing_new(&self) -> bool {
        self.full.is_empty() && self.incremental.is_empty()
    }

    fn merge(&mut self, other: Self) {
        self.full.extend(other.full);
        self.incremental.extend(other.incremental);
        self.verdicts += other.verdicts;
    }
}

/// Matches what changed since the last match; everything where `full` asks for it or the ground of the verdicts changed.
pub fn run(store: &dyn Store, progress: &Progress, full: bool) -> Result<Report, StoreError> {
    let result = Run {
        store,
        progress,
        preview: None,
    }
    .run(full);
    if result.is_err() {
        progress.abandon();
    }
    result
}

/// What the last match was made with, where every channel's verdicts still rest on it.
pub fn ground(store: &dyn Store) -> Result<Option<(Profiles, Facts)>, StoreError> {
    let Some(kept) = basis(store)? else { return Ok(None) };
    Ok(derive::load(store, &kept)?.map(|ground| (ground.profiles, ground.facts)))
}

/// The name of what all verdicts rest on; `None` while something waits to be matched.
pub fn basis(store: &dyn Store) -> Result<Option<String>, StoreError> {
    let states: Vec<ChannelState> = store.channel_states()?.into_iter().filter(|c| c.set.is_some()).collect();
    let Some(kept) = derive::kept(store, &Basis::of(&hidden::without_private(store, &states)?))? else {
        return Ok(None);
    };
    let run = Run {
        store,
        progress: &Progress::default(),
        preview: None,
    };
    Ok((!states.is_empty() && run.work(&states, &kept)?.is_empty()).then_some(kept))
}

/// Reads all vulnerabilities on all processors; each thread works into a value of its own.
pub fn over_all<T: Send>(
    store: &dyn Store,
    progress: &Progress,
    subject: &str,
    start: impl Fn() -> T + Sync,
    each: impl Fn(&mut T, &StoredVulnerability, Vec<Advisory>) -> Result<(), StoreError> + Sync,
) -> Result<Vec<T>, StoreError> {
    progress.begin(Phase::Matching, subject, Some(store.touched_after(0)?));
    let run = Run {
        store,
        progress,
        preview: None,
    };
    let done = run.over_vulnerabilities(Vulnerabilities::After(0), processors(), start, each, |_, _| Ok(()))?;
    progress.finish();
    Ok(done)
}

/// What [`run`] would change now, without changing it.
pub fn preview(store: &dyn Store, progress: &Progress, full: bool) -> Result<Preview, StoreError> {
    let preview = Mutex::default();
    let result = Run {
        store,
        progress,
        preview: Some(&preview),
    }
    .run(full);
    if result.is_err() {
        progress.abandon();
    }
    result?;
    let mut preview = preview.into_inner().unwrap_or_else(PoisonError::into_inner);
    preview.sort();
    Ok(preview)
}

struct Run<'a> {
    store: &'a dyn Store,
    progress: &'a Progress,
    /// Where nothing is to be written: what would be.
    preview: Option<&'a Mutex<Preview>>,
}

/// Which vulnerabilities to match.
#[derive(Clone, Copy)]
enum Vulnerabilities<'a> {
    /// All that changed after this mark, read page by page.
    After(i64),
    /// These.
    These(&'a [StoredVulnerability]),
    /// Those that were read already, all of them.
    Shelved(&'a [shelf::Page]),
}

/// Vulnerabilities that a thread takes at a time.
enum Page<'a> {
    Stored(Cow<'a, [StoredVulnerability]>),
    Shelved(&'a shelf::Page),
}

/// A channel that has to be matched.
struct Work {
    state: ChannelState,
    set: i64,
    /// Vulnerabilities changed after this mark are matched; 0 for all.
    after: i64,
    is_full: bool,
    /// Where they were read already.
    packages: Option<Vec<StoredPackage>>,
}

/// One channel on its way.
struct Channel {
    state: ChannelState,
    set: i64,
    /// Vulnerabilities changed after this mark are matched; 0 for all.
    after: i64,
    is_full: bool,
    index: PackageIndex,
    /// By cluster the row of its package, where all clusters are written.
    rows: Vec<Option<i64>>,
}

impl Run<'_> {
    fn run(&self, full: bool) -> Result<Report, StoreError> {
        let states: Vec<ChannelState> = self.store.channel_states()?.into_iter().filter(|c| c.set.is_some()).collect();
        let mark = self.store.mark()?;
        if states.is_empty() || mark == 0 {
            return Ok(Report::default());
        }
        let public = hidden::without_private(self.store, &states)?;
        let basis = Basis::of(&public);
        let clock = Instant::now();
        let step = |name| {
            tracing::debug!(
                matching.step = name,
                matching.at_ms = clock.elapsed().as_millis() as u64,
                "matching"
            )
        };
        let mut packages = HashMap::new();
        let mut ground = None;
        let mut shelf = None;
        if let Some(kept) = if full { None } else { derive::kept(self.store, &basis)? } {
            let Some(first) = self.work(&states, &kept)?.first().map(|work| work.set) else {
                return Ok(Report::default());
            };
            // Neither needs the other, and each keeps a processor busy for as long.
            let (loaded, set) = thread::scope(|scope| {
                let loading = scope.spawn(|| derive::load(self.store, &kept));
                let set = self.store.package_set(first);
                (loading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), set)
            });
            ground = loaded?;
            packages.insert(first, set?);
        }
        let ground = match ground {
            Some(ground) => ground,
            None => {
                let missing: BTreeSet<i64> = states.iter().filter_map(|state| Some(state.set.as_ref()?.0)).collect();
                let missing: Vec<i64> = missing.into_iter().filter(|set| !packages.contains_key(set)).collect();
                for (set, read) in parallel(missing, |set| (set, self.store.package_set(set))) {
                    packages.insert(set, read?);
                }
                step("packages read");
                let (ground, pages) = self.derive(&basis, &packages, &public, mark)?;
                shelf = Some(pages);
                if self.preview.is_none() {
                    derive::keep(self.store, &ground)?;
                }
                ground
            }
        };
        step("ground laid");
        let mut work = self.work(&states, &ground.basis)?;
        for work in &mut work {
            work.packages = packages.remove(&work.set);
        }
        drop(packages);
        let Some(after) = work.iter().map(|work| work.after).min() else {
            return Ok(Report::default());
        };
        let changed = self.store.touched_after(after)?;
        // Whoever came since the shelf was filled is above the mark, and matched the next time.
        let shelf = shelf.filter(|_| after == 0);
        let few = if changed <= FEW && shelf.is_none() {
            Some(self.changed(after)?)
        } else {
            None
        };
        let groups = match few {
            Some(_) => work.into_iter().map(|one| vec![one]).collect(),
            None => vec![work],
        };
        let (total, processors) = (changed * groups.len() as u64, processors().div_ceil(groups.len()));
        self.progress.begin(Phase::Matching, "verdicts", Some(total));
        let reports = parallel(groups, |group| {
            let channels = parallel(group, |work| self.open(work, &ground.facts));
            step("packages indexed");
            let channels = channels.into_iter().collect::<Result<_, _>>()?;
            let vulnerabilities = match (&few, &shelf) {
                (Some(few), _) => Vulnerabilities::These(few),
                (None, Some(pages)) => Vulnerabilities::Shelved(pages),
                (None, None) => Vulnerabilities::After(after),
            };
            self.match_all(channels, &ground, mark, vulnerabilities, processors)
        });
        let mut all = Report {
            vulnerabilities: changed,
            ..Report::default()
        };
        for report in reports {
            all.merge(report?);
        }
        self.progress.finish();
        step("verdicts written");
        Ok(all)
    }

    /// The channels that have something to match on this ground.
    fn work(&self, states: &[ChannelState], basis: &str) -> Result<Vec<Work>, StoreError> {
        let mut work = Vec::new();
        for state in states {
            let Some((set, _)) = state.set else { continue };
            let is_full = state.matched_basis != basis || state.matched_set != Some(set);
            let after = if is_full { 0 } else { state.matched_mark };
            if is_full || self.store.touched_after(after)? > 0 {
                work.push(Work {
                    state: state.clone(),
                    set,
                    after,
                    is_full,
                    packages: None,
                });
            }
        }
        Ok(work)
    }

    /// All vulnerabilities that changed after a mark.
    fn changed(&self, mark: i64) -> Result<Vec<StoredVulnerability>, StoreError> {
        let mut changed: Vec<StoredVulnerability> = Vec::new();
        loop {
            let page = self.store.vulnerabilities(mark, changed.last().map_or(0, |v| v.id), PAGE)?;
            if page.is_empty() {
                return Ok(changed);
            }
            changed.extend(page);
        }
    }

    /// Reads and indexes the packages of a channel.
    fn open(&self, work: Work, facts: &Facts) -> Result<Channel, StoreError> {
        let packages = match work.packages {
            Some(packages) => packages,
            None => self.store.package_set(work.set)?,
        };
        let by_attr: HashMap<String, i64> = if work.is_full {
            packages.iter().map(|p| (p.package.attr.clone(), p.id)).collect()
        } else {
            HashMap::new()
        };
        let packages: Vec<Package> = packages.into_iter().map(|p| p.package).collect();
        let index = PackageIndex::new(packages, facts);
        let rows = index.clusters().iter().map(|cluster| by_attr.get(&cluster.name).copied()).collect();
        Ok(Channel {
            state: work.state,
            set: work.set,
            after: work.after,
            is_full: work.is_full,
            index,
            rows,
        })
    }

    /// Derives profiles from all advisories and facts from all packages that anybody may see; the advisories come with it, to be matched.
    fn derive(
        &self,
        basis: &Basis,
        packages: &HashMap<i64, Vec<StoredPackage>>,
        public: &[ChannelState],
        mark: i64,
    ) -> Result<(Ground, Vec<shelf::Page>), StoreError> {
        self.progress.begin(Phase::Matching, "profiles", Some(self.store.touched_after(0)?));
        let all = Vulnerabilities::After(0);
        let read = self.over_vulnerabilities(
            all,
            processors(),
            || (vuln::matching::ProfilesBuilder::default(), Shelf::default()),
            |(builder, shelf), stored, advisories| {
                advisories.iter().for_each(|advisory| builder.add(advisory));
                shelf.push(stored, advisories).map_err(packing)
            },
            |_, _| Ok(()),
        )?;
        let (profiles, shelves): (Vec<_>, Vec<_>) = read.into_iter().unzip();
        let facts_of_packages = || {
            let mut facts = vuln::matching::FactsBuilder::default();
            let sets = public.iter().filter_map(|channel| channel.set.as_ref());
            for package in sets.filter_map(|(set, _)| packages.get(set)).flatten() {
                facts.add(&package.package);
            }
            facts.finish()
        };
        let profiles_of_all = move || {
            let mut profiles = profiles.into_iter();
            let mut all = profiles.next().unwrap_or_default();
            profiles.for_each(|part| all.merge(part));
            all.finish()
        };
        let (facts, profiles) = thread::scope(|scope| {
            let facts = scope.spawn(facts_of_packages);
            let profiles = profiles_of_all();
            (facts.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), profiles)
        });
        let pages = Shelf::pages(shelves).map_err(packing)?;
        self.progress.finish();
        Ok((Ground::new(basis, mark, profiles, facts), pages))
    }

    /// Matches channels together: each vulnerability is read once for all of them.
    fn match_all(
        &self,
        channels: Vec<Channel>,
        ground: &Ground,
        mark: i64,
        vulnerabilities: Vulnerabilities<'_>,
        threads: usize,
    ) -> Result<Report, StoreError> {
        let mut report = Report::default();
        let mut matched = Vec::new();
        let channels: Vec<Arc<Channel>> = channels.into_iter().map(Arc::new).collect();
        for channel in &channels {
            let names = if channel.is_full {
                &mut report.full
            } else {
                &mut report.incremental
            };
            names.push(channel.state.name.clone());
            matched.push(MatchedChannel {
                channel: channel.state.id,
                set: channel.set,
                clusters: channel.is_full.then(|| {
                    let channel = Arc::clone(channel);
                    let rows = (0..channel.index.clusters().len()).filter_map(move |number| channel.row(number));
                    Box::new(rows) as Box<dyn Iterator<Item = ClusterRow>>
                }),
            });
        }
        // A few are written when all of them are matched: others match as many for another channel meanwhile, and want to write too.
        let is_few = matches!(vulnerabilities, Vulnerabilities::These(_));
        let handover = Handover::new(if is_few { u64::MAX } else { AHEAD });
        let names: Vec<(i64, String)> = channels
            .iter()
            .map(|channel| (channel.state.id, channel.state.name.clone()))
            .collect();
        let giver = handover.giver();
        // The packages go when all are matched, while the rest is written.
        let match_all = move || {
            let channels = channels;
            let done = self.over_vulnerabilities(
                vulnerabilities,
                threads,
                || giver.worker(),
                |worker, stored, advisories| {
                    self.match_one(&channels, ground, stored, &advisories, &mut worker.rows);
                    Ok(())
                },
                |worker, page| worker.give(page),
            );
            giver.end(done);
        };
        let write = || {
            let mut outcomes = handover.rows();
            let result = MatchResult {
                channels: matched,
                mark,
                basis: ground.basis.clone(),
                outcomes: &mut outcomes,
            };
            match self.preview {
                None => self.store.take_match(result, now()),
                Some(preview) => {
                    let names = names.iter().map(|(id, name)| (*id, name.as_str()));
                    preview::compare(self.store, &names.collect(), result, preview)
                }
            }
        };
        report.verdicts = if is_few {
            match_all();
            write()?
        } else {
            thread::scope(|scope| {
                scope.spawn(match_all);
                write()
            })?
        };
        Ok(report)
    }

    /// Matches a vulnerability with each channel that does not know it as it is.
    fn match_one(
        &self,
        channels: &[Arc<Channel>],
        ground: &Ground,
        stored: &StoredVulnerability,
        advisories: &[Advisory],
        rows: &mut Vec<OutcomeRow>,
    ) {
        let prepared = Prepared::new(Vulnerability {
            id: &stored.name,
            advisories,
        });
        let memo = Memo::default();
        self.note_name(stored);
        for channel in channels.iter().filter(|channel| stored.touched > channel.after) {
            let found = prepared.candidates_again(&channel.index, &ground.profiles, &memo);
            rows.push(outcome::row(channel.state.id, stored.id, found, &channel.index));
        }
    }

    /// A preview says names where results have rows.
    fn note_name(&self, stored: &StoredVulnerability) {
        if let Some(preview) = self.preview {
            let mut preview = preview.lock().unwrap_or_else(PoisonError::into_inner);
            preview.names.insert(stored.id, stored.name.clone());
        }
    }

    /// Parses vulnerabilities in `threads` threads; each thread works into a value of its own. After each page it says which one that was, by
    /// its number.
    fn over_vulnerabilities<T: Send>(
        &self,
        vulnerabilities: Vulnerabilities<'_>,
        threads: usize,
        start: impl Fn() -> T + Sync,
        each: impl Fn(&mut T, &StoredVulnerability, Vec<Advisory>) -> Result<(), StoreError> + Sync,
        after_page: impl Fn(&mut T, u64) -> Result<(), StoreError> + Sync,
    ) -> Result<Vec<T>, StoreError> {
        let cursor = Mutex::new((vulnerabilities, 0, 0_u64));
        let next_page = || -> Result<Option<(u64, Page<'_>)>, StoreError> {
            let mut cursor = cursor.lock().unwrap_or_else(PoisonError::into_inner);
            let (vulnerabilities, after, pages) = &mut *cursor;
            let number = *pages;
            *pages += 1;
            let page = match vulnerabilities {
                Vulnerabilities::These(all) => {
                    let (page, rest) = all.split_at(all.len().min(PAGE));
                    *all = rest;
                    (!page.is_empty()).then_some(Page::Stored(Cow::Borrowed(page)))
                }
                Vulnerabilities::After(mark) => {
                    let page = self.store.vulnerabilities(*mark, *after, PAGE)?;
                    *after = page.last().map_or(*after, |v| v.id);
                    (!page.is_empty()).then_some(Page::Stored(Cow::Owned(page)))
                }
                Vulnerabilities::Shelved(pages) => pages.split_first().map(|(page, rest)| {
                    *pages = rest;
                    Page::Shelved(page)
                }),
            };
            Ok(page.map(|page| (number, page)))
        };
        // Of several that fail the first one knows why.
        let failure = Mutex::new(None);
        let work_into = |state: &mut T| -> Result<(), StoreError> {
            while let Some((number, page)) = next_page()? {
                let count = match page {
                    Page::Stored(page) => {
                        for stored in page.iter() {
                            each(state, stored, advisories(stored)?)?;
                        }
                        page.len()
                    }
                    Page::Shelved(page) => {
                        let page = page.read().map_err(packing)?;
                        let count = page.len();
                        for (stored, advisories) in page {
                            each(state, &stored, advisories)?;
                        }
                        count
                    }
                };
                after_page(state, number)?;
                self.progress.add(count as u64);
            }
            Ok(())
        };
        let work = || {
            let mut state = start();
            // Before the state goes: others may fail because of that.
            let done = work_into(&mut state).map_err(|error| {
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            });
            done.map(|()| state)
        };
        let done: Result<Vec<T>, ()> = thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let joined = threads
                .into_iter()
                .map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            joined.collect()
        });
        match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(done.unwrap_or_default()),
        }
    }
}

fn packing(error: std::io::Error) -> StoreError {
    StoreError::new("pack records", error)
}

/// The records about a vulnerability, parsed.
pub fn advisories(stored: &StoredVulnerability) -> Result<Vec<Advisory>, StoreError> {
    let mut advisories = Vec::with_capacity(stored.documents.len());
    for (source, packed, size) in &stored.documents {
        let bytes = document::unpack(packed, *size).map_err(|e| StoreError::new(format!("unpack a record of {}", stored.name), e))?;
        // It was parsed when it was taken: only a parser that became stricter can refuse it now, and then it says nothing.
        advisories.extend(document::parse(*source, &bytes).map(|(advisory, _)| advisory));
    }
    Ok(advisories)
}

impl Channel {
    /// A cluster as the store keeps it.
    fn row(&self, number: usize) -> Option<ClusterRow> {
        let cluster = self.index.clusters().get(number)?;
        Some(ClusterRow {
            name: cluster.name.clone(),
            pname: cluster.pname.clone(),
            version: cluster.package.version.clone(),
            package: self.rows.get(number).copied().flatten(),
            attrs: cluster.attrs.clone(),
        })
    }
}
