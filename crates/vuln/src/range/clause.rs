//! The grammar of version statements: `2.4.x before 2.4.7`, `5.7.24 and prior`, `>= 1.0, < 1.5`, `1.0, 1.1 and 1.2`.

use super::words::Piece;
use crate::advisory::Status;

/// One statement about versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clause<'a> {
    /// Start and whether it is inside.
    pub(super) start: Option<(&'a str, bool)>,
    /// End.
    pub(super) end: Option<Limit<'a>>,
    /// The line that the statement names itself (`1.11.x`).
    pub(super) line: Option<&'a str>,
    /// What it says about them.
    pub(super) status: Status,
    /// Where it begins and ends in the list of pieces.
    pub(super) from: usize,
    pub(super) to: usize,
    /// Where a name stands in it: `before macOS 10.13`.
    pub(super) name: Option<(usize, usize)>,
    /// Whether a word such as `before` or `versions`, or an operator, makes sure that numbers are versions.
    pub(super) explicit: bool,
    /// Whether it is words such as `before` with nothing in front: versions listed behind go on with it.
    pub(super) goes_on: bool,
}

/// The end of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit<'a> {
    pub(super) version: &'a str,
    pub(super) inclusive: bool,
    /// `version` is a line: all of it is inside.
    pub(super) line: bool,
}

impl Clause<'_> {
    /// For a version listed behind `before 2.3.1, 2.2.8 and 2.1.9`: the statement that it stands for.
    pub(super) fn continuing(self, previous: &Self) -> Self {
        match (previous.end, self.end) {
            (Some(limit), Some(end)) if previous.goes_on && self.is_point() => Self {
                start: None,
                end: Some(Limit {
                    inclusive: limit.inclusive,
                    ..end
                }),
                explicit: true,
                goes_on: true,
                ..self
            },
            _ => self,
        }
    }

    /// A single version.
    pub(super) fn is_point(&self) -> bool {
        match (self.start, self.end) {
            (Some((start, true)), Some(end)) => start == end.version && end.inclusive && !end.line,
            _ => false,
        }
    }
}

/// Reads clauses from a list of pieces, one after the other.
pub(super) struct Reader<'a, 'p> {
    pieces: &'p [Piece<'a>],
    at: usize,
    name: Option<(usize, usize)>,
}

/// What the reader found next.
pub(super) enum Found<'a> {
    Clause(Clause<'a>),
    /// `all versions`.
    All(usize),
    /// A word that belongs to no statement.
    Other,
    /// Punctuation, `and`, `versions`.
    Filler,
}

const FILLERS: &[&str] = &[
    "version", "versions", "ver", "vers", "release", "releases", "v", "and", "or", "the", "in", "of", "is", "are", "from", "since",
    "starting", "with", "affected", "affects", "series", "branch", "line", "also", "software", "firmware", "build", "builds", "between",
];
/// Words between a version and the phrase that goes on with it.
const INSIDE: &[&str] = &[
    "version", "versions", "release", "releases", "series", "branch", "branches", "line", "lts", "esr",
];
/// What stands before a number that is no version.
const COUNTED: &[&str] = &[
    "build", "builds", "update", "patch", "revision", "rev", "fix", "hotfix", "service", "pack", "sp", "kb", "level",
];
const BEFORE: &[&str] = &["before", "prior", "below", "until", "preceding", "previous", "predating"];
const COMPARATIVES: &[&str] = &["earlier", "lower", "older", "less", "prior", "smaller"];
const THROUGH: &[&str] = &["through", "thru", "to", "till"];
const DOWN: &[&str] = &["prior", "earlier", "below", "older", "lower", "previous", "before", "under", "less"];
const UP: &[&str] = &[
    "later", "above", "newer", "higher", "up", "greater", "onward", "onwards", "upwards", "after", "beyond",
];
const FIXED: &[&str] = &["fixed", "patched", "resolved", "corrected", "unaffected", "mitigated"];

