//! The CVE 5 version list: the first entry that holds decides, then `defaultStatus`.

use std::cmp::Ordering;
use std::fmt;

use super::bound::{Bound, Obstacle, Probe, is_placeholder, line_of};
use super::fix::{fix, on_another_line};
use super::text::{self, Interval};
use super::{Judgement, Position};
use crate::advisory::{Affected, Status, UpperBound, VersionEntry};
use crate::version::{self, Scheme};

pub(super) fn judge(affected: &Affected, version: &str, fallback: Scheme) -> Judgement {
    let mut case = Case {
        affected,
        version,
        fallback,
        survey: Survey::default(),
    };
    for entry in &affected.versions {
        match case.look(entry) {
            Look::Holds(hold) => return case.judgement(entry, hold),
            Look::Outside => case.survey.compared += 1,
            // Commits say in other words what the version entries beside them say.
            Look::Obstacle(obstacle, scheme) if scheme == Scheme::Git || obstacle.is_commit() => case.survey.commits += 1,
            Look::Obstacle(obstacle, scheme) => {
                case.survey.obstacle.get_or_insert((obstacle, scheme));
            }
        }
    }
    case.by_default()
}

/// One version before one list.
struct Case<'a> {
    affected: &'a Affected,
    version: &'a str,
    fallback: Scheme,
    survey: Survey,
}

/// What the entries that did not hold had in common.
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
    fn note(&mut self, status: Status, order: Ordering) {
        if status == Status::Affected {
            self.before |= order.is_lt();
            self.after |= order.is_gt();
        }
    }

    fn position(&self) -> Position {
        match (self.before, self.after) {
            (true, true) => Position::Between,
            (true, false) => Position::Before,
            (false, true) => Position::After,
            (false, false) => Position::Unclear,
        }
    }
}

/// What one entry says.
enum Look {
    Holds(Hold),
    Outside,
    Obstacle(Obstacle, Scheme),
}

struct Hold {
    status: Status,
    rule: &'static str,
    fixed_in: Option<String>,
    scheme: Scheme,
    open_start: bool,
}

