//! What the records of an accepted subject say about one version: CPE configurations (NVD), CVE 5 and OSV version lists, each
//! judged within its own release line.

use std::cmp::Ordering;

use super::lines::{Lines, YEAR};
use super::platform::only_enterprise;
use super::profile::day;
use super::rules::{LongTerm, RULES};
use super::subject::Subject;
use crate::advisory::{Advisory, Affected, Configuration, CpeMatch, End, Node, Operator, Status, UpperBound, VersionEntry};
use crate::cpe::Part;
use crate::range::{self, LineClause, judge};
use crate::version::{Components, Scheme, compare, components, date_of, why_not};

/// What one record says about one version of one subject.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement {
    pub claim: Claim,
    /// In [0, 1].
    pub confidence: f32,
    pub rule: &'static str,
    pub detail: String,
    pub fixed_in: Option<String>,
    pub side: Side,
}

impl Statement {
    /// What most statements have in common.
    pub(super) const NONE: Self = Self {
        claim: Claim::Unknown,
        confidence: 0.5,
        rule: "",
        detail: String::new(),
        fixed_in: None,
        side: Side::Other,
    };
}

/// What a statement rests on, as far as sources disagree about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Affected by a range that names no start.
    OpenRange,
    /// Not affected because the version is before every start that is named.
    BeforeStart,
    Other,
}

/// Ordered: a stronger claim about the same version wins among the statements of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Claim {
    Unknown,
    NotAffected,
    Fixed,
    Affected,
}

/// The version that is judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged<'a> {
    pub version: &'a str,
    pub scheme: Scheme,
    pub is_esr: bool,
    /// The enterprise edition of a program that has others.
    pub is_enterprise: bool,
    /// The program's lines that get fixes side by side, where a rule knows them.
    pub long_term: Option<&'a LongTerm>,
    /// What the record's versions start with that the package leaves out (`5-1.18`).
    pub prefix: Option<&'a str>,
}

/// A record with the subjects of its parts (see [`Subjects`](super::subject::Subjects)).
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    pub advisory: &'a Advisory,
    pub criteria: &'a [Option<usize>],
    pub entries: &'a [Vec<usize>],
}

/// What is known around the subject.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    /// The product's release lines, as all its records name them.
    pub lines: Option<&'a Lines>,
    /// What the description says about lines.
    pub clauses: &'a [LineClause],
    /// Whether a (vendor, product) of another node is in this package set in a version that holds there.
    pub other_products: &'a dyn Fn(&CpeMatch) -> bool,
}

/// What the record says about the version, if it speaks of the subject at all.
pub(super) fn statement(record: Record<'_>, n: usize, subject: &Subject, judged: Judged<'_>, around: Around<'_>) -> Option<Statement> {
    let advisory = record.advisory;
    let mut all: Vec<Statement> = Vec::new();
    let day = advisory.published.as_deref().map_or(0, day);
    let mut cpe: Vec<Position<'_>> = Vec::new();
    let mut criteria = record.criteria;
    for configuration in &advisory.configurations {
        let size = configuration
            .nodes
            .iter()
            .map(|n| n.matches.len())
            .sum::<usize>()
            .min(criteria.len());
        let (own, rest) = criteria.split_at(size);
        criteria = rest;
        if own.contains(&Some(n)) {
            configured(configuration, (own, n), advisory, subject, judged, around, &mut cpe, &mut all);
        }
    }
    if !cpe.is_empty() {
        all.push(decide(cpe, advisory, judged, around, day));
    }
    let mut cna = advisory.affected.iter().filter(|a| a.provider == "cna").peekable();
    let is_elsewhere = cna.peek().is_some() && cna.all(|a| RULES.only_other_platforms(a));
    let mut by_others: Vec<Statement> = Vec::new();
    let mut by_cna: Vec<Statement> = Vec::new();
    for (affected, _) in advisory
        .affected
        .iter()
        .zip(record.entries)
        .filter(|(_, subjects)| subjects.contains(&n))
    {
        // What others add to a CNA's record are mostly copies of it that lost something.
        let said = if affected.provider == "cna" { &mut by_cna } else { &mut by_others };
        let is_esr_entry = subject.product.ends_with("esr");
        if is_esr_entry && !judged.is_esr {
            continue;
        }
        if judged.is_esr && !is_esr_entry {
            said.push(other_edition(&subject.product_written));
            continue;
        }
        if is_elsewhere || RULES.only_other_platforms(affected) {
            let platforms = if is_elsewhere {
                "other systems".to_string()
            } else {
                affected.platforms.join(", ")
            };
            let detail = format!("the record lists only {platforms} as platforms");
            said.push(Statement {
                claim: Claim::NotAffected,
                confidence: 0.9,
                rule: "other-platform",
                detail,
                ..Statement::NONE
            });
            continue;
        }
        if RULES.only_other_processors(affected) {
            said.push(Statement {
                claim: Claim::NotAffected,
                confidence: 0.85,
                rule: "other-processor",
                detail: format!(
                    "{} names only files for other processors ({})",
                    affected.provider,
                    affected.components.first().map_or("", String::as_str)
                ),
                ..Statement::NONE
            });
            continue;
        }
        if affected.versions.is_empty() && affected.ranges.is_empty() && affected.default_status == Status::Unknown {
            continue;
        }
        said.push(listed(affected, advisory, judged, around, day));
    }
    if by_cna.iter().all(|s| s.claim == Claim::Unknown) {
        all.append(&mut by_others);
    }
    all.append(&mut by_cna);
    if !judged.is_enterprise && only_enterprise(&advisory.description, &subject.product_written) && !all.is_empty() {
        return Some(other_edition(&format!("the enterprise edition of {}", subject.product_written)));
    }
    // A decided claim beats "unknown"; among decided ones an exact affected beats the rest.
    all.into_iter()
        .max_by(|a, b| a.claim.cmp(&b.claim).then(a.confidence.total_cmp(&b.confidence)))
}

