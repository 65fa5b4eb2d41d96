//! What one source says about the versions of one product, on one line with the versions that channels have.
//!
//! A line has points (versions, in order) and the gaps between, before and after them. Places count both: point `i` is place
//! `2 * i + 1`, the gap before it is `2 * i`.

use std::cmp::Ordering;

use serde::Serialize;
use vuln::advisory::{Advisory, Affected, CpeMatch, Event, Source, Status, UpperBound, VersionEntry};
use vuln::version::{Scheme, compare};

use super::describe::is_start;

/// Versions of a record on one line at most; more cannot be read.
const POINTS: usize = 40;

/// Lines of one record at most.
const LINES: usize = 8;

/// Package versions on one line at most.
const PACKAGES: usize = 200;

/// One product of one source, on one line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// `cve`, `nvd`, `osv`.
    pub source: &'static str,
    /// The record's id.
    pub record: String,
    /// The product, as the record names it.
    pub product: String,
    /// How versions were put in order.
    pub scheme: &'static str,
    /// The versions, in order.
    pub points: Vec<Point>,
    /// The status of each place: one more gap than points.
    pub places: Vec<Status>,
    /// Versions that have no place on this line: they cannot be compared with the others.
    pub left_out: Vec<String>,
}

/// One version on a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Point {
    /// Versions that a record names, more than one where spellings are equal.
    pub named: Vec<String>,
    /// Versions that packages have.
    pub packages: Vec<Placed>,
}

/// A package version with the places that have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Placed {
    /// Package.
    pub package: String,
    /// Package name.
    pub pname: String,
    /// Version.
    pub version: String,
    /// Channels.
    pub channels: Vec<String>,
}

/// The lines of all records, for the packages that the vulnerability was matched with.
pub fn lines(advisories: &[&Advisory], packages: &[Placed]) -> Vec<Line> {
    let claims: Vec<Vec<Claim>> = advisories.iter().map(|advisory| of_advisory(advisory)).collect();
    let known: Vec<bool> = packages
        .iter()
        .map(|package| claims.iter().any(|claims| closest(claims, package) > 0))
        .collect();
    let mut lines = Vec::new();
    for (advisory, claims) in advisories.iter().zip(&claims) {
        // Where some product bears the name of a package, the others are about something else: other programs, other platforms.
        let named = |claim: &&Claim| packages.iter().any(|package| belongs(claim, claims, package));
        let some_named = claims.iter().any(|claim| named(&claim));
        let wanted = claims.iter().filter(|claim| !some_named || named(claim));
        let drawn = wanted.filter_map(|claim| {
            let mine = packages.iter().zip(&known);
            let mine: Vec<&Placed> = mine
                .filter(|(package, known)| !**known || belongs(claim, claims, package))
                .map(|(package, _)| package)
                .collect();
            draw(advisory, claim, &mine)
        });
        lines.extend(drawn.take(LINES));
    }
    lines
}

/// Everything a record says about products.
fn of_advisory(advisory: &Advisory) -> Vec<Claim> {
    let mut claims: Vec<Claim> = advisory
        .affected
        .iter()
        .filter_map(|affected| of_affected(advisory, affected))
        .collect();
    claims.extend(of_configurations(advisory));
    claims
}

/// What a record says about one product.
struct Claim {
    product: String,
    /// The product's names, in the form in which names are compared.
    names: Vec<String>,
    scheme: Scheme,
    default: Status,
    spans: Vec<Span>,
    /// How several spans that hold a version decide.
    rule: Rule,
}

#[derive(Clone, Copy, PartialEq)]
enum Rule {
    /// The first one (CVE).
    First,
    /// Any affected one (NVD, OSV).
    AnyAffected,
}

/// A range of versions; an end that is `None` is open.
struct Span {
    status: Status,
    from: Option<Bound>,
    to: Option<Bound>,
    changes: Vec<(String, Status)>,
}

struct Bound {
    version: String,
    inclusive: bool,
}

