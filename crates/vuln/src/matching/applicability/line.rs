//! What a range of another release line says about a version: nothing, unless records and descriptions tell.

use std::cmp::Ordering;

use super::listed::every_end;
use super::{Around, Claim, Judged, KnownBy, Side, Statement, mended};
use crate::advisory::{Advisory, End};
use crate::matching::lines::{Lines, YEAR};
use crate::matching::platform::words;
use crate::matching::profile::{day, year_end};
use crate::matching::rules::LongTerm;
use crate::range::LineClause;
use crate::version::{Components, Scheme, compare, components, date_of};

/// Whether two versions lie in one release line: one that is known for the product, else the same first two numbers.
pub(super) fn same_line(a: &str, b: &str, around: Around<'_>) -> bool {
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
pub(super) fn other_line(end: &str, inclusive: bool, who: &str, judged: Judged<'_>, around: Around<'_>, day: u32) -> Option<Statement> {
    let version = judged.version;
    let ends_here = |clause: &&LineClause| clause.end.as_ref().is_some_and(|e| e.version == end);
    for clause in (around.clauses)().iter().filter(ends_here) {
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
    let siblings = of_siblings(end, inclusive, who, judged, around, day).or_else(|| line_apart(&[end], who, judged));
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

/// Ends that all lie in other lines than the version's say nothing about it, where a rule knows that each line has numbers of its own.
pub(super) fn line_apart(ends: &[&str], who: &str, judged: Judged<'_>) -> Option<Statement> {
    let known = judged.long_term.filter(|l| l.apart)?;
    let own = known.line_of(judged.version)?;
    let end = ends.first()?;
    ends.iter()
        .all(|end| known.line_of(end).is_some_and(|line| line != own))
        .then(|| Statement {
            claim: Claim::NotAffected,
            confidence: 0.7,
            rule: "line-apart",
            detail: format!(
                "{who}: {end} is of another release line than {}, which has numbers and fixes of its own",
                judged.version
            ),
            ..Statement::NONE
        })
}

/// The version's own release line, where an end lies in another one.
fn is_elsewhere<'l>(end: &str, version: &str, lines: &'l Lines) -> Option<&'l [u64]> {
    let own = lines.line_of(version)?;
    (lines.line_of(end) != Some(own) && !components(end).is_on_line(own)).then_some(own)
}

/// A version that was released in another line than the range's end, after the fault was known, has the fix that was known then.
pub(super) fn of_siblings(end: &str, inclusive: bool, who: &str, judged: Judged<'_>, around: Around<'_>, day: u32) -> Option<Statement> {
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
            "{who}: {bound} {end} is another release line than {line}; {version} is later than {reached}, which was current there when the fault was known"
        ),
        ..Statement::NONE
    })
}

/// Rules that take back what a list says of a version, for a reason: others' copies of the list do not mend that.
pub(super) const IN_DOUBT: &[&str] = &[
    "older-line",
    "line-passed-over",
    "support-line-passed",
    "years-older",
    "origin-unknown",
    "no-end",
];

/// First numbers up to here are lines that live side by side (Python 2 and 3, libav 0.8 and 12); higher ones count releases.
const LAST_LINE: u64 = 20;

/// A version of a line that the package set keeps beside a newer one, which an end without a start can be about.
pub(in crate::matching) fn older_line(end: &str, who: &str, version: &str, majors: &[u64]) -> Option<Statement> {
    let (major, last) = (*components(version).first()?, *components(end).first()?);
    let beside = majors
        .iter()
        .find(|beside| major <= LAST_LINE && (major + 1..=last).contains(*beside))?;
    Some(Statement {
        claim: Claim::Unknown,
        rule: "older-line",
        detail: format!(
            "{who}: names no start, and {end} at the earliest; {version} is of an older line that is kept beside {beside}, and nothing tells whether the fault is as old"
        ),
        ..Statement::NONE
    })
}

