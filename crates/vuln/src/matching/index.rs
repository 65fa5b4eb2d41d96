//! The package side of matching: clusters of attributes that are one package, and the tables to find them.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher as _};

use serde::{Deserialize, Serialize};

use super::Table;
use super::coordinate::{Coordinate, coordinates, labels};
use super::key::{Asked, Key};
use super::name::{Form, are_akin, base, fold, package_names, topic_words};
use super::pairs::Pairs;
use super::registry::package_of;
use super::rules::RULES;
use crate::cpe::Cpe;
use crate::package::{Ecosystem, Package, ecosystem, ids_in};

/// Attributes that a person sees as one line: the same software, version, patches and marks.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// The shortest, most plain attribute: `curl`, not `curlFull`. Unique in an index.
    pub name: String,
    /// The name that a person knows the software by: without build variant (`firefox`, not `firefox-unwrapped`) and without the
    /// interpreter of a language's set (`Django`).
    pub pname: String,
    /// All attributes, sorted.
    pub attrs: Vec<String>,
    /// The facts of the attribute named `name`.
    pub package: Package,
}

/// What any channel knows about a package's identity (homepage, sources, subject), for channels that list names only.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    known: Table<String, Known>,
}

/// Identity facts of one package.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Known {
    /// Sorted.
    pub(super) coordinates: Vec<Coordinate>,
    /// Sorted.
    pub(super) topics: Vec<String>,
    pub(super) cpes: Vec<String>,
    pub(super) purls: Vec<String>,
}

crate::snapshot::pack::record!(Known {
    coordinates,
    topics,
    cpes,
    purls
});

impl Facts {
    /// What a package's facts are kept under.
    pub fn key(package: &Package) -> String {
        software_key(package)
    }

    /// All facts with their keys, in no order.
    pub fn into_parts(self) -> impl Iterator<Item = (String, Known)> {
        self.known.into_iter()
    }

    /// Some facts.
    pub fn of_parts(parts: impl IntoIterator<Item = (String, Known)>) -> Self {
        Self {
            known: parts.into_iter().collect(),
        }
    }
}

/// Collects [`Facts`] from packages in any order.
#[derive(Debug, Default)]
pub struct FactsBuilder {
    known: Table<String, Known>,
}

impl FactsBuilder {
    /// Learns from one package.
    pub fn add(&mut self, package: &Package) {
        let new = known_of(package);
        if new == Known::default() {
            return;
        }
        let known = self.known.entry(software_key(package)).or_default();
        known.coordinates.extend(new.coordinates);
        known.topics.extend(new.topics);
        known.cpes.extend(new.cpes);
        known.purls.extend(new.purls);
    }

    /// The facts.
    pub fn finish(mut self) -> Facts {
        for known in self.known.values_mut() {
            for list in [&mut known.coordinates, &mut known.topics, &mut known.cpes, &mut known.purls] {
                list.sort_unstable();
                list.dedup();
            }
        }
        Facts { known: self.known }
    }
}

/// A package set, clustered and indexed for matching.
#[derive(Debug, Default)]
pub struct PackageIndex {
    clusters: Vec<Cluster>,
    pub(super) details: Vec<Details>,
    /// The clusters before this number are the package set's own.
    pub(super) natives: u32,
    by_name: Table<String, Vec<(u32, Form)>>,
    /// By folded upstream name.
    by_language: Table<String, Vec<(Ecosystem, u32)>>,
    by_repository: Table<Coordinate, Vec<u32>>,
    /// Repositories that more packages than [`MAX_FROM_REPOSITORY`] are built from.
    crowded: HashSet<Coordinate>,
    /// By folded vendor and product.
    by_cpe: Pairs<Vec<u32>>,
    by_possible_cpe: Pairs<Vec<u32>>,
    by_purl: Table<String, Vec<u32>>,
    patched: Table<String, Vec<u32>>,
    marked: Table<String, Vec<u32>>,
    /// Set where the questions themselves are of interest.
    asked: Option<Asked>,
}

