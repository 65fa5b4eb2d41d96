//! Release lines: versions that are maintained side by side (OpenSSL 1.0.2 and 1.1.1, MySQL 5.7 and 8.0), learned from all
//! records of a product, so that a bound in one line does not decide for a version in another.

use std::cmp::Ordering;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::advisory::{CpeMatch, UpperBound, VersionEntry};
use crate::version::{Scheme, compare, components};

/// A line's leading numbers: `[1, 0, 2]`.
pub type Prefix = Vec<u64>;

/// At most this many lines a product; the most named ones.
const MAX_LINES: usize = 48;
/// At most this many dated bounds a line.
const MAX_BOUNDS: usize = 64;

/// The release lines of a product.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Line {
    prefix: Prefix,
    /// How many records name a range inside it.
    records: u32,
    /// (day published, first version without the vulnerability): what was current when. Sorted by day; versions ascend.
    bounds: Vec<(u32, String)>,
}

impl Lines {
    /// The line of a version: the longest known prefix that it starts with.
    pub fn line_of(&self, version: &str) -> Option<&[u64]> {
        self.find(version).map(|l| l.prefix.as_slice())
    }

    /// A bound in the version's own line, named by a record that was published on `day` or later, that the version has reached:
    /// the version is younger than that record, so it was released after `day`.
    pub fn reached_after(&self, version: &str, day: u32) -> Option<&str> {
        let line = self.find(version)?;
        line.bounds
            .iter()
            .find(|(at, bound)| *at >= day && compare(Scheme::Generic, version, bound).is_some_and(|o| o != Ordering::Less))
            .map(|(_, b)| b.as_str())
    }

    fn find(&self, version: &str) -> Option<&Line> {
        let parts = components(version);
        self.lines
            .iter()
            .filter(|l| parts.is_on_line(&l.prefix))
            .max_by_key(|l| l.prefix.len())
    }
}

/// Collects [`Lines`].
#[derive(Debug, Default)]
pub struct LinesBuilder {
    lines: HashMap<Prefix, (u32, Vec<(u32, String)>)>,
}

impl LinesBuilder {
    pub(super) fn add_cpe(&mut self, day: u32, matched: &CpeMatch) {
        if let (Some(start), Some(end)) = (&matched.start, &matched.end) {
            self.add(day, &start.version, &end.version, !end.inclusive);
        }
    }

    pub(super) fn add_entry(&mut self, day: u32, entry: &VersionEntry) {
        match &entry.bound {
            Some(UpperBound::LessThan(end)) => self.add(day, &entry.version, end, true),
            Some(UpperBound::LessThanOrEqual(end)) => self.add(day, &entry.version, end, false),
            None => {}
        }
    }

    /// A range whose ends share their leading numbers lies in one line.
    fn add(&mut self, day: u32, start: &str, end: &str, exclusive: bool) {
        let (from, to) = (components(start), components(end));
        let (from, to): (&[u64], &[u64]) = (&from, &to);
        let shared = from.iter().zip(to).take_while(|(a, b)| a == b).count().min(3);
        if shared == 0 || to.len() <= shared && end != start {
            // `2.0 .. 3.0` spans lines; `1.0.2 .. 1.0.2r` shares all numbers and lies in line 1.0.2.
            if shared == 0 || end.trim_end_matches(|c: char| c.is_ascii_alphanumeric() && !c.is_ascii_digit()) == end {
                return;
            }
        }
        let Some(prefix) = to.get(..shared).filter(|p| p.iter().any(|n| *n > 0)) else {
            return;
        };
        let (records, bounds) = self.lines.entry(prefix.to_vec()).or_default();
        *records += 1;
        if day > 0 && bounds.len() < 4096 {
            let mut bound = end.to_string();
            if !exclusive {
                // "Up to 5.7.24": what follows is above it, so only a strictly greater version has left it behind.
                bound.push_str(".0.1");
            }
            bounds.push((day, bound));
        }
    }

    pub(super) fn merge(&mut self, other: LinesBuilder) {
        for (prefix, (records, bounds)) in other.lines {
            let mine = self.lines.entry(prefix).or_default();
            mine.0 += records;
            mine.1.extend(bounds);
        }
    }

    pub(super) fn finish(self) -> Lines {
        let mut lines: Vec<Line> = self
            .lines
            .into_iter()
            // One record may err; two that agree name a line.
            .filter(|(_, (records, _))| *records >= 2)
            .map(|(prefix, (records, mut bounds))| {
                bounds.sort_unstable();
                bounds.dedup();
                // Of bounds published later that are lower, only the lowest answers "reached after".
                let mut kept: Vec<(u32, String)> = Vec::new();
                for (at, bound) in bounds {
                    while kept
                        .last()
                        .is_some_and(|(_, last)| compare(Scheme::Generic, last, &bound) != Some(Ordering::Less))
                    {
                        kept.pop();
                    }
                    kept.push((at, bound));
                }
                if kept.len() > MAX_BOUNDS {
                    kept.drain(..kept.len() - MAX_BOUNDS);
                }
                Line {
                    prefix,
                    records,
                    bounds: kept,
                }
            })
            .collect();
        lines.sort_unstable_by(|a, b| b.records.cmp(&a.records).then_with(|| a.prefix.cmp(&b.prefix)));
        lines.truncate(MAX_LINES);
        lines.sort_unstable_by(|a, b| a.prefix.cmp(&b.prefix));
        Lines { lines }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mysql() -> Lines {
        let mut builder = LinesBuilder::default();
        for (day, end) in [(100, "5.7.20"), (200, "5.7.24"), (300, "5.7.27")] {
            builder.add(day, "5.7.0", end, false);
            builder.add(day, "8.0.0", &end.replace("5.7.", "8.0."), false);
        }
        builder.finish()
    }

    #[test]
    fn ranges_with_both_ends_name_lines() {
        let lines = mysql();
        assert_eq!(lines.line_of("5.7.25"), Some([5, 7].as_slice()));
        assert_eq!(lines.line_of("8.0.11"), Some([8, 0].as_slice()));
        assert_eq!(lines.line_of("5.6.1"), None);
    }

    #[test]
    fn letters_after_the_same_numbers_name_a_line() {
        let mut builder = LinesBuilder::default();
        builder.add(1, "1.0.2", "1.0.2r", true);
        builder.add(2, "1.0.2", "1.0.2t", true);
        builder.add(1, "1.1.0", "1.1.0l", true);
        let lines = builder.finish();
        assert_eq!(lines.line_of("1.0.2u"), Some([1, 0, 2].as_slice()));
        assert_eq!(lines.line_of("1.1.0k"), None, "one record alone names no line");
    }

    #[test]
    fn a_version_beyond_a_later_bound_is_younger() {
        let lines = mysql();
        assert!(lines.reached_after("5.7.25", 150).is_some(), "5.7.24 was named on day 200");
        assert!(
            lines.reached_after("5.7.25", 250).is_none(),
            "nothing that 5.7.25 has passed was named after day 250"
        );
        assert!(
            lines.reached_after("5.7.24", 200).is_none(),
            "up to and including 5.7.24 is not passed by 5.7.24"
        );
    }
}
