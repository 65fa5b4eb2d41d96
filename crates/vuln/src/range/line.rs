//! Release lines that a description names: `Botan before 1.10.12 and 1.11.x before 1.11.22`.

use super::bound::{Bound, Probe};
use super::clause::{Clause, Found, Limit, Reader};
use super::words::{Piece, pieces};
use crate::advisory::{End, Status};
use crate::version::{Components, Scheme, common_prefix_len, components, date_of};

/// One statement of a description about a release line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineClause {
    /// Up to four words before it, in lower case, most likely the product's name: `["mozilla", "firefox"]`.
    pub product_words: Vec<String>,
    /// The numbers of the line that it is about: `[1, 11]`. `None` where it does not say.
    pub line: Option<Components>,
    /// Start, inclusive.
    pub start: Option<String>,
    /// End.
    pub end: Option<End>,
}

impl LineClause {
    /// Whether it names the version as affected; `None` where they cannot be compared.
    pub fn covers(&self, scheme: Scheme, version: &str) -> Option<bool> {
        let texts = self
            .start
            .iter()
            .map(String::as_str)
            .chain(self.end.iter().map(|end| end.version.as_str()));
        let probe = Probe::new(version, scheme, texts);
        let on_line = self.line.is_none_or(|line| components(version).is_on_line(&line));
        let start = self.start.as_deref().map_or(Bound::Open, Bound::lower);
        let started = self.line.is_some() && on_line && self.start.as_deref().is_some_and(|start| probe.is_on(start))
            || probe.is_at_or_after(start).ok()?;
        let end = self.end.as_ref();
        let within = probe
            .is_within(
                end.map_or(Bound::Open, |end| Bound::upper(&end.version)),
                end.is_none_or(|end| end.inclusive),
            )
            .ok()?;
        // `14.x through 18.x` goes over several lines; with one end only, the line is the other.
        Some(started && within && (on_line || self.start.is_some() && end.is_some()))
    }
}

const LONGEST: usize = 4096;
const MOST_WORDS: usize = 4;

/// Reads the release lines from an English description. Only the first 4 kB are read; the time is linear in them.
pub fn line_statement(text: &str) -> Vec<LineClause> {
    let pieces = pieces(head(text));
    let mut reader = Reader::new(&pieces);
    let mut clauses: Vec<(Clause<'_>, Vec<String>)> = Vec::new();
    while let Some(found) = reader.next() {
        let Found::Clause(clause) = found else { continue };
        let clause = match clauses.last() {
            Some((previous, _)) if is_list(pieces.get(previous.to..clause.from)) => clause.continuing(previous),
            _ => clause,
        };
        if !clause.is_point()
            && clause.status == Status::Affected
            && is_about_versions(&clause, pieces.get(clause.to))
            && !is_a_fix(&clause, &pieces)
        {
            let words = product_words(&pieces, &clause, clauses.last());
            clauses.push((clause, words));
        }
    }
    // Oracle lists one version for each supported line, be it only one.
    let listed = pieces
        .windows(4)
        .any(|w| matches!(w, [a, b, c, d] if a.is(&["versions"]) && b.is(&["that"]) && c.is(&["are"]) && d.is(&["affected"])));
    let siblings = |clause: &Clause<'_>, words: &[String]| {
        let open = |c: &Clause<'_>| c.start.is_none() && (c.goes_on || c.end.is_some_and(|end| end.inclusive));
        listed || open(clause) && clauses.iter().filter(|(c, w)| w == words && open(c)).count() > 1
    };
    clauses
        .iter()
        .map(|(clause, words)| LineClause {
            product_words: words.clone(),
            line: line_of(clause, siblings(clause, words)),
            start: clause.start.map(|(version, _)| version.to_owned()),
            end: clause.end.and_then(|end| end_of(clause, end)),
        })
        .collect()
}

