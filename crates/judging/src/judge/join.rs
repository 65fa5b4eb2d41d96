//! Which package of which channel a scanned one is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use vuln::matching::{Cluster, Facts, Key};
use vuln::package::Package;
use vuln::snapshot::{ChannelPackage, ReadAt, Snapshot, SnapshotError};

use crate::inventory::{Inventory, Scanned, Seen};

/// Scanned packages that are looked up at a time: what channels know of a name is dropped again but for a few words.
const BATCH: usize = 1000;
/// Packages of channels that are kept for one name: a name that hundreds of packages bear tells little.
const MAX_COUNTERPARTS: usize = 64;

/// Scanned packages with their places in channels.
#[derive(Debug, Default)]
pub(super) struct Joined {
    /// The channel that most packages are from.
    context: Option<u32>,
    pub channels: Vec<String>,
    pub packages: Vec<Place>,
    /// The channel's packages that were scanned themselves, by number.
    natives: BTreeMap<u32, Cluster>,
    guests: Vec<Cluster>,
}

/// What is known of one scanned package.
#[derive(Debug, Default)]
pub(super) struct Place {
    at: At,
    /// Packages of the same name and software, by number.
    pub counterparts: Vec<Counterpart>,
}

#[derive(Debug, Clone, Copy)]
enum At {
    /// A package of the channel that everything is judged in.
    Native(u32),
    /// None of the channel's: place in `guests`.
    Guest(usize),
}

impl Default for At {
    fn default() -> Self {
        At::Guest(usize::MAX)
    }
}

/// A channel's package of the same name.
#[derive(Debug, Clone)]
pub(super) struct Counterpart {
    pub number: u32,
    pub channel: u32,
    pub name: String,
    pub version: String,
    has_meta: bool,
}

impl Joined {
    /// The channel's packages that were scanned themselves, with their numbers.
    pub fn natives(&self) -> impl Iterator<Item = (u32, &Cluster)> {
        self.natives.iter().map(|(number, cluster)| (*number, cluster))
    }

    /// The channel that most packages are from.
    pub fn context(&self) -> Option<&str> {
        self.channels.get(self.context? as usize).map(String::as_str)
    }

    /// Those that are not of the channel.
    pub fn guests(&self) -> impl Iterator<Item = &Cluster> {
        self.guests.iter()
    }

    /// Whether packages are judged among those of this channel.
    pub fn is_context(&self, channel: u32) -> bool {
        self.context == Some(channel)
    }

    /// These packages of the channel, and all that were scanned, with their numbers, in order.
    pub fn among<S: ReadAt>(
        &self,
        packages: impl Iterator<Item = u32>,
        snapshot: &Snapshot<S>,
    ) -> Result<(Vec<Cluster>, Vec<u32>), SnapshotError> {
        let mut numbers: BTreeSet<u32> = packages.collect();
        numbers.extend(self.natives.keys());
        let numbers: Vec<u32> = numbers.into_iter().collect();
        let found = super::in_parallel(&numbers, |numbers| snapshot.packages(numbers))?;
        let mut found: Vec<(u32, ChannelPackage)> = found.into_iter().flatten().collect();
        found.sort_unstable_by_key(|(number, _)| *number);
        Ok(found.into_iter().map(|(number, package)| (package.cluster, number)).unzip())
    }

    /// Each scanned package with its place in an index of the channel's packages with these numbers and the guests behind them.
    pub fn places(&self, numbers: &[u32]) -> impl Iterator<Item = (u32, usize)> {
        let place = move |at: At| match at {
            At::Native(number) => numbers.binary_search(&number).ok(),
            At::Guest(guest) => numbers.len().checked_add(guest),
        };
        (0u32..)
            .zip(&self.packages)
            .filter_map(move |(n, package)| Some((n, place(package.at)?)))
    }
}