impl Case<'_> {
    fn judgement(&self, entry: &VersionEntry, hold: Hold) -> Judgement {
        let Hold {
            status,
            rule,
            fixed_in,
            scheme,
            open_start,
        } = hold;
        let place = if rule == "cve5-version" { "is" } else { "lies in" };
        let reason = format!(
            "{} {place} {} of the record's list as {scheme} versions: {}",
            self.version,
            Shown(entry),
            name(status)
        );
        Judgement {
            status,
            rule,
            reason,
            fixed_in: fixed_in.or_else(|| fix(self.affected, self.version, self.fallback, status)),
            comparable: true,
            decided_by_default: false,
            open_start,
            position: if status == Status::Affected {
                Position::Inside
            } else {
                self.survey.position()
            },
        }
    }

    fn by_default(self) -> Judgement {
        let Case {
            affected,
            version,
            fallback,
            survey,
        } = self;
        let position = survey.position();
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
        let named = survey.compared > 0;
        let reason = match (named, status) {
            (true, Status::Unknown) => format!("{version} lies in no entry of the record's list, and the record gives no default"),
            (true, _) => format!("{version} lies in no entry of the record's list; its default is {}", name(status)),
            (false, Status::Unknown) => "the record names no versions".to_owned(),
            (false, _) => format!("the record names no versions; its default is {}", name(status)),
        };
        Judgement {
            status,
            rule: "cve5-default",
            reason,
            fixed_in: fix(affected, version, fallback, status),
            comparable: named || status != Status::Unknown,
            decided_by_default: true,
            open_start: false,
            position: if status == Status::Affected { Position::Inside } else { position },
        }
    }

    fn look(&mut self, entry: &VersionEntry) -> Look {
        let declared = scheme_of(entry, self.affected, self.fallback);
        match &entry.bound {
            Some(UpperBound::LessThan(end)) => self.look_range(entry, declared, end, false),
            Some(UpperBound::LessThanOrEqual(end)) => self.look_range(entry, declared, end, true),
            None => self.look_single(entry, declared),
        }
    }

    fn look_range(&mut self, entry: &VersionEntry, declared: Scheme, end: &str, inclusive: bool) -> Look {
        let (start, end) = (Bound::lower(&entry.version), Bound::upper(end));
        let texts = [start, end]
            .into_iter()
            .filter_map(Bound::text)
            .chain(entry.changes.iter().map(|change| change.at.as_str()));
        let probe = Probe::new(self.version, declared, texts);
        let started = probe.is_at_or_after(start);
        let within = probe.is_within(end, inclusive);
        // One end that is clearly on the wrong side is enough.
        match (started, within) {
            (Ok(false), _) => {
                self.survey.note(entry.status, Ordering::Less);
                return Look::Outside;
            }
            (_, Ok(false)) => {
                self.survey.note(entry.status, Ordering::Greater);
                return Look::Outside;
            }
            (Err(obstacle), _) | (_, Err(obstacle)) => return Look::Obstacle(obstacle, probe.scheme),
            (Ok(true), Ok(true)) => {}
        }
        if entry.status == Status::Affected && names_no_start(entry) && on_another_line(self.affected, &probe, end.version()) {
            return Look::Outside;
        }
        let turn = match turn(entry, &probe) {
            Ok(turn) => turn,
            Err(obstacle) => return Look::Obstacle(obstacle, probe.scheme),
        };
        let status = turn.status.unwrap_or(entry.status);
        if turn.status == Some(Status::Unaffected) {
            self.survey.after = true;
        }
        // Where everything is affected that is not listed, a list entry says since when a line is mended.
        let mended = start
            .version()
            .filter(|_| entry.status == Status::Unaffected && self.affected.default_status == Status::Affected);
        self.survey.after |= mended.is_some();
        let of_range = end.version().filter(|_| !inclusive);
        let fixed_in = turn
            .fix
            .or(of_range)
            .filter(|_| entry.status == Status::Affected)
            .or(mended)
            .map(str::to_owned);
        let rule = if turn.status.is_some() { "cve5-change" } else { "cve5-range" };
        Look::Holds(Hold {
            status,
            rule,
            fixed_in,
            scheme: probe.scheme,
            open_start: start == Bound::Open,
        })
    }

    fn look_single(&mut self, entry: &VersionEntry, declared: Scheme) -> Look {
        let text = entry.version.trim();
        let holds = |rule, scheme| {
            Look::Holds(Hold {
                status: entry.status,
                rule,
                fixed_in: None,
                scheme,
                open_start: false,
            })
        };
        if text == "*" || ["all", "all versions", "any"].iter().any(|word| word.eq_ignore_ascii_case(text)) {
            return holds("cve5-all-versions", declared);
        }
        if is_placeholder(text) && text != "0" {
            return Look::Obstacle(Obstacle::unreadable(text), declared);
        }
        if is_plain(text) {
            let probe = Probe::new(self.version, declared, [text]);
            return match probe.compare(text) {
                Ok(Ordering::Equal) => holds("cve5-version", probe.scheme),
                Ok(order) => {
                    self.survey.note(entry.status, order);
                    Look::Outside
                }
                Err(why) => Look::Obstacle(Obstacle::new(text, why), probe.scheme),
            };
        }
        match text::parse(text) {
            Some(intervals) => self.look_text(entry, &intervals, declared),
            None if version::compare(Scheme::Generic, self.version, text) == Some(Ordering::Equal) => {
                holds("cve5-version", Scheme::Generic)
            }
            None => Look::Obstacle(Obstacle::unreadable(text), declared),
        }
    }

    fn look_text(&mut self, entry: &VersionEntry, intervals: &[Interval<'_>], declared: Scheme) -> Look {
        let probe = Probe::new(self.version, declared, intervals.iter().flat_map(|i| [i.start, i.end]).flatten());
        let mut obstacle = None;
        for interval in intervals {
            let status = if interval.status == Status::Unaffected {
                Status::Unaffected
            } else {
                entry.status
            };
            match inside(&probe, interval) {
                Ok(Ordering::Equal) => {
                    let open = status == Status::Affected && interval.start.is_none();
                    if open && on_another_line(self.affected, &probe, interval.end) {
                        continue;
                    }
                    let rule = if interval.is_point() { "cve5-version" } else { "cve5-text" };
                    let fixed_in = interval
                        .end
                        .filter(|_| !interval.end_inclusive && status == Status::Affected)
                        .map(str::to_owned);
                    return Look::Holds(Hold {
                        status,
                        rule,
                        fixed_in,
                        scheme: probe.scheme,
                        open_start: interval.start.is_none(),
                    });
                }
                Ok(order) => self.survey.note(status, order),
                Err(why) => obstacle = obstacle.or(Some(why)),
            }
        }
        obstacle.map_or(Look::Outside, |obstacle| Look::Obstacle(obstacle, probe.scheme))
    }
}

