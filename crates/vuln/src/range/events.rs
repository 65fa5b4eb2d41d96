//! OSV ranges: events sorted on a line of versions.

use std::cmp::Ordering;

use super::bound::{Obstacle, Probe};
use super::{Judgement, Position};
use crate::advisory::{Affected, Event, EventRange, RangeKind, Status};
use crate::version::{self, Scheme};

pub(super) fn judge(affected: &Affected, version: &str, fallback: Scheme) -> Judgement {
    let ecosystem = affected.ecosystem.as_deref().and_then(Scheme::from_osv_ecosystem);
    let found = |status, rule, reason, fixed_in, position, open_start| Judgement {
        status,
        rule,
        reason,
        fixed_in,
        comparable: true,
        decided_by_default: false,
        open_start,
        position,
    };
    let listed = affected.versions.iter().find(|entry| {
        let probe = Probe::new(version, ecosystem.unwrap_or(fallback), [entry.version.as_str()]);
        entry.bound.is_none() && probe.compare(&entry.version) == Ok(Ordering::Equal)
    });
    if let Some(entry) = listed {
        let fixed_in = affected
            .ranges
            .iter()
            .find_map(|range| outcome(range, version, scheme_of(range, ecosystem, fallback)).ok()?.fixed_in)
            .map(str::to_owned);
        let reason = format!("{version} is {:?} of the record's version list", entry.version);
        return found(Status::Affected, "osv-version-list", reason, fixed_in, Position::Inside, false);
    }
    let (mut before, mut after) = (false, false);
    let mut fixed_in: Option<&str> = None;
    let mut decided = None;
    let mut obstacle = None;
    let mut commits = false;
    for range in &affected.ranges {
        if range.kind == RangeKind::Git {
            commits = true;
            continue;
        }
        let declared = scheme_of(range, ecosystem, fallback);
        match outcome(range, version, declared) {
            Ok(outcome) if outcome.vulnerable => {
                let reason = format!("{version} lies in {} as {} versions: affected", shown(range), outcome.scheme);
                return found(
                    Status::Affected,
                    "osv-range",
                    reason,
                    outcome.fixed_in.map(str::to_owned),
                    Position::Inside,
                    outcome.open_start,
                );
            }
            Ok(outcome) => {
                before |= outcome.before;
                after |= outcome.after;
                fixed_in = fixed_in.or(outcome.passed_fix);
                decided.get_or_insert((range, outcome.scheme));
            }
            Err(why) => obstacle = obstacle.or(Some((why, declared))),
        }
    }
    let position = match (before, after) {
        (true, true) => Position::Between,
        (true, false) => Position::Before,
        (false, true) => Position::After,
        (false, false) => Position::Unclear,
    };
    let undecided = |rule, reason| Judgement {
        status: Status::Unknown,
        rule,
        reason,
        fixed_in: None,
        comparable: false,
        decided_by_default: false,
        open_start: false,
        position,
    };
    if let Some((obstacle, scheme)) = obstacle {
        return undecided(
            "osv-not-comparable",
            format!("no range decides: {}", obstacle.because(version, scheme)),
        );
    }
    match decided {
        Some((range, scheme)) => {
            let reason = format!("{version} lies outside {} as {scheme} versions: unaffected", shown(range));
            found(
                Status::Unaffected,
                "osv-outside",
                reason,
                fixed_in.map(str::to_owned),
                position,
                false,
            )
        }
        None if commits => undecided(
            "osv-commits",
            format!("the record names commits only, and which of them {version} has cannot be seen"),
        ),
        None => undecided("osv-not-comparable", "the record's ranges are empty".to_owned()),
    }
}

fn scheme_of(range: &EventRange, ecosystem: Option<Scheme>, fallback: Scheme) -> Scheme {
    match range.kind {
        RangeKind::Semver => Scheme::Semver,
        RangeKind::Ecosystem => ecosystem.unwrap_or(fallback),
        RangeKind::Git => Scheme::Git,
    }
}

struct Outcome<'a> {
    vulnerable: bool,
    scheme: Scheme,
    /// The first fix above a vulnerable version.
    fixed_in: Option<&'a str>,
    /// The last fix at or below one that is not.
    passed_fix: Option<&'a str>,
    before: bool,
    after: bool,
    /// Vulnerable since `0`.
    open_start: bool,
}

/// The evaluation that the OSV schema describes for one range. There events are sorted and applied in turn; the last that applies decides, so it is
/// enough to find it.
fn outcome<'a>(range: &'a EventRange, version: &str, declared: Scheme) -> Result<Outcome<'a>, Obstacle> {
    if range.kind == RangeKind::Git {
        return Err(Obstacle::unreadable("a commit"));
    }
    let probe = Probe::new(
        version,
        declared,
        range.events.iter().map(at).filter(|at| !matches!(*at, "0" | "*")),
    );
    let later = |a: &str, b: Option<&str>| b.is_none_or(|b| order(probe.scheme, a, b).is_ge());
    let mut outcome = Outcome {
        vulnerable: false,
        scheme: probe.scheme,
        fixed_in: None,
        passed_fix: None,
        before: false,
        after: false,
        open_start: false,
    };
    let mut last: Option<&str> = None;
    let (mut limited, mut below_limit) = (false, false);
    for event in &range.events {
        let at = at(event);
        let side = match at {
            "0" => Ordering::Greater,
            "*" => Ordering::Less,
            _ => probe.compare(at).map_err(|why| Obstacle::new(at, why))?,
        };
        let vulnerable = match event {
            Event::Limit(_) => {
                (limited, below_limit) = (true, below_limit || side.is_lt());
                continue;
            }
            Event::Introduced(_) if side.is_ge() => true,
            Event::Introduced(_) => {
                outcome.before = true;
                continue;
            }
            Event::Fixed(_) if side.is_ge() => {
                outcome.after = true;
                if later(at, outcome.passed_fix) {
                    outcome.passed_fix = Some(at);
                }
                false
            }
            Event::Fixed(_) => {
                if outcome.fixed_in.is_none_or(|fix| order(probe.scheme, at, fix).is_lt()) {
                    outcome.fixed_in = Some(at);
                }
                continue;
            }
            Event::LastAffected(_) if side.is_gt() => {
                outcome.after = true;
                false
            }
            Event::LastAffected(_) => continue,
        };
        if later(at, last) {
            (last, outcome.vulnerable) = (Some(at), vulnerable);
        }
    }
    outcome.vulnerable &= !limited || below_limit;
    outcome.open_start = last == Some("0");
    Ok(outcome)
}

fn at(event: &Event) -> &str {
    match event {
        Event::Introduced(at) | Event::Fixed(at) | Event::LastAffected(at) | Event::Limit(at) => at,
    }
}

/// `0` is before every version, pre-releases of 0 included.
fn is_everything(at: &str) -> bool {
    at == "0"
}

fn order(scheme: Scheme, a: &str, b: &str) -> Ordering {
    match (is_everything(a), is_everything(b)) {
        (false, false) => version::compare(scheme, a, b).unwrap_or(Ordering::Equal),
        (a, b) => b.cmp(&a),
    }
}

fn shown(range: &EventRange) -> String {
    let events: Vec<String> = range
        .events
        .iter()
        .take(8)
        .map(|event| match event {
            Event::Introduced(at) => format!("introduced {at}"),
            Event::Fixed(at) => format!("fixed {at}"),
            Event::LastAffected(at) => format!("last affected {at}"),
            Event::Limit(at) => format!("limit {at}"),
        })
        .collect();
    let more = if range.events.len() > 8 { ", ..." } else { "" };
    format!("\"{}{more}\"", events.join(", "))
}