/// An open range calls everything affected that came before its lowest end, also a line that nobody looked at: one that is kept beside a
/// newer one for programs that never moved on, or one older than a line which was still looked after and that the fix passed over. Nobody
/// can tell from the record whether the fault is as old.
pub(super) fn unnamed_line(ends: &[&str], advisory: &Advisory, who: &str, judged: Judged<'_>, around: Around<'_>) -> Option<Statement> {
    let version = judged.version;
    let later = ends
        .iter()
        .filter(|end| compare(judged.scheme, version, end).is_some_and(Ordering::is_le));
    let end = *later.min_by(|a, b| compare(judged.scheme, a, b).unwrap_or(Ordering::Equal))?;
    if same_line(end, version, around) {
        return None;
    }
    let unknown = |rule, detail| Statement {
        claim: Claim::Unknown,
        rule,
        detail,
        ..Statement::NONE
    };
    let to = components(end);
    if let Some(older) = older_line(end, who, version, around.majors) {
        return Some(older);
    }
    let support = judged.long_term.and_then(|known| known.support_line(version, mended(advisory)));
    if let Some(line) = support
        && to.iter().take(line.len()).gt(line.iter())
        && !every_end(advisory).any(|end| components(end).is_on_line(line))
    {
        let line = line.iter().map(u64::to_string).collect::<Vec<_>>().join(".");
        let detail = format!(
            "{who}: names {end}, and nothing of the support line {line}, which got fixes then: the fault may be younger than {version}"
        );
        return Some(unknown("support-line-passed", detail));
    }
    let passed = around.lines?.looked_after_between(version, end, year_end(mended(advisory)))?;
    if ends.iter().any(|end| components(end).is_on_line(passed)) {
        return None;
    }
    let passed = passed.iter().map(u64::to_string).collect::<Vec<_>>().join(".");
    let detail = format!(
        "{who}: names no start, and {end} at the earliest; {passed} was still looked after and got no fix: the fault may be younger than {version}"
    );
    Some(unknown("line-passed-over", detail))
}

/// Years between a version and the oldest one that is known to have a fault, from which on nobody can say that it is as old: within one
/// major version, and across them.
const YEARS_WITHIN: u32 = 3;
const YEARS_ACROSS: u32 = 2;
/// Major versions between the two that tell as much.
const MAJORS: u64 = 2;
/// Releases between the two that tell as much where nobody knows the years.
const RELEASES: u64 = 10;

/// A version that was there years before the oldest line which is named with the fault, while no start is named: the fault may be younger,
/// as most are.
pub(super) fn years_older(ends: &[&str], advisory: &Advisory, who: &str, judged: Judged<'_>, around: Around<'_>) -> Option<Statement> {
    let version = judged.version;
    // The kernel's records say themselves where they do not know.
    let known_by = around.known_by.filter(|_| judged.scheme != Scheme::Kernel)?;
    let is_ahead = |end: &&str| compare(judged.scheme, version, end).is_some_and(Ordering::is_le);
    let all: Vec<&str> = if judged.long_term.is_some_and(LongTerm::is_named) {
        every_end(advisory).filter(is_ahead).collect()
    } else {
        ends.iter().copied().filter(is_ahead).collect()
    };
    let lower = |a: &&&str, b: &&&str| compare(judged.scheme, a, b).unwrap_or(Ordering::Equal);
    let end = all.iter().min_by(lower).copied();
    // A line of one number (Go 1, Node 14) may go on for many years.
    let narrow = around
        .lines
        .and_then(|lines| lines.line_of(version))
        .is_none_or(|line| line.len() > 1);
    let own = components(version).prefix(2);
    let is_same = |end: &str| components(end).prefix(2) == own || narrow && same_line(end, version, around);
    if end.is_some_and(is_same) {
        return None;
    }
    // A line that gets the fix beside a newer one has the fault since it was made, at least.
    let line = end.map(|end| components(end).prefix(2));
    let is_beside = all
        .iter()
        .any(|other| line.is_some_and(|line| *line < *components(other).prefix(2)));
    let named = line.filter(|_| is_beside).and_then(|line| known_by(&line));
    let seen = named.map_or(u32::MAX, |known| known.day).min(mended(advisory));
    years_apart(end, seen, who, version, known_by)
}

/// The same of an end, in a record about a fault that is as old as that day.
pub(in crate::matching) fn years_apart(end: Option<&str>, seen: u32, who: &str, version: &str, known_by: KnownBy<'_>) -> Option<Statement> {
    let own = components(version);
    let to = end.map(components).unwrap_or_default();
    let known = known_by(&own);
    let years = known.map_or(0, |known| seen.saturating_sub(known.day) / YEAR);
    let major = *own.first()?;
    let majors = to.first().map_or(0, |last| last.saturating_sub(major));
    let is_across = majors > 0 && major + majors <= LAST_LINE;
    let minor = |version: &Components| version.get(1).copied().unwrap_or(0);
    let releases = if majors > 0 {
        majors
    } else {
        minor(&to).saturating_sub(minor(&own))
    };
    let is_far = releases >= RELEASES && known.is_none_or(|known| known.is_bound);
    let is_older = if is_across {
        years >= YEARS_ACROSS || majors >= MAJORS || known.is_some_and(|known| known.is_bound)
    } else {
        years >= YEARS_WITHIN || is_far
    };
    if !is_older {
        return None;
    }
    let from = end.map_or_else(String::new, |end| format!(", and {end} at the earliest"));
    let apart = match (years, is_across) {
        (0, true) if majors > 1 => format!("{majors} major versions older"),
        (0, true) => "of the major version before".to_string(),
        _ if is_far && years < YEARS_WITHIN => format!("{releases} releases older"),
        (0 | 1, _) => "a year older".to_string(),
        _ => format!("{years} years older"),
    };
    Some(Statement {
        claim: Claim::Unknown,
        rule: "years-older",
        detail: format!("{who}: names no start{from}; {version} is {apart}, and nothing tells whether the fault is as old"),
        ..Statement::NONE
    })
}