/// A CVE 5 or OSV list, with the same care for lines.
fn listed(affected: &Affected, advisory: &Advisory, judged: Judged<'_>, around: Around<'_>, day: u32) -> Statement {
    if let Some(line) = product_line(affected)
        && !components(judged.version).is_on_line(&line)
    {
        let product = affected.product.as_deref().unwrap_or_default();
        return Statement {
            claim: Claim::NotAffected,
            confidence: 0.85,
            rule: "line-in-product",
            detail: format!(
                "{}: speaks of {product}, {} is another release line",
                affected.provider, judged.version
            ),
            ..Statement::NONE
        };
    }
    let judgement = judge(affected, judged.version, judged.scheme);
    let detail = format!("{}: {}", affected.provider, judgement.reason);
    let base = if judgement.decided_by_default { 0.75 } else { 0.95 };
    let statement = |claim, confidence| Statement {
        claim,
        confidence,
        rule: judgement.rule,
        detail: detail.clone(),
        fixed_in: judgement.fixed_in.clone(),
        side: match claim {
            Claim::Affected if judgement.open_start => Side::OpenRange,
            Claim::NotAffected if judgement.position == range::Position::Before => Side::BeforeStart,
            _ => Side::Other,
        },
    };
    let unclear = || snapshot(judged, day, judgement.fixed_in.as_deref()).unwrap_or_else(|| statement(Claim::Unknown, 0.5));
    match judgement.status {
        Status::Affected => {
            if let Some(other) = open_range_elsewhere(affected, judged, around, day)
                .or_else(|| passed_over(affected, advisory, judged).filter(|_| judgement.decided_by_default))
                .or_else(|| outside_description(judged, around, &affected.provider))
            {
                return other;
            }
            statement(Claim::Affected, base)
        }
        Status::Unaffected => statement(
            if judgement.position == range::Position::After {
                Claim::Fixed
            } else {
                Claim::NotAffected
            },
            base,
        ),
        // The format's default is "unknown", but a record that lists what is affected means that the rest is not.
        Status::Unknown if judgement.decided_by_default => match judgement.position {
            range::Position::After => statement(Claim::Fixed, 0.75),
            range::Position::Before => statement(Claim::NotAffected, 0.75),
            range::Position::Between => statement(Claim::NotAffected, 0.6),
            range::Position::Inside | range::Position::Unclear => unclear(),
        },
        Status::Unknown => unclear(),
    }
}

/// The release line that a product's own name states: `.NET 8.0`.
fn product_line(affected: &Affected) -> Option<Components> {
    let last = affected.product.as_deref()?.rsplit_once(' ')?.1;
    let is_line = last.matches('.').count() == 1 && last.bytes().all(|c| c.is_ascii_digit() || c == b'.');
    is_line.then(|| components(last)).filter(|line| line.len() == 2)
}

/// The first commit of Linux' history in git. The kernel's CNA names it where nobody has found out which commit brought the fault.
const FIRST_COMMIT: &str = "1da177e4c3f4";

