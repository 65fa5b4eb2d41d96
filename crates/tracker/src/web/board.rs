//! The findings of all channels in memory: filtered and sorted here, in one place, whatever the database.
//!
//! A channel is read again only when its mark changed, so that lists over tens of thousands of findings take well under a
//! millisecond and can say how many there are.

mod bulk;
mod compare;
mod filter;
mod names;
pub mod people;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};

pub use compare::{Change, Comparison, Difference, Tally};
pub use filter::{Filter, Group, Listing, Sort, Total};
pub use names::Names;

use filter::Orders;
use people::{Open, People};

use crate::parallel::parallel;
use crate::store::read::{ClusterFacts, Facts, FindingThen, Findings, Mark, OpenHistory, Pair, recent_first};
use crate::store::{Store, StoreError};

/// What was read last. Answers are shared: a page keeps the board that it began with.
#[derive(Default)]
pub struct Boards {
    current: Mutex<Arc<Board>>,
    /// How many there have been.
    count: AtomicU64,
    /// Held by the one who reads what changed.
    reading: Mutex<()>,
    /// Comparisons that were asked for on the current board, by the names of their channels.
    comparisons: OfBoard<(String, String), Comparison>,
    /// The names of all packages, with the marks they were read at. Apart from the findings: only searches need them.
    names: Mutex<Option<(Vec<Mark>, Arc<Names>)>>,
    /// Who looks after packages, with the marks they were read at.
    people: Mutex<Option<(Vec<Mark>, Arc<People>)>>,
    /// What is open in each package of the channels of the current board that were asked for.
    open: OfBoard<String, OpenByPackage>,
    /// What was open when, in the channels of the current board that were asked for.
    histories: OfBoard<String, OpenHistory>,
    /// Channels at earlier revisions that were asked for.
    earlier: OfBoard<String, ChannelBoard>,
}

/// What is open in packages, by their keys.
pub type OpenByPackage = HashMap<i64, Open>;

/// What was made of one board: another board forgets it.
type OfBoard<K, V> = Mutex<(Weak<Board>, HashMap<K, Arc<V>>)>;

/// The findings of all matched channels at one moment.
#[derive(Default)]
pub struct Board {
    marks: Vec<Mark>,
    /// Most recent channel first.
    channels: Vec<Arc<ChannelBoard>>,
}

/// The findings of one channel.
pub struct ChannelBoard {
    /// The channel.
    pub name: String,
    /// The findings by vulnerability, those of one with the worst and most confident first.
    findings: Arc<Findings>,
    /// The vulnerabilities of all channels, by key.
    facts: Arc<[Facts]>,
    /// For each vulnerability of this channel its index in `facts`, and where its pairs begin. One more at the end.
    groups: Vec<(u32, u32)>,
    /// Indexes of pairs, by package.
    by_cluster: Vec<u32>,
    /// Vulnerabilities in the orders of lists.
    orders: Orders,
}

