//! The CVE 5 version list: the first entry that holds decides, then `defaultStatus`.

use std::cmp::Ordering;
use std::fmt;

use super::bound::{Bound, Obstacle, Probe, is_placeholder};
use super::text::{self, Interval};
use super::{Judgement, Position};
use crate::advisory::{Affected, Status, UpperBound, VersionEntry};
use crate::version::{self, Scheme, common_prefix_len};

pub(super) fn judge(affected: &Affected, version: &str, fallback: Scheme) -> Judgement {
    let mut survey = Survey::default();
    for entry in &affected.versions {
        let declared = scheme_of(entry, affected, fallback);
        match look(entry, version, declared, &mut survey) {
            Look::Holds {
                status,
                rule,
                fixed_in,
                scheme,
            } => {
                let place = if rule == "cve5-version" || rule == "cve5-all-versions" {
                    "is"
                } else {
                    "lies in"
                };
                let reason = format!(
                    "{version} {place} {} of the record's list as {scheme} versions: {}",
                    Shown(entry),
                    name(status)
                );
                let fixed_in = fixed_in.or_else(|| fix(affected, version, fallback, status));
                let position = if status == Status::Affected {
                    Position::Inside
                } else {
                    survey.position()
                };
                return Judgement {
                    status,
                    rule,
                    reason,
                    fixed_in,
                    comparable: true,
                    decided_by_default: false,
                    position,
                };
            }
            Look::Outside => survey.compared += 1,
            Look::Obstacle(obstacle, scheme) => {
                // Commits say in other words what the version entries beside them say.
                if scheme == Scheme::Git {
                    survey.commits += 1;
                } else if survey.obstacle.is_none() {
                    survey.obstacle = Some((obstacle, scheme));
                }
            }
        }
    }
    by_default(affected, version, fallback, survey)
}

/// What the entries before the deciding one had in common.
#[derive(Default)]
struct Survey {
    compared: usize,
    commits: usize,
    obstacle: Option<(Obstacle, Scheme)>,
    /// Some affected range starts after the version.
    before: bool,
    /// Some affected range ends before the version.
    after: bool,
}

impl Survey {
    fn position(&self) -> Position {
        match (self.before, self.after) {
            (true, true) => Position::Between,
            (true, false) => Position::Before,
            (false, true) => Position::After,
            (false, false) => Position::Unclear,
        }
    }
}

fn by_default(affected: &Affected, version: &str, fallback: Scheme, survey: Survey) -> Judgement {
    let position = survey.position();
    let undecided = |rule, reason| Judgement {
        status: Status::Unknown,
        rule,
        reason,
        fixed_in: None,
        comparable: false,
        decided_by_default: false,
        position,
    };
    if let Some((obstacle, scheme)) = survey.obstacle {
        return undecided(
            "cve5-not-comparable",
            format!("no entry decides: {}", obstacle.because(version, scheme)),
        );
    }
    if survey.commits > 0 && survey.compared == 0 {
        return undecided(
            "cve5-commits",
            format!("the record names commits only, and which of them {version} has cannot be seen"),
        );
    }
    let status = affected.default_status;
    let fixed_in = fix(affected, version, fallback, status);
    let named = survey.compared > 0;
    let reason = match (named, status) {
        (true, Status::Unknown) => format!("{version} lies in no entry of the record's list, and the record gives no default"),
        (true, _) => format!("{version} lies in no entry of the record's list; its default is {}", name(status)),
        (false, Status::Unknown) => "the record names no versions".to_owned(),
        (false, _) => format!("the record names no versions; its default is {}", name(status)),
    };
    let comparable = named || status != Status::Unknown;
    let position = if status == Status::Affected { Position::Inside } else { position };
    Judgement {
        status,
        rule: "cve5-default",
        reason,
        fixed_in,
        comparable,
        decided_by_default: true,
        position,
    }
}

fn scheme_of(entry: &VersionEntry, affected: &Affected, fallback: Scheme) -> Scheme {
    let named = entry.scheme.as_deref().and_then(Scheme::from_version_type);
    named
        .or_else(|| affected.ecosystem.as_deref().and_then(Scheme::from_osv_ecosystem))
        .unwrap_or(fallback)
}

/// What one entry says.
enum Look {
    Holds {
        status: Status,
        rule: &'static str,
        fixed_in: Option<String>,
        scheme: Scheme,
    },
    Outside,
    Obstacle(Obstacle, Scheme),
}