/// Where a record does not know when the fault began, and calls all old versions affected because of that: a fix that was brought to
/// younger lines and passed over a longterm one between tells that the fault may be younger as well.
fn passed_over(affected: &Affected, advisory: &Advisory, judged: Judged<'_>) -> Option<Statement> {
    let mut entries = advisory.affected.iter().flat_map(|a| &a.versions);
    if !entries.any(|e| e.version.starts_with(FIRST_COMMIT)) {
        return None;
    }
    let own = components(judged.version);
    let fixed = affected
        .versions
        .iter()
        .filter(|e| e.status == Status::Unaffected)
        .map(|e| components(&e.version).prefix(2))
        .filter(|line| line.len() == 2 && **line > *own.prefix(2))
        .min_by(|a, b| a.cmp(b))?;
    let passed = judged
        .long_term?
        .lines
        .iter()
        .find(|line| line.as_slice() > &*own.prefix(2) && line.as_slice() < &*fixed)?;
    let written = |line: &[u64]| line.iter().map(u64::to_string).collect::<Vec<_>>().join(".");
    Some(Statement {
        claim: Claim::Unknown,
        confidence: 0.5,
        rule: "origin-unknown",
        detail: format!(
            "{}: the record does not know which commit brought the fault, and its fix went to {} and passed over {}: the fault may be younger than {}",
            affected.provider,
            written(&fixed),
            written(passed),
            judged.version
        ),
        ..Statement::NONE
    })
}

/// Databases widen ranges to the beginning; a description that gives every range a start says where the fault began.
fn outside_description(judged: Judged<'_>, around: Around<'_>, who: &str) -> Option<Statement> {
    let mut first: Option<String> = None;
    for clause in around.clauses {
        let line = clause
            .line
            .map(|line| line.iter().map(u64::to_string).collect::<Vec<_>>().join("."));
        let start = clause.start.clone().or(line)?;
        if clause.covers(judged.scheme, judged.version)? || !compare(judged.scheme, judged.version, &start)?.is_lt() {
            return None;
        }
        if first
            .as_ref()
            .is_none_or(|first| compare(judged.scheme, &start, first) == Some(Ordering::Less))
        {
            first = Some(start);
        }
    }
    let first = first?;
    Some(Statement {
        claim: Claim::NotAffected,
        confidence: 0.7,
        rule: "before-description",
        detail: format!("{who}: the description starts at {first}; {} is before it", judged.version),
        side: Side::BeforeStart,
        ..Statement::NONE
    })
}

/// Where only open ranges ("8.0.21 and prior") call the version affected: what the list says about the version's own release line.
fn open_range_elsewhere(affected: &Affected, judged: Judged<'_>, around: Around<'_>, day: u32) -> Option<Statement> {
    let version = judged.version;
    let within = |end: &str, inclusive: bool| {
        compare(judged.scheme, version, end).is_some_and(|o| o == Ordering::Less || inclusive && o == Ordering::Equal)
    };
    let mut elsewhere: Option<(&str, bool)> = None;
    let mut passed: Option<&str> = None;
    for (start, end, inclusive) in affected
        .versions
        .iter()
        .filter(|e| e.status == Status::Affected)
        .flat_map(intervals)
    {
        let open = is_open(start);
        let started = open || start.is_some_and(|s| compare(judged.scheme, version, s).is_some_and(Ordering::is_ge));
        match (started && within(end, inclusive), same_line(end, version, around)) {
            (true, true) => return None,
            (true, false) if !open => return None,
            (true, false) => elsewhere = elsewhere.or(Some((end, inclusive))),
            (false, true) if started => passed = passed.or(Some(end)),
            _ => {}
        }
    }
    let (end, inclusive) = elsewhere?;
    if let Some(passed) = passed {
        let detail = format!(
            "{}: {version} has passed {passed}, which the record names for its own release line",
            affected.provider
        );
        return Some(Statement {
            claim: Claim::Fixed,
            confidence: 0.85,
            rule: "line-passed",
            detail,
            ..Statement::NONE
        });
    }
    other_line(end, inclusive, &affected.provider, judged, around, day)
}

/// Whether a range has no start.
pub(super) fn is_open(start: Option<&str>) -> bool {
    start.is_none_or(|s| matches!(s, "0" | "*" | "unspecified" | "n/a" | "-"))
}

/// The ranges of one list entry that have an end: (start, end, whether the end is inside).
pub(super) fn intervals(entry: &VersionEntry) -> Vec<(Option<&str>, &str, bool)> {
    match &entry.bound {
        Some(UpperBound::LessThan(end)) => vec![(Some(&entry.version), end, false)],
        Some(UpperBound::LessThanOrEqual(end)) => vec![(Some(&entry.version), end, true)],
        None => {
            let read = range::text::parse(&entry.version).unwrap_or_default();
            read.into_iter()
                .filter(|i| !i.is_point())
                .filter_map(|i| Some((i.start, i.end?, i.end_inclusive)))
                .collect()
        }
    }
}

