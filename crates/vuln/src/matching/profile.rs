//! What all records together tell about a product: who makes it, where it lives, what it is about, which release lines it has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Table;
use super::applicability::{cve_of, intervals, is_open, mended};
use super::coordinate::{Coordinate, coordinates};
use super::history::{Between, History, HistoryBuilder};
use super::lines::{Lines, LinesBuilder};
use super::name::{each_topic_word, fold, fold_vendor};
use super::rules::RULES;
use super::subject::Subject;
use crate::advisory::{Advisory, Event, Status, UpperBound};
use crate::cpe::Part;
use crate::range::line_statement;
use crate::version::{Components, components};

/// Records that name more products than this (a distribution's list) say little about each one's home.
const MAX_PRODUCTS_FOR_HOME: usize = 8;
/// Kept per product: the most frequent ones.
const MAX_COORDINATES: usize = 24;
const MAX_TOPICS: usize = 16;

/// Profiles of all products. Serialisable: an incremental match uses the profiles of the last full one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Profiles {
    /// By folded vendor, then folded product.
    products: Table<String, Table<String, Profile>>,
    /// By folded product: its vendors with the number of records.
    vendors: Table<String, Vec<(String, u32)>>,
}

/// What is known of one (vendor, product).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Number of records.
    pub records: u32,
    /// Where its records point, with the number of records.
    pub coordinates: Vec<(Coordinate, u32)>,
    /// Words that its descriptions use more than others do.
    pub topics: Vec<String>,
    /// Its release lines, from records that name ranges with both ends.
    pub lines: Lines,
    /// Which versions its records had named by when.
    pub history: History,
}

crate::snapshot::pack::record!(Profile {
    records,
    coordinates,
    topics,
    lines,
    history
});

impl Profiles {
    /// The profile of a product by folded names.
    pub fn get(&self, vendor: &str, product: &str) -> Option<&Profile> {
        self.products.get(vendor)?.get(product)
    }

    /// The vendors under which records file a product, most frequent first.
    pub fn vendors(&self, product: &str) -> &[(String, u32)] {
        self.vendors.get(product).map_or(&[], Vec::as_slice)
    }

    /// A product's release lines: its own, else those that records name under another of its names.
    pub(super) fn lines(&self, vendor: &str, product: &str) -> Option<&Lines> {
        let own = self.get(vendor, product).map(|p| &p.lines).filter(|l| !l.is_empty());
        own.or_else(|| {
            RULES
                .siblings(vendor, product)
                .iter()
                .filter_map(|(v, p)| self.get(v, p))
                .map(|p| &p.lines)
                .max_by_key(|l| l.len())
        })
    }

    /// What records of a product, under any of its names, named next to a version.
    pub(super) fn around(&self, vendor: &str, product: &str, version: &Components) -> Between<'_> {
        let siblings = RULES.siblings(vendor, product).iter().map(|(v, p)| (v.as_str(), p.as_str()));
        let profiles = siblings.chain([(vendor, product)]).filter_map(|(v, p)| self.get(v, p));
        let around = profiles.map(|profile| profile.history.around(version));
        around.reduce(Between::and).unwrap_or_default()
    }

    /// The vendor that most records file a product under, for a subject that names none.
    pub(super) fn usual_vendor(&self, subject: &Subject) -> Option<String> {
        if !subject.vendor.is_empty() || subject.product.is_empty() {
            return None;
        }
        let vendors = self.vendors(&subject.product);
        let all: u32 = vendors.iter().filter(|(v, _)| !v.is_empty()).map(|(_, n)| n).sum();
        vendors.iter().find(|(v, n)| !v.is_empty() && n * 2 >= all).map(|(v, _)| v.clone())
    }

    /// Every product with its vendors' profiles, in no order: the parts that [`of_products`](Self::of_products) puts together again.
    pub fn into_products(self) -> impl Iterator<Item = (String, Vec<(String, Profile)>)> {
        let mut products: Table<String, Vec<(String, Profile)>> = Table::default();
        for (vendor, profiles) in self.products {
            for (product, profile) in profiles {
                products.entry(product).or_default().push((vendor.clone(), profile));
            }
        }
        products.into_iter().map(|(product, mut vendors)| {
            vendors.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            (product, vendors)
        })
    }

    /// Profiles of some products, each with all its vendors.
    pub fn of_products(products: impl IntoIterator<Item = (String, Vec<(String, Profile)>)>) -> Self {
        let mut all = Self::default();
        for (product, vendors) in products {
            let mut counts: Vec<(String, u32)> = Vec::new();
            for (vendor, profile) in vendors {
                counts.push((vendor.clone(), profile.records));
                all.products.entry(vendor).or_default().insert(product.clone(), profile);
            }
            sort_vendors(&mut counts);
            all.vendors.insert(product, counts);
        }
        all
    }

    /// Number of profiles.
    pub fn len(&self) -> usize {
        self.products.values().map(Table::len).sum()
    }

    /// Whether nothing was learned.
    pub fn is_empty(&self) -> bool {
        self.products.is_empty()
    }
}