impl<'a, 'p> Reader<'a, 'p> {
    pub(super) fn new(pieces: &'p [Piece<'a>]) -> Self {
        Self { pieces, at: 0, name: None }
    }

    /// How far it has read.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    fn peek(&self, ahead: usize) -> Option<Piece<'a>> {
        self.pieces.get(self.at + ahead).copied()
    }

    fn peek_is(&self, ahead: usize, words: &[&str]) -> bool {
        self.peek(ahead).is_some_and(|p| p.is(words))
    }

    fn soft_break(&self, ahead: usize) -> bool {
        self.peek(ahead).is_some_and(|p| p.is_soft_break())
    }

    /// The next thing, or `None` at the end.
    pub(super) fn next(&mut self) -> Option<Found<'a>> {
        let from = self.at;
        self.name = None;
        let piece = self.peek(0)?;
        let clause = match piece {
            Piece::Below | Piece::UpTo | Piece::From | Piece::Above | Piece::Equals => self.operators(),
            Piece::Version(_) | Piece::Line(_) => self.after_version(),
            Piece::Word(_) if piece.is(FIXED) => self.fixed(),
            Piece::Word(_) => self
                .upper_phrase()
                .map(|end| Partial {
                    end: Some(end),
                    explicit: true,
                    ..Partial::default()
                })
                .or_else(|| self.lower_phrase()),
            _ => None,
        };
        if let Some(partial) = clause {
            let explicit = partial.explicit
                || from
                    .checked_sub(1)
                    .and_then(|i| self.pieces.get(i))
                    .is_some_and(|p| p.is(&["version", "versions"]));
            return Some(Found::Clause(Clause {
                goes_on: matches!(piece, Piece::Word(_)) && partial.start.is_none(),
                start: partial.start,
                end: partial.end,
                line: partial.line,
                status: partial.status.unwrap_or(Status::Affected),
                from,
                to: self.at,
                name: self.name,
                explicit,
            }));
        }
        self.at = from + 1;
        Some(match piece {
            Piece::Name("*") => Found::All(from),
            Piece::Word(_) if piece.is(&["all", "any", "every"]) => Found::All(from),
            Piece::Word(_) if piece.is(FILLERS) => Found::Filler,
            Piece::Word(_) | Piece::Name(_) => Found::Other,
            _ => Found::Filler,
        })
    }

    /// `>= 1.0, < 1.5` and its parts.
    fn operators(&mut self) -> Option<Partial<'a>> {
        let mut partial = Partial {
            explicit: true,
            ..Partial::default()
        };
        let operator = self.peek(0)?;
        self.at += 1;
        self.skip_names();
        let piece = self.peek(0)?;
        let version = piece.version()?;
        self.at += 1;
        let line = matches!(piece, Piece::Line(_));
        match operator {
            Piece::Below => {
                partial.end = Some(Limit {
                    version,
                    inclusive: false,
                    line,
                })
            }
            Piece::UpTo => {
                partial.end = Some(Limit {
                    version,
                    inclusive: true,
                    line,
                })
            }
            Piece::Equals => {
                return Some(Partial {
                    explicit: true,
                    ..Partial::point(piece)?
                });
            }
            _ => partial.start = Some((version, matches!(operator, Piece::From))),
        }
        if partial.start.is_some() {
            let mark = self.at;
            while matches!(self.peek(0), Some(Piece::Separator)) || self.soft_break(0) || self.peek_is(0, &["and"]) {
                self.at += 1;
            }
            let inclusive = match self.peek(0) {
                Some(Piece::Below) => false,
                Some(Piece::UpTo) => true,
                _ => {
                    self.at = mark;
                    return Some(partial);
                }
            };
            match self.peek(1) {
                Some(piece @ (Piece::Version(version) | Piece::Line(version))) => {
                    self.at += 2;
                    partial.end = Some(Limit {
                        version,
                        inclusive,
                        line: matches!(piece, Piece::Line(_)),
                    });
                }
                _ => self.at = mark,
            }
        }
        Some(partial)
    }

    /// What a version at the start of a statement opens.
    fn after_version(&mut self) -> Option<Partial<'a>> {
        let piece = self.peek(0)?;
        let version = piece.version()?;
        let line = matches!(piece, Piece::Line(_)).then_some(version);
        self.at += 1;
        let mark = self.at;
        let opened = Partial {
            start: Some((version, true)),
            line,
            explicit: true,
            ..Partial::default()
        };

        while self.peek_is(
            0,
            &["version", "versions", "release", "releases", "series", "branch", "line", "all"],
        ) || self.soft_break(0)
        {
            self.at += 1;
        }
        // `2.0 (fixed)`
        if self.peek_is(0, FIXED) && !self.peek_is(1, &["in"]) {
            self.at += 1;
            return Some(Partial {
                line: None,
                end: None,
                status: Some(Status::Unaffected),
                ..opened
            });
        }
        self.at = mark;
        self.skip_inside_statement();
        let between = self.pieces.get(mark.saturating_sub(2)).is_some_and(|p| p.is(&["between"]));
        if between && self.peek_is(0, &["and"]) {
            self.at += 1;
            self.skip_names();
            if let Some(end) = self.limit(true) {
                return Some(Partial { end: Some(end), ..opened });
            }
        }
        if matches!(self.peek(0), Some(Piece::Dash)) || self.peek_is(0, THROUGH) {
            let dash = matches!(self.peek(0), Some(Piece::Dash));
            self.at += 1;
            self.skip_names();
            if let Some(end) = self.upper_phrase() {
                return Some(Partial { end: Some(end), ..opened });
            }
            if let Some(end) = self.limit(true) {
                // `14.x through 18.x before 18.0.0.203`
                let end = self.upper_phrase().unwrap_or(end);
                return Some(Partial {
                    end: Some(end),
                    explicit: !dash && !self.pieces.get(mark).is_some_and(|p| p.is(&["to"])),
                    ..opened
                });
            }
            self.at = mark;
            self.skip_inside_statement();
        }
        // `1.11.x before 1.11.22`, but not `1.0 and before` or `1.0, before 2.0`.
        let direct = self.at;
        if let Some(end) = self.upper_phrase() {
            return Some(Partial { end: Some(end), ..opened });
        }
        self.at = direct;
        match self.peek(0) {
            Some(Piece::Below | Piece::UpTo) => {
                let inclusive = matches!(self.peek(0), Some(Piece::UpTo));
                self.at += 1;
                if let Some(end) = self.limit(inclusive) {
                    return Some(Partial { end: Some(end), ..opened });
                }
                self.at = mark;
            }
            Some(Piece::Plus) => {
                self.at += 1;
                return Some(opened);
            }
            _ => {}
        }
        self.at = mark;
        if let Some(down) = self.and_direction() {
            let end = Limit {
                version,
                inclusive: true,
                line: line.is_some(),
            };
            return Some(if down {
                Partial {
                    end: Some(end),
                    explicit: true,
                    ..Partial::default()
                }
            } else {
                opened
            });
        }
        self.at = mark;
        Partial::point(piece)
    }

    /// `and prior`, `or earlier versions`, `and all previous versions`, `and later`: whether it goes down.
    fn and_direction(&mut self) -> Option<bool> {
        if matches!(self.peek(0), Some(Piece::Separator | Piece::Dash)) || self.soft_break(0) {
            self.at += 1;
        }
        let joints = self.skip_words(&["and", "or", "all", "any", "versions", "version", "releases", "the"]);
        let down = self.peek_is(0, DOWN);
        if !down && !self.peek_is(0, UP) {
            return None;
        }
        self.at += 1;
        // `and before 2.0` opens the next statement.
        if self.peek_is(0, &["to", "than"]) || self.peek(0).is_some_and(|p| p.version().is_some()) {
            return None;
        }
        let nouns = self.skip_words(&["versions", "version", "releases", "release", "builds", "firmware"]);
        // Without a joint it may be anything: `10.8 before RP2`.
        let closed = matches!(self.peek(0), None | Some(Piece::Separator | Piece::Break(_)));
        (joints + nouns > 0 || closed).then_some(down)
    }

    fn skip_words(&mut self, words: &[&str]) -> usize {
        let from = self.at;
        while self.peek_is(0, words) {
            self.at += 1;
        }
        self.at - from
    }

    /// `before 2.0`, `prior to and including 2.0`, `earlier than 2.0`, `up to 2.0`, `through 2.0`.
    fn upper_phrase(&mut self) -> Option<Limit<'a>> {
        let mark = self.at;
        let limit = self.upper_phrase_inner();
        if limit.is_none() {
            self.at = mark;
        }
        limit
    }

    fn upper_phrase_inner(&mut self) -> Option<Limit<'a>> {
        while self.peek_is(0, &["all", "any", "versions", "version", "releases"]) && self.phrase_follows(1) {
            self.at += 1;
        }
        let mut inclusive = false;
        if self.peek_is(0, COMPARATIVES) && self.peek_is(1, &["than"]) {
            self.at += 2;
        } else if self.peek_is(0, BEFORE) {
            self.at += 1;
            if self.peek_is(0, &["to"]) {
                self.at += 1;
            }
        } else if self.peek_is(0, &["up"]) && self.peek_is(1, &["to", "through", "until"]) {
            self.at += 2;
            inclusive = true;
        } else if self.peek_is(0, &["through", "thru"]) {
            self.at += 1;
            inclusive = true;
            if let Some(end) = self.upper_phrase() {
                return Some(end);
            }
        } else {
            return None;
        }
        if self.peek_is(0, &["and", "or", "but"]) && self.peek_is(1, &["including", "includes", "inclusive"]) {
            self.at += 2;
            inclusive = true;
        } else if self.peek_is(0, &["including"]) {
            self.at += 1;
            inclusive = true;
        } else if self.peek_is(0, &["but", "and"]) && self.peek_is(1, &["not", "excluding"]) {
            self.at += 2;
            inclusive = false;
            self.at += usize::from(self.peek_is(0, &["including"]));
        } else if self.peek_is(0, &["but", "not"]) && self.peek_is(1, &["including"]) {
            self.at += 2;
            inclusive = false;
        }
        self.skip_names();
        self.skip_product();
        self.limit(inclusive)
    }

    /// The name of a product before its version: up to four words with a capital in them.
    fn skip_product(&mut self) {
        let capital = |piece: Option<Piece<'_>>| {
            piece.is_some_and(|p| !p.is(COUNTED) && p.word().is_some_and(|word| word.chars().any(char::is_uppercase)))
        };
        let words = (0..4).take_while(|&ahead| capital(self.peek(ahead))).count();
        if words > 0 && self.peek(words).is_some_and(|p| p.version().is_some()) {
            self.name = Some((self.at, self.at + words));
            self.at += words;
        }
    }

    fn phrase_follows(&self, ahead: usize) -> bool {
        let mut ahead = ahead;
        while ahead < 4 && self.peek_is(ahead, &["all", "any", "and", "versions", "version", "releases"]) {
            ahead += 1;
        }
        self.peek_is(ahead, BEFORE)
            || self.peek_is(ahead, &["through", "thru"])
            || self.peek_is(ahead, &["up"])
            || self.peek_is(ahead, COMPARATIVES) && self.peek_is(ahead + 1, &["than"])
    }

    /// `after 2.0`, `later than 2.0`.
    fn lower_phrase(&mut self) -> Option<Partial<'a>> {
        let mark = self.at;
        if !self.peek_is(0, &["after", "later", "newer", "greater", "higher", "above"]) {
            return None;
        }
        self.at += 1;
        self.at += usize::from(self.peek_is(0, &["than"]));
        self.skip_names();
        let Some(version) = self.peek(0).and_then(|p| p.version()) else {
            self.at = mark;
            return None;
        };
        self.at += 1;
        Some(Partial {
            start: Some((version, false)),
            explicit: true,
            ..Partial::default()
        })
    }

    /// `fixed in 2.0`.
    fn fixed(&mut self) -> Option<Partial<'a>> {
        let mark = self.at;
        self.at += 1;
        while self.peek_is(0, &["in", "from", "since", "with", "by", "as", "of"]) || self.soft_break(0) {
            self.at += 1;
        }
        self.skip_names();
        // A name may stand before the version: "fixed in OpenSSL 1.1.1d".
        if self.peek(0).is_some_and(|p| p.word().is_some()) && self.peek(1).is_some_and(|p| p.version().is_some()) {
            self.at += 1;
        }
        let Some(version) = self.peek(0).and_then(|p| p.version()) else {
            self.at = mark;
            return None;
        };
        self.at += 1;
        Some(Partial {
            start: Some((version, true)),
            status: Some(Status::Unaffected),
            explicit: true,
            ..Partial::default()
        })
    }

    /// A version as the end of a statement, with `(inclusive)` behind it.
    fn limit(&mut self, inclusive: bool) -> Option<Limit<'a>> {
        let piece = self.peek(0)?;
        let version = piece.version()?;
        self.at += 1;
        let mut inclusive = inclusive;
        let mut ahead = 0;
        while self.soft_break(ahead) {
            ahead += 1;
        }
        if self.peek_is(ahead, &["inclusive", "included"]) {
            (self.at, inclusive) = (self.at + ahead + 1, true);
        } else if self.peek_is(ahead, &["exclusive", "excluded"]) {
            (self.at, inclusive) = (self.at + ahead + 1, false);
        }
        Some(Limit {
            version,
            inclusive,
            line: matches!(piece, Piece::Line(_)),
        })
    }

    /// `version`, `the`, quotes: between a phrase and its version. Not `build`: a build number is none.
    fn skip_names(&mut self) {
        while self.peek_is(
            0,
            &[
                "version", "versions", "ver", "v", "release", "releases", "the", "firmware", "software",
            ],
        ) || self.soft_break(0)
        {
            self.at += 1;
        }
    }

    /// `1.11.x versions before ...`, `2.0 (LTS) through ...` have words inside the statement.
    fn skip_inside_statement(&mut self) {
        while self.peek_is(0, INSIDE) {
            self.at += 1;
        }
        // A comma, then `but before` or `up to`, goes on with the same statement.
        if matches!(self.peek(0), Some(Piece::Separator)) && (self.peek_is(1, &["up"]) || self.peek_is(1, &["through", "to"])) {
            self.at += 1;
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Partial<'a> {
    start: Option<(&'a str, bool)>,
    end: Option<Limit<'a>>,
    line: Option<&'a str>,
    status: Option<Status>,
    explicit: bool,
}

impl<'a> Partial<'a> {
    /// One version, or all of a line.
    fn point(piece: Piece<'a>) -> Option<Self> {
        let version = piece.version()?;
        let line = matches!(piece, Piece::Line(_));
        Some(Self {
            start: Some((version, true)),
            end: Some(Limit {
                version,
                inclusive: true,
                line,
            }),
            line: line.then_some(version),
            status: None,
            explicit: false,
        })
    }
}
