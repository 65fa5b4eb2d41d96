//! CVE 5 and OSV version lists, with care for release lines.

use std::cmp::Ordering;

use super::line::{
    line_apart, other_line, outside_description, passed_in_description, same_line, snapshot, snapshot_on_line, unnamed_line, years_older,
};
use super::{Around, Claim, Judged, Side, Statement, mended};
use crate::advisory::{Advisory, Affected, Event, RangeKind, Status, UpperBound, VersionEntry};
use crate::range::{self, Judgement, judge};
use crate::version::{Components, compare, components};

/// A CVE 5 or OSV list, with the same care for lines.
pub(super) fn listed(affected: &Affected, advisory: &Advisory, judged: Judged<'_>, around: Around<'_>, day: u32) -> Statement {
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
        is_added: false,
    };
    let unclear = || snapshot(judged, day, judgement.fixed_in.as_deref()).unwrap_or_else(|| statement(Claim::Unknown, 0.5));
    match judgement.status {
        Status::Affected => {
            let who = &*affected.provider;
            let ends = ends(affected);
            if let Some(other) = open_range_elsewhere(affected, judged, around, day)
                .or_else(|| passed_over(affected, advisory, judged).filter(|_| judgement.decided_by_default))
                .or_else(|| ends.iter().find_map(|end| snapshot_on_line(end, judged, advisory)))
                .or_else(|| passed_in_description(&ends, judged, around, who))
                .or_else(|| outside_description(judged, around, who))
                .or_else(|| line_apart(&ends, who, judged).filter(|_| judgement.open_start))
                .or_else(|| unnamed_line(&ends, advisory, who, judged, around).filter(|_| judgement.open_start))
                .or_else(|| {
                    years_older(&ends, advisory, who, judged, around)
                        .filter(|_| judgement.open_start || names_no_start(affected, &judgement))
                })
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

/// Whether a list calls a version affected that says nothing about where that begins: all versions, or all that it does not list.
fn names_no_start(affected: &Affected, judgement: &Judgement) -> bool {
    let is_begin = |entry: &VersionEntry| entry.status == Status::Unaffected && entry.bound.is_some() && is_open(Some(&entry.version));
    match judgement.rule {
        "cve5-all-versions" => true,
        "cve5-default" => !affected.versions.iter().any(is_begin),
        _ => false,
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
    let mut unaffected = affected.versions.iter().filter(|e| e.status == Status::Unaffected);
    if unaffected.clone().any(|e| components(&e.version).is_on_line(&own.prefix(2))) {
        return None;
    }
    let fixed = unaffected
        .by_ref()
        .map(|e| components(&e.version).prefix(2))
        .filter(|line| line.len() == 2 && **line > *own.prefix(2))
        .min_by(|a, b| a.cmp(b))?;
    let known = judged.long_term?;
    // The own line is passed over as well, if it got fixes then.
    let is_passed = |line: &&Vec<u64>| {
        line.as_slice() > &*own.prefix(2) || own.is_on_line(line) && known.is_looked_after(judged.version, mended(advisory))
    };
    let is_fixed = |line: &[u64]| {
        let mut entries = affected.versions.iter().filter(|e| e.status == Status::Unaffected);
        entries.any(|e| components(&e.version).is_on_line(line))
    };
    let passed = known.lines.iter().find(|line| line.as_slice() < &*fixed && is_passed(line));
    // One just before it, which would have needed the fix as well.
    let older = || {
        let older = known.older_looked_after(judged.version, mended(advisory))?;
        (!is_fixed(older)).then_some(older)
    };
    let passed = passed.map(Vec::as_slice).or_else(older)?;
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

/// The ends of all affected ranges.
fn ends(affected: &Affected) -> Vec<&str> {
    let listed = affected.versions.iter().filter(|e| e.status == Status::Affected);
    listed
        .flat_map(intervals)
        .chain(evaluated(affected))
        .map(|(_, end, _)| end)
        .collect()
}

/// The ranges that events name: (start, end, whether the end is inside).
fn evaluated(affected: &Affected) -> Vec<(Option<&str>, &str, bool)> {
    let mut found = Vec::new();
    for range in affected.ranges.iter().filter(|range| range.kind != RangeKind::Git) {
        let mut start = None;
        for event in &range.events {
            match event {
                Event::Introduced(from) => start = Some(from.as_str()),
                Event::Fixed(end) => found.push((start.take(), end.as_str(), false)),
                Event::LastAffected(end) => found.push((start.take(), end.as_str(), true)),
                Event::Limit(_) => {}
            }
        }
    }
    found
}

/// The ends of all ranges of a record, whatever they are of.
pub(super) fn every_end(advisory: &Advisory) -> impl Iterator<Item = &str> {
    let criteria = advisory.configurations.iter().flat_map(|c| &c.nodes).flat_map(|n| &n.matches);
    let criteria = criteria.filter_map(|m| m.end.as_ref()).map(|end| end.version.as_str());
    advisory.affected.iter().flat_map(ends).chain(criteria)
}

/// Whether a range has no start.
pub(in crate::matching) fn is_open(start: Option<&str>) -> bool {
    start.is_none_or(|s| matches!(s, "0" | "*" | "unspecified" | "n/a" | "-"))
}

/// The ranges of one list entry that have an end: (start, end, whether the end is inside).
pub(in crate::matching) fn intervals(entry: &VersionEntry) -> Vec<(Option<&str>, &str, bool)> {
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
