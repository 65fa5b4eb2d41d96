//! Version statements in prose where a version should stand: `< 2.0`, `2.4.x before 2.4.7`, `5.7.24 and prior`, `All versions`.

use super::clause::{Clause, Found, Reader};
use super::words::{Piece, pieces};
use crate::advisory::Status;
use crate::version::components;

/// A range of versions with what the text says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval<'a> {
    /// Start; `None` is the beginning.
    pub start: Option<&'a str>,
    /// Whether the start itself is inside.
    pub start_inclusive: bool,
    /// End; `None` is open.
    pub end: Option<&'a str>,
    /// Whether the end itself is inside.
    pub end_inclusive: bool,
    /// `end` names a release line (`2.4` for `2.4.x`): all of it is inside where it is inclusive, else nothing of it.
    pub end_is_line: bool,
    /// Affected, or unaffected for `fixed in 2.0`.
    pub status: Status,
}

impl<'a> Interval<'a> {
    const ALL: Interval<'static> = Interval {
        start: None,
        start_inclusive: true,
        end: None,
        end_inclusive: true,
        end_is_line: false,
        status: Status::Affected,
    };

    /// A single version.
    pub fn is_point(&self) -> bool {
        self.start.is_some() && self.start == self.end && self.start_inclusive && self.end_inclusive && !self.end_is_line
    }

    fn of(clause: &Clause<'a>) -> Self {
        Self {
            start: clause.start.map(|(version, _)| version),
            start_inclusive: clause.start.is_none_or(|(_, inclusive)| inclusive),
            end: clause.end.map(|end| end.version),
            end_inclusive: clause.end.is_none_or(|end| end.inclusive),
            end_is_line: clause.end.is_some_and(|end| end.line),
            status: clause.status,
        }
    }
}

const LONGEST: usize = 4096;

/// Reads a version statement. `None` where it says nothing that could be compared, or where words between numbers leave open what the numbers are.
/// Texts beyond 4 kB are not read.
pub fn parse(text: &str) -> Option<Vec<Interval<'_>>> {
    if text.len() > LONGEST {
        return None;
    }
    let pieces = pieces(text);
    let mut reader = Reader::new(&pieces);
    let mut intervals: Vec<Interval<'_>> = Vec::with_capacity(2);
    let mut all = false;
    // A word that we do not know, behind a version of the same statement: no number may follow it there.
    let mut lost = false;
    let mut behind_version = false;
    // A colon and no name since the last version.
    let mut headed = false;
    let mut previous: Option<Clause<'_>> = None;
    while let Some(found) = reader.next() {
        match found {
            Found::Clause(clause) => {
                if lost {
                    return None;
                }
                let clause = previous.map_or(clause, |previous| clause.continuing(&previous));
                previous = Some(clause);
                let interval = Interval::of(&clause);
                // `8.6.x.x: 8.6.0.22 and below` is one statement.
                match intervals.last_mut().filter(|last| headed && heads(last, &interval)) {
                    Some(last) => {
                        *last = Interval {
                            start: last.start,
                            start_inclusive: true,
                            ..interval
                        }
                    }
                    None => intervals.push(interval),
                }
                (behind_version, headed) = (true, false);
            }
            Found::All(at) => {
                all |= !behind_version || matches!(pieces.get(at.wrapping_sub(1)), Some(Piece::Separator | Piece::Break(_)));
            }
            Found::Other => (lost, headed, previous) = (lost || behind_version, false, None),
            Found::Filler => match pieces.get(reader.position().wrapping_sub(1)) {
                Some(Piece::Break(_)) => (lost, behind_version, headed) = (false, false, true),
                Some(Piece::Separator) => (lost, behind_version, headed) = (false, false, false),
                Some(piece) if piece.is(&["and", "or"]) => (lost, behind_version, headed) = (false, false, false),
                Some(Piece::Word(_)) => lost |= behind_version,
                _ => {}
            },
        }
    }
    if intervals.is_empty() {
        return all.then(|| vec![Interval::ALL]);
    }
    // "Fixed in 2.0" alone says that everything before is affected.
    if let [
        fix @ Interval {
            status: Status::Unaffected,
            start: Some(version),
            end: None,
            ..
        },
    ] = intervals[..]
    {
        return Some(vec![
            fix,
            Interval {
                end: Some(version),
                end_inclusive: false,
                ..Interval::ALL
            },
        ]);
    }
    Some(intervals)
}