/// Joins, and adds to the inventory what channels know. Packages are judged in the channel with the number `context`, or else in the one that
/// most of them are from.
pub(super) fn join<S: ReadAt>(inventory: &mut Inventory, snapshot: &Snapshot<S>, context: Option<u32>) -> Result<Joined, SnapshotError> {
    let channels = &snapshot.header().channels;
    let mut joined = Joined {
        channels: channels.iter().map(|c| c.name.clone()).collect(),
        ..Joined::default()
    };
    let exact = exact(inventory, snapshot)?;
    let mut votes: HashMap<u32, usize> = HashMap::new();
    let mut all: Vec<Vec<Counterpart>> = Vec::with_capacity(inventory.packages.len());
    for scanned in inventory.packages.chunks(BATCH) {
        all.extend(counterparts(scanned, snapshot)?);
    }
    for (counterparts, scanned) in all.iter().zip(&inventory.packages) {
        let mut same: Vec<u32> = counterparts
            .iter()
            .filter(|c| c.version == scanned.package.version)
            .map(|c| c.channel)
            .collect();
        same.dedup();
        same.into_iter().for_each(|channel| *votes.entry(channel).or_default() += 1);
    }
    for (package, _) in exact.iter().flatten() {
        // The very path says more than a name and a version.
        *votes.entry(package.channel).or_default() += 10;
    }
    let most = votes.into_iter().max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0)));
    joined.context = context.or(most.map(|(channel, _)| channel));
    let mut wanted: Vec<u32> = Vec::new();
    let mut known: Vec<[Option<u32>; 2]> = Vec::with_capacity(all.len());
    for (counterparts, scanned) in all.iter().zip(&inventory.packages) {
        let best = best(counterparts, &scanned.package.version, joined.context);
        wanted.extend(best.iter().flatten());
        known.push(best);
    }
    wanted.sort_unstable();
    wanted.dedup();
    let told: HashMap<u32, ChannelPackage> = super::in_parallel(&wanted, |numbers| snapshot.packages(numbers))?
        .into_iter()
        .flatten()
        .collect();
    let mut same: HashMap<String, usize> = HashMap::new();
    let rest = inventory.packages.iter_mut().zip(exact).zip(all.into_iter().zip(known));
    for ((scanned, exact), (mut counterparts, known)) in rest {
        let shows_patches = |channel: u32| channels.get(channel as usize).is_some_and(|c| c.shows_patches);
        if scanned.seen == Seen::Registry {
            // Its name means something else in a channel.
            joined.packages.push(Place::default());
            continue;
        }
        // What it says of itself goes first: one of a channel's packages speaks for all that are built alike, whatever each is built for.
        if let Some((package, _)) = &exact
            && scanned.package.system.is_empty()
        {
            scanned.package.system.clone_from(&package.cluster.package.system);
        }
        let mut at = None;
        match exact {
            Some((package, number)) if shows_patches(package.channel) => {
                adopt(scanned, &package.cluster);
                at = (Some(package.channel) == joined.context).then_some(At::Native(number));
                if at.is_some() {
                    joined.natives.entry(number).or_insert(package.cluster);
                }
            }
            Some((package, _)) => complete(&mut scanned.package, &package.cluster.package),
            None => {}
        }
        for number in known.into_iter().flatten() {
            if let Some(package) = told.get(&number) {
                complete(&mut scanned.package, &package.cluster.package);
            }
        }
        let at = at.unwrap_or_else(|| {
            let cluster = guest(&scanned.package);
            // Variants of one package are one: what tells them apart is what a verdict rests on.
            let package = &cluster.package;
            let key = format!(
                "{:?}",
                (
                    &package.attr,
                    &package.pname,
                    &package.version,
                    &package.system,
                    &package.patches,
                    &package.known_vulnerabilities,
                    &package.source_urls
                )
            );
            let place = *same.entry(key).or_insert(joined.guests.len());
            if place == joined.guests.len() {
                joined.guests.push(cluster);
            }
            At::Guest(place)
        });
        let software = Facts::key(&scanned.package);
        counterparts.retain(|c| told.get(&c.number).is_none_or(|p| Facts::key(&p.cluster.package) == software));
        joined.packages.push(Place { at, counterparts });
    }
    Ok(joined)
}

/// For each package that of the channel which has one of its store paths, with its number.
fn exact<S: ReadAt>(inventory: &Inventory, snapshot: &Snapshot<S>) -> Result<Vec<Option<(ChannelPackage, u32)>>, SnapshotError> {
    let mut paths: Vec<(usize, &str)> = Vec::new();
    let is_of_registry = |n: usize| inventory.packages.get(n).is_some_and(|s| s.seen == Seen::Registry);
    for (n, scanned) in inventory.packages.iter().enumerate() {
        paths.extend(scanned.package.drv_path.as_deref().map(|path| (n, path)));
        paths.extend(scanned.package.outputs.iter().map(|(_, path)| (n, path.as_str())));
    }
    for part in &inventory.parts {
        paths.extend(part.package.map(|n| (n as usize, part.name.as_str())));
    }
    paths.retain(|(n, path)| (path.starts_with(nix_model::STORE_DIR) || !path.contains('/')) && !is_of_registry(*n));
    let found = snapshot.packages_at(&paths.iter().map(|(_, path)| *path).collect::<Vec<_>>())?;
    let mut first: Vec<Option<u32>> = vec![None; inventory.packages.len()];
    for ((n, _), number) in paths.into_iter().zip(found) {
        if let Some(place @ None) = first.get_mut(n) {
            *place = number;
        }
    }
    let mut numbers: Vec<u32> = first.iter().flatten().copied().collect();
    numbers.sort_unstable();
    numbers.dedup();
    let told: HashMap<u32, ChannelPackage> = super::in_parallel(&numbers, |numbers| snapshot.packages(numbers))?
        .into_iter()
        .flatten()
        .collect();
    Ok(first
        .into_iter()
        .map(|number| Some((told.get(&number?)?.clone(), number?)))
        .collect())
}

