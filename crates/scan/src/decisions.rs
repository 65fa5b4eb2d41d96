//! What people decided about findings: read from files, applied, and still visible.
//!
//! Files are our own TOML, whitelists of vulnix, and VEX documents (OpenVEX, CSAF, CycloneDX). Where several entries speak about
//! a finding the last one holds: later in its file, or in a file given later. An entry whose last day is over speaks no more,
//! and the scan says so.

mod entries;
mod vex;
mod whitelist;
mod yaml;

use std::collections::HashMap;

use cli_kit::{Exit, Explained};
use time::Date;
use vuln::package::Package;

use crate::finding::{Decision, Report};
use crate::inventory::{Inventory, Scanned};

/// Why a file of decisions is refused. A decision that is misread hides a vulnerability, so nothing in doubt is taken.
#[derive(Debug, thiserror::Error)]
pub enum DecisionsError {
    /// Not TOML.
    #[error("parse decisions {name}")]
    Toml {
        /// Which file.
        name: String,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// JSON, but no VEX document that is known.
    #[error("parse decisions {name}")]
    Vex {
        /// Which file.
        name: String,
        /// Where and why.
        #[source]
        source: attest::document::ReadError,
    },
    /// An entry that says too little, too much, or something unknown.
    #[error("parse decisions {name}, {entry}: {problem}")]
    Entry {
        /// Which file.
        name: String,
        /// `entry 3`, `section openssl`.
        entry: String,
        /// What is wrong.
        problem: String,
    },
    /// A version of the format that came after this program.
    #[error("decisions {name} have version {version}; only 1 is known")]
    Version {
        /// Which file.
        name: String,
        /// What it says.
        version: i64,
    },
    /// Not text.
    #[error("decisions {name} are not text in UTF-8")]
    Encoding {
        /// Which file.
        name: String,
    },
}

impl Explained for DecisionsError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// Decisions of all files.
#[derive(Debug, Default)]
pub struct Decisions {
    rules: Vec<Rule>,
    /// What was read but cannot be used, one sentence each.
    pub problems: Vec<String>,
}

/// What applying decisions led to, beside the findings themselves.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// How many findings bear a decision.
    pub decided: usize,
    /// Entries that would speak about a finding, but whose last day is over.
    pub expired: Vec<String>,
    /// Entries that speak about no finding. Statements of VEX documents are not told of: most are about other products.
    pub unused: Vec<String>,
}

/// One entry.
#[derive(Debug)]
struct Rule {
    ids: Ids,
    about: About,
    decision: Decision,
    /// The last day that it holds.
    until: Option<Date>,
    /// Whether to tell if it speaks about nothing.
    expected: bool,
}

/// Vulnerabilities that an entry names.
#[derive(Debug)]
enum Ids {
    All,
    /// In capitals.
    These(Vec<String>),
    Globs(Vec<String>),
}

/// Packages that an entry speaks about.
#[derive(Debug)]
enum About {
    /// Globs of name and version.
    Names { package: String, version: String },
    /// `openssl` or `openssl-1.1.1g`, as vulnix writes it.
    Name(String),
    /// Products of a VEX statement.
    Products(Vec<attest::vex::Product>),
}

impl Decisions {
    /// Reads a file, whichever of the formats it has. `name` is what it is called in messages.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, DecisionsError> {
        let first = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start().first();
        if first == Some(&b'{') {
            return vex::read(name, bytes);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| DecisionsError::Encoding { name: name.to_owned() })?;
        // Nothing in TOML begins with a dash.
        let mut lines = text
            .lines()
            .map(str::trim_start)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        if lines.next().is_some_and(|first| first.starts_with('-')) {
            return whitelist::read_yaml(name, text);
        }
        let table: toml::Table = text.parse().map_err(|source| DecisionsError::Toml {
            name: name.to_owned(),
            source: Box::new(source),
        })?;
        // A whitelist holds sections and nothing else.
        if table.values().all(toml::Value::is_table) && !table.is_empty() {
            whitelist::read(name, &table)
        } else {
            entries::read(name, &table)
        }
    }

    /// Adds decisions that go before these.
    pub fn add(&mut self, later: Self) {
        self.rules.extend(later.rules);
        self.problems.extend(later.problems);
    }

    /// Writes into each finding what was decided about it. `today` is the day that last days are compared with.
    pub fn apply(&self, report: &mut Report, today: Date) -> Applied {
        let mut by_id: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut others = Vec::new();
        for (number, rule) in self.rules.iter().enumerate() {
            match &rule.ids {
                Ids::These(ids) => ids.iter().for_each(|id| by_id.entry(id).or_default().push(number)),
                Ids::All | Ids::Globs(_) => others.push(number),
            }
        }
        let paths = paths_of(&report.inventory);
        let mut used = vec![false; self.rules.len()];
        let mut applied = Applied::default();
        let mut expired = vec![false; self.rules.len()];
        for finding in &mut report.findings {
            let Some(scanned) = report.inventory.packages.get(finding.package as usize) else {
                continue;
            };
            let ids: Vec<String> = std::iter::once(&finding.id)
                .chain(&finding.aliases)
                .map(|id| id.to_ascii_uppercase())
                .collect();
            let named = ids.iter().filter_map(|id| by_id.get(id.as_str())).flatten();
            let mut candidates: Vec<usize> = named.chain(&others).copied().collect();
            candidates.sort_unstable();
            candidates.dedup();
            let mut holds = None;
            for number in candidates {
                let Some(rule) = self.rules.get(number) else { continue };
                let own_paths = paths.get(finding.package as usize).map(Vec::as_slice).unwrap_or_default();
                if !rule.ids.name(&ids) || !rule.about.is(scanned, own_paths) {
                    continue;
                }
                mark(&mut used, number);
                if rule.until.is_some_and(|until| until < today) {
                    mark(&mut expired, number);
                } else {
                    holds = Some(rule);
                }
            }
            if let Some(rule) = holds {
                finding.decision = Some(rule.decision.clone());
                applied.decided += 1;
            }
        }
        for ((rule, used), expired) in self.rules.iter().zip(used).zip(expired) {
            let source = &rule.decision.source;
            if let (true, Some(until)) = (expired, rule.until) {
                applied.expired.push(format!("{source} held until {until} and no longer applies"));
            } else if !used && rule.expected {
                applied.unused.push(format!("{source} speaks about nothing that was found"));
            }
        }
        applied
    }
}