/// Collects [`Profiles`] from advisories in any order.
#[derive(Debug, Default)]
pub struct ProfilesBuilder {
    products: Table<(String, String), Draft>,
    words: Words,
    records: u32,
}

/// All words of descriptions. Most products have dozens of them: they name them by number.
#[derive(Debug, Default)]
struct Words {
    numbers: Table<String, u32>,
    /// Number of records that use a word at all, by its number.
    records: Vec<u32>,
}

impl Words {
    fn number(&mut self, word: &str) -> u32 {
        if let Some(number) = self.numbers.get(word) {
            return *number;
        }
        let number = self.records.len() as u32;
        self.numbers.insert(word.to_owned(), number);
        self.records.push(0);
        number
    }

    fn count(&mut self, number: u32, records: u32) {
        if let Some(known) = self.records.get_mut(number as usize) {
            *known += records;
        }
    }

    /// The words by their numbers, with the number of records.
    fn into_list(self) -> Vec<(String, u32)> {
        let mut list: Vec<(String, u32)> = self.records.into_iter().map(|records| (String::new(), records)).collect();
        for (word, number) in self.numbers {
            if let Some(place) = list.get_mut(number as usize) {
                place.0 = word;
            }
        }
        list
    }
}

#[derive(Debug, Default)]
struct Draft {
    records: u32,
    described: u32,
    coordinates: Table<Coordinate, u32>,
    /// By number.
    words: Table<u32, u32>,
    lines: LinesBuilder,
    history: HistoryBuilder,
}