fn look(entry: &VersionEntry, version: &str, declared: Scheme, survey: &mut Survey) -> Look {
    let Some(upper) = &entry.bound else {
        return look_single(entry, version, declared, survey);
    };
    let (end_text, inclusive) = match upper {
        UpperBound::LessThan(end) => (end.as_str(), false),
        UpperBound::LessThanOrEqual(end) => (end.as_str(), true),
    };
    let (start, end) = (Bound::lower(&entry.version), Bound::upper(end_text));
    let texts = [start, end]
        .into_iter()
        .filter_map(Bound::version)
        .chain(entry.changes.iter().map(|change| change.at.as_str()));
    let probe = Probe::new(version, declared, texts);
    let started = probe.is_at_or_after(start);
    let within = probe.is_within(end, inclusive);
    // One end that is clearly on the wrong side is enough.
    match (&started, &within) {
        (Ok(false), _) => {
            survey.before |= entry.status == Status::Affected;
            return Look::Outside;
        }
        (_, Ok(false)) => {
            survey.after |= entry.status == Status::Affected;
            return Look::Outside;
        }
        _ => {}
    }
    if let Err(obstacle) = started.and(within) {
        return Look::Obstacle(obstacle, probe.scheme);
    }
    let mut status = entry.status;
    let mut rule = "cve5-range";
    let mut fixed_in = if inclusive { None } else { end.version().map(str::to_owned) };
    if !entry.changes.is_empty() {
        let mut last: Option<&str> = None;
        let mut next_fix: Option<&str> = None;
        for change in &entry.changes {
            match probe.compare(&change.at) {
                Err(why) => return Look::Obstacle(Obstacle::new(&change.at, why), probe.scheme),
                Ok(Ordering::Less) => {
                    let earlier = next_fix.is_none_or(|fix| version::compare(probe.scheme, &change.at, fix) == Some(Ordering::Less));
                    if change.status == Status::Unaffected && earlier {
                        next_fix = Some(&change.at);
                    }
                }
                Ok(_) => {
                    // Records list changes in order; where one does not, the latest of them decides.
                    let later = last.is_none_or(|at| version::compare(probe.scheme, &change.at, at) != Some(Ordering::Less));
                    if later {
                        (last, status, rule) = (Some(change.at.as_str()), change.status, "cve5-change");
                    }
                }
            }
        }
        if let Some(fix) = next_fix.or(last.filter(|_| status == Status::Unaffected)) {
            fixed_in = Some(fix.to_owned());
        }
        if rule == "cve5-change" && status == Status::Unaffected {
            survey.after = true;
        }
    }
    let fixed_in = if entry.status == Status::Affected { fixed_in } else { None };
    Look::Holds {
        status,
        rule,
        fixed_in,
        scheme: probe.scheme,
    }
}

fn look_single(entry: &VersionEntry, version: &str, declared: Scheme, survey: &mut Survey) -> Look {
    let text = entry.version.trim();
    let holds = |rule, fixed_in, scheme| Look::Holds {
        status: entry.status,
        rule,
        fixed_in,
        scheme,
    };
    if text == "*" || ["all", "all versions", "any"].iter().any(|word| word.eq_ignore_ascii_case(text)) {
        return holds("cve5-all-versions", None, declared);
    }
    if is_placeholder(text) && text != "0" {
        return Look::Obstacle(Obstacle::unreadable(text), declared);
    }
    if is_plain(text) {
        let probe = Probe::new(version, declared, [text]);
        return match probe.compare(text) {
            Ok(Ordering::Equal) => holds("cve5-version", None, probe.scheme),
            Ok(order) => {
                note(survey, entry.status, order);
                Look::Outside
            }
            Err(why) => Look::Obstacle(Obstacle::new(text, why), probe.scheme),
        };
    }
    let Some(intervals) = text::parse(text) else {
        let probe = Probe {
            version,
            scheme: Scheme::Generic,
        };
        return match probe.compare(text) {
            Ok(Ordering::Equal) => holds("cve5-version", None, probe.scheme),
            _ => Look::Obstacle(Obstacle::unreadable(text), declared),
        };
    };
    look_text(entry, &intervals, version, declared, survey)
}