/// Where a version stands to one CPE criterion.
#[derive(Debug, Clone)]
enum Position<'a> {
    Inside {
        matched: &'a CpeMatch,
        paired: bool,
    },
    Above {
        matched: &'a CpeMatch,
    },
    Below {
        matched: &'a CpeMatch,
    },
    /// Another version than the one listed.
    Unlisted {
        matched: &'a CpeMatch,
        newer: bool,
    },
    /// No version is given at all.
    Unversioned {
        matched: &'a CpeMatch,
    },
    Incomparable {
        matched: &'a CpeMatch,
        reason: String,
    },
}

/// Collects the positions of the subject's criteria in one configuration; conditions that cannot hold on Nixpkgs give a statement instead.
#[expect(
    clippy::too_many_arguments,
    reason = "two of them are outputs; a type for one caller would only hide them"
)]
fn configured<'a>(
    configuration: &'a Configuration,
    (criteria, subject_number): (&[Option<usize>], usize),
    advisory: &Advisory,
    subject: &Subject,
    judged: Judged<'_>,
    around: Around<'_>,
    out: &mut Vec<Position<'a>>,
    statements: &mut Vec<Statement>,
) {
    let mut criteria = criteria;
    let (mut named, mut enterprise) = (false, false);
    for (n, node) in configuration.nodes.iter().enumerate() {
        let (own, rest) = criteria.split_at(node.matches.len().min(criteria.len()));
        criteria = rest;
        let mine = || {
            node.matches
                .iter()
                .zip(own)
                .filter(|(m, s)| **s == Some(subject_number) && m.cpe.part != Part::Hardware)
                .map(|(m, _)| m)
        };
        let Some(own_name) = mine().next().map(|m| (&m.cpe.vendor, &m.cpe.product)) else {
            continue;
        };
        named = true;
        let mut paired = false;
        if node.operator == Operator::And
            && let Some(foreign) = node.matches.iter().find(|m| is_foreign_platform(m))
        {
            let name = foreign.cpe.product.as_deref().unwrap_or_default();
            statements.push(condition("other-platform", format!("the configuration holds on {name} only")));
            continue;
        }
        if configuration.operator == Operator::And {
            let others: Vec<&Node> = configuration
                .nodes
                .iter()
                .enumerate()
                .filter(|(k, _)| *k != n)
                .map(|(_, node)| node)
                .collect();
            match environment(&others, advisory, subject, around) {
                Environment::Holds => {}
                Environment::Paired => paired = true,
                Environment::Fails { rule, detail } => {
                    statements.push(condition(rule, detail));
                    continue;
                }
            }
            let excluded = others
                .iter()
                .filter(|other| other.negate)
                .flat_map(|other| &other.matches)
                .find(|m| (&m.cpe.vendor, &m.cpe.product) == own_name && matches!(position(m, judged, false), Position::Inside { .. }));
            if let Some(excluded) = excluded {
                let detail = format!("the configuration leaves out {}", show(excluded));
                statements.push(condition("excluded", detail));
                continue;
            }
        }
        let negated = node.negate != configuration.negate;
        for matched in mine() {
            if matched.cpe.sw_edition.as_deref() == Some("enterprise") && !judged.is_enterprise {
                enterprise = true;
                continue;
            }
            if matched.cpe.sw_edition.as_deref() == Some("esr") && !judged.is_esr
                || matched.cpe.sw_edition.is_none() && judged.is_esr && !subject.product.ends_with("esr")
            {
                continue;
            }
            if subject.product.ends_with("esr") && !judged.is_esr {
                continue;
            }
            let position = position(matched, judged, paired);
            out.push(match position {
                Position::Inside { matched, .. } if negated => Position::Unlisted { matched, newer: false },
                Position::Above { matched } | Position::Below { matched } | Position::Unlisted { matched, .. } if negated => {
                    Position::Inside { matched, paired }
                }
                other => other,
            });
        }
    }
    if judged.is_esr && !subject.product.ends_with("esr") && out.is_empty() && named {
        statements.push(other_edition(&subject.product_written));
    }
    if enterprise && out.is_empty() {
        statements.push(other_edition(&format!("the enterprise edition of {}", subject.product_written)));
    }
}

/// Extended support releases and enterprise editions have versions of their own, and records name them by themselves.
fn other_edition(named: &str) -> Statement {
    Statement {
        claim: Claim::NotAffected,
        confidence: 0.6,
        rule: "other-edition",
        detail: format!("the record speaks of {named}, and the package is another edition"),
        ..Statement::NONE
    }
}