/// The packages of all channels with the name of each scanned one.
fn counterparts<S: ReadAt>(scanned: &[Scanned], snapshot: &Snapshot<S>) -> Result<Vec<Vec<Counterpart>>, SnapshotError> {
    let keys: Vec<Key> = scanned.iter().map(|s| Key::Pname(s.package.pname.clone())).collect();
    let filed = snapshot.filed(&keys)?;
    let mut numbers: Vec<u32> = filed
        .iter()
        .flatten()
        .flat_map(|filed| filed.0.iter().take(MAX_COUNTERPARTS).map(|(number, _)| *number))
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    let told: HashMap<u32, Counterpart> = super::in_parallel(&numbers, |numbers| {
        let found = snapshot.packages(numbers)?.into_iter();
        Ok(found
            .map(|(number, package)| {
                let counterpart = Counterpart {
                    number,
                    channel: package.channel,
                    has_meta: package.cluster.package.description.is_some() || !package.cluster.package.homepages.is_empty(),
                    name: package.cluster.name,
                    version: package.cluster.package.version,
                };
                (number, counterpart)
            })
            .collect::<Vec<_>>())
    })?
    .into_iter()
    .flatten()
    .collect();
    Ok(filed
        .into_iter()
        .map(|filed| {
            let numbers = filed.into_iter().flat_map(|filed| filed.0);
            numbers.filter_map(|(number, _)| told.get(&number).cloned()).collect()
        })
        .collect())
}

/// The package that says most about one: of the channel itself, and, where that lists names only, of another one.
fn best(counterparts: &[Counterpart], version: &str, context: Option<u32>) -> [Option<u32>; 2] {
    let plain = |c: &&Counterpart| {
        let name = &c.name;
        (c.version != version, name.matches('.').count(), name.len(), c.number)
    };
    let own = counterparts.iter().filter(|c| Some(c.channel) == context).min_by_key(plain);
    let other = match own {
        Some(own) if own.has_meta => None,
        _ => counterparts.iter().min_by_key(|c| (!c.has_meta, plain(c))),
    };
    [own.map(|c| c.number), other.map(|c| c.number)]
}

/// The scanned package is this one of a channel that shows everything.
fn adopt(scanned: &mut Scanned, cluster: &Cluster) {
    if !scanned.seen.shows_patches() {
        scanned.seen = Seen::Channel;
    }
    let own = std::mem::replace(&mut scanned.package, cluster.package.clone());
    scanned.package = Package {
        system: own.system,
        outputs: own.outputs,
        drv_path: own.drv_path,
        ..std::mem::take(&mut scanned.package)
    };
}

/// Adds what a channel knows of a package of the same name.
fn complete(package: &mut Package, known: &Package) {
    fn fill<T: Clone>(own: &mut Vec<T>, known: &[T]) {
        if own.is_empty() {
            own.extend_from_slice(known);
        }
    }
    if package.attr.is_empty() {
        package.attr.clone_from(&known.attr);
    }
    package.position = package.position.take().or_else(|| known.position.clone());
    package.description = package.description.take().or_else(|| known.description.clone());
    fill(&mut package.homepages, &known.homepages);
    fill(&mut package.changelogs, &known.changelogs);
    fill(&mut package.licenses, &known.licenses);
    fill(&mut package.maintainers, &known.maintainers);
    fill(&mut package.teams, &known.teams);
    fill(&mut package.pages, &known.pages);
    fill(&mut package.cpes, &known.cpes);
    fill(&mut package.possible_cpes, &known.possible_cpes);
    fill(&mut package.source_urls, &known.source_urls);
    if package.version == known.version {
        // They name the version, or are about it.
        fill(&mut package.purls, &known.purls);
        fill(&mut package.known_vulnerabilities, &known.known_vulnerabilities);
    }
}

fn guest(package: &Package) -> Cluster {
    let mut cluster = Cluster::of(package.clone());
    if cluster.name.is_empty() {
        cluster.name.clone_from(&package.pname);
    }
    cluster
}
