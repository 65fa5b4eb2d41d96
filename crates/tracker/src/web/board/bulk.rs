//! Findings in the order of keys, for programs that read all of them.

use super::{Board, ChannelBoard};
use crate::store::read::{Facts, Mark, Pair};

impl Board {
    /// What it was read at.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }
}

impl ChannelBoard {
    /// The vulnerabilities with a greater key, by key, with their findings.
    pub fn groups_behind(&self, key: i64) -> impl Iterator<Item = (&Facts, &[Pair])> {
        let pairs = &self.findings.pairs;
        let first = pairs.partition_point(|pair| pair.vulnerability <= key);
        let from = self.groups.partition_point(|(_, start)| (*start as usize) < first);
        (from as u32..self.groups.len() as u32).filter_map(|index| self.group(index))
    }
}