/// The version is left out by a condition of its configuration.
fn condition(rule: &'static str, detail: String) -> Statement {
    Statement {
        claim: Claim::NotAffected,
        confidence: 0.85,
        rule,
        detail,
        ..Statement::NONE
    }
}

enum Environment {
    Holds,
    /// It needs another product beside it.
    Paired,
    Fails {
        rule: &'static str,
        detail: String,
    },
}

/// Whether the rest of an AND can hold where Nixpkgs runs.
fn environment(others: &[&Node], advisory: &Advisory, subject: &Subject, around: Around<'_>) -> Environment {
    let mut paired = false;
    for node in others {
        if node.negate || node.matches.is_empty() {
            continue;
        }
        if node.matches.iter().all(is_foreign_platform) {
            let names: Vec<&str> = node.matches.iter().filter_map(|m| m.cpe.product.as_deref()).take(3).collect();
            return Environment::Fails {
                rule: "other-platform",
                detail: format!("the configuration holds on {} only", names.join(", ")),
            };
        }
        let software: Vec<&CpeMatch> = node
            .matches
            .iter()
            .filter(|m| m.vulnerable && m.cpe.part == Part::Application)
            .collect();
        if !software.is_empty() && software.len() == node.matches.len() {
            // Both sides are called vulnerable: the one the description names first is the one that has the fault.
            let text = advisory.description.to_lowercase();
            let place = |product: &str| text.find(&product.to_lowercase().replace('_', " "));
            let other =
                software
                    .iter()
                    .filter_map(|m| m.cpe.product.as_deref())
                    .find(|p| match (place(p), place(&subject.product_written)) {
                        (Some(theirs), Some(ours)) => theirs < ours,
                        (None, Some(_)) | (_, None) => false,
                    });
            let present = software.iter().any(|m| (around.other_products)(m));
            if let Some(other) = other {
                return Environment::Fails {
                    rule: "environment-only",
                    detail: format!("the fault is in {other}; {} is only what it runs with", subject.product_written),
                };
            }
            if !present {
                let names: Vec<&str> = software.iter().filter_map(|m| m.cpe.product.as_deref()).take(3).collect();
                return Environment::Fails {
                    rule: "condition-absent",
                    detail: format!(
                        "it needs {} beside it in a version that this package set does not have",
                        names.join(", ")
                    ),
                };
            }
            paired = true;
        } else if node.matches.iter().all(|m| m.cpe.part != Part::OperatingSystem) {
            // Beside another program, or on a device.
            paired = true;
        }
    }
    if paired { Environment::Paired } else { Environment::Holds }
}

/// Operating systems that Nixpkgs' Linux packages do not run on.
fn is_foreign_platform(matched: &CpeMatch) -> bool {
    let (Some(vendor), Some(product)) = (matched.cpe.vendor.as_deref(), matched.cpe.product.as_deref()) else {
        return false;
    };
    matched.cpe.part == Part::OperatingSystem
        && (matches!(
            vendor,
            "microsoft"
                | "apple"
                | "google"
                | "sun"
                | "sco"
                | "hp"
                | "blackberry"
                | "nokia"
                | "palm"
                | "symbian"
                | "novell"
                | "oracle"
                | "ibm"
                | "cisco"
                | "vmware"
        ) && !product.contains("linux"))
        || matches!(product, "freebsd" | "netbsd" | "openbsd" | "dragonflybsd")
}

fn position<'a>(matched: &'a CpeMatch, judged: Judged<'_>, paired: bool) -> Position<'a> {
    let version = judged.version;
    let order = |other: &str| {
        compare(
            judged.scheme,
            version,
            judged.prefix.and_then(|p| other.strip_prefix(p)).unwrap_or(other),
        )
    };
    let incomparable = |other: &str| {
        let reason = why_not(judged.scheme, version, other).map_or_else(|| "no order".to_string(), |w| w.to_string());
        Position::Incomparable { matched, reason }
    };
    if matched.start.is_some() || matched.end.is_some() {
        if let Some(End { version: start, inclusive }) = &matched.start {
            match order(start) {
                Some(Ordering::Less) => return Position::Below { matched },
                Some(Ordering::Equal) if !inclusive => return Position::Below { matched },
                Some(_) => {}
                None => return incomparable(start),
            }
        }
        if let Some(End { version: end, inclusive }) = &matched.end {
            match order(end) {
                Some(Ordering::Greater) => return Position::Above { matched },
                Some(Ordering::Equal) if !inclusive => return Position::Above { matched },
                Some(_) => {}
                None => return incomparable(end),
            }
        }
        return Position::Inside { matched, paired };
    }
    let Some(single) = single_version(matched) else {
        return Position::Unversioned { matched };
    };
    match order(&single) {
        Some(Ordering::Equal) => Position::Inside { matched, paired },
        Some(o) => Position::Unlisted {
            matched,
            newer: o == Ordering::Greater,
        },
        None => incomparable(&single),
    }
}

