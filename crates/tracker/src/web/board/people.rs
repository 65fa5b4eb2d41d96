//! Who looks after what: maintainers and teams, with what is open in their packages.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use vuln::package::Maintainer;
use vuln::score::Severity;

use super::ChannelBoard;
use crate::store::read::Kept;

/// Maintainers or teams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A person.
    Maintainer,
    /// A team.
    Team,
}

/// Someone who looks after packages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keeper {
    /// As people write it.
    pub name: String,
    /// The name in addresses.
    pub handle: String,
    /// GitHub account.
    pub github: Option<String>,
    /// By channel.
    pub packages: BTreeMap<String, Vec<Package>>,
}

/// A package of one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Key in this database.
    pub key: i64,
    /// The most plain attribute.
    pub name: String,
    /// Version.
    pub version: String,
}

/// Everyone who looks after packages.
#[derive(Debug, Default)]
pub struct People {
    maintainers: BTreeMap<String, Keeper>,
    teams: BTreeMap<String, Keeper>,
    /// Channels that say who looks after their packages.
    channels: Vec<String>,
}

/// What is open in some packages, by severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct Open([usize; 6]);

/// The name of a maintainer in addresses: the GitHub account where there is one, else the name.
pub fn handle(maintainer: &Maintainer) -> &str {
    maintainer
        .github
        .as_deref()
        .filter(|handle| is_account(handle))
        .unwrap_or(&maintainer.name)
}

/// Whether a text can be the name of an account on GitHub.
pub fn is_account(handle: &str) -> bool {
    !handle.is_empty() && handle.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

impl People {
    /// Puts together who keeps what.
    pub fn new(kept: Vec<Kept>) -> Self {
        let mut people = Self::default();
        for package in kept {
            if !people.channels.contains(&package.channel) {
                people.channels.push(package.channel.clone());
            }
            for maintainer in &package.maintainers {
                let github = maintainer.github.as_ref().filter(|handle| is_account(handle));
                add(&mut people.maintainers, handle(maintainer), &maintainer.name, github, &package);
            }
            for team in &package.teams {
                add(&mut people.teams, team, team, None, &package);
            }
        }
        people.channels.sort_by(|a, b| crate::store::read::recent_first(a, b));
        people
    }

    /// Channels that say who looks after their packages, most recent first.
    pub fn channels(&self) -> &[String] {
        &self.channels
    }

    /// Everyone of a kind, by handle.
    pub fn all(&self, kind: Kind) -> impl Iterator<Item = &Keeper> {
        self.of(kind).values()
    }

    /// One of them, by handle in any case.
    pub fn one(&self, kind: Kind, handle: &str) -> Option<&Keeper> {
        self.of(kind).get(&handle.to_lowercase())
    }

    fn of(&self, kind: Kind) -> &BTreeMap<String, Keeper> {
        match kind {
            Kind::Maintainer => &self.maintainers,
            Kind::Team => &self.teams,
        }
    }
}

fn add(keepers: &mut BTreeMap<String, Keeper>, handle: &str, name: &str, github: Option<&String>, package: &Kept) {
    if handle.trim().is_empty() {
        return;
    }
    let keeper = keepers.entry(handle.to_lowercase()).or_insert_with(|| Keeper {
        name: name.to_owned(),
        handle: handle.to_owned(),
        github: github.cloned(),
        packages: BTreeMap::new(),
    });
    let packages = keeper.packages.entry(package.channel.clone()).or_default();
    // Some packages name one person twice.
    if packages.last().is_none_or(|last| last.key != package.key) {
        packages.push(Package {
            key: package.key,
            name: package.name.clone(),
            version: package.version.clone(),
        });
    }
}

impl Open {
    /// Adds one finding.
    pub fn add(&mut self, severity: Severity) {
        if let Some(count) = self.0.get_mut(severity as usize) {
            *count += 1;
        }
    }

    /// Adds what is open in another package.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
    }

    /// Of one severity.
    pub fn of(&self, severity: Severity) -> usize {
        self.0.get(severity as usize).copied().unwrap_or_default()
    }

    /// Of any severity.
    pub fn all(&self) -> usize {
        self.0.iter().sum()
    }

    /// For lists: the critical ones count first, then the high ones and so on.
    pub fn weight(&self) -> [usize; 6] {
        let mut weight = self.0;
        weight.reverse();
        weight
    }
}

impl ChannelBoard {
    /// What is open in each package of the channel that has anything open.
    pub fn open_by_package(&self) -> HashMap<i64, Open> {
        let mut open: HashMap<i64, Open> = HashMap::new();
        for index in 0..self.groups.len() as u32 {
            let Some((facts, pairs)) = self.group(index) else { continue };
            for pair in pairs.iter().filter(|pair| pair.verdict.is_open()) {
                open.entry(pair.cluster).or_default().add(facts.severity);
            }
        }
        open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(key: i64, channel: &str, maintainers: &[(&str, Option<&str>)], teams: &[&str]) -> Kept {
        Kept {
            channel: channel.to_owned(),
            key,
            name: format!("p{key}"),
            version: "1".to_owned(),
            maintainers: maintainers
                .iter()
                .map(|(name, github)| Maintainer {
                    name: (*name).to_owned(),
                    github: github.map(str::to_owned),
                })
                .collect(),
            teams: teams.iter().map(|&team| team.to_owned()).collect(),
        }
    }

    #[test]
    fn everyone_has_one_entry_over_all_channels() {
        let people = People::new(vec![
            kept(
                1,
                "nixos-22.11",
                &[("Ada", Some("ada-e")), ("Ada", Some("Ada-E")), ("No Handle", None)],
                &["gnome"],
            ),
            kept(
                2,
                "nixos-unstable",
                &[("Ada E", Some("ADA-E")), ("Bad", Some("../evil")), (" ", None)],
                &["gnome"],
            ),
        ]);
        assert_eq!(people.channels(), ["nixos-unstable", "nixos-22.11"]);
        let handles: Vec<&str> = people.all(Kind::Maintainer).map(|keeper| keeper.handle.as_str()).collect();
        assert_eq!(handles, ["ada-e", "Bad", "No Handle"]);
        let ada = people.one(Kind::Maintainer, "aDa-e").unwrap();
        assert_eq!((ada.name.as_str(), ada.github.as_deref()), ("Ada", Some("ada-e")));
        assert_eq!(ada.packages["nixos-22.11"].len(), 1);
        assert_eq!(people.one(Kind::Maintainer, "bad").unwrap().github, None);
        assert_eq!(people.one(Kind::Team, "gnome").unwrap().packages.len(), 2);
        assert!(people.one(Kind::Team, "ada-e").is_none());
    }

    #[test]
    fn critical_ones_weigh_most() {
        let open = |severities: &[Severity]| {
            let mut open = Open::default();
            severities.iter().for_each(|severity| open.add(*severity));
            open
        };
        let one = open(&[Severity::Critical]);
        let many = open(&[Severity::High, Severity::High, Severity::Unknown]);
        assert!(one.weight() > many.weight() && many.all() == 3 && many.of(Severity::High) == 2);
    }
}