fn mark(flags: &mut [bool], at: usize) {
    if let Some(flag) = flags.get_mut(at) {
        *flag = true;
    }
}

/// The names of each package's parts.
fn paths_of(inventory: &Inventory) -> Vec<Vec<&str>> {
    let mut paths = vec![Vec::new(); inventory.packages.len()];
    for part in &inventory.parts {
        if let Some(list) = part.package.and_then(|package| paths.get_mut(package as usize)) {
            list.push(part.name.as_str());
        }
    }
    paths
}

impl Ids {
    /// Whether one of a finding's ids (in capitals) is meant.
    fn name(&self, ids: &[String]) -> bool {
        match self {
            Self::All => true,
            Self::These(these) => ids.iter().any(|id| these.contains(id)),
            Self::Globs(globs) => ids.iter().any(|id| globs.iter().any(|glob| matches(glob, id))),
        }
    }
}

impl About {
    fn is(&self, scanned: &Scanned, paths: &[&str]) -> bool {
        let Package { pname, version, .. } = &scanned.package;
        match self {
            Self::Names { package, version: glob } => matches(package, pname) && matches(glob, version),
            Self::Name(name) => {
                name == "*" || name == pname || name.strip_prefix(pname.as_str()).and_then(|rest| rest.strip_prefix('-')) == Some(version)
            }
            Self::Products(products) => products.iter().any(|product| vex::is_about(product, scanned, paths)),
        }
    }
}

/// Whether a text fits a pattern of `*` (any characters) and `?` (one).
fn matches(glob: &str, text: &str) -> bool {
    let (glob, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), text.chars().collect());
    let (mut at, mut here) = (0, 0);
    // Where the last star stood, and how much of the text it took: it takes more when the rest does not fit.
    let mut star: Option<(usize, usize)> = None;
    while let Some(c) = text.get(here) {
        match glob.get(at) {
            Some('*') => {
                star = Some((at, here));
                at += 1;
            }
            Some(g) if g == c || *g == '?' => {
                at += 1;
                here += 1;
            }
            _ => match &mut star {
                Some((from, taken)) => {
                    *taken += 1;
                    at = *from + 1;
                    here = *taken;
                }
                None => return false,
            },
        }
    }
    glob.iter().skip(at).all(|g| *g == '*')
}

/// Reads a day: `2027-01-31`.
fn day(text: &str) -> Option<Date> {
    Date::parse(text, time::macros::format_description!("[year]-[month]-[day]")).ok()
}

/// The day that a TOML value names: a date, or a text that is one.
fn day_of(value: &toml::Value) -> Option<Date> {
    match value {
        toml::Value::String(text) => day(text),
        toml::Value::Datetime(datetime) => day(&datetime.date?.to_string()),
        _ => None,
    }
}

/// Texts of a value that is a text or a list of texts; `None` if it is neither.
fn texts(value: &toml::Value) -> Option<Vec<String>> {
    match value {
        toml::Value::String(text) => Some(vec![text.clone()]),
        toml::Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// An unknown key, with the known one that was probably meant.
fn unknown_key(key: &str, known: &[&str]) -> String {
    let near = known.iter().map(|word| (distance(key, word), word)).min();
    match near {
        Some((distance, word)) if distance <= 1 + word.len() / 3 => format!("unknown key {key:?}; did you mean {word:?}?"),
        _ => format!("unknown key {key:?}; known are {}", known.join(", ")),
    }
}

/// How many characters have to be added, dropped or changed to make one text the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, l) in left.chars().take(64).enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        if let Some(first) = row.first_mut() {
            *first = before;
        }
        for (cell, r) in row.iter_mut().skip(1).zip(&right) {
            let changed = diagonal + usize::from(l != *r);
            diagonal = *cell;
            *cell = changed.min(*cell + 1).min(before + 1);
            before = *cell;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