fn of_affected(advisory: &Advisory, affected: &Affected) -> Option<Claim> {
    let names: Vec<&str> = [&affected.product, &affected.package_name]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let ecosystem = affected.ecosystem.as_deref().and_then(Scheme::from_osv_ecosystem);
    let stated = affected
        .versions
        .iter()
        .find_map(|entry| entry.scheme.as_deref().and_then(Scheme::from_version_type));
    let kernel = advisory.source == Source::Cve && names.iter().any(|name| normal(name) == "linux");
    let scheme = ecosystem
        .or(stated)
        .unwrap_or(if kernel { Scheme::Kernel } else { Scheme::Generic });
    if scheme == Scheme::Git {
        return None;
    }
    let osv = advisory.source == Source::Osv;
    let mut spans: Vec<Span> = affected.versions.iter().map(of_entry).collect();
    // A list of every single version, beside ranges that say the same.
    if osv && affected.ranges.iter().any(|range| range.kind != vuln::advisory::RangeKind::Git) {
        spans.clear();
    }
    for range in &affected.ranges {
        if range.kind != vuln::advisory::RangeKind::Git {
            spans.extend(of_events(&range.events, scheme));
        }
    }
    Some(Claim {
        product: title(affected.vendor.as_deref(), names.first().copied()),
        names: spellings(affected.vendor.as_deref(), &names),
        scheme,
        default: if osv { Status::Unaffected } else { affected.default_status },
        spans,
        rule: if osv { Rule::AnyAffected } else { Rule::First },
    })
}

fn of_entry(entry: &VersionEntry) -> Span {
    let bound = |version: &str, inclusive| Bound {
        version: version.to_owned(),
        inclusive,
    };
    let from = (!is_start(&entry.version)).then(|| bound(&entry.version, true));
    let to = match &entry.bound {
        None => from.as_ref().map(|from| bound(&from.version, true)),
        Some(UpperBound::LessThan(end) | UpperBound::LessThanOrEqual(end)) if end.trim() == "*" => None,
        Some(UpperBound::LessThan(end)) => Some(bound(end, false)),
        Some(UpperBound::LessThanOrEqual(end)) => Some(bound(end, true)),
    };
    Span {
        status: entry.status,
        from,
        to,
        changes: entry.changes.iter().map(|change| (change.at.clone(), change.status)).collect(),
    }
}

/// Events of one OSV range as spans: each introduction up to the next event that ends it.
fn of_events(events: &[Event], scheme: Scheme) -> Vec<Span> {
    let mut sorted: Vec<(Option<&str>, &Event)> = Vec::new();
    for event in events {
        let version = match event {
            Event::Introduced(v) if is_start(v) => None,
            Event::Introduced(v) | Event::Fixed(v) | Event::LastAffected(v) => Some(v.as_str()),
            Event::Limit(_) => continue,
        };
        // Insertion: nothing is assumed about the order of versions that cannot be compared.
        let before = |other: &Option<&str>| match (other, version) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(other), Some(version)) => compare(scheme, other, version) != Some(Ordering::Greater),
        };
        let at = sorted.iter().position(|(other, _)| !before(other)).unwrap_or(sorted.len());
        sorted.insert(at, (version, event));
    }
    let mut spans = Vec::new();
    let mut open: Option<Option<String>> = None;
    for (version, event) in sorted {
        let end = match event {
            Event::Introduced(_) => {
                open.get_or_insert_with(|| version.map(str::to_owned));
                continue;
            }
            Event::LastAffected(_) => true,
            _ => false,
        };
        if let (Some(from), Some(version)) = (open.take(), version) {
            spans.push(affected_span(from, Some((version, end))));
        }
    }
    spans.extend(open.map(|from| affected_span(from, None)));
    spans
}

fn affected_span(from: Option<String>, to: Option<(&str, bool)>) -> Span {
    Span {
        status: Status::Affected,
        from: from.map(|version| Bound { version, inclusive: true }),
        to: to.map(|(version, inclusive)| Bound {
            version: version.to_owned(),
            inclusive,
        }),
        changes: Vec::new(),
    }
}

/// One claim for each product that configurations call vulnerable.
fn of_configurations(advisory: &Advisory) -> Vec<Claim> {
    let mut claims: Vec<Claim> = Vec::new();
    let nodes = advisory.configurations.iter().flat_map(|configuration| &configuration.nodes);
    for criterion in nodes.flat_map(|node| &node.matches).filter(|criterion| criterion.vulnerable) {
        let product = title(criterion.cpe.vendor.as_deref(), criterion.cpe.product.as_deref());
        let span = of_criterion(criterion);
        match claims.iter_mut().find(|claim| claim.product == product) {
            Some(claim) => claim.spans.push(span),
            None => {
                let name = criterion.cpe.product.as_deref().unwrap_or_default();
                claims.push(Claim {
                    scheme: if name == "linux_kernel" { Scheme::Kernel } else { Scheme::Generic },
                    names: spellings(criterion.cpe.vendor.as_deref(), &[name]),
                    product,
                    default: Status::Unaffected,
                    spans: vec![span],
                    rule: Rule::AnyAffected,
                });
            }
        }
    }
    claims
}