impl ProfilesBuilder {
    /// Learns from one advisory.
    pub fn add(&mut self, advisory: &Advisory) {
        let products = products_of(advisory);
        if products.is_empty() {
            return;
        }
        self.records += 1;
        let mut words = Vec::new();
        each_topic_word(advisory.description.get(..2000).unwrap_or(&advisory.description), |word| {
            words.push(self.words.number(word));
        });
        words.sort_unstable();
        words.dedup();
        for word in &words {
            self.words.count(*word, 1);
        }
        let few = products.len() <= MAX_PRODUCTS_FOR_HOME;
        let mut places: Vec<Coordinate> = Vec::new();
        if few {
            places = advisory.references.iter().take(64).flat_map(|r| coordinates(&r.url)).collect();
            places.extend(
                advisory
                    .affected
                    .iter()
                    .filter_map(|a| a.repo.as_deref().or(a.collection_url.as_deref()))
                    .flat_map(coordinates),
            );
            places.sort_unstable();
            places.dedup();
        }
        let keys = products.clone();
        for key in products {
            let draft = self.products.entry(key).or_default();
            draft.records += 1;
            if few {
                for place in &places {
                    match draft.coordinates.get_mut(place) {
                        Some(n) => *n += 1,
                        None => drop(draft.coordinates.insert(place.clone(), 1)),
                    }
                }
                // Of all its records, however many: of some of them it would hang on their order what is learned.
                draft.described += 1;
                for word in &words {
                    *draft.words.entry(*word).or_default() += 1;
                }
            }
        }
        let date = mended(advisory);
        // Lists of versions name one product again and again.
        let (mut names, mut key) = (("", ""), (String::new(), String::new()));
        for matched in advisory
            .configurations
            .iter()
            .flat_map(|c| &c.nodes)
            .flat_map(|n| &n.matches)
            .filter(|m| m.vulnerable)
        {
            let (Some(vendor), Some(product)) = (matched.cpe.vendor.as_deref(), matched.cpe.product.as_deref()) else {
                continue;
            };
            if names != (vendor, product) {
                (names, key) = ((vendor, product), (fold_vendor(vendor), fold(product)));
            }
            if let Some(draft) = self.own(&keys, &key) {
                draft.lines.add_cpe(date, matched);
            }
        }
        let number = number(advisory);
        for ((vendor, product), highest) in highest(advisory) {
            if let Some(draft) = self.own(&keys, &(fold_vendor(vendor), fold(product))) {
                draft.history.add(date, number, &highest);
            }
        }
        for (key, ends) in ends(advisory) {
            if let Some(draft) = self.own(&keys, &key) {
                draft.lines.add_ends(&ends);
            }
        }
        for (key, versions) in listed(advisory) {
            if let Some(draft) = self.own(&keys, &key) {
                draft.lines.add_listed(date, &versions);
            }
        }
        if keys.len() <= 2 && !advisory.description.is_empty() {
            let clauses = line_statement(&advisory.description);
            // "before 1.10.12 and 1.11.x before 1.11.22": the first one is a line of the same depth.
            let depth = clauses.iter().filter_map(|c| c.line.as_ref()).map(|l| l.len()).max();
            for clause in &clauses {
                let named = clause.line.as_ref().map(|l| l.to_vec());
                let line = named.or_else(|| components(&clause.end.as_ref()?.version).get(..depth?).map(<[u64]>::to_vec));
                if let (Some(line), Some(end)) = (&line, &clause.end) {
                    for key in &keys {
                        if let Some(draft) = self.products.get_mut(key) {
                            draft.lines.add_clause(date, line, end);
                        }
                    }
                }
            }
        }
        for affected in &advisory.affected {
            let Some(product) = affected.product.as_deref().or(affected.package_name.as_deref()) else {
                continue;
            };
            let key = (affected.vendor.as_deref().map(fold_vendor).unwrap_or_default(), fold(product));
            if let Some(draft) = self.own(&keys, &key) {
                let affecting = affected.versions.iter().filter(|v| v.status == Status::Affected).take(64);
                let open: Vec<(&str, bool)> = affecting
                    .flat_map(intervals)
                    .filter(|(start, _, _)| is_open(*start))
                    .map(|(_, end, inclusive)| (end, inclusive))
                    .collect();
                draft.lines.add_open_ends(date, &open);
                for entry in affected.versions.iter().filter(|v| v.status == Status::Affected).take(64) {
                    draft.lines.add_entry(date, entry);
                }
            }
        }
    }

    /// What is collected of a product that the record itself names: of others it would hang on the order of records what is known.
    fn own(&mut self, named: &[(String, String)], key: &(String, String)) -> Option<&mut Draft> {
        named.binary_search(key).ok()?;
        self.products.get_mut(key)
    }

    /// Joins what another builder (another thread) learned.
    pub fn merge(&mut self, other: ProfilesBuilder) {
        self.records += other.records;
        let mut numbers = Vec::new();
        for (word, records) in other.words.into_list() {
            let number = self.words.number(&word);
            self.words.count(number, records);
            numbers.push(number);
        }
        for (key, draft) in other.products {
            let mine = self.products.entry(key).or_default();
            mine.records += draft.records;
            mine.described += draft.described;
            for (place, n) in draft.coordinates {
                *mine.coordinates.entry(place).or_default() += n;
            }
            for (word, n) in draft.words {
                if let Some(number) = numbers.get(word as usize) {
                    *mine.words.entry(*number).or_default() += n;
                }
            }
            mine.lines.merge(draft.lines);
            mine.history.merge(draft.history);
        }
    }

