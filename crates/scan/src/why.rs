//! Why something is in a closure: the shortest ways from a root to it.

use std::collections::VecDeque;

use crate::inventory::Inventory;

/// The distance of every part from the nearest root, and the part before it on the way there.
#[derive(Debug)]
pub struct Ways {
    /// `None` for what no root leads to. A root is its own predecessor.
    before: Vec<Option<u32>>,
    distance: Vec<u32>,
}

impl Ways {
    /// Looks at every reference once. Of several shortest ways the one through parts that come first is taken.
    pub fn from_roots(inventory: &Inventory) -> Self {
        let count = inventory.parts.len();
        let mut ways = Self {
            before: vec![None; count],
            distance: vec![u32::MAX; count],
        };
        let mut pending = VecDeque::new();
        for root in &inventory.roots {
            if ways.reach(*root, *root, 0) {
                pending.push_back(*root);
            }
        }
        while let Some(at) = pending.pop_front() {
            let next = ways.distance(at).saturating_add(1);
            let Some(part) = inventory.parts.get(at as usize) else { continue };
            for to in &part.references {
                if ways.reach(*to, at, next) {
                    pending.push_back(*to);
                }
            }
        }
        ways
    }

    /// The shortest way from a root to a part, both included; empty if no root leads there.
    pub fn to(&self, part: u32) -> Vec<u32> {
        let mut way = Vec::new();
        let mut at = part;
        // Distances fall with every step, so that this ends.
        while let Some(before) = self.before.get(at as usize).copied().flatten() {
            way.push(at);
            if before == at {
                break;
            }
            at = before;
        }
        way.reverse();
        way
    }

    /// The last steps of [`to`](Self::to), at most `most`: a hostile closure can be one chain of a hundred thousand parts.
    pub fn end_of(&self, part: u32, most: usize) -> Vec<u32> {
        let step = |at: &u32| self.before.get(*at as usize).copied().flatten().filter(|before| before != at);
        let first = self.before.get(part as usize).copied().flatten().map(|_| part);
        let mut way: Vec<u32> = std::iter::successors(first, step).take(most).collect();
        way.reverse();
        way
    }

    /// The shortest ways to each of some parts: one through each part that refers to it, shortest first, at most `most`.
    pub fn all_to(&self, inventory: &Inventory, parts: &[u32], most: usize) -> Vec<Vec<u32>> {
        let mut wanted = vec![false; inventory.parts.len()];
        for part in parts {
            if let Some(flag) = wanted.get_mut(*part as usize) {
                *flag = true;
            }
        }
        let is_wanted = |part: u32| wanted.get(part as usize).copied().unwrap_or_default();
        let is_root = |part: u32| self.before.get(part as usize).copied().flatten() == Some(part);
        // (length, last step but one, last step): whole ways are made of the best few alone.
        let mut ends: Vec<(u32, Option<u32>, u32)> = parts.iter().filter(|part| is_root(**part)).map(|part| (0, None, *part)).collect();
        for (from, part) in (0_u32..).zip(&inventory.parts) {
            // A way that passes another part that was asked for says nothing new.
            if self.distance(from) == u32::MAX || is_wanted(from) {
                continue;
            }
            let to = part.references.iter().filter(|to| is_wanted(**to) && !is_root(**to));
            ends.extend(to.map(|to| (self.distance(from).saturating_add(1), Some(from), *to)));
        }
        if ends.is_empty() {
            // Only through one another.
            ends.extend(
                parts
                    .iter()
                    .filter(|part| self.distance(**part) < u32::MAX)
                    .map(|part| (self.distance(*part), None, *part)),
            );
        }
        ends.sort_unstable();
        ends.dedup();
        ends.truncate(most);
        let way = |(_, from, to): (u32, Option<u32>, u32)| match from {
            Some(from) => {
                let mut way = self.to(from);
                way.push(to);
                way
            }
            None => self.to(to),
        };
        ends.into_iter().map(way).collect()
    }