/// The version that a CPE name itself states, with its update.
fn single_version(matched: &CpeMatch) -> Option<String> {
    let version = matched.cpe.version.as_deref().filter(|v| *v != "-")?;
    let update = matched.cpe.update.as_deref().filter(|u| *u != "-");
    Some(match update {
        // Java: 1.8.0 update252 is 1.8.0_252.
        Some(update) if update.starts_with("update") => {
            let join = if version.contains('.') { '_' } else { 'u' };
            format!("{version}{join}{}", update.trim_start_matches("update").trim_start_matches('_'))
        }
        Some(update) => format!("{version}-{update}"),
        None => version.to_string(),
    })
}

/// Joins the positions of one record into one statement.
fn decide(positions: Vec<Position<'_>>, advisory: &Advisory, judged: Judged<'_>, around: Around<'_>, day: u32) -> Statement {
    let who = &*advisory.source.name().to_uppercase();
    let version = judged.version;
    let state = |claim, confidence, rule, detail: String, fixed_in: Option<&End>| Statement {
        claim,
        confidence,
        rule,
        detail: format!("{who}: {detail}"),
        fixed_in: fixed_in.filter(|e| !e.inclusive).map(|e| e.version.clone()),
        side: if rule == "before-range" { Side::BeforeStart } else { Side::Other },
    };
    // A range that ends in the version's own line has been passed: that is more specific than an open range of another line.
    let passed = positions.iter().find_map(|p| match p {
        Position::Above { matched } => matched
            .end
            .as_ref()
            .filter(|e| same_line(&e.version, version, around))
            .map(|e| (*matched, e)),
        _ => None,
    });
    let mut restricted: Option<Statement> = None;
    for inside in &positions {
        let Position::Inside { matched, paired } = inside else { continue };
        let weight = if *paired { 0.6 } else { 0.95 };
        let other = match (&matched.start, &matched.end) {
            (None, Some(end)) => match passed.filter(|(_, p)| p.version != end.version) {
                Some((range, passed)) => {
                    let detail = format!(
                        "{version} has passed the end of {} for its own release line ({})",
                        show(range),
                        passed.version
                    );
                    Some(state(Claim::Fixed, 0.85, "line-passed", detail, Some(passed)))
                }
                None => other_line(&end.version, end.inclusive, who, judged, around, day),
            },
            // Only mainline's end is named where many lines are mended at once.
            (Some(_), Some(end)) if judged.long_term.is_some() => of_siblings(&end.version, end.inclusive, who, judged, around, day),
            (Some(start), None) => long_after(&start.version, who, judged, around, day),
            _ => None,
        }
        .or_else(|| mainline_only(matched.end.as_ref()?, who, judged))
        .or_else(|| matched.end.as_ref().and_then(|_| outside_description(judged, around, who)));
        if let Some(other) = other {
            restricted = Some(other);
            continue;
        }
        let mut affected = state(
            Claim::Affected,
            weight,
            if matched.start.is_some() || matched.end.is_some() {
                "in-range"
            } else {
                "listed"
            },
            format!("{version} is {}", show(matched)),
            matched.end.as_ref(),
        );
        if matched.start.is_none() && matched.end.is_some() {
            affected.side = Side::OpenRange;
        }
        return affected;
    }
    if let Some(statement) = restricted {
        return statement;
    }
    // No criterion holds. Best explanation first: past an end, then before a start, then merely not listed.
    if let Some((matched, end)) = passed.or_else(|| lowest_end(&positions)) {
        let confidence = if same_line(&end.version, version, around) { 0.95 } else { 0.85 };
        return state(
            Claim::Fixed,
            confidence,
            "past-range",
            format!("{version} is past {}", show(matched)),
            Some(end),
        );
    }
    let mut unlisted = 0usize;
    let mut newer = true;
    let mut example = None;
    for position in &positions {
        match position {
            Position::Below { matched } => {
                return state(
                    Claim::NotAffected,
                    0.9,
                    "before-range",
                    format!("{version} is before {}", show(matched)),
                    None,
                );
            }
            Position::Unlisted { matched, newer: n } => {
                unlisted += 1;
                newer &= n;
                example = Some(*matched);
            }
            _ => {}
        }
    }
    if let Some(example) = example {
        let rest = if unlisted > 1 {
            format!(" and {} more", unlisted - 1)
        } else {
            String::new()
        };
        let listed = single_version(example).unwrap_or_default();
        return if newer {
            state(
                Claim::Fixed,
                0.8,
                "newer-than-listed",
                format!("{version} is newer than every version listed ({listed}{rest})"),
                None,
            )
        } else {
            state(
                Claim::NotAffected,
                0.75,
                "not-listed",
                format!("{version} is not among the versions listed ({listed}{rest})"),
                None,
            )
        };
    }
    for position in &positions {
        if let Position::Unversioned { matched } = position
            && matched.cpe.version.is_none()
        {
            return state(
                Claim::Unknown,
                0.5,
                "no-versions",
                "the record names the product without any version, so nothing tells whether it was mended since".to_string(),
                None,
            );
        }
    }
    let fix = positions.iter().find_map(|p| match p {
        Position::Incomparable { matched, .. } => matched.end.as_ref().map(|e| e.version.as_str()),
        _ => None,
    });
    if let Some(statement) = snapshot(judged, day, fix) {
        return statement;
    }
    let reason = positions.iter().find_map(|p| match p {
        Position::Incomparable { matched, reason } => Some(format!("{version} cannot be compared with {}: {reason}", show(matched))),
        _ => None,
    });
    state(
        Claim::Unknown,
        0.5,
        "incomparable",
        reason.unwrap_or_else(|| "the record gives no version that could be compared".to_string()),
        None,
    )
}

