//! What all outputs share: findings in order and with names, counts, and the paths through the closure.

use std::collections::{BTreeMap, HashSet};

use sha2::{Digest as _, Sha256};
use vuln::purl::Purl;
use vuln::score::Severity;
use vuln::verdict::Verdict;

use crate::finding::{Finding, Report, hex};
use crate::inventory::{Part, Scanned, Seen};
use crate::why::Ways;

/// Each finding tells its way; no real closure is as deep as this.
const LONGEST_WAY: usize = 64;
/// How many store paths each finding tells; no real package has as many outputs.
pub const MOST_PATHS: usize = 16;

/// A report with everything that follows from it.
pub struct View<'a> {
    /// The report.
    pub report: &'a Report,
    /// All findings whose package exists, worst first.
    pub entries: Vec<Entry<'a>>,
    /// By index of the package.
    pub packages: Vec<PackageView<'a>>,
    /// How everything is reached from what was asked for.
    ways: Ways,
    /// A name for this report that another report does not have: a UUID made from what is in it.
    pub uuid: String,
}

/// A finding with its package.
pub struct Entry<'a> {
    /// The finding.
    pub finding: &'a Finding,
    /// Index of the package.
    pub package: usize,
    /// Its severity.
    pub severity: Severity,
    /// Where it belongs.
    pub group: Group,
    /// The finding's stable name.
    pub fingerprint: String,
    /// How many builds of this version say the same; 0 for all but the first of them, which people need not read again.
    pub builds: usize,
}

/// Which list a finding belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Somebody has something to do.
    Open,
    /// Somebody decided.
    Settled,
    /// Patched, fixed, or never affected.
    Closed,
}

/// A package with its place in the closure.
pub struct PackageView<'a> {
    /// The package.
    pub scanned: &'a Scanned,
    /// Indices of its parts, by name; of a library that others carry inside, theirs.
    pub parts: Vec<u32>,
    /// `pkg:nix/curl@7.71.1`; with a qualifier where the inventory holds several builds of one version, so that no other has it. Of a
    /// library its own: `pkg:npm/lodash@4.17.19`.
    pub purl: String,
    /// `curl 7.71.1`, or `curl` alone; `lodash 4.17.19 inside gtop 1.0.2`.
    pub title: String,
    /// Of its findings the worst severity that is open.
    pub worst: Option<Severity>,
    /// How many of its findings are open.
    pub open: usize,
}

impl<'a> View<'a> {
    /// Looks at a report from all sides.
    pub fn of(report: &'a Report) -> Self {
        let mut packages: Vec<PackageView<'a>> = report.inventory.packages.iter().map(PackageView::of).collect();
        for (index, part) in (0u32..).zip(&report.inventory.parts) {
            if let Some(package) = part.package.and_then(|p| packages.get_mut(p as usize)) {
                package.parts.push(index);
            }
        }
        tell_builds_apart(&mut packages, report);
        find_carriers(&mut packages);
        let name = |index: &u32| report.inventory.parts.get(*index as usize).map(|p| p.name.as_str());
        for package in &mut packages {
            package.parts.sort_by_key(|index| (name(index), *index));
        }
        let mut entries: Vec<Entry<'a>> = report
            .findings
            .iter()
            .filter(|f| (f.package as usize) < packages.len())
            .map(|finding| Entry::of(finding, report))
            .collect();
        entries.sort_by(|a, b| a.order(b, &packages));
        // Builds of one version stand beside one another.
        for same in entries.chunk_by_mut(Entry::says_as) {
            let builds = same.len();
            let (first, rest) = same.split_at_mut(1);
            first.iter_mut().for_each(|e| e.builds = builds);
            rest.iter_mut().for_each(|e| e.builds = 0);
        }
        for entry in entries.iter().filter(|e| e.group == Group::Open) {
            if let Some(package) = packages.get_mut(entry.package) {
                package.open += 1;
                package.worst = package.worst.max(Some(entry.severity));
            }
        }
        let uuid = uuid(report, &entries);
        Self {
            report,
            entries,
            packages,
            ways: Ways::from_roots(&report.inventory),
            uuid,
        }
    }