/// A repository that more packages come from (a monorepo, a plugin collection) does not tell which one is meant.
const MAX_FROM_REPOSITORY: usize = 4;

/// What matching asks of a cluster, made once.
#[derive(Debug, Clone, Default)]
pub(super) struct Details {
    pub ecosystem: Option<(Ecosystem, String)>,
    pub known: Known,
    /// A digest of it.
    pub known_digest: u64,
    /// A digest of the names that rules go by.
    pub names_digest: u64,
    /// Folded labels of hosts and owners: who.
    pub owners: HashSet<String>,
    /// Folded names (pname, attribute, variants).
    pub names: Vec<(String, Form)>,
    /// Folded name without build variant, for rules.
    pub base: String,
    /// Folded name of the program that it is a build or part of.
    pub program: String,
    pub is_esr: bool,
    pub is_enterprise: bool,
}

impl PackageIndex {
    /// Clusters and indexes the packages of one channel.
    pub fn new(packages: Vec<Package>, facts: &Facts) -> Self {
        Self::of_clusters(cluster(packages), 0, facts)
    }

    /// Indexes clusters in the order given, which must be that of their names for the answers to be those of [`new`](Self::new).
    ///
    /// The last `guests` of them are no part of the package set: they are judged as if each stood in the place of the set's package
    /// of the same software.
    pub fn of_clusters(clusters: Vec<Cluster>, guests: usize, facts: &Facts) -> Self {
        let mut index = Self {
            clusters,
            ..Self::default()
        };
        index.details.reserve(index.clusters.len());
        for (n, cluster) in index.clusters.iter().enumerate() {
            let n = u32::try_from(n).unwrap_or(u32::MAX);
            let package = &cluster.package;
            let ecosystem = ecosystem(&package.attr, &package.pname);
            // What the package says of itself; only a bare name learns from other channels.
            let mut known = known_of(package);
            let is_bare = known == Known::default();
            if is_bare {
                known = facts.known.get(&software_key(package)).cloned().unwrap_or_default();
            }
            let owners = known.coordinates.iter().flat_map(|c| owner_labels(c)).collect();
            let mut names = Vec::new();
            if let Some((ecosystem, name)) = &ecosystem {
                index.by_language.entry(fold(name)).or_default().push((*ecosystem, n));
            }
            for attr in cluster.attrs.iter().filter(|a| !RULES.is_ignored_set(a)) {
                match &ecosystem {
                    // Lists of store paths file some attributes under the name of something they are made with: `influxdb` as `libflux-0.196`.
                    None if is_bare && !are_akin(attr, &package.pname) => names.extend(package_names(&package.pname, &package.pname)),
                    None => names.extend(package_names(attr, &package.pname)),
                    // An application that is written in a language (`mitmproxy`, `spamassassin`) is known by its own name too.
                    Some((_, name)) if !attr.contains('.') => names.extend(package_names(attr, name)),
                    Some(_) => {}
                }
            }
            names.sort();
            names.dedup_by(|a, b| a.0 == b.0);
            for (name, form) in &names {
                index.by_name.entry(name.clone()).or_default().push((n, *form));
            }
            for place in known.coordinates.iter().filter(|c| c.starts_with("repo:")) {
                index.by_repository.entry(place.clone()).or_default().push(n);
            }
            for cpe in known.cpes.iter().filter_map(|c| c.parse::<Cpe>().ok()) {
                if let (Some(vendor), Some(product)) = (cpe.vendor, cpe.product) {
                    index.by_cpe.or_insert_with((fold(&vendor), fold(&product)), Vec::new).push(n);
                }
            }
            for purl in &known.purls {
                index.by_purl.entry(purl_key(purl)).or_default().push(n);
            }
            let mut registered: Vec<(Ecosystem, String)> = package
                .source_urls
                .iter()
                .chain(&known.purls)
                .filter_map(|url| package_of(url))
                .map(|(ecosystem, name)| (ecosystem, fold(&name)))
                .collect();
            registered.sort_unstable();
            registered.dedup();
            registered.retain(|key| ecosystem.as_ref().is_none_or(|(e, name)| *key != (*e, fold(name))));
            // A package that vendors many is none of them.
            if let [(ecosystem, name)] = registered.as_slice() {
                index.by_language.entry(name.clone()).or_default().push((*ecosystem, n));
            }
            for cpe in package.possible_cpes.iter().filter_map(|c| c.parse::<Cpe>().ok()) {
                if let (Some(vendor), Some(product)) = (cpe.vendor, cpe.product) {
                    let places = index.by_possible_cpe.or_insert_with((fold(&vendor), fold(&product)), Vec::new);
                    if !places.contains(&n) {
                        places.push(n);
                    }
                }
            }
            for id in patched_ids(package) {
                index.patched.entry(id).or_default().push(n);
            }
            for id in marked_ids(package) {
                index.marked.entry(id).or_default().push(n);
            }
            let is_esr = package.version.ends_with("esr") || cluster.attrs.iter().any(|a| a.contains("esr"));
            let (base, program) = (fold(base(&package.pname)), fold(plain_name(package)));
            index.details.push(Details {
                ecosystem,
                known_digest: digest(&known),
                known,
                owners,
                names,
                names_digest: digest(&(&base, &program)),
                base,
                program,
                is_esr,
                is_enterprise: is_enterprise(package),
            });
        }
        let natives = index.clusters.len().saturating_sub(guests);
        index.natives = u32::try_from(natives).unwrap_or(u32::MAX);
        let is_crowded = |built: &[u32]| {
            let (mut native, mut foreign) = (0, HashSet::new());
            for n in built.iter().map(|n| *n as usize) {
                match index.details.get(n) {
                    Some(details) if n >= natives => drop(foreign.insert(details.base.as_str())),
                    _ => native += 1,
                }
            }
            native.max(foreign.len()) > MAX_FROM_REPOSITORY
        };
        let built = index.by_repository.iter().filter(|(_, built)| is_crowded(built));
        index.crowded = built.map(|(place, _)| place.clone()).collect();
        index
    }

