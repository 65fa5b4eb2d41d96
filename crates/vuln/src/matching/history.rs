//! Since when a product's versions are known: what its records named by which day. How long a version had been there when a fault was mended.

use serde::{Deserialize, Serialize};

use super::lines::Prefix;
use super::profile::day;
use crate::version::Components;

/// Numbers of a version that are kept.
const DEPTH: usize = 3;
/// Days of a month (see [`day`]): one step for each is enough.
const MONTH: u32 = 31;
/// First numbers from here on are years.
const YEARS: std::ops::Range<u64> = 1990..2100;

/// The highest version that at least two records had named, by day.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// (day, version), both rising.
    steps: Vec<(u32, Prefix)>,
}

crate::snapshot::pack::record!(History { steps });

/// What was named next to a version, below and above it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Between<'a> {
    below: Option<&'a (u32, Prefix)>,
    above: Option<&'a (u32, Prefix)>,
}

/// When a version was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// By this day (see [`day`]).
    pub day: u32,
    /// It came before everything that is known, maybe by years.
    pub is_bound: bool,
}

impl History {
    /// What was named next to a version.
    pub fn around(&self, version: &Components) -> Between<'_> {
        let own = version.prefix(DEPTH);
        let place = self.steps.partition_point(|(_, named)| **named < *own);
        Between {
            below: place.checked_sub(1).and_then(|place| self.steps.get(place)),
            above: self.steps.get(place),
        }
    }
}

impl Between<'_> {
    /// What two histories of one product tell.
    pub fn and(self, other: Self) -> Self {
        let below = self.below.into_iter().chain(other.below).max_by(|a, b| a.1.cmp(&b.1));
        Between {
            below,
            above: self.above.into_iter().chain(other.above).min(),
        }
    }

    /// The day by which the version was there: between the last one that was named before it and the first one behind it, as near to either
    /// as its numbers are.
    pub fn known_by(self, version: &Components) -> Option<Known> {
        let at = |day| Known { day, is_bound: false };
        if let Some(year) = version.first().filter(|first| YEARS.contains(first)) {
            return Some(at(day(&format!("{year}-12-31"))));
        }
        let own = version.prefix(DEPTH);
        let (to, above) = self.above.filter(|_| !own.is_empty())?;
        let Some((from, below)) = self.below else {
            return Some(Known {
                day: *to,
                is_bound: above.as_slice() != &*own,
            });
        };
        let number = |numbers: &[u64], n: usize| numbers.get(n).copied().unwrap_or(0);
        let differs = (0..DEPTH).find(|n| number(above, *n) != number(below, *n)).unwrap_or(0);
        let (low, high) = (number(below, differs), number(above, differs));
        let all = high.saturating_sub(low).clamp(1, 1 << 16);
        let way = number(&own, differs).saturating_sub(low).min(all);
        let days = u64::from(to.saturating_sub(*from)) * way / all;
        Some(at((from + u32::try_from(days).unwrap_or(0)).min(*to)))
    }
}

/// Collects a [`History`].
#[derive(Debug, Default)]
pub(super) struct HistoryBuilder {
    /// (day, number of the vulnerability, highest version).
    named: Vec<(u32, u64, Prefix)>,
}

impl HistoryBuilder {
    /// The highest version that a record about this vulnerability names for the product.
    pub fn add(&mut self, day: u32, vulnerability: u64, highest: &Components) {
        // `0` stands for the beginning, years for another way to count.
        let is_number = highest.iter().any(|n| *n > 0) && highest.first() < Some(&YEARS.start);
        if day > 0 && is_number {
            self.named.push((day, vulnerability, highest.prefix(DEPTH).to_vec()));
        }
    }

    pub fn merge(&mut self, mut other: Self) {
        self.named.append(&mut other.named);
    }

