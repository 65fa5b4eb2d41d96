//! Release lines: versions that are maintained side by side (OpenSSL 1.0.2 and 1.1.1, MySQL 5.7 and 8.0), learned from all
//! records of a product, so that a bound in one line does not decide for a version in another.

mod pack;

use std::cmp::Ordering;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::advisory::{CpeMatch, End, UpperBound, VersionEntry};
use crate::version::{Components, Scheme, compare, components};

/// A line's leading numbers: `[1, 0, 2]`.
pub type Prefix = Vec<u64>;

/// At most this many lines a product; the most named ones.
const MAX_LINES: usize = 48;
/// At most this many dated bounds a line.
const MAX_BOUNDS: usize = 64;
/// The same, while they are collected: no product has as many, and of fewer it would hang on the order of records which ones are kept.
const MAX_DRAFT: usize = 1 << 16;

/// Days by [`day`](super::profile::day)'s count.
pub(super) const YEAR: u32 = 372;
const SOON: u32 = 93;
/// Records that name lines apart, until it is taken for the product's custom.
const APART: u32 = 3;

/// The release lines of a product.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    lines: Vec<Line>,
    /// Number of records that name several lines, each with an end and no start.
    apart: u32,
    /// Number of records that name ends in several lines: they are mended side by side.
    parallel: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Line {
    prefix: Prefix,
    /// How many records name a range inside it.
    records: u32,
    /// (day published, first version without the vulnerability), by day: of these, the ones lower than all later ones.
    later: Vec<(u32, String)>,
    /// The ones higher than all earlier ones: what was current when.
    known: Vec<(u32, String)>,
}

impl Lines {
    /// Number of lines.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The line of a version: the longest known prefix that it starts with.
    pub fn line_of(&self, version: &str) -> Option<&[u64]> {
        self.find(version).map(|l| l.prefix.as_slice())
    }

    /// Whether this product's records name each line with an end of its own ("5.7.31 and prior, 8.0.21 and prior"), so that a
    /// line which a record does not name is not meant.
    pub fn are_named_apart(&self) -> bool {
        self.apart >= APART
    }

    /// Evidence that the version was released after `day`, so that a fix that was known then is in it: it has reached a bound
    /// in its own line that was named on that day or later, or it is past the highest one that was named in the year before. Only
    /// where lines are mended side by side (as records show, or as the caller knows): else 2.11 may well be older than 3.0 and its
    /// record, whenever somebody wrote about 2.10.
    pub fn released_after(&self, version: &str, day: u32, are_parallel: bool) -> Option<&str> {
        let line = self.find(version)?;
        let order = |bound: &str| compare(Scheme::Generic, version, bound);
        let reached = line
            .later
            .iter()
            .find(|(at, bound)| *at >= day && order(bound).is_some_and(Ordering::is_ge));
        let current = || {
            line.known
                .iter()
                .rev()
                .find(|(at, _)| *at <= day + SOON)
                .filter(|(at, bound)| *at + YEAR >= day && order(bound).is_some_and(Ordering::is_gt))
        };
        if !are_parallel && self.parallel < APART {
            return None;
        }
        let (_, bound) = reached.or_else(current)?;
        Some(bound.strip_suffix(ABOVE).unwrap_or(bound))
    }

    /// A line between those of two versions of which records named two ends after that day: it was still looked after. Only where lines are
    /// mended side by side.
    pub fn looked_after_between(&self, version: &str, end: &str, day: u32) -> Option<&[u64]> {
        let (own, to) = (components(version), components(end));
        let is_between = |line: &&Line| {
            let len = line.prefix.len();
            len >= 2 && own.len() >= len && to.len() >= len && *own.prefix(len) < *line.prefix && *line.prefix < *to.prefix(len)
        };
        // One record may have been written long after the fix that it tells of.
        let named = |line: &&Line| {
            let mut ends: Vec<&str> = line
                .later
                .iter()
                .chain(&line.known)
                .filter(|(at, _)| *at > day)
                .map(|(_, end)| end.as_str())
                .collect();
            ends.sort_unstable();
            ends.dedup();
            ends.len() >= 2
        };
        let between = self.lines.iter().filter(is_between).find(named)?;
        (self.parallel >= APART && day > 0).then_some(&between.prefix)
    }