    /// An index that files nothing and notes what it is asked for.
    pub(super) fn noting() -> Self {
        Self {
            asked: Some(Asked::default()),
            ..Self::default()
        }
    }

    /// What it was asked for.
    pub(super) fn into_asked(self) -> HashSet<Key> {
        self.asked.map(Asked::into_keys).unwrap_or_default()
    }

    fn note(&self, key: impl FnOnce() -> Key) {
        if let Some(asked) = &self.asked {
            asked.note(key());
        }
    }

    /// Every key with the clusters that are filed under it; a key may come several times.
    pub fn filed(&self) -> impl Iterator<Item = (Key, Vec<u32>)> {
        let names = self
            .by_name
            .iter()
            .map(|(name, of)| (Key::Name(name.clone()), of.iter().map(|(n, _)| *n).collect()));
        let libraries = self
            .by_language
            .iter()
            .map(|(name, of)| (Key::Library(name.clone()), of.iter().map(|(_, n)| *n).collect()));
        let repositories = self
            .by_repository
            .iter()
            .map(|(place, of)| (Key::Repository(place.clone()), of.clone()));
        let stated = self.by_cpe.iter().chain(self.by_possible_cpe.iter());
        let cpes = stated.map(|(vendor, product, of)| (Key::Cpe(vendor.clone(), product.clone()), of.clone()));
        let purls = self.by_purl.iter().map(|(purl, of)| (Key::Purl(purl.clone()), of.clone()));
        let ids = self
            .patched
            .iter()
            .chain(&self.marked)
            .map(|(id, of)| (Key::Id(id.clone()), of.clone()));
        names.chain(libraries).chain(repositories).chain(cpes).chain(purls).chain(ids)
    }

    /// The clusters; [`Match::cluster`](crate::verdict::Match::cluster) points into them.
    pub fn clusters(&self) -> &[Cluster] {
        &self.clusters
    }