/// For the kernel, databases other than its own CNA often name the fix in mainline and none of those in the longterm lines.
pub(super) fn mainline_only(end: &End, who: &str, judged: Judged<'_>) -> Option<Statement> {
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

/// A range without an end says nothing about what was released long after the fault was known.
pub(super) fn long_after(start: &str, who: &str, judged: Judged<'_>, around: Around<'_>, day: u32) -> Option<Statement> {
    let version = judged.version;
    let reached = around.lines?.released_after(version, day + YEAR, true)?;
    Some(Statement {
        claim: Claim::Unknown,
        rule: "no-end",
        detail: format!(
            "{who}: from {start} on, and no end is named; {version} is later than {reached}, which was current more than a year after the fault was known"
        ),
        ..Statement::NONE
    })
}

fn starts_below(version: &str, line: &[u64]) -> bool {
    components(version).iter().copied().take(line.len()).lt(line.iter().copied())
}

/// A snapshot behind a release ("1.4-bootstrap-20161024") that was taken long after a fix on that release's line (1.4.2) has it.
pub(super) fn snapshot_on_line(end: &str, judged: Judged<'_>, advisory: &Advisory) -> Option<Statement> {
    let (own, to) = (components(judged.version), components(end));
    (to.len() > own.len() && to.is_on_line(&own))
        .then(|| snapshot(judged, mended(advisory), Some(end)))
        .flatten()
}

/// A snapshot of the sources taken after the record told of a fix has the fix.
pub(super) fn snapshot(judged: Judged<'_>, published: u32, fix: Option<&str>) -> Option<Statement> {
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

/// A description that gives the version's own release line an end says more than a range that was widened over several lines.
pub(super) fn passed_in_description(ends: &[&str], judged: Judged<'_>, around: Around<'_>, who: &str) -> Option<Statement> {
    let version = judged.version;
    let is_ahead = |end: &str| compare(judged.scheme, version, end).is_none_or(Ordering::is_le);
    if ends.iter().any(|end| same_line(end, version, around) && is_ahead(end)) {
        return None;
    }
    let mut passed = None;
    for clause in (around.clauses)() {
        if clause.covers(judged.scheme, version)? {
            return None;
        }
        let on_line = clause
            .line
            .is_some_and(|line| line.len() >= 2 && components(version).is_on_line(&line));
        if let Some(end) = clause.end.as_ref().filter(|_| on_line)
            && compare(judged.scheme, version, &end.version)?.is_ge()
        {
            passed = Some(end);
        }
    }
    let end = passed?;
    Some(Statement {
        claim: Claim::Fixed,
        confidence: 0.75,
        rule: "line-passed",
        detail: format!(
            "{who}: {version} has passed {}, which the description names for its own release line",
            end.version
        ),
        fixed_in: (!end.inclusive).then(|| end.version.clone()),
        ..Statement::NONE
    })
}

/// How descriptions say which versions have the fix.
const MENDED: &[&str] = &["patched in", "fixed in", "resolved in", "corrected in"];

/// Databases list the version that has the fix where the description names no other one.
pub(super) fn listed_fix(listed: &str, advisory: &Advisory, who: &str) -> Option<Statement> {
    let text = advisory.description.to_lowercase();
    let said = MENDED.iter().find_map(|said| {
        let at = words(&text, said).next()?;
        let rest = text.get(at..)?;
        let sentence = rest.split(". ").next().unwrap_or(rest);
        let is_whole = |at: usize| {
            let after = sentence.get(at + listed.len()..).unwrap_or_default();
            !after
                .strip_prefix('.')
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        words(sentence, listed).any(is_whole).then_some(*said)
    })?;
    Some(Statement {
        claim: Claim::Fixed,
        confidence: 0.7,
        rule: "listed-fix",
        detail: format!("{who}: lists {listed}, and the description says that it is {said} {listed}"),
        fixed_in: Some(listed.to_string()),
        ..Statement::NONE
    })
}

/// Databases widen ranges to the beginning; a description that gives every range a start says where the fault began.
pub(super) fn outside_description(judged: Judged<'_>, around: Around<'_>, who: &str) -> Option<Statement> {
    let mut first: Option<String> = None;
    for clause in (around.clauses)() {
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