    fn find(&self, version: &str) -> Option<&Line> {
        let parts = components(version);
        self.lines
            .iter()
            .filter(|l| parts.is_on_line(&l.prefix))
            .max_by_key(|l| l.prefix.len())
    }
}

/// What makes a version a little higher.
const ABOVE: &str = ".0.0.1";

/// The lowest version above one that is affected: "up to 5.7.24" is left behind by what is strictly greater.
fn just_above(version: &str) -> String {
    format!("{version}{ABOVE}")
}

/// Collects [`Lines`].
#[derive(Debug, Default)]
pub struct LinesBuilder {
    lines: HashMap<Prefix, Draft>,
    apart: u32,
    parallel: u32,
}

#[derive(Debug, Default)]
struct Draft {
    records: u32,
    /// (day published, first version without the vulnerability).
    bounds: Vec<(u32, String)>,
    /// (day published, the highest version that a record with several lines lists): the line's last one then.
    listed: Vec<(u32, String)>,
}

impl LinesBuilder {
    pub(super) fn add_cpe(&mut self, day: u32, matched: &CpeMatch) {
        if let (Some(start), Some(end)) = (&matched.start, &matched.end) {
            self.add(day, &start.version, &end.version, !end.inclusive);
        }
    }

    /// `1.6.x before 1.6.16` in a description.
    pub(super) fn add_clause(&mut self, day: u32, line: &[u64], end: &End) {
        if line.len() <= 3 && line.iter().any(|n| *n > 0) && components(&end.version).is_on_line(line) {
            self.add_bound(day, line.to_vec(), &end.version, !end.inclusive);
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
        self.add_bound(day, prefix.to_vec(), end, exclusive);
    }

    /// The ends that one record names, whatever their starts.
    pub(super) fn add_ends(&mut self, ends: &[&str]) {
        let mut prefixes: Vec<Components> = ends
            .iter()
            .map(|end| components(end))
            .filter(|parts| parts.len() >= 3)
            .map(|parts| parts.prefix(2))
            .collect();
        prefixes.sort_unstable_by_key(|parts| parts.to_vec());
        prefixes.dedup();
        self.parallel += u32::from(prefixes.len() >= 2);
    }

    fn add_bound(&mut self, day: u32, prefix: Prefix, end: &str, exclusive: bool) {
        let draft = self.lines.entry(prefix).or_default();
        draft.records += 1;
        if day > 0 && draft.bounds.len() < MAX_DRAFT {
            let bound = if exclusive { end.to_string() } else { just_above(end) };
            draft.bounds.push((day, bound));
        }
    }

    /// The single versions of one record: where it lists all of several lines (4.8.0, 4.8.1, 4.9.0), the highest of each was its last one then.
    pub(super) fn add_listed(&mut self, day: u32, versions: &[&str]) {
        let mut lines: HashMap<Prefix, (usize, &str)> = HashMap::new();
        for version in versions {
            let parts = components(version);
            let Some(prefix) = parts.get(..2).filter(|_| parts.len() >= 3) else {
                continue;
            };
            let (seen, highest) = lines.entry(prefix.to_vec()).or_insert((0, version));
            *seen += 1;
            if compare(Scheme::Generic, version, highest) == Some(Ordering::Greater) {
                *highest = version;
            }
        }
        if day == 0 || lines.len() < 2 {
            return;
        }
        for (prefix, (seen, highest)) in lines {
            if seen >= 2 {
                let draft = self.lines.entry(prefix).or_default();
                draft.records += 1;
                if draft.listed.len() < MAX_DRAFT {
                    draft.listed.push((day, just_above(highest)));
                }
            }
        }
    }

    /// The ends of a record's ranges that have no start: where they lie in several lines, each line has its own.
    pub(super) fn add_open_ends(&mut self, day: u32, ends: &[(&str, bool)]) {
        let mut prefixes: Vec<Prefix> = Vec::new();
        for (end, _) in ends {
            let parts = components(end);
            if let Some(prefix) = parts.get(..2).filter(|_| parts.len() >= 3) {
                prefixes.push(prefix.to_vec());
            }
        }
        prefixes.sort_unstable();
        prefixes.dedup();
        if prefixes.len() < 2 {
            return;
        }
        self.apart += 1;
        for (end, inclusive) in ends {
            if let Some(prefix) = components(end).get(..2) {
                self.add_bound(day, prefix.to_vec(), end, !inclusive);
            }
        }
    }

    pub(super) fn merge(&mut self, other: LinesBuilder) {
        self.apart += other.apart;
        self.parallel += other.parallel;
        for (prefix, draft) in other.lines {
            let mine = self.lines.entry(prefix).or_default();
            mine.records += draft.records;
            mine.bounds.extend(draft.bounds);
            mine.listed.extend(draft.listed);
        }
    }

    pub(super) fn finish(self) -> Lines {
        let mut lines: Vec<Line> = self
            .lines
            .into_iter()
            // One record may err; two that agree name a line.
            .filter(|(_, draft)| draft.records >= 2)
            .map(|(prefix, mut draft)| {
                let lower = |a: &str, b: &str| compare(Scheme::Generic, a, b) == Some(Ordering::Less);
                let mut later: Vec<(u32, String)> = Vec::new();
                draft.bounds.sort_unstable();
                draft.bounds.dedup();
                for (at, bound) in &draft.bounds {
                    while later.last().is_some_and(|(_, last)| !lower(last, bound)) {
                        later.pop();
                    }
                    later.push((*at, bound.clone()));
                }
                let mut all = draft.bounds;
                all.append(&mut draft.listed);
                all.sort_unstable();
                let mut known: Vec<(u32, String)> = Vec::new();
                for (at, bound) in all {
                    if known.last().is_none_or(|(_, last)| lower(last, &bound)) {
                        known.push((at, bound));
                    } else if let Some(last) = known.last_mut() {
                        // Named again: still current.
                        last.0 = at;
                    }
                }
                for list in [&mut later, &mut known] {
                    list.drain(..list.len().saturating_sub(MAX_BOUNDS));
                }
                Line {
                    prefix,
                    records: draft.records,
                    later,
                    known,
                }
            })
            .collect();
        lines.sort_unstable_by(|a, b| b.records.cmp(&a.records).then_with(|| a.prefix.cmp(&b.prefix)));
        lines.truncate(MAX_LINES);
        lines.sort_unstable_by(|a, b| a.prefix.cmp(&b.prefix));
        Lines {
            lines,
            apart: self.apart,
            parallel: self.parallel,
        }
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
        assert!(lines.released_after("5.7.25", 150, true).is_some(), "5.7.24 was named on day 200");
        assert!(lines.released_after("5.7.25", 290, true).is_none(), "5.7.27 was current on day 300");
        assert!(
            lines.released_after("5.7.24", 200, true).is_none(),
            "up to and including 5.7.24 is not passed by 5.7.24"
        );
        assert!(
            lines.released_after("5.7.28", 310, true).is_some(),
            "past everything named until then"
        );
        assert!(
            lines.released_after("5.7.28", 2000, true).is_none(),
            "what was current years before tells nothing"
        );
    }

    #[test]
    fn a_version_above_all_that_were_listed_is_younger() {
        let mut builder = LinesBuilder::default();
        for day in [100, 120] {
            builder.add_listed(day, &["4.8.0", "4.8.1", "4.9.0", "4.9.1", "4.9.2"]);
        }
        let lines = builder.finish();
        assert!(
            lines.released_after("4.8.5", 130, true).is_some(),
            "4.8.1 was the last one of 4.8 on day 120"
        );
        assert!(lines.released_after("4.8.1", 130, true).is_none());
        assert!(
            lines.released_after("4.8.5", 1000, true).is_none(),
            "what was current years before tells nothing"
        );
        let mut builder = LinesBuilder::default();
        for day in [100, 120] {
            builder.add_listed(day, &["4.8.0", "4.8.1"]);
        }
        assert_eq!(builder.finish().len(), 0, "one line alone may be the only one that is affected");
    }

    #[test]
    fn ends_without_start_name_lines_apart() {
        let mut builder = LinesBuilder::default();
        for day in 1..=3 {
            builder.add_open_ends(day, &[("5.7.31", true), ("8.0.21", true)]);
        }
        assert!(builder.finish().are_named_apart());
        assert!(!mysql().are_named_apart());
    }
}