impl Boards {
    /// The board as of now. Where it changed, the first one who asks reads it and everyone else gets the old one meanwhile.
    pub fn current(&self, store: &dyn Store) -> Result<Arc<Board>, StoreError> {
        let marks = store.marks()?;
        let last = Arc::clone(&lock(&self.current));
        if marks == last.marks {
            return Ok(last);
        }
        let reading = match self.reading.try_lock() {
            Ok(reading) => reading,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) if !last.channels.is_empty() => return Ok(last),
            Err(TryLockError::WouldBlock) => lock(&self.reading),
        };
        // Someone may have read it while we waited.
        let last = Arc::clone(&lock(&self.current));
        if marks == last.marks {
            return Ok(last);
        }
        let board = Arc::new(Board::read(store, marks, &last)?);
        *lock(&self.current) = Arc::clone(&board);
        self.count.fetch_add(1, Ordering::AcqRel);
        drop(reading);
        Ok(board)
    }

    /// How many boards there have been: while one is read, others get the one before.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// Two channels of a board, compared.
    pub fn comparison(&self, board: &Arc<Board>, before: &ChannelBoard, after: &ChannelBoard) -> Arc<Comparison> {
        let mut kept = lock(&self.comparisons);
        if !std::ptr::eq(kept.0.as_ptr(), Arc::as_ptr(board)) {
            *kept = (Arc::downgrade(board), HashMap::new());
        }
        let names = (before.name.clone(), after.name.clone());
        Arc::clone(kept.1.entry(names).or_insert_with(|| Arc::new(Comparison::new(before, after))))
    }

    /// What is open in each package of a channel of a board.
    pub fn open(&self, board: &Arc<Board>, channel: &ChannelBoard) -> Arc<OpenByPackage> {
        let mut kept = lock(&self.open);
        if !std::ptr::eq(kept.0.as_ptr(), Arc::as_ptr(board)) {
            *kept = (Arc::downgrade(board), HashMap::new());
        }
        let open = kept
            .1
            .entry(channel.name.clone())
            .or_insert_with(|| Arc::new(channel.open_by_package()));
        Arc::clone(open)
    }

    /// What was open in a channel of a board when.
    pub fn history(&self, store: &dyn Store, board: &Arc<Board>, channel: &str) -> Result<Arc<OpenHistory>, StoreError> {
        let mut kept = lock(&self.histories);
        if !std::ptr::eq(kept.0.as_ptr(), Arc::as_ptr(board)) {
            *kept = (Arc::downgrade(board), HashMap::new());
        }
        if let Some(history) = kept.1.get(channel) {
            return Ok(Arc::clone(history));
        }
        let history = Arc::new(store.open_history(channel)?);
        kept.1.insert(channel.to_owned(), Arc::clone(&history));
        Ok(history)
    }

    /// A channel as it was at one of its revisions; `None` where it never had such a one.
    pub fn then(
        &self,
        store: &dyn Store,
        board: &Arc<Board>,
        channel: &str,
        revision: &str,
    ) -> Result<Option<Arc<ChannelBoard>>, StoreError> {
        let history = self.history(store, board, channel)?;
        let Some((set, revision)) = history.set(revision) else {
            return Ok(None);
        };
        let mut kept = lock(&self.earlier);
        if !std::ptr::eq(kept.0.as_ptr(), Arc::as_ptr(board)) || kept.1.len() > EARLIER {
            *kept = (Arc::downgrade(board), HashMap::new());
        }
        let name = format!("{channel}@{}", revision.revision);
        if let Some(then) = kept.1.get(&name) {
            return Ok(Some(Arc::clone(then)));
        }
        let then = Arc::new(ChannelBoard::then(store, name.clone(), store.findings_then(channel, *set)?)?);
        kept.1.insert(name, Arc::clone(&then));
        Ok(Some(then))
    }

    /// The names of all packages as of now.
    pub fn names(&self, store: &dyn Store) -> Result<Arc<Names>, StoreError> {
        of_packages(&self.names, store, || Ok(Names::new(store.names()?)))
    }

    /// Who looks after packages, as of now.
    pub fn people(&self, store: &dyn Store) -> Result<Arc<People>, StoreError> {
        of_packages(&self.people, store, || Ok(People::new(store.kept()?)))
    }
}

/// What depends on packages alone. Where they changed, everyone who asks waits for the first one to read it again.
fn of_packages<T>(
    kept: &Mutex<Option<(Vec<Mark>, Arc<T>)>>,
    store: &dyn Store,
    read: impl FnOnce() -> Result<T, StoreError>,
) -> Result<Arc<T>, StoreError> {
    let marks = store.marks()?;
    let same_packages = |(a, b): (&Mark, &Mark)| (a.channel.as_str(), a.packages.as_str()) == (b.channel.as_str(), b.packages.as_str());
    let mut kept = lock(kept);
    if let Some((last, value)) = kept.as_ref()
        && last.len() == marks.len()
        && last.iter().zip(&marks).all(same_packages)
    {
        return Ok(Arc::clone(value));
    }
    let value = Arc::new(read()?);
    *kept = Some((marks, Arc::clone(&value)));
    Ok(value)
}

/// A panic while reading leaves the old board in place.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    /// Reads the channels whose mark is not the last one, and what lists show of all their vulnerabilities.
    fn read(store: &dyn Store, marks: Vec<Mark>, last: &Board) -> Result<Self, StoreError> {
        let read = |mark: &Mark| match last
            .channel(&mark.channel)
            .filter(|_| last.marks.iter().any(|old| old.has_same_findings(mark)))
        {
            Some(board) => Ok(Arc::clone(&board.findings)),
            None => store.findings(&mark.channel).map(|findings| Arc::new(sorted(findings))),
        };
        let findings: Vec<Arc<Findings>> = parallel(marks.iter().collect(), read)
            .into_iter()
            .collect::<Result<_, StoreError>>()?;
        let mut keys: Vec<i64> = findings
            .iter()
            .flat_map(|findings| &findings.pairs)
            .map(|pair| pair.vulnerability)
            .collect();
        keys.sort_unstable();
        keys.dedup();
        let parts = parallel(keys.chunks(FACTS_AT_ONCE).collect(), |keys| store.facts(keys));
        let facts: Arc<[Facts]> = parts.into_iter().collect::<Result<Vec<_>, StoreError>>()?.concat().into();
        let board =
            |(mark, findings): (&Mark, Arc<Findings>)| Arc::new(ChannelBoard::new(mark.channel.clone(), findings, Arc::clone(&facts)));
        let mut channels: Vec<Arc<ChannelBoard>> = marks.iter().zip(findings).map(board).collect();
        channels.sort_by(|a, b| recent_first(&a.name, &b.name));
        Ok(Self { marks, channels })
    }

    /// One channel.
    pub fn channel(&self, name: &str) -> Option<&Arc<ChannelBoard>> {
        self.channels.iter().find(|channel| channel.name == name)
    }

    /// All channels, most recent first.
    pub fn channels(&self) -> &[Arc<ChannelBoard>] {
        &self.channels
    }
}