    /// Steps from the nearest root; `u32::MAX` for what no root leads to.
    pub fn distance(&self, part: u32) -> u32 {
        self.distance.get(part as usize).copied().unwrap_or(u32::MAX)
    }

    /// Notes the first way to a part; `false` if there was one.
    fn reach(&mut self, part: u32, before: u32, distance: u32) -> bool {
        match (self.before.get_mut(part as usize), self.distance.get_mut(part as usize)) {
            (Some(slot @ None), Some(length)) => {
                *slot = Some(before);
                *length = distance;
                true
            }
            _ => false,
        }
    }
}

/// Ways as a tree, each part once below the part before it: (depth, part), in the order of the ways.
pub fn tree(ways: &[Vec<u32>]) -> Vec<(usize, u32)> {
    let mut ways: Vec<&Vec<u32>> = ways.iter().collect();
    ways.sort();
    let mut lines = Vec::new();
    let mut last: &[u32] = &[];
    for way in ways {
        let shared = way.iter().zip(last).take_while(|(a, b)| a == b).count();
        lines.extend(way.iter().enumerate().skip(shared).map(|(depth, part)| (depth, *part)));
        last = way;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Part;

    fn inventory(roots: &[u32], edges: &[&[u32]]) -> Inventory {
        let parts = edges.iter().map(|references| Part {
            references: references.to_vec(),
            ..Part::default()
        });
        Inventory {
            parts: parts.collect(),
            roots: roots.to_vec(),
            ..Inventory::default()
        }
    }

    #[test]
    fn shortest_ways_through_each_that_refers() {
        // 0 -> 1 -> 3 -> 4, 0 -> 2 -> 4, and 5 stands alone.
        let inventory = inventory(&[0], &[&[1, 2], &[3], &[4], &[4], &[], &[4]]);
        let ways = Ways::from_roots(&inventory);
        assert_eq!(ways.to(4), [0, 2, 4]);
        assert_eq!(ways.to(0), [0]);
        assert_eq!(ways.to(5), [0_u32; 0]);
        assert_eq!(ways.to(99), [0_u32; 0]);
        assert_eq!(ways.all_to(&inventory, &[4], 9), [vec![0, 2, 4], vec![0, 1, 3, 4]]);
        assert_eq!(ways.all_to(&inventory, &[4], 1), [vec![0, 2, 4]]);
        assert_eq!(ways.all_to(&inventory, &[0], 9), [vec![0]]);
        assert_eq!(ways.all_to(&inventory, &[5], 9), [[0_u32; 0]; 0]);
        // Two outputs of a package: the way to the second through the first is not told.
        assert_eq!(ways.all_to(&inventory, &[3, 4], 9), [vec![0, 1, 3], vec![0, 2, 4]]);
    }

    #[test]
    fn security_cycles_and_broken_edges_end() {
        let inventory = inventory(&[0, 7], &[&[1, 0], &[2, 99], &[1, 0]]);
        let ways = Ways::from_roots(&inventory);
        assert_eq!(ways.to(2), [0, 1, 2]);
        assert_eq!(ways.all_to(&inventory, &[1], 9), [vec![0, 1], vec![0, 1, 2, 1]]);
        assert_eq!(ways.all_to(&inventory, &[1, 2, 0, 99], 9), [vec![0]]);
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let count = 100_000_u32;
        let edges: Vec<Vec<u32>> = (1..=count).map(|to| if to < count { vec![to] } else { vec![] }).collect();
        let inventory = inventory(&[0], &edges.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let ways = Ways::from_roots(&inventory);
        assert_eq!(ways.to(count - 1).len(), count as usize);
        assert_eq!(tree(&ways.all_to(&inventory, &[count - 1], 3)).len(), count as usize);
    }

    #[test]
    fn trees_say_what_is_shared_once() {
        assert_eq!(
            tree(&[vec![0, 2, 4], vec![0, 1, 3, 4], vec![0, 1, 5]]),
            [(0, 0), (1, 1), (2, 3), (3, 4), (2, 5), (1, 2), (2, 4)]
        );
        assert_eq!(tree(&[]), []);
    }
}