fn look_text(entry: &VersionEntry, intervals: &[Interval<'_>], version: &str, declared: Scheme, survey: &mut Survey) -> Look {
    let probe = Probe::new(version, declared, intervals.iter().flat_map(|i| [i.start, i.end]).flatten());
    let mut obstacle = None;
    for interval in intervals {
        let status = if interval.status == Status::Unaffected {
            Status::Unaffected
        } else {
            entry.status
        };
        match inside(&probe, interval) {
            Ok(Ordering::Equal) => {
                let rule = if interval.is_point() { "cve5-version" } else { "cve5-text" };
                let fixed_in = interval
                    .end
                    .filter(|_| !interval.end_inclusive && status == Status::Affected)
                    .map(str::to_owned);
                return Look::Holds {
                    status,
                    rule,
                    fixed_in,
                    scheme: probe.scheme,
                };
            }
            Ok(order) => note(survey, status, order),
            Err(why) => obstacle = obstacle.or(Some(why)),
        }
    }
    obstacle.map_or(Look::Outside, |obstacle| Look::Obstacle(obstacle, probe.scheme))
}

/// Equal: inside; less: before its start; greater: after its end.
fn inside(probe: &Probe<'_>, interval: &Interval<'_>) -> Result<Ordering, Obstacle> {
    if let Some(start) = interval.start {
        let order = probe.compare(start).map_err(|why| Obstacle::new(start, why))?;
        let on_line = interval.end_is_line && probe.is_on(start);
        if order.is_lt() && !on_line || order.is_eq() && !interval.start_inclusive {
            return Ok(Ordering::Less);
        }
    }
    let end = match interval.end {
        None => Bound::Open,
        Some(end) if interval.end_is_line => Bound::Line(end),
        Some(end) => Bound::At(end),
    };
    Ok(if probe.is_within(end, interval.end_inclusive)? {
        Ordering::Equal
    } else {
        Ordering::Greater
    })
}

fn note(survey: &mut Survey, status: Status, order: Ordering) {
    if status == Status::Affected {
        survey.before |= order.is_lt();
        survey.after |= order.is_gt();
    }
}

/// One word with a digit in it and nothing that the grammar of statements would read otherwise.
fn is_plain(text: &str) -> bool {
    let line = super::bound::line_of(text).is_some();
    let marks = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '=' | ',' | ';' | '≤' | '≥' | '–');
    !line && !text.contains(marks) && !joined(text)
}

/// `17.1-17.12`, which the grammar reads as a range.
fn joined(text: &str) -> bool {
    text.split_once('-')
        .is_some_and(|(from, to)| from.contains('.') && to.contains('.'))
}

/// The fix that a record names outside the entry that decided: the first unaffected version above an affected one, or the end of the last affected
/// range at or below an unaffected one, both on the version's own release line where there is one.
fn fix(affected: &Affected, version: &str, fallback: Scheme, status: Status) -> Option<String> {
    let mut best: Option<(usize, &str)> = None;
    for entry in &affected.versions {
        let candidate = match (status, entry.status, &entry.bound) {
            (Status::Affected, Status::Unaffected, _) => Bound::lower(&entry.version),
            (Status::Affected, ..) => continue,
            (_, Status::Affected, Some(UpperBound::LessThan(end))) => Bound::upper(end),
            _ => continue,
        };
        let Some(candidate) = candidate.version() else { continue };
        let probe = Probe::new(version, scheme_of(entry, affected, fallback), [candidate]);
        let ahead = match probe.compare(candidate) {
            Ok(order) => order.is_lt(),
            Err(_) => continue,
        };
        if ahead != (status == Status::Affected) {
            continue;
        }
        let shared = common_prefix_len(version, candidate);
        let better = best.is_none_or(|(best_shared, best)| {
            let nearer = if ahead { Ordering::Less } else { Ordering::Greater };
            shared > best_shared || shared == best_shared && version::compare(probe.scheme, candidate, best) == Some(nearer)
        });
        if better {
            best = Some((shared, candidate));
        }
    }
    best.map(|(_, fix)| fix.to_owned())
}

pub(super) fn name(status: Status) -> &'static str {
    match status {
        Status::Affected => "affected",
        Status::Unaffected => "unaffected",
        Status::Unknown => "unknown",
    }
}

/// An entry as a person would write it.
struct Shown<'a>(&'a VersionEntry);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = self.0;
        match &entry.bound {
            None => write!(f, "{:?}", entry.version),
            Some(UpperBound::LessThan(end)) => write!(f, "{:?} < {end:?}", entry.version),
            Some(UpperBound::LessThanOrEqual(end)) => write!(f, "{:?} <= {end:?}", entry.version),
        }
    }
}
