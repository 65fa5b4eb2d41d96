//! The findings of all channels in memory: filtered and sorted here, in one place, whatever the database.
//!
//! A channel is read again only when its mark changed, so that lists over tens of thousands of findings take well under a
//! millisecond and can say how many there are.

mod filter;
mod names;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

pub use filter::{Filter, Group, Listing, Sort};
pub use names::Names;

use crate::store::read::{ClusterFacts, Facts, Findings, Mark, Pair, recent_first};
use crate::store::{Store, StoreError};

/// What was read last. Answers are shared: a page keeps the board that it began with.
#[derive(Default)]
pub struct Boards {
    current: Mutex<Arc<Board>>,
    /// Held by the one who reads what changed.
    reading: Mutex<()>,
}

/// The findings of all matched channels at one moment.
#[derive(Default)]
pub struct Board {
    marks: Vec<Mark>,
    /// Most recent channel first.
    channels: Vec<Arc<ChannelBoard>>,
    names: Arc<Names>,
}

/// The findings of one channel.
pub struct ChannelBoard {
    /// The channel.
    pub name: String,
    findings: Findings,
    /// Where the pairs of each vulnerability begin in `findings.pairs`; one more at the end.
    starts: Vec<u32>,
    by_vulnerability: HashMap<i64, u32>,
    by_cluster: HashMap<i64, Vec<u32>>,
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
        drop(reading);
        Ok(board)
    }
}

/// A panic while reading leaves the old board in place.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    /// Reads the channels whose mark is not the last one.
    fn read(store: &dyn Store, marks: Vec<Mark>, last: &Board) -> Result<Self, StoreError> {
        let mut channels = Vec::with_capacity(marks.len());
        for mark in &marks {
            let known = last.marks.contains(mark);
            channels.push(match last.channel(&mark.channel) {
                Some(board) if known => Arc::clone(board),
                _ => Arc::new(ChannelBoard::new(mark.channel.clone(), store.findings(&mark.channel)?)),
            });
        }
        channels.sort_by(|a, b| recent_first(&a.name, &b.name));
        let packages =
            |marks: &[Mark]| -> Vec<(String, String)> { marks.iter().map(|m| (m.channel.clone(), m.packages.clone())).collect() };
        let names = if packages(&marks) == packages(&last.marks) {
            Arc::clone(&last.names)
        } else {
            Arc::new(Names::new(store.names()?))
        };
        Ok(Self { marks, channels, names })
    }
}

impl Board {
    /// One channel.
    pub fn channel(&self, name: &str) -> Option<&Arc<ChannelBoard>> {
        self.channels.iter().find(|channel| channel.name == name)
    }

    /// All channels, most recent first.
    pub fn channels(&self) -> &[Arc<ChannelBoard>] {
        &self.channels
    }

    /// The names of all packages.
    pub fn names(&self) -> &Names {
        &self.names
    }
}

impl ChannelBoard {
    /// Sorts the findings by vulnerability and indexes them.
    pub fn new(name: String, mut findings: Findings) -> Self {
        findings.pairs.sort_by(|a, b| {
            let order = a.vulnerability.cmp(&b.vulnerability).then(a.verdict.cmp(&b.verdict));
            order.then(b.confidence.total_cmp(&a.confidence)).then(a.cluster.cmp(&b.cluster))
        });
        let mut starts = Vec::with_capacity(findings.vulnerabilities.len() + 1);
        let mut by_cluster: HashMap<i64, Vec<u32>> = HashMap::new();
        for (index, pair) in (0..).zip(&findings.pairs) {
            while starts.len() <= pair.vulnerability as usize {
                starts.push(index);
            }
            if let Some(cluster) = findings.clusters.get(pair.cluster as usize) {
                by_cluster.entry(cluster.key).or_default().push(index);
            }
        }
        starts.resize(findings.vulnerabilities.len() + 1, findings.pairs.len() as u32);
        let by_vulnerability = (0..)
            .zip(&findings.vulnerabilities)
            .map(|(index, facts)| (facts.key, index))
            .collect();
        Self {
            name,
            findings,
            starts,
            by_vulnerability,
            by_cluster,
        }
    }

    /// Each vulnerability with its pairs, worst and most confident first.
    pub fn vulnerabilities(&self) -> impl Iterator<Item = (&Facts, &[Pair])> {
        self.findings
            .vulnerabilities
            .iter()
            .enumerate()
            .map(|(index, facts)| (facts, self.pairs(index)))
    }

    /// The findings of one vulnerability, by its key in the database, worst and most confident first.
    pub fn of_vulnerability(&self, key: i64) -> &[Pair] {
        self.by_vulnerability.get(&key).map_or(&[], |&index| self.pairs(index as usize))
    }

    fn pairs(&self, vulnerability: usize) -> &[Pair] {
        match self.starts.get(vulnerability..vulnerability + 2) {
            Some([from, to]) => self.findings.pairs.get(*from as usize..*to as usize).unwrap_or_default(),
            _ => &[],
        }
    }

    /// The findings of one package, by its key in the database.
    pub fn of_cluster(&self, key: i64) -> impl Iterator<Item = (&Facts, &Pair)> {
        let indexes = self.by_cluster.get(&key).map(Vec::as_slice).unwrap_or_default();
        indexes.iter().filter_map(|&index| {
            let pair = self.findings.pairs.get(index as usize)?;
            Some((self.findings.vulnerabilities.get(pair.vulnerability as usize)?, pair))
        })
    }

    /// The package of a pair of this board.
    pub fn cluster(&self, pair: &Pair) -> Option<&ClusterFacts> {
        self.findings.clusters.get(pair.cluster as usize)
    }

    /// Whether the channel has findings at all.
    pub fn is_empty(&self) -> bool {
        self.findings.pairs.is_empty()
    }
}

#[cfg(test)]
mod tests;