/// Findings in the order that [`ChannelBoard`] needs.
fn sorted(mut findings: Findings) -> Findings {
    findings.pairs.sort_unstable_by(|a, b| {
        let order = a.vulnerability.cmp(&b.vulnerability).then(a.verdict.cmp(&b.verdict));
        order.then(b.confidence.total_cmp(&a.confidence)).then(a.cluster.cmp(&b.cluster))
    });
    findings
}

impl ChannelBoard {
    /// A channel as it was: its packages have no keys any more, so they get their own.
    fn then(store: &dyn Store, name: String, found: Vec<FindingThen>) -> Result<Self, StoreError> {
        let mut keys: HashMap<(String, String), i64> = HashMap::new();
        let mut findings = Findings::default();
        for finding in found {
            let next = keys.len() as i64;
            let key = *keys.entry((finding.package.clone(), finding.version.clone())).or_insert(next);
            if key == next {
                findings.clusters.push(ClusterFacts {
                    key,
                    pname: finding.pname.unwrap_or_else(|| finding.package.clone()),
                    name: finding.package,
                    version: finding.version,
                });
            }
            findings.pairs.push(Pair {
                vulnerability: finding.vulnerability,
                cluster: key,
                verdict: finding.verdict,
                confidence: finding.confidence,
            });
        }
        let mut wanted: Vec<i64> = findings.pairs.iter().map(|pair| pair.vulnerability).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let facts = store.facts(&wanted)?;
        Ok(Self::new(name, Arc::new(sorted(findings)), facts.into()))
    }

    /// Joins findings, by vulnerability, with the facts, by key. A finding without facts is left out: it was gone when they were read.
    fn new(name: String, findings: Arc<Findings>, facts: Arc<[Facts]>) -> Self {
        let mut groups: Vec<(u32, u32)> = Vec::new();
        let mut known = (0..).zip(facts.iter()).peekable();
        let mut last = None;
        for (start, pair) in (0..).zip(&findings.pairs) {
            if last == Some(pair.vulnerability) {
                continue;
            }
            last = Some(pair.vulnerability);
            while known.next_if(|(_, facts)| facts.key < pair.vulnerability).is_some() {}
            let index = known
                .next_if(|(_, facts)| facts.key == pair.vulnerability)
                .map_or(NO_FACTS, |(index, _)| index);
            groups.push((index, start));
        }
        groups.push((NO_FACTS, findings.pairs.len() as u32));
        let cluster_at = |index: &u32| findings.pairs.get(*index as usize).map(|pair| pair.cluster);
        let mut by_cluster: Vec<u32> = (0..findings.pairs.len() as u32).collect();
        by_cluster.sort_by_key(cluster_at);
        Self {
            name,
            findings,
            facts,
            groups,
            by_cluster,
            orders: Orders::default(),
        }
    }

    /// The findings of one vulnerability, by its key in the database, worst and most confident first.
    pub fn of_vulnerability(&self, key: i64) -> &[Pair] {
        let pairs = &self.findings.pairs;
        let from = pairs.partition_point(|pair| pair.vulnerability < key);
        let to = pairs.partition_point(|pair| pair.vulnerability <= key);
        pairs.get(from..to).unwrap_or_default()
    }

    /// The findings of one package, by its key in the database.
    pub fn of_cluster(&self, key: i64) -> impl Iterator<Item = (&Facts, &Pair)> {
        let pair = |index: &u32| self.findings.pairs.get(*index as usize);
        let from = self
            .by_cluster
            .partition_point(|index| pair(index).is_some_and(|pair| pair.cluster < key));
        let to = self
            .by_cluster
            .partition_point(|index| pair(index).is_some_and(|pair| pair.cluster <= key));
        self.by_cluster.get(from..to).unwrap_or_default().iter().filter_map(move |index| {
            let pair = pair(index)?;
            let facts = self.facts.binary_search_by_key(&pair.vulnerability, |facts| facts.key).ok()?;
            Some((self.facts.get(facts)?, pair))
        })
    }

    /// The package of a pair of this board.
    pub fn cluster(&self, pair: &Pair) -> Option<&ClusterFacts> {
        let clusters = &self.findings.clusters;
        clusters.get(clusters.binary_search_by_key(&pair.cluster, |cluster| cluster.key).ok()?)
    }

    /// Whether the channel has findings at all.
    pub fn is_empty(&self) -> bool {
        self.findings.pairs.is_empty()
    }
}

/// Earlier revisions kept at most: each takes some megabytes.
const EARLIER: usize = 6;

/// Vulnerabilities whose facts are read by one thread at a time.
const FACTS_AT_ONCE: usize = 4096;

/// Where a vulnerability has no facts: no index that any list reaches.
const NO_FACTS: u32 = u32::MAX;

#[cfg(test)]
mod tests;