/// The lowest range end that the version has passed.
fn lowest_end<'a>(positions: &[Position<'a>]) -> Option<(&'a CpeMatch, &'a End)> {
    let mut best: Option<(&'a CpeMatch, &'a End)> = None;
    for position in positions {
        let Position::Above { matched } = position else { continue };
        let Some(end) = &matched.end else { continue };
        if best.is_none_or(|(_, known)| compare(Scheme::Generic, &known.version, &end.version) == Some(Ordering::Less)) {
            best = Some((matched, end));
        }
    }
    best
}

/// Whether two versions lie in one release line: one that is known for the product, else the same first two numbers.
fn same_line(a: &str, b: &str, around: Around<'_>) -> bool {
    let lines = around.lines;
    match (lines.and_then(|l| l.line_of(a)), lines.and_then(|l| l.line_of(b))) {
        (Some(one), Some(two)) => one == two,
        _ => {
            let (a, b) = (components(a), components(b));
            a.iter().zip(b.iter()).take_while(|(x, y)| x == y).count() >= 2
        }
    }
}

/// An open range ends in another release line than the version's: what the record and its siblings say about the version's own line.
fn other_line(end: &str, inclusive: bool, who: &str, judged: Judged<'_>, around: Around<'_>, day: u32) -> Option<Statement> {
    let version = judged.version;
    let ends_here = |clause: &&LineClause| clause.end.as_ref().is_some_and(|e| e.version == end);
    for clause in around.clauses.iter().filter(ends_here) {
        if let Some(line) = &clause.line
            && !components(version).is_on_line(line)
            && starts_below(version, line)
        {
            let line = line.iter().map(u64::to_string).collect::<Vec<_>>().join(".");
            let detail = format!("{who}: the description speaks of {line}.x before {end}; {version} is an older release line");
            return Some(Statement {
                claim: Claim::NotAffected,
                confidence: 0.8,
                rule: "line-in-description",
                detail,
                ..Statement::NONE
            });
        }
        if let Some(start) = &clause.start
            && compare(judged.scheme, version, start) == Some(Ordering::Less)
        {
            let detail = format!("{who}: the description starts at {start}; {version} is before it");
            return Some(Statement {
                claim: Claim::NotAffected,
                confidence: 0.8,
                rule: "line-in-description",
                detail,
                ..Statement::NONE
            });
        }
    }
    let apart = || {
        let known = judged.long_term.filter(|l| l.apart)?;
        let own = known.line_of(version)?;
        (known.line_of(end)? != own).then(|| Statement {
            claim: Claim::NotAffected,
            confidence: 0.7,
            rule: "line-apart",
            detail: format!("{who}: {end} is of another release line than {version}, which has numbers and fixes of its own"),
            ..Statement::NONE
        })
    };
    let siblings = of_siblings(end, inclusive, who, judged, around, day).or_else(apart);
    siblings.or_else(|| {
        let lines = around.lines.filter(|l| l.are_named_apart())?;
        is_elsewhere(end, version, lines)?;
        Some(Statement {
            claim: Claim::NotAffected,
            confidence: 0.8,
            rule: "line-not-named",
            detail: format!("{who}: records of this product name each release line by itself, and {end} is not of the line of {version}"),
            ..Statement::NONE
        })
    })
}