    /// The clusters alone.
    pub fn into_clusters(self) -> Vec<Cluster> {
        self.clusters
    }

    /// Plain packages of this folded name.
    pub(super) fn named(&self, name: &str) -> &[(u32, Form)] {
        self.note(|| Key::Name(name.to_owned()));
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// Packages of a language's set by their folded upstream name.
    pub(super) fn in_language(&self, ecosystem: Ecosystem, name: &str) -> impl Iterator<Item = u32> {
        let all = self.in_languages(&fold(name));
        all.iter().filter(move |(e, _)| *e == ecosystem).map(|(_, n)| *n)
    }

    /// The same of all languages; the name is folded.
    pub(super) fn in_languages(&self, name: &str) -> &[(Ecosystem, u32)] {
        self.note(|| Key::Library(name.to_owned()));
        self.by_language.get(name).map_or(&[], Vec::as_slice)
    }

    /// Packages that are built from a repository, unless there are so many that it does not tell which one is meant.
    pub(super) fn built_from(&self, repository: &str) -> &[u32] {
        self.note(|| Key::Repository(repository.to_owned()));
        if self.crowded.contains(repository) {
            return &[];
        }
        self.by_repository.get(repository).map_or(&[], Vec::as_slice)
    }

    /// Packages whose metadata states a CPE of this vendor and product, as records write them.
    pub(super) fn with_cpe(&self, vendor: &str, product: &str) -> &[u32] {
        self.note(|| Key::Cpe(fold(vendor), fold(product)));
        self.by_cpe.get_with(&fold(product), || fold(vendor)).map_or(&[], Vec::as_slice)
    }

    /// Packages whose metadata takes such a CPE to be possible.
    pub(super) fn with_possible_cpe(&self, vendor: &str, product: &str) -> &[u32] {
        self.note(|| Key::Cpe(fold(vendor), fold(product)));
        self.by_possible_cpe
            .get_with(&fold(product), || fold(vendor))
            .map_or(&[], Vec::as_slice)
    }

    pub(super) fn with_purl(&self, purl: &str) -> &[u32] {
        self.note(|| Key::Purl(purl_key(purl)));
        self.by_purl.get(&purl_key(purl)).map_or(&[], Vec::as_slice)
    }

    /// Clusters with a patch that names the vulnerability.
    pub(super) fn patched(&self, id: &str) -> &[u32] {
        self.note(|| Key::Id(id.to_owned()));
        self.patched.get(id).map_or(&[], Vec::as_slice)
    }

    /// Clusters whose `knownVulnerabilities` name the vulnerability.
    pub(super) fn marked(&self, id: &str) -> &[u32] {
        self.note(|| Key::Id(id.to_owned()));
        self.marked.get(id).map_or(&[], Vec::as_slice)
    }
}

/// Equal for equal values, for as long as the program runs.
fn digest(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Ids that the package's patches name.
pub fn patched_ids(package: &Package) -> BTreeSet<String> {
    package.patches.iter().flat_map(|p| ids_in(p)).collect()
}

/// Ids that the package's `knownVulnerabilities` name.
pub fn marked_ids(package: &Package) -> BTreeSet<String> {
    package.known_vulnerabilities.iter().flat_map(|k| ids_in(k)).collect()
}

/// Who: the owner of a repository, the labels of a host; not the project's own name.
fn owner_labels(coordinate: &str) -> Vec<String> {
    let (kind, rest) = coordinate.split_once(':').unwrap_or(("", coordinate));
    match kind {
        "repo" => rest.split('/').next().map(fold).into_iter().collect(),
        "host" => labels(coordinate).map(fold).collect(),
        // `sub:gnu.org/tar`: GNU.
        "sub" => rest.split('.').next().map(fold).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn purl_key(purl: &str) -> String {
    purl.split(['@', '?', '#']).next().unwrap_or(purl).to_ascii_lowercase()
}

fn known_of(package: &Package) -> Known {
    let urls = package
        .homepages
        .iter()
        .chain(&package.pages)
        .chain(&package.changelogs)
        .chain(&package.source_urls);
    let places: BTreeSet<Coordinate> = urls.flat_map(|u| coordinates(u)).collect();
    let topics: BTreeSet<String> = package.description.iter().flat_map(|d| topic_words(d)).take(32).collect();
    Known {
        coordinates: places.into_iter().take(24).collect(),
        topics: topics.into_iter().collect(),
        cpes: package.cpes.clone(),
        purls: package.purls.clone(),
    }
}

impl Cluster {
    /// A package that stands for itself alone.
    pub fn of(package: Package) -> Self {
        Self {
            name: package.attr.clone(),
            pname: known_name(&package),
            attrs: vec![package.attr.clone()],
            package,
        }
    }
}

/// What is one piece of software, whatever the channel, version and build variant.
fn software_key(package: &Package) -> String {
    match ecosystem(&package.attr, &package.pname) {
        Some((ecosystem, name)) => format!("{ecosystem:?}/{}", fold(&name)),
        None => fold(plain_name(package)),
    }
}

/// A plain package's name without its build variant, or that of the program which it is a part of.
fn plain_name(package: &Package) -> &str {
    let name = base(&package.pname);
    RULES.program(&fold(name)).unwrap_or(name)
}

/// The name that a person knows the software by: without build variant, without the interpreter of a language's set.
fn known_name(package: &Package) -> String {
    ecosystem(&package.attr, &package.pname).map_or_else(|| plain_name(package).to_string(), |(_, name)| name)
}

/// Whether it is the enterprise edition of a program that has a free one too: `gitlab-ee`.
fn is_enterprise(package: &Package) -> bool {
    [&package.attr, &package.pname]
        .iter()
        .any(|name| ["-ee", "-enterprise", "_ee"].iter().any(|end| name.ends_with(end)))
}

/// Joins attributes that are the same software, version, patch state and mark.
fn cluster(packages: Vec<Package>) -> Vec<Cluster> {
    type State = (BTreeSet<String>, BTreeSet<String>);
    type Key = (String, String, bool);
    let mut groups: BTreeMap<Key, BTreeMap<State, Vec<Package>>> = BTreeMap::new();
    for package in packages {
        let state = (patched_ids(&package), marked_ids(&package));
        groups
            .entry((software_key(&package), package.version.clone(), is_enterprise(&package)))
            .or_default()
            .entry(state)
            // Most groups stay at one, and packages are large: the usual first room for four would be hundreds of megabytes.
            .or_insert_with(|| Vec::with_capacity(1))
            .push(package);
    }
    let mut clusters = Vec::with_capacity(groups.len());
    for (_, mut states) in groups {
        // A wrapper has no source of its own: its state is that of what it wraps.
        if states.len() == 2 {
            let plain = (BTreeSet::new(), BTreeSet::new());
            let wraps = |ps: &Vec<Package>| {
                ps.iter()
                    .all(|p| p.drv_path.is_some() && p.source_urls.is_empty() && p.source_names.is_empty())
            };
            if states.get(&plain).is_some_and(wraps) {
                let wrappers = states.remove(&plain).unwrap_or_default();
                if let Some(members) = states.values_mut().next() {
                    members.extend(wrappers);
                }
            }
        }
        for (_, mut members) in states {
            members.sort_by(|a, b| plainness(a).cmp(&plainness(b)));
            let attrs: BTreeSet<String> = members.iter().map(|p| p.attr.clone()).collect();
            // The richest member speaks for all, under the plainest one's attribute.
            let (name, pname) = members.first().map(|p| (p.attr.clone(), known_name(p))).unwrap_or_default();
            let richest = members
                .iter()
                .enumerate()
                .max_by_key(|(n, p)| (p.patches.len() + p.known_vulnerabilities.len(), std::cmp::Reverse(*n)))
                .map(|(n, _)| n);
            let Some(mut package) = richest.map(|n| members.swap_remove(n)) else {
                continue;
            };
            package.attr.clone_from(&name);
            clusters.push(Cluster {
                name,
                pname,
                attrs: attrs.into_iter().collect(),
                package,
            });
        }
    }
    clusters.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    clusters
}

/// Smaller is plainer: the attribute is the program's name, not a variant, few dots, short, then by name.
fn plainness(package: &Package) -> (bool, bool, usize, usize, &str) {
    let attr = package.attr.as_str();
    let (name, plain) = (fold(&package.pname), fold(plain_name(package)));
    (fold(attr) != plain, name != plain, attr.matches('.').count(), attr.len(), attr)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(attr: &str, pname: &str, version: &str) -> Package {
        Package {
            attr: attr.into(),
            pname: pname.into(),
            version: version.into(),
            ..Package::default()
        }
    }

    #[test]
    fn variants_of_one_version_are_one_cluster() {
        let index = PackageIndex::new(
            vec![
                package("curlFull", "curl", "7.71.1"),
                package("curl", "curl", "7.71.1"),
                package("python38Packages.django", "python3.8-Django", "2.2"),
                package("python37Packages.django", "python3.7-Django", "2.2"),
                package("firefox-unwrapped", "firefox-unwrapped", "78.0"),
                package("firefox", "firefox", "78.0"),
                package("git-doc", "git", "2.27"),
                package("git", "git-minimal", "2.27"),
                package("mysql57", "mysql", "5.7.27"),
                package("mysql80", "mysql", "8.0.17"),
            ],
            &Facts::default(),
        );
        let names: Vec<(&str, usize)> = index.clusters().iter().map(|c| (c.name.as_str(), c.attrs.len())).collect();
        assert_eq!(
            names,
            [
                ("curl", 2),
                ("firefox", 2),
                ("git", 2),
                ("mysql57", 1),
                ("mysql80", 1),
                ("python37Packages.django", 2)
            ]
        );
        assert_eq!(index.named("firefox").len(), 1);
    }

    #[test]
    fn a_bare_name_that_has_nothing_of_the_attribute_stands_for_itself() {
        let index = PackageIndex::new(
            vec![package("influxdb", "libflux", "0.196.1"), package("jre8", "jre", "8u1")],
            &Facts::default(),
        );
        assert!(index.named("influxdb").is_empty(), "0.196.1 is no version of influxdb");
        assert_eq!((index.named("libflux").len(), index.named("jre8").len()), (1, 1));
    }

    #[test]
    fn patch_states_stay_apart_but_wrappers_follow_what_they_wrap() {
        let mut patched = package("unzip", "unzip", "6.0");
        patched.patches = vec!["CVE-2014-8140.diff".into()];
        patched.source_names = vec!["unzip60.tar.gz".into()];
        patched.drv_path = Some("/nix/store/a.drv".into());
        let mut other = package("unzipNLS", "unzip", "6.0");
        other.source_names = patched.source_names.clone();
        other.drv_path = Some("/nix/store/b.drv".into());
        let index = PackageIndex::new(vec![patched.clone(), other], &Facts::default());
        assert_eq!(index.clusters().len(), 2);
        let mut wrapper = package("unzip-wrapper", "unzip-wrapper", "6.0");
        wrapper.drv_path = Some("/nix/store/c.drv".into());
        let index = PackageIndex::new(vec![patched, wrapper], &Facts::default());
        assert_eq!(index.clusters().len(), 1);
        assert_eq!(index.patched("CVE-2014-8140"), [0]);
    }

    #[test]
    fn channels_without_meta_learn_from_others() {
        let mut known = package("curl", "curl", "7.1");
        known.homepages = vec!["https://curl.haxx.se/".into()];
        let mut facts = FactsBuilder::default();
        facts.add(&known);
        let index = PackageIndex::new(vec![package("curl", "curl", "8.0")], &facts.finish());
        assert!(index.details[0].owners.contains("haxx"));
    }
}