pub(super) fn scheme_of(entry: &VersionEntry, affected: &Affected, fallback: Scheme) -> Scheme {
    let named = entry.scheme.as_deref().and_then(Scheme::from_version_type);
    named
        .or_else(|| affected.ecosystem.as_deref().and_then(Scheme::from_osv_ecosystem))
        .unwrap_or_else(|| if names_commits(entry) { Scheme::Git } else { fallback })
}

/// Copies of kernel records lose the type of their versions: `3b8cc6298724 < 714e59b5456e`.
fn names_commits(entry: &VersionEntry) -> bool {
    let end = match &entry.bound {
        Some(UpperBound::LessThan(end) | UpperBound::LessThanOrEqual(end)) => end.as_str(),
        None => entry.version.as_str(),
    };
    let is_hash = |text: &str| (7..=40).contains(&text.len()) && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    let has = |class: fn(&u8) -> bool| entry.version.bytes().chain(end.bytes()).any(|c| class(&c));
    is_hash(&entry.version) && is_hash(end) && has(u8::is_ascii_alphabetic) && has(u8::is_ascii_digit)
}

/// What the changes of an entry say about a version inside of it.
#[derive(Default)]
struct Turn<'a> {
    /// The status of the last change at or before the version.
    status: Option<Status>,
    /// The next change to unaffected, or the one that the version is past.
    fix: Option<&'a str>,
}

/// Records list changes in order; where one does not, the latest at or before the version decides all the same.
fn turn<'a>(entry: &'a VersionEntry, probe: &Probe<'_>) -> Result<Turn<'a>, Obstacle> {
    let order = |a: &str, b: &str| version::compare(probe.scheme, a, b);
    let mut turn = Turn::default();
    let (mut last, mut next_fix): (Option<&str>, Option<&str>) = (None, None);
    for change in &entry.changes {
        let at = change.at.as_str();
        if probe.compare(at).map_err(|why| Obstacle::new(at, why))?.is_ge() {
            if last.is_none_or(|last| order(at, last) != Some(Ordering::Less)) {
                (last, turn.status) = (Some(at), Some(change.status));
            }
        } else if change.status == Status::Unaffected && next_fix.is_none_or(|fix| order(at, fix) == Some(Ordering::Less)) {
            next_fix = Some(at);
        }
    }
    turn.fix = if turn.status == Some(Status::Unaffected) { last } else { next_fix };
    Ok(turn)
}

/// Equal: inside; less: before its start; greater: after its end.
fn inside(probe: &Probe<'_>, interval: &Interval<'_>) -> Result<Ordering, Obstacle> {
    if let Some(start) = interval.start {
        let order = probe.compare(start).map_err(|why| Obstacle::new(start, why))?;
        // Pre-releases of a line's first version are on the line.
        let on_line = interval.end_is_line && probe.is_on(start);
        if order.is_lt() && !on_line || order.is_eq() && !interval.start_inclusive {
            return Ok(Ordering::Less);
        }
    }
    let end = match interval.end {
        None => Bound::Open,
        // `before 8.1.x` ends where the line begins.
        Some(end) if interval.end_is_line && interval.end_inclusive => Bound::Line(end),
        Some(end) => Bound::At(end),
    };
    Ok(if probe.is_within(end, interval.end_inclusive)? {
        Ordering::Equal
    } else {
        Ordering::Greater
    })
}

/// One word with a digit in it and nothing that the grammar of statements would read otherwise.
pub(super) fn is_plain(text: &str) -> bool {
    let marks = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '=' | ',' | ';' | '≤' | '≥' | '–');
    // `17.1-17.12` is a range.
    let joined = text
        .split_once('-')
        .is_some_and(|(from, to)| from.contains('.') && to.contains('.'));
    line_of(text).is_none() && !text.contains(marks) && !joined
}

/// `unspecified`, `n/a`, `-`: no start is named; `0` and `*` name one.
pub(super) fn names_no_start(entry: &VersionEntry) -> bool {
    let start = entry.version.trim();
    is_placeholder(start) && !matches!(start, "0" | "*")
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