/// Whether the first one names the line or the version that the second one, which has only an end, goes on with.
fn heads(first: &Interval<'_>, second: &Interval<'_>) -> bool {
    let line = first.start.filter(|_| first.end_is_line || first.is_point());
    match (line, second.start, second.end) {
        (Some(line), None, Some(end)) => components(end).is_on_line(&components(line)) && second.status == Status::Affected,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Intervals as a person writes them: `[a, b)`, `{a}`, `[a, b.*]`, `!` in front for unaffected.
    fn shown(text: &str) -> Option<String> {
        let shown = parse(text)?.into_iter().map(|i| {
            let mark = if i.status == Status::Unaffected { "!" } else { "" };
            if i.is_point() {
                return format!("{mark}{{{}}}", i.start.unwrap());
            }
            let open = if i.start_inclusive && i.start.is_some() { '[' } else { '(' };
            let close = if i.end_inclusive && i.end.is_some() { ']' } else { ')' };
            let line = if i.end_is_line { ".*" } else { "" };
            format!("{mark}{open}{}, {}{line}{close}", i.start.unwrap_or("-"), i.end.unwrap_or("-"))
        });
        Some(shown.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn statements_that_records_contain() {
        for (text, wanted) in [
            ("< 2.0", "(-, 2.0)"),
            ("<2.0", "(-, 2.0)"),
            ("<= 2.3.1", "(-, 2.3.1]"),
            (">= 1.0, < 1.5", "[1.0, 1.5)"),
            (">=10.4, <10.6.2", "[10.4, 10.6.2)"),
            (">= 6.0.0 < 6.7.3", "[6.0.0, 6.7.3)"),
            ("> 0.11.0, <= 2.9.17", "(0.11.0, 2.9.17]"),
            ("=> 1.8.0, < 3.3.12", "[1.8.0, 3.3.12)"),
            (">= 7.20.2", "[7.20.2, -)"),
            ("= 2.39.0", "{2.39.0}"),
            ("before 2.0", "(-, 2.0)"),
            ("Before v2.24.1", "(-, 2.24.1)"),
            ("before version 01.04.0029", "(-, 01.04.0029)"),
            ("versions prior to 3.1.2", "(-, 3.1.2)"),
            ("prior to 3.1.2", "(-, 3.1.2)"),
            ("prior to Ver.3.1.12", "(-, 3.1.12)"),
            ("All versions prior to and including 0.2.1", "(-, 0.2.1]"),
            ("All versions prior to version 4.4.2", "(-, 4.4.2)"),
            ("All versions < V3.0", "(-, 3.0)"),
            ("All Versions >= V2.7", "[2.7, -)"),
            ("earlier than 2.3", "(-, 2.3)"),
            ("less than 2.3", "(-, 2.3)"),
            ("up to 2.3", "(-, 2.3]"),
            ("up to and including 2.3", "(-, 2.3]"),
            ("through 2.3", "(-, 2.3]"),
            ("2.0 - 2.3", "[2.0, 2.3]"),
            ("17.1-17.12", "[17.1, 17.12]"),
            ("9.5 - 9.5.23, 10 - 10.0.10", "[9.5, 9.5.23] [10, 10.0.10]"),
            ("8.5.0 to 8.5.6", "[8.5.0, 8.5.6]"),
            (" 1.21.0 to 1.26.11 ", "[1.21.0, 1.26.11]"),
            ("Versions 19.9 through 19.9.0.1", "[19.9, 19.9.0.1]"),
            (
                "Version 9.2.1.0 through 9.2.1.22, Version 9.4.0.0 through 9.4.0.13",
                "[9.2.1.0, 9.2.1.22] [9.4.0.0, 9.4.0.13]",
            ),
            (
                "Open Source Branch 9.18 9.18.0 through versions before 9.18.7",
                "{9.18} [9.18.0, 9.18.7)",
            ),
            ("All versions of 4.0 series", "[4.0, 4.0.*]"),
            ("4.5.0 to 4.5.3 (4.5 series)", "[4.5.0, 4.5.3] {4.5}"),
            ("1.x", "[1, 1.*]"),
            ("2.7.x", "[2.7, 2.7.*]"),
            ("4.5.*", "[4.5, 4.5.*]"),
            ("8.x.x", "[8, 8.*]"),
            ("2.4.x before 2.4.7", "[2.4, 2.4.7)"),
            ("2.4.0 before 2.4.7", "[2.4.0, 2.4.7)"),
            ("5.7.24 and prior", "(-, 5.7.24]"),
            ("5.7.24 and earlier", "(-, 5.7.24]"),
            ("5.7.24 and earlier versions", "(-, 5.7.24]"),
            ("2023.3.1 and previous versions ", "(-, 2023.3.1]"),
            ("7.6.0.3 and all previous versions", "(-, 7.6.0.3]"),
            ("2.8.3 or earlier", "(-, 2.8.3]"),
            ("4.0 and below", "(-, 4.0]"),
            ("v1.13 and earlier", "(-, 1.13]"),
            ("ver.1.2.0.424 and earlier", "(-, 1.2.0.424]"),
            ("firmware version 7.4.9 and earlier", "(-, 7.4.9]"),
            ("Version.5.0 or later", "[5.0, -)"),
            ("1.0 and later", "[1.0, -)"),
            ("2.0+", "[2.0, -)"),
            ("All versions", "(-, -)"),
            ("all", "(-, -)"),
            ("*", "(-, -)"),
            ("firmware all versions", "(-, -)"),
            ("1.0, 1.1, 1.2", "{1.0} {1.1} {1.2}"),
            ("3.2 and 3.3", "{3.2} {3.3}"),
            ("Java SE: 7u211, 8u202, 11.0.2, 12", "{7u211} {8u202} {11.0.2} {12}"),
            ("Android 12.0, 13.0", "{12.0} {13.0}"),
            ("fixed in 2.0", "![2.0, -) (-, 2.0)"),
            ("2.0 (fixed)", "![2.0, -) (-, 2.0)"),
            ("Fixed in OpenSSL 1.1.1d (Affected 1.1.1-1.1.1c)", "![1.1.1d, -) [1.1.1, 1.1.1c]"),
            ("Apache HTTP Server 2.4.1", "{2.4.1}"),
            ("FortiOS before 7.0.3", "(-, 7.0.3)"),
            ("stable <= 3.1.1", "(-, 3.1.1]"),
            ("qwik: < 1.6.0", "(-, 1.6.0)"),
            ("AccessControl: >= 5.0, < 5.8", "[5.0, 5.8)"),
            ("version 1.0.0", "{1.0.0}"),
            (">= 14.6-rc-1, < 14.10.4", "[14.6-rc-1, 14.10.4)"),
            ("from 1.2 to 1.5", "[1.2, 1.5]"),
            ("between 1.2 and 1.5", "[1.2, 1.5]"),
            ("1.2 through 1.5 (inclusive)", "[1.2, 1.5]"),
            ("ArubaOS 8.6.x.x: 8.6.0.22 and below", "[8.6, 8.6.0.22]"),
            ("16.05.xxxx: All versions.", "[16.05, 16.05.*]"),
            ("V4.7: All versions < V4.7 HF27", "[4.7, 4.7 HF27)"),
            ("2.6.0 p1", "{2.6.0 p1}"),
            ("7.0 Update 17 and earlier", "(-, 7.0 Update 17]"),
            ("S4CORE 107", "{107}"),
            (
                "All versions prior to and including 13.8, 15.3, 16.1",
                "(-, 13.8] (-, 15.3] (-, 16.1]",
            ),
            ("before v2.3.1 and v2.3.0a", "(-, 2.3.1) (-, 2.3.0a)"),
            ("<=5.008 & 5.028", "(-, 5.008] {5.028}"),
            ("9.0 LTS, 9.1 LTS", "{9.0} {9.1}"),
        ] {
            assert_eq!(shown(text).as_deref(), Some(wanted), "{text:?}");
        }
    }

    #[test]
    fn texts_that_say_nothing() {
        for text in [
            "",
            "n/a",
            "unspecified",
            "-",
            "See references",
            "unknown",
            "Montblanc",
            "see the reference URL",
            "multiple versions",
        ] {
            assert_eq!(shown(text), None, "{text:?}");
        }
        assert_eq!(
            shown("10 Version 1607 for 32-bit Systems"),
            None,
            "numbers behind words that we do not know"
        );
        assert_eq!(parse(&"1.0, ".repeat(2000)), None, "too long");
    }
}