    pub fn finish(mut self) -> History {
        self.named.sort_unstable();
        let mut steps: Vec<(u32, Prefix)> = Vec::new();
        // The highest of one vulnerability, and of another one: one record may err, or be widened years later.
        let (mut first, mut second) = ((0, Prefix::new()), (0, Prefix::new()));
        for (day, of, version) in self.named {
            if of == first.0 {
                first.1 = first.1.max(version);
            } else if version > first.1 {
                second = std::mem::replace(&mut first, (of, version));
            } else if version > second.1 {
                second = (of, version);
            }
            if steps.last().map_or(&Prefix::new(), |(_, last)| last) < &second.1 {
                match steps.last_mut() {
                    Some(last) if last.0 / MONTH == day / MONTH => *last = (day, second.1.clone()),
                    _ => steps.push((day, second.1.clone())),
                }
            }
        }
        History { steps }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::components;

    fn of(named: &[(u32, u64, &str)]) -> History {
        let mut builder = HistoryBuilder::default();
        for (day, vulnerability, version) in named {
            builder.add(*day, *vulnerability, &components(version));
        }
        builder.finish()
    }

    fn day_of(history: &History, version: &str) -> Option<u32> {
        let version = components(version);
        history.around(&version).known_by(&version).map(|known| known.day)
    }

    #[test]
    fn a_version_is_known_once_two_vulnerabilities_name_it_or_a_later_one() {
        let history = of(&[
            (1000, 1, "1.4.2"),
            (1000, 2, "1.4.1"),
            (2000, 3, "1.6"),
            (3000, 4, "2.0.1"),
            (3000, 5, "2.1"),
        ]);
        let before_all = Known { day: 1000, is_bound: true };
        let version = components("1.2");
        assert_eq!(history.around(&version).known_by(&version), Some(before_all));
        assert_eq!(day_of(&history, "1.4.1"), Some(1000));
        assert_eq!(day_of(&history, "1.4.2"), Some(2000), "one alone does not count");
        assert_eq!(day_of(&history, "2.0.5"), None, "no later one is named twice");
        assert_eq!(day_of(&history, "master"), None);
    }

    #[test]
    fn sources_of_one_vulnerability_count_once_and_order_of_adding_does_not_matter() {
        let named = [(500, 7, "3.10.12"), (500, 7, "3.10.12"), (600, 8, "2.4"), (900, 9, "3.1")];
        let history = of(&named);
        // An old id that was widened years later tells nothing.
        assert_eq!(day_of(&history, "2.7.18"), Some(600));
        let mut reversed = named;
        reversed.reverse();
        assert_eq!(of(&reversed), history);
    }

    #[test]
    fn between_two_that_are_known_numbers_tell_the_day() {
        let history = of(&[(1000, 1, "74.0"), (1000, 2, "74.0"), (2000, 3, "114.0"), (2000, 4, "114.0.2")]);
        assert_eq!(day_of(&history, "78.0.1"), Some(1100));
        assert_eq!(day_of(&history, "94"), Some(1500));
        assert_eq!(
            day_of(&history, "74.9"),
            Some(1000),
            "a line that went on is as old as its beginning"
        );
    }

    #[test]
    fn two_histories_of_one_product_complete_each_other() {
        let (old, new) = (
            of(&[(1000, 1, "0.12"), (1000, 2, "0.12")]),
            of(&[(2000, 3, "0.22"), (2000, 4, "0.22")]),
        );
        let version = components("0.13");
        assert_eq!(old.around(&version).known_by(&version), None);
        let both = old.around(&version).and(new.around(&version));
        let known = Known {
            day: 1100,
            is_bound: false,
        };
        assert_eq!(both.known_by(&version), Some(known));
        assert_eq!(new.around(&version).and(old.around(&version)), both);
    }

    #[test]
    fn years_in_front_are_the_day_itself() {
        assert_eq!(day_of(&of(&[]), "2020.1.3"), Some(day("2020-12-31")));
        // What a product was called by before, or a database makes up, does not make 1.2 old.
        let history = of(&[
            (100, 1, "2005.12"),
            (100, 2, "20051231"),
            (100, 3, "2006.1"),
            (100, 4, "0"),
            (100, 5, "0"),
        ]);
        assert_eq!(day_of(&history, "1.2"), None);
    }
}