fn of_criterion(criterion: &CpeMatch) -> Span {
    let bound = |end: &vuln::advisory::End| Bound {
        version: end.version.clone(),
        inclusive: end.inclusive,
    };
    let single = match (&criterion.start, &criterion.end, criterion.cpe.version.as_deref()) {
        (None, None, Some(version)) if version != "-" => {
            let update = criterion.cpe.update.as_deref().filter(|update| *update != "-");
            Some(update.map_or_else(|| version.to_owned(), |update| format!("{version}-{update}")))
        }
        _ => None,
    };
    let at = |version: &String| Bound {
        version: version.clone(),
        inclusive: true,
    };
    Span {
        status: Status::Affected,
        from: criterion.start.as_ref().map(bound).or(single.as_ref().map(at)),
        to: criterion.end.as_ref().map(bound).or(single.as_ref().map(at)),
        changes: Vec::new(),
    }
}

/// Puts a claim and the packages it is about on a line. `None` where there is nothing to see: no range, no package, or too much of it.
fn draw(advisory: &Advisory, claim: &Claim, mine: &[&Placed]) -> Option<Line> {
    let mut named: Vec<&str> = Vec::new();
    for span in &claim.spans {
        let bounds = [&span.from, &span.to].into_iter().flatten().map(|bound| bound.version.as_str());
        for version in bounds.chain(span.changes.iter().map(|(at, _)| at.as_str())) {
            if !named.contains(&version) {
                named.push(version);
            }
        }
        if named.len() > POINTS {
            return None;
        }
    }
    if claim.spans.is_empty() || mine.is_empty() || mine.len() > PACKAGES {
        return None;
    }
    let all: Vec<&str> = named
        .iter()
        .copied()
        .chain(mine.iter().map(|package| package.version.as_str()))
        .collect();
    let mut axis = Axis {
        scheme: claim.scheme,
        points: Vec::new(),
        left_out: Vec::new(),
    };
    for version in named {
        axis.add(version, &all);
    }
    for package in mine {
        axis.place(package, &all);
    }
    if axis.points.iter().all(|point| point.packages.is_empty()) {
        return None;
    }
    let places = (0..=axis.points.len() * 2).map(|place| status(claim, &axis, place)).collect();
    Some(Line {
        source: advisory.source.name(),
        record: advisory.id.clone(),
        product: claim.product.clone(),
        scheme: claim.scheme.name(),
        points: axis.points,
        places,
        left_out: axis.left_out,
    })
}

/// Versions in order.
struct Axis {
    scheme: Scheme,
    points: Vec<Point>,
    left_out: Vec<String>,
}

impl Axis {
    fn add(&mut self, version: &str, all: &[&str]) {
        match self.index(version, all) {
            Some(Ok(index)) => {
                if let Some(point) = self.points.get_mut(index) {
                    point.named.push(version.to_owned());
                }
            }
            Some(Err(at)) => self.points.insert(
                at,
                Point {
                    named: vec![version.to_owned()],
                    packages: Vec::new(),
                },
            ),
            None => self.leave_out(version),
        }
    }

    fn place(&mut self, package: &Placed, all: &[&str]) {
        match self.index(&package.version, all) {
            Some(Ok(index)) => {
                if let Some(point) = self.points.get_mut(index) {
                    point.packages.push(package.clone());
                }
            }
            Some(Err(at)) => self.points.insert(
                at,
                Point {
                    named: Vec::new(),
                    packages: vec![package.clone()],
                },
            ),
            None => self.leave_out(&package.version),
        }
    }

    fn leave_out(&mut self, version: &str) {
        if !self.left_out.iter().any(|known| known == version) {
            self.left_out.push(version.to_owned());
        }
    }

    /// The point of a version, or where a point for it has to stand. `None` where it cannot be compared with what is on the line, or
    /// with most of what will be: one odd version must not keep all others out.
    fn index(&self, version: &str, all: &[&str]) -> Option<Result<usize, usize>> {
        let version = key(version);
        let comparable = all
            .iter()
            .filter(|other| compare(self.scheme, &version, &key(other)).is_some())
            .count();
        if comparable * 2 < all.len() {
            return None;
        }
        let mut at = 0;
        for (index, point) in self.points.iter().enumerate() {
            match compare(self.scheme, &version, &key(point.version()))? {
                Ordering::Equal => return Some(Ok(index)),
                Ordering::Greater => at = index + 1,
                Ordering::Less => {}
            }
        }
        Some(Err(at))
    }

