//! Release lines that a description names: `Botan before 1.10.12 and 1.11.x before 1.11.22`.

use super::clause::{Clause, Found, Reader};
use super::words::{Piece, pieces};
use crate::advisory::{End, Status};
use crate::version::{Components, common_prefix_len, components};

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

const LONGEST: usize = 4096;
const MOST_WORDS: usize = 4;

/// Reads the release lines from an English description. Only the first 4 kB are read; the time is linear in them.
pub fn line_statement(text: &str) -> Vec<LineClause> {
    let pieces = pieces(head(text));
    let mut reader = Reader::new(&pieces);
    let mut clauses: Vec<(Clause<'_>, Vec<String>)> = Vec::new();
    while let Some(found) = reader.next() {
        if let Found::Clause(clause) = found
            && !clause.is_point()
            && clause.status == Status::Affected
            && is_about_versions(&clause, pieces.get(clause.to))
        {
            let words = product_words(&pieces, &clause, clauses.last());
            clauses.push((clause, words));
        }
    }
    let siblings = |words: &[String]| clauses.iter().filter(|(c, w)| w == words && c.start.is_none()).count();
    clauses
        .iter()
        .map(|(clause, words)| LineClause {
            product_words: words.clone(),
            line: line_of(clause, siblings(words) > 1),
            start: clause.start.map(|(version, _)| version.to_owned()),
            end: clause.end.map(|end| End {
                version: end.version.to_owned(),
                inclusive: end.inclusive,
            }),
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
    let dotted = |version: &str| version.contains('.') && components(version).len() > 1;
    let start = clause.start.is_none_or(|(version, _)| dotted(version) || clause.line.is_some());
    let end = clause.end.is_none_or(|end| dotted(end.version));
    if start && end {
        return true;
    }
    let year = |version: &str| matches!(*components(version), [1980..=2099]);
    clause.explicit && !next.is_some_and(|piece| piece.is(UNITS)) && clause.end.is_some_and(|end| !end.inclusive && !year(end.version))
}

fn line_of(clause: &Clause<'_>, has_siblings: bool) -> Option<Components> {
    if let Some(line) = clause.line {
        return Some(components(line)).filter(|c| !c.is_empty());
    }
    let end = clause.end?;
    let shared = match clause.start {
        Some((start, _)) => common_prefix_len(start, end.version),
        // `5.6.42 and prior, 5.7.24 and prior`: each is the end of its own line.
        None if has_siblings && end.inclusive => components(end.version).len().saturating_sub(1),
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
];

fn product_words(pieces: &[Piece<'_>], clause: &Clause<'_>, previous: Option<&(Clause<'_>, Vec<String>)>) -> Vec<String> {
    let floor = previous.map_or(0, |(c, _)| c.to);
    let between = pieces.get(floor..clause.from).unwrap_or_default();
    let mut words = Vec::new();
    for piece in between.iter().rev() {
        match piece {
            Piece::Word(_) if piece.is(EMPTY_WORDS) && words.is_empty() => {}
            Piece::Word(_) if piece.is(EMPTY_WORDS) => break,
            Piece::Word(word) => words.push(word.to_lowercase()),
            Piece::Separator | Piece::Break if words.is_empty() => {}
            _ => break,
        }
        if words.len() == MOST_WORDS {
            break;
        }
    }
    words.reverse();
    // `before 68.2 (ESR)`
    if let Some([Piece::Break, Piece::Word(word), Piece::Break]) = pieces.get(clause.to..clause.to + 3) {
        words.push(word.to_lowercase());
    }
    if words.is_empty()
        && let Some((_, inherited)) = previous
    {
        return inherited.clone();
    }
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
        ] {
            assert_eq!(shown(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn only_the_head_of_a_description_is_read() {
        let text = format!("{}é before 1.2.3", "x".repeat(4095));
        assert!(line_statement(&text).is_empty());
    }
}