    /// The profiles.
    pub fn finish(self) -> Profiles {
        let mut profiles = Profiles::default();
        let all = f64::from(self.records.max(1));
        let words = self.words.into_list();
        for ((vendor, product), draft) in self.products {
            profiles
                .vendors
                .entry(product.clone())
                .or_default()
                .push((vendor.clone(), draft.records));
            let mut places: Vec<(Coordinate, u32)> = draft.coordinates.into_iter().collect();
            places.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            places.truncate(MAX_COORDINATES);
            let described = f64::from(draft.described.max(1));
            let mut topics: Vec<(f64, &str)> = draft
                .words
                .into_iter()
                .filter_map(|(number, n)| {
                    let (word, records) = words.get(number as usize)?;
                    let share = f64::from(n) / described;
                    let usual = f64::from(*records) / all;
                    (share >= 0.08 && share > 4.0 * usual).then(|| (share * (share / usual).ln(), word.as_str()))
                })
                .collect();
            topics.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
            topics.truncate(MAX_TOPICS);
            let mut topics: Vec<String> = topics.into_iter().map(|(_, word)| word.to_owned()).collect();
            topics.sort_unstable();
            let profile = Profile {
                records: draft.records,
                coordinates: places,
                topics,
                lines: draft.lines.finish(),
                history: draft.history.finish(),
            };
            profiles.products.entry(vendor).or_default().insert(product, profile);
        }
        profiles.vendors.values_mut().for_each(|vendors| sort_vendors(vendors));
        profiles
    }
}

/// Most frequent first.
fn sort_vendors(vendors: &mut [(String, u32)]) {
    vendors.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
}

/// The (vendor, product) pairs that a record calls vulnerable, folded, each once.
fn products_of(advisory: &Advisory) -> Vec<(String, String)> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    for matched in advisory.configurations.iter().flat_map(|c| &c.nodes).flat_map(|n| &n.matches) {
        if matched.vulnerable
            && matched.cpe.part != Part::Hardware
            && let (Some(vendor), Some(product)) = (matched.cpe.vendor.as_deref(), matched.cpe.product.as_deref())
            && found.last() != Some(&(vendor, product))
        {
            found.push((vendor, product));
        }
    }
    for affected in &advisory.affected {
        if let Some(product) = affected.product.as_deref().or(affected.package_name.as_deref()) {
            found.push((affected.vendor.as_deref().unwrap_or(""), product));
        }
        found.extend(
            affected
                .cpes
                .iter()
                .filter_map(|c| Some((c.vendor.as_deref()?, c.product.as_deref()?))),
        );
    }
    found.sort_unstable();
    found.dedup();
    let mut folded: Vec<(String, String)> = found.into_iter().map(|(v, p)| (fold_vendor(v), fold(p))).collect();
    folded.sort_unstable();
    folded.dedup();
    folded
}

/// The ends of the ranges that a record names, by folded vendor and product.
fn ends(advisory: &Advisory) -> BTreeMap<(String, String), Vec<&str>> {
    let mut by_name: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for matched in advisory.configurations.iter().flat_map(|c| &c.nodes).flat_map(|n| &n.matches) {
        if let (true, Some(end), Some(vendor), Some(product)) =
            (matched.vulnerable, &matched.end, &matched.cpe.vendor, &matched.cpe.product)
        {
            by_name.entry((vendor, product)).or_default().push(&end.version);
        }
    }
    for affected in &advisory.affected {
        let Some(product) = affected.product.as_deref().or(affected.package_name.as_deref()) else {
            continue;
        };
        let affecting = affected.versions.iter().filter(|v| v.status == Status::Affected).take(64);
        let ends = affecting.flat_map(intervals).map(|(_, end, _)| end);
        by_name
            .entry((affected.vendor.as_deref().unwrap_or_default(), product))
            .or_default()
            .extend(ends);
    }
    folded(by_name.into_iter().filter(|(_, ends)| ends.len() >= 2))
}