    /// The findings of a group.
    pub fn group(&self, group: Group) -> impl Iterator<Item = &Entry<'a>> {
        self.entries.iter().filter(move |e| e.group == group)
    }

    /// The findings of a group, each version of a package once.
    pub fn distinct(&self, group: Group) -> impl Iterator<Item = &Entry<'a>> {
        self.group(group).filter(|e| e.builds > 0)
    }

    /// `curl 7.71.1`, with the number of its builds where there are several.
    pub fn title(&self, entry: &Entry<'a>) -> String {
        let title = self.package(entry).map(|p| p.title.clone()).unwrap_or_default();
        match entry.builds {
            0 | 1 => title,
            builds => format!("{title} ({builds} builds)"),
        }
    }

    /// The package of a finding.
    pub fn package(&self, entry: &Entry<'a>) -> Option<&PackageView<'a>> {
        self.packages.get(entry.package)
    }

    /// A part by its index.
    pub fn part(&self, index: u32) -> Option<&'a Part> {
        self.report.inventory.parts.get(index as usize)
    }

    /// The names of a package's parts.
    pub fn paths(&self, package: usize) -> impl Iterator<Item = &'a str> {
        let parts = self.packages.get(package).map(|p| p.parts.as_slice()).unwrap_or_default();
        parts.iter().filter_map(|index| Some(self.part(*index)?.name.as_str()))
    }

    /// A shortest way from something that was asked for to a package, as indices of parts; empty where none leads there. Of a way that is
    /// longer than [`LONGEST_WAY`] the end.
    pub fn why(&self, package: usize) -> Vec<u32> {
        let parts = self.packages.get(package).map(|p| p.parts.as_slice()).unwrap_or_default();
        let nearest = parts.iter().min_by_key(|part| self.ways.distance(**part));
        nearest.map(|part| self.ways.end_of(*part, LONGEST_WAY)).unwrap_or_default()
    }

    /// How many findings have each verdict.
    pub fn by_verdict(&self) -> BTreeMap<Verdict, usize> {
        let mut counts = BTreeMap::new();
        for entry in &self.entries {
            *counts.entry(entry.finding.verdict).or_default() += 1;
        }
        counts
    }

    /// How many open findings have each severity, worst first; those that none has are left out.
    pub fn open_by_severity(&self) -> Vec<(Severity, usize)> {
        let count = |severity| self.group(Group::Open).filter(|e| e.severity == severity).count();
        let counts = Severity::ALL.into_iter().map(|severity| (severity, count(severity)));
        counts.filter(|(_, n)| *n > 0).collect()
    }
}

impl<'a> Entry<'a> {
    fn of(finding: &'a Finding, report: &Report) -> Self {
        let group = match (finding.verdict.is_open(), finding.is_settled()) {
            (_, true) => Group::Settled,
            (true, false) => Group::Open,
            (false, false) => Group::Closed,
        };
        Self {
            finding,
            package: finding.package as usize,
            severity: finding.severity(),
            group,
            fingerprint: finding.fingerprint(&report.inventory),
            builds: 1,
        }
    }

    /// Whether another finding says the same of another build.
    fn says_as(&self, other: &Self) -> bool {
        let said = |e: &Self| {
            (
                e.group,
                e.finding.verdict,
                e.finding.decision.as_ref().map(|d| (d.status, d.source.clone())),
            )
        };
        self.fingerprint == other.fingerprint && said(self) == said(other)
    }

    /// What is known to be exploited comes first, then by severity, score and chance; ids and names decide the rest, so that the order is
    /// the same on every machine.
    fn order(&self, other: &Self, packages: &[PackageView<'_>]) -> std::cmp::Ordering {
        let score = |e: &Self| e.finding.leading().and_then(|s| s.value()).unwrap_or(-1.0);
        let chance = |e: &Self| e.finding.epss.map_or(-1.0, |(score, _)| score);
        let names = |e: &Self| {
            let package = packages.get(e.package).map(|p| &p.scanned.package);
            package.map(|p| (p.pname.as_str(), p.version.as_str(), p.attr.as_str()))
        };
        let exploited = |e: &Self| e.finding.exploited_since.is_some();
        self.group
            .cmp(&other.group)
            .then_with(|| exploited(other).cmp(&exploited(self)))
            .then_with(|| other.severity.cmp(&self.severity))
            .then_with(|| score(other).total_cmp(&score(self)))
            .then_with(|| chance(other).total_cmp(&chance(self)))
            .then_with(|| self.finding.id.cmp(&other.finding.id))
            .then_with(|| names(self).cmp(&names(other)))
            .then_with(|| self.package.cmp(&other.package))
    }
}

impl<'a> PackageView<'a> {
    fn of(scanned: &'a Scanned) -> Self {
        let package = &scanned.package;
        Self {
            scanned,
            parts: Vec::new(),
            purl: match package.purls.first().filter(|_| scanned.seen == Seen::Registry) {
                Some(own) => own.clone(),
                None => purl(&package.pname, &package.version, None),
            },
            title: format!("{} {}", package.pname, package.version).trim_end().to_owned(),
            worst: None,
            open: 0,
        }
    }

