//! What other entries of a list say about the one that decides: where the fix is, and which release line an open range is about.

use std::cmp::Ordering;

use super::bound::{Bound, Probe};
use super::entries::{is_plain, names_no_start, scheme_of};
use super::text;
use crate::advisory::{Affected, Status, UpperBound};
use crate::version::{self, Scheme, common_prefix_len};

/// The fix that a record names outside the entry that decided: the first unaffected version above an affected one, or the end of the last affected
/// range at or below an unaffected one, both on the version's own release line where there is one.
pub(super) fn fix(affected: &Affected, version: &str, fallback: Scheme, status: Status) -> Option<String> {
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

/// Whether the version is past the end of its own release line, which another open range of the list names, while this one ends on a later line.
///
/// `5.7.24 and prior` beside `8.0.13 and prior` says nothing unless each is about its own line. The format has no such rule, so it holds only where
/// the author did not follow the format: for prose, and for starts such as `unspecified`.
pub(super) fn on_another_line(affected: &Affected, probe: &Probe<'_>, end: Option<&str>) -> bool {
    let on_line_of = |end: &str| {
        let numbers = version::components(end);
        let line = numbers.prefix(numbers.len().saturating_sub(1));
        !line.is_empty() && version::components(probe.version).is_on_line(&line)
    };
    let Some(end) = end else { return false };
    if affected.versions.len() < 2 && !affected.versions.iter().any(|entry| entry.bound.is_none()) || on_line_of(end) {
        return false;
    }
    let past = |end: &str, inclusive| on_line_of(end) && probe.is_within(Bound::upper(end), inclusive) == Ok(false);
    affected
        .versions
        .iter()
        .filter(|entry| entry.status == Status::Affected)
        .any(|entry| match &entry.bound {
            Some(UpperBound::LessThan(end)) => names_no_start(entry) && past(end, false),
            Some(UpperBound::LessThanOrEqual(end)) => names_no_start(entry) && past(end, true),
            None if is_plain(entry.version.trim()) => false,
            None => text::parse(&entry.version).unwrap_or_default().iter().any(|interval| {
                let open = interval.start.is_none() && interval.status == Status::Affected;
                open && interval.end.is_some_and(|end| past(end, interval.end_inclusive))
            }),
        })
}