/// The same by folded vendor and product: several spellings may be one.
fn folded<'a>(by_name: impl Iterator<Item = ((&'a str, &'a str), Vec<&'a str>)>) -> BTreeMap<(String, String), Vec<&'a str>> {
    let mut all: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    for ((vendor, product), mut versions) in by_name {
        all.entry((fold_vendor(vendor), fold(product))).or_default().append(&mut versions);
    }
    all
}

/// The highest version that a record names for each product: start, end or single.
fn highest(advisory: &Advisory) -> Table<(&str, &str), Components> {
    let mut found: Table<(&str, &str), Components> = Table::default();
    let mut add = |name, version: &str| {
        let version = components(version);
        let known = found.entry(name).or_default();
        if **known < *version {
            *known = version;
        }
    };
    for matched in advisory.configurations.iter().flat_map(|c| &c.nodes).flat_map(|n| &n.matches) {
        if let (true, Some(vendor), Some(product)) = (matched.vulnerable, matched.cpe.vendor.as_deref(), matched.cpe.product.as_deref()) {
            let ends = matched.start.iter().chain(&matched.end).map(|end| &end.version);
            ends.map(String::as_str)
                .chain(matched.cpe.version.as_deref())
                .for_each(|version| add((vendor, product), version));
        }
    }
    for affected in &advisory.affected {
        let Some(product) = affected.product.as_deref().or(affected.package_name.as_deref()) else {
            continue;
        };
        let name = (affected.vendor.as_deref().unwrap_or_default(), product);
        for entry in affected.versions.iter().take(64) {
            add(name, &entry.version);
            if let Some(UpperBound::LessThan(end) | UpperBound::LessThanOrEqual(end)) = &entry.bound {
                add(name, end);
            }
        }
        for event in affected.ranges.iter().flat_map(|range| &range.events) {
            let (Event::Introduced(version) | Event::Fixed(version) | Event::LastAffected(version) | Event::Limit(version)) = event;
            add(name, version);
        }
    }
    found
}

/// A number for the vulnerability, the same for all sources.
fn number(advisory: &Advisory) -> u64 {
    let id = cve_of(advisory).unwrap_or(&advisory.id);
    // FNV-1a: two that share a number count as one.
    let hash = |h: u64, b: u8| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3);
    id.bytes().fold(0xcbf2_9ce4_8422_2325, hash)
}

/// The single versions that a record's CPE names list, by folded vendor and product.
fn listed(advisory: &Advisory) -> BTreeMap<(String, String), Vec<&str>> {
    let mut by_name: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for matched in advisory.configurations.iter().flat_map(|c| &c.nodes).flat_map(|n| &n.matches) {
        let cpe = &matched.cpe;
        if let (true, None, None, Some(vendor), Some(product), Some(version)) = (
            matched.vulnerable,
            &matched.start,
            &matched.end,
            cpe.vendor.as_deref(),
            cpe.product.as_deref(),
            cpe.version.as_deref(),
        ) {
            by_name.entry((vendor, product)).or_default().push(version);
        }
    }
    folded(by_name.into_iter().filter(|(_, versions)| versions.len() >= 4))
}

/// The last day of a day's year.
pub(super) fn year_end(day: u32) -> u32 {
    day.saturating_sub(32) / 372 * 372 + 403
}

/// Days since 1970, roughly (months of 31 days): only compared with each other. 0 where the text is no date.
pub(super) fn day(date: &str) -> u32 {
    let part = |from: usize, to: usize| date.get(from..to).and_then(|t| t.parse::<u32>().ok());
    match (part(0, 4), part(5, 7), part(8, 10)) {
        (Some(year), Some(month), Some(day)) if (1970..3000).contains(&year) => (year - 1970) * 372 + month.min(12) * 31 + day.min(31),
        _ => 0,
    }
}