/// The version's own release line, where an end lies in another one.
fn is_elsewhere<'l>(end: &str, version: &str, lines: &'l Lines) -> Option<&'l [u64]> {
    let own = lines.line_of(version)?;
    (lines.line_of(end) != Some(own) && !components(end).is_on_line(own)).then_some(own)
}

/// A version that was released in another line than the range's end, after the record was published, has the fix that was known then.
fn of_siblings(end: &str, inclusive: bool, who: &str, judged: Judged<'_>, around: Around<'_>, day: u32) -> Option<Statement> {
    let (lines, version) = (around.lines?, judged.version);
    let own = is_elsewhere(end, version, lines)?;
    let reached = lines.released_after(version, day, judged.long_term.is_some())?;
    let line = own.iter().map(u64::to_string).collect::<Vec<_>>().join(".");
    let bound = if inclusive { "up to" } else { "before" };
    Some(Statement {
        claim: Claim::Fixed,
        confidence: 0.65,
        rule: "line-of-siblings",
        detail: format!(
            "{who}: {bound} {end} is another release line than {line}; {version} is later than {reached}, which was current there when the record was published"
        ),
        ..Statement::NONE
    })
}

/// For the kernel, databases other than its own CNA often name the fix in mainline and none of those in the longterm lines.
fn mainline_only(end: &End, who: &str, judged: Judged<'_>) -> Option<Statement> {
    let known = judged.long_term.filter(|_| judged.scheme == Scheme::Kernel)?;
    let own = known.line_of(judged.version)?;
    (!components(&end.version).is_on_line(own)).then(|| Statement {
        claim: Claim::Unknown,
        rule: "mainline-only",
        detail: format!(
            "{who}: names only {}, and nothing about the longterm line of {}, which may have the fix",
            end.version, judged.version
        ),
        ..Statement::NONE
    })
}

/// A range without an end says nothing about what was released long after the record.
fn long_after(start: &str, who: &str, judged: Judged<'_>, around: Around<'_>, day: u32) -> Option<Statement> {
    let version = judged.version;
    let reached = around.lines?.released_after(version, day + YEAR, true)?;
    Some(Statement {
        claim: Claim::Unknown,
        rule: "no-end",
        detail: format!(
            "{who}: from {start} on, and no end is named; {version} is later than {reached}, which was current more than a year after the record was published"
        ),
        ..Statement::NONE
    })
}

fn starts_below(version: &str, line: &[u64]) -> bool {
    components(version).iter().copied().take(line.len()).lt(line.iter().copied())
}

/// A snapshot of the sources taken after the record told of a fix has the fix.
fn snapshot(judged: Judged<'_>, published: u32, fix: Option<&str>) -> Option<Statement> {
    let (year, month, date) = date_of(judged.version)?;
    let taken = day(&format!("{year:04}-{month:02}-{date:02}"));
    // Half a year's grace: records are published before, with, or a little after the fix.
    if published == 0 || taken < published + 186 {
        return None;
    }
    let fix = fix.map(|f| format!(" ({f})")).unwrap_or_default();
    let detail = format!(
        "{} is a snapshot taken long after the record was published with its fix{fix}",
        judged.version
    );
    Some(Statement {
        claim: Claim::Fixed,
        confidence: 0.6,
        rule: "snapshot-after-fix",
        detail,
        ..Statement::NONE
    })
}

/// A criterion in words: `before 1.2`, `from 1.0 up to 1.5`, `version 1.4`.
fn show(matched: &CpeMatch) -> String {
    let start = matched.start.as_ref().map(|s| {
        if s.inclusive {
            format!("from {} ", s.version)
        } else {
            format!("after {} ", s.version)
        }
    });
    let end = matched.end.as_ref().map(|e| {
        if e.inclusive {
            format!("up to {}", e.version)
        } else {
            format!("before {}", e.version)
        }
    });
    match (start, end) {
        (None, None) => match single_version(matched) {
            Some(version) => format!("version {version}"),
            None => "any version".to_string(),
        },
        (start, end) => format!("{}{}", start.unwrap_or_default(), end.unwrap_or_else(|| "on".to_string())),
    }
}

/// Whether a version is inside a criterion.
pub(super) fn holds(matched: &CpeMatch, version: &str) -> bool {
    let judged = Judged {
        version,
        scheme: Scheme::Generic,
        is_esr: false,
        is_enterprise: false,
        long_term: None,
        prefix: None,
    };
    matches!(
        position(matched, judged, false),
        Position::Inside { .. } | Position::Unversioned { .. }
    )
}