    /// Whether the store has it under a name of its own.
    pub fn stands_for_itself(&self) -> bool {
        self.scanned.inside.is_empty()
    }
}

/// Says of each library what carries it, and where that is.
fn find_carriers(packages: &mut [PackageView<'_>]) {
    for index in 0..packages.len() {
        let Some(package) = packages.get(index).filter(|p| !p.stands_for_itself()) else {
            continue;
        };
        let carriers = || package.scanned.inside.iter().filter_map(|carrier| packages.get(*carrier as usize));
        let inside = match carriers().count() {
            1 => carriers().map(|carrier| carrier.title.clone()).collect::<String>(),
            n => format!("{n} packages"),
        };
        let mut parts: Vec<u32> = package
            .parts
            .iter()
            .chain(carriers().flat_map(|carrier| &carrier.parts))
            .copied()
            .collect();
        let mut seen = HashSet::new();
        parts.retain(|part| seen.insert(*part));
        let title = format!("{} inside {inside}", package.title);
        if let Some(package) = packages.get_mut(index) {
            (package.title, package.parts) = (title, parts);
        }
    }
}

/// Gives each of several builds of one version a package URL of its own.
fn tell_builds_apart(packages: &mut [PackageView<'_>], report: &Report) {
    let mut builds: BTreeMap<String, usize> = BTreeMap::new();
    for package in packages.iter() {
        *builds.entry(package.purl.clone()).or_default() += 1;
    }
    let mut references = References::default();
    for package in packages.iter_mut() {
        let facts = &package.scanned.package;
        if builds.get(&package.purl).is_some_and(|n| *n > 1) {
            let part = package.parts.first().and_then(|index| report.inventory.parts.get(*index as usize));
            let place = facts.drv_path.as_deref().or(part.map(|p| p.name.as_str())).unwrap_or("unknown");
            let place = references.take(place.strip_prefix("/nix/store/").unwrap_or(place));
            package.purl = purl(&facts.pname, &facts.version, Some(place));
        }
    }
}

/// The package URL of a package of Nix; the type is a candidate of the standard, without qualifiers that are agreed on.
fn purl(pname: &str, version: &str, build: Option<String>) -> String {
    let purl = Purl {
        type_: "nix".into(),
        namespace: None,
        name: if pname.is_empty() { "unnamed" } else { pname }.into(),
        version: Some(version).filter(|v| !v.is_empty()).map(str::to_owned),
        qualifiers: build.map(|build| ("build".to_owned(), build)).into_iter().collect(),
        subpath: None,
    };
    purl.to_string()
}

/// A UUID (version 8 of RFC 9562) made from everything that outputs are made of.
fn uuid(report: &Report, entries: &[Entry<'_>]) -> String {
    let mut hash = Sha256::new();
    let mut text = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    text(&report.time.to_string());
    text(&report.knowledge.digest);
    report.inventory.targets.iter().for_each(|t| text(t));
    report.inventory.parts.iter().for_each(|p| text(&p.name));
    for entry in entries {
        text(&entry.fingerprint);
        text(entry.finding.verdict.name());
        text(entry.finding.decision.as_ref().map_or("", |d| d.status.name()));
    }
    let mut hex = hex(&hash.finalize());
    hex.truncate(32);
    hex.replace_range(12..13, "8");
    hex.replace_range(16..17, "a");
    for dash in [20, 16, 12, 8] {
        hex.insert(dash, '-');
    }
    hex
}

/// A reference for every part and package that no other has: what they are called, and a number where that is not enough.
#[derive(Default)]
pub struct References {
    taken: HashSet<String>,
}

impl References {
    /// A reference near `wish`.
    pub fn take(&mut self, wish: &str) -> String {
        let mut reference = if wish.is_empty() { "unnamed".to_owned() } else { wish.to_owned() };
        let mut number = 1;
        while !self.taken.insert(reference.clone()) {
            number += 1;
            reference = format!("{wish}#{number}");
        }
        reference
    }
}