    /// The place of a version that was added.
    fn find(&self, version: &str) -> Option<usize> {
        self.points
            .iter()
            .position(|point| point.named.iter().any(|named| named == version))
            .map(|index| index * 2 + 1)
    }
}

impl Point {
    /// A version of this point.
    pub fn version(&self) -> &str {
        let package = || self.packages.first().map(|package| package.version.as_str());
        self.named.first().map(String::as_str).or_else(package).unwrap_or_default()
    }
}

/// `5.4.*` ends behind every 5.4 version.
fn key(version: &str) -> std::borrow::Cow<'_, str> {
    match version.strip_suffix(".*") {
        Some(line) => format!("{line}.999999999").into(),
        None => version.into(),
    }
}

fn status(claim: &Claim, axis: &Axis, place: usize) -> Status {
    let mut holding = claim.spans.iter().filter(|span| span.holds(axis, place));
    match claim.rule {
        Rule::First => holding.next().map_or(claim.default, |span| span.status_at(axis, place)),
        Rule::AnyAffected => {
            if holding.any(|span| span.status == Status::Affected) {
                Status::Affected
            } else {
                claim.default
            }
        }
    }
}

impl Span {
    fn holds(&self, axis: &Axis, place: usize) -> bool {
        let after = |bound: &Bound| {
            axis.find(&bound.version)
                .is_some_and(|at| place > at || (bound.inclusive && place == at))
        };
        let before = |bound: &Bound| {
            axis.find(&bound.version)
                .is_some_and(|at| place < at || (bound.inclusive && place == at))
        };
        self.from.as_ref().is_none_or(after) && self.to.as_ref().is_none_or(before)
    }

    fn status_at(&self, axis: &Axis, place: usize) -> Status {
        let past = |(at, status): &(String, Status)| axis.find(at).filter(|&at| at <= place).map(|at| (at, *status));
        self.changes
            .iter()
            .filter_map(past)
            .max_by_key(|(at, _)| *at)
            .map_or(self.status, |(_, status)| status)
    }
}

/// Whether a package stands on the line of a claim: no other claim of the record is closer to its name.
fn belongs(claim: &Claim, claims: &[Claim], package: &Placed) -> bool {
    let closeness = closeness(claim, package);
    closeness > 0 && closeness == closest(claims, package)
}

fn closest(claims: &[Claim], package: &Placed) -> u8 {
    claims.iter().map(|claim| closeness(claim, package)).max().unwrap_or(0)
}

/// How well the product's name and the package's go together. This only chooses what to draw: whether they are the same software was
/// decided by the match.
fn closeness(claim: &Claim, package: &Placed) -> u8 {
    let leaf = package.package.rsplit('.').next().unwrap_or_default();
    let of_package = [normal(&package.pname), normal(leaf)];
    let pairs = claim
        .names
        .iter()
        .flat_map(|name| of_package.iter().map(move |package| (name.as_str(), package.as_str())));
    let closeness = |(a, b): (&str, &str)| {
        let shorter = a.len().min(b.len());
        let common = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
        match (a, b) {
            _ if shorter == 0 => 0,
            (a, b) if a == b => 2,
            // `linux_kernel` and linux, `Apache HTTP Server` and apacheHttpd.
            (a, b) if shorter > 3 && (a.contains(b) || b.contains(a) || common * 5 > shorter * 4) => 1,
            _ => 0,
        }
    };
    pairs.map(closeness).max().unwrap_or(0)
}

/// The names of a product in the form in which they are compared, with and without the vendor.
fn spellings(vendor: Option<&str>, names: &[&str]) -> Vec<String> {
    let mut spellings: Vec<String> = names.iter().map(|name| normal(name)).collect();
    spellings.extend(vendor.zip(names.first()).map(|(vendor, name)| normal(vendor) + &normal(name)));
    spellings
}

/// Letters and digits of a name, in lower case.
fn normal(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn title(vendor: Option<&str>, product: Option<&str>) -> String {
    match (vendor, product) {
        (Some(vendor), Some(product)) if !vendor.eq_ignore_ascii_case(product) => format!("{vendor} {product}"),
        (_, Some(product)) => product.to_owned(),
        (Some(vendor), None) => vendor.to_owned(),
        (None, None) => "unnamed product".to_owned(),
    }
}

#[cfg(test)]
mod tests;