fn head(text: &str) -> &str {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Whether only commas and `and` stand between two versions.
fn is_list(between: Option<&[Piece<'_>]>) -> bool {
    between.is_some_and(|between| !between.is_empty() && between.iter().all(|p| *p == Piece::Separator || p.is(&["and", "or", "versions"])))
}

/// Prose is full of numbers: `up to 64 characters`, `1 to 10`, `before 3 days`. Versions have dots, or stand behind a word that only versions follow
/// and before none that counts something.
fn is_about_versions(clause: &Clause<'_>, next: Option<&Piece<'_>>) -> bool {
    const UNITS: &[&str] = &[
        "day",
        "days",
        "hour",
        "hours",
        "minute",
        "minutes",
        "second",
        "seconds",
        "week",
        "weeks",
        "month",
        "months",
        "year",
        "years",
        "byte",
        "bytes",
        "bit",
        "bits",
        "character",
        "characters",
        "time",
        "times",
        "kb",
        "mb",
        "gb",
        "percent",
    ];
    // `7u40` is a version too.
    let dotted = |version: &str| version.contains(['.', 'u']) && components(version).len() > 1 || date_of(version).is_some();
    let start = clause.start.is_none_or(|(version, _)| dotted(version) || clause.line.is_some());
    let end = clause.end.is_none_or(|end| dotted(end.version) || end.line);
    if start && end {
        return true;
    }
    let year = |version: &str| matches!(*components(version), [1980..=2099]);
    clause.explicit && !next.is_some_and(|piece| piece.is(UNITS)) && clause.end.is_some_and(|end| !end.inclusive && !year(end.version))
}

/// `The fixed version is 7.4 and later`.
fn is_a_fix(clause: &Clause<'_>, pieces: &[Piece<'_>]) -> bool {
    let before = pieces.get(clause.from.saturating_sub(6)..clause.from).unwrap_or_default();
    clause.end.is_none()
        && before
            .iter()
            .any(|p| p.is(&["fixed", "fix", "patched", "resolved", "upgrade", "update", "solution"]))
}

/// All of a line has no end of its own: the line is enough.
fn end_of(clause: &Clause<'_>, end: Limit<'_>) -> Option<End> {
    if end.line && end.inclusive && clause.line == Some(end.version) {
        return None;
    }
    let version = if end.line && end.inclusive {
        format!("{}.*", end.version)
    } else {
        end.version.to_owned()
    };
    Some(End {
        version,
        inclusive: end.inclusive,
    })
}

fn line_of(clause: &Clause<'_>, has_siblings: bool) -> Option<Components> {
    if let Some(line) = clause.line {
        return Some(components(line)).filter(|c| !c.is_empty());
    }
    let end = clause.end?;
    let shared = match clause.start {
        Some((start, _)) => common_prefix_len(start, end.version),
        // `5.6.42 and prior, 5.7.24 and prior`: each is the end of its own line.
        None if has_siblings => components(end.version).len().saturating_sub(1),
        None => 0,
    };
    (shared > 0).then(|| components(end.version).prefix(shared))
}

/// Words that stand before statements and name nothing.
const EMPTY_WORDS: &[&str] = &[
    "version",
    "versions",
    "release",
    "releases",
    "in",
    "of",
    "the",
    "a",
    "an",
    "and",
    "or",
    "for",
    "with",
    "to",
    "from",
    "is",
    "are",
    "that",
    "affected",
    "affects",
    "affecting",
    "all",
    "before",
    "prior",
    "through",
    "supported",
    "branch",
    "series",
    "line",
    "was",
    "were",
    "on",
    "by",
    "this",
    "which",
    "as",
    "at",
    "both",
    "not",
    "possibly",
    "potentially",
    "only",
    "some",
    "certain",
    "earlier",
    "any",
    "running",
    "using",
    "used",
];
/// How far back a pair of brackets is skipped.
const BRACKETS: usize = 12;

fn product_words(pieces: &[Piece<'_>], clause: &Clause<'_>, previous: Option<&(Clause<'_>, Vec<String>)>) -> Vec<String> {
    let floor = previous.map_or(0, |(c, _)| c.to);
    let before = pieces.get(floor..clause.from).unwrap_or_default();
    let mut words = match clause.name {
        Some((from, to)) => pieces.get(from..to).unwrap_or_default().iter().filter_map(lower).collect(),
        None if previous.is_some() && is_joined(before) => Vec::new(),
        None => words_before(before),
    };
    // `Jenkins 2.145 and earlier, LTS 2.138.1 and earlier`
    let edition = |word: &String| ["lts", "esr", "embedded", "community", "enterprise"].contains(&word.as_str());
    if words.iter().all(edition)
        && let Some((_, inherited)) = previous
    {
        words.splice(0..0, inherited.iter().filter(|word| !edition(word)).cloned());
    }
    // `before 68.2 (ESR)`
    if let Some([Piece::Break('('), word, Piece::Break(')')]) = pieces.get(clause.to..clause.to + 3) {
        words.extend(lower(word));
    }
    words
}

/// Whether a comma or `and` stands right before a statement: `..., 2.3.x before 2.3.7 and versions before 1.9` go on about the same product.
fn is_joined(before: &[Piece<'_>]) -> bool {
    let last = before
        .iter()
        .rev()
        .find(|p| !p.is(&["version", "versions", "release", "releases", "all", "the"]));
    last.is_some_and(|p| *p == Piece::Separator || p.is(&["and", "or"]))
}

fn lower(piece: &Piece<'_>) -> Option<String> {
    piece.word().map(str::to_lowercase)
}

/// The last words of a text that can be a name. Brackets behind the name are skipped: `Adaptive Security Appliance (ASA) Software`.
fn words_before(text: &[Piece<'_>]) -> Vec<String> {
    let mut words = Vec::new();
    let mut at = text.len();
    while let Some(piece) = at.checked_sub(1).and_then(|i| text.get(i)) {
        at -= 1;
        match piece {
            Piece::Break(')') => {
                let before = text.get(..at).unwrap_or_default();
                match before.iter().rev().take(BRACKETS).position(|p| *p == Piece::Break('(')) {
                    Some(back) => at -= back + 1,
                    None => break,
                }
            }
            Piece::Break('.') => break,
            _ if piece.is(EMPTY_WORDS) && words.is_empty() => {}
            Piece::Word(_) | Piece::Name(_) if !piece.is(EMPTY_WORDS) => words.extend(lower(piece)),
            Piece::Separator | Piece::Break(_) if words.is_empty() => {}
            _ => break,
        }
        if words.len() == MOST_WORDS {
            break;
        }
    }
    words.reverse();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let shown = |c: &LineClause| {
            let line = c
                .line
                .map(|l| l.iter().map(u64::to_string).collect::<Vec<_>>().join("."))
                .unwrap_or_default();
            let start = c.start.as_deref().unwrap_or("-");
            let end = c
                .end
                .as_ref()
                .map_or("-".to_owned(), |e| format!("{}{}", e.version, if e.inclusive { "]" } else { ")" }));
            format!("{}|{line}|{start}|{end}", c.product_words.join(" "))
        };
        line_statement(text).iter().map(shown).collect()
    }

    #[test]
    fn lines_that_descriptions_name() {
        for (text, wanted) in [
            (
                "The certificate parser in Botan before 1.10.12 and 1.11.x before 1.11.22 allows remote attackers to cause a denial of service",
                &["botan||-|1.10.12)", "botan|1.11|1.11|1.11.22)"][..],
            ),
            ("Botan 1.11.x before 1.11.22 improperly handles", &["botan|1.11|1.11|1.11.22)"]),
            (
                "in Apache HTTP Server 2.4.0 through 2.4.7 allows",
                &["apache http server|2.4|2.4.0|2.4.7]"],
            ),
            (
                "Supported versions that are affected are 5.6.42 and prior, 5.7.24 and prior and 8.0.13 and prior. Easily exploitable",
                &["|5.6|-|5.6.42]", "|5.7|-|5.7.24]", "|8.0|-|8.0.13]"],
            ),
            ("Foo versions 4.x prior to 4.2.1 are affected.", &["foo|4|4|4.2.1)"]),
            (
                "OpenSSL 1.0.2 before 1.0.2t and 1.1.0 before 1.1.0l",
                &["openssl|1.0.2|1.0.2|1.0.2t)", "openssl|1.1.0|1.1.0|1.1.0l)"],
            ),
            ("ImageMagick through 3.2.1 has a leak", &["imagemagick||-|3.2.1]"]),
            ("This affects Firefox before 68.2 (ESR).", &["firefox esr||-|68.2)"]),
            (
                "This vulnerability affects Firefox < 70, Thunderbird < 68.2, and Firefox ESR < 68.2.",
                &["firefox||-|70)", "thunderbird||-|68.2)", "firefox esr||-|68.2)"],
            ),
            (
                "in Google Chrome prior to 80.0.3987.149 allowed",
                &["google chrome||-|80.0.3987.149)"],
            ),
            ("a limit of up to 64 characters, 1 to 10 times, before 3 days and through 2019", &[]),
            ("no versions here", &[]),
            (
                "PostgreSQL before 11.5, 10.10 and 9.6.15 is vulnerable",
                &["postgresql|11|-|11.5)", "postgresql|10|-|10.10)", "postgresql|9.6|-|9.6.15)"],
            ),
            (
                "in libssh versions before 0.9.3 and before 0.8.8",
                &["libssh|0.9|-|0.9.3)", "libssh|0.8|-|0.8.8)"],
            ),
            ("7-Zip through 18.01 on Windows", &["7-zip||-|18.01]"]),
            ("Easy Magazine through 2012-10-26 has XSS", &["easy magazine||-|2012-10-26]"]),
            ("Citrix XenMobile Server 10.8 before RP2 and 10.7 before RP3.", &[]),
            (
                "Smart Reporting All Versions Prior to 7.3 is affected. The fixed version is: 7.4 and later.",
                &["smart reporting||-|7.3)"],
            ),
            (
                "This issue affected versions prior to macOS High Sierra 10.13.6.",
                &["macos high sierra||-|10.13.6)"],
            ),
            (
                "Cisco Adaptive Security Appliance (ASA) Software 8.4 before 8.4(7.2)",
                &["adaptive security appliance software|8.4|8.4|8.4(7.2))"],
            ),
            (
                "Adobe Flash Player before 13.0.0.302 and 14.x through 18.x before 18.0.0.203 on Windows and OS X and before 11.2.202.481 on Linux",
                &[
                    "adobe flash player|13.0.0|-|13.0.0.302)",
                    "adobe flash player|14|14|18.0.0.203)",
                    "adobe flash player|11.2.202|-|11.2.202.481)",
                ],
            ),
            (
                "Vulnerability in the MySQL Server product of Oracle MySQL (component: Server: Optimizer). Supported versions that are affected are 8.0.16 and prior.",
                &["|8.0|-|8.0.16]"],
            ),
        ] {
            assert_eq!(shown(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn a_clause_covers_versions_of_its_line() {
        let covers = |text: &str, version: &str| line_statement(text)[0].covers(Scheme::Generic, version);
        for (text, inside, outside) in [
            (
                "Botan 1.11.x before 1.11.22",
                &["1.11.0-rc1", "1.11.21"][..],
                &["1.10.17", "1.11.22"][..],
            ),
            ("Botan before 1.10.12", &["1.10.11", "0.9"], &["1.10.12", "1.11"]),
            ("OpenSSL 1.0.2 before 1.0.2t", &["1.0.2", "1.0.2s"], &["1.0.2t", "1.0.1", "1.1.0"]),
            ("Joomla! 1.5.x, 2.x", &["1.5", "1.5.26"], &["1.6", "1.4"]),
            ("Flash 14.x through 16.x", &["14.0", "15.1", "16.9"], &["13.9", "17.0"]),
            (
                "Curl versions 7.14.1 through 7.61.1 are",
                &["7.14.1", "7.61.1"],
                &["7.61.2", "7.14.0"],
            ),
            (
                "Supported versions that are affected are 8.0.16 and prior",
                &["8.0.16", "8.0.1"],
                &["8.0.17", "5.7.27"],
            ),
        ] {
            for version in inside {
                assert_eq!(covers(text, version), Some(true), "{text}: {version}");
            }
            for version in outside {
                assert_eq!(covers(text, version), Some(false), "{text}: {version}");
            }
        }
        assert_eq!(covers("Botan before 1.10.12", "unstable-2020-01-01"), None);
    }

    #[test]
    fn only_the_head_of_a_description_is_read() {
        let text = format!("{}é before 1.2.3", "x".repeat(4095));
        assert!(line_statement(&text).is_empty());
    }
}
