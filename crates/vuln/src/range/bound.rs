//! The ends of ranges as records write them, and how a version lies to them.

use std::cmp::Ordering;

use crate::version::{self, Incomparable, Scheme};

/// One end of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound<'a> {
    /// No end: `*`, `unspecified`, `0` at the start.
    Open,
    /// A version.
    At(&'a str),
    /// All of a line, `5.4.*`: as an upper end it holds what starts with these numbers, as a lower end it begins with them.
    Line(&'a str),
    /// Text that is no version (`publication`, an address).
    Unreadable(&'a str),
}

impl<'a> Bound<'a> {
    pub(super) fn lower(text: &'a str) -> Self {
        match Self::upper(text) {
            Bound::At(version) if version.bytes().all(|c| c == b'0' || c == b'.') => Bound::Open,
            Bound::Unreadable(text) if is_placeholder(text) => Bound::Open,
            other => other,
        }
    }

    pub(super) fn upper(text: &'a str) -> Self {
        let text = clean(text);
        if text.is_empty()
            || text == "*"
            || ["unspecified", "latest", "latest version", "all", "all versions", "any"]
                .iter()
                .any(|w| w.eq_ignore_ascii_case(text))
        {
            return Bound::Open;
        }
        // Two versions in one field, an address, a word: no single end.
        if text.contains([',', ';']) || text.contains("://") || !text.bytes().any(|c| c.is_ascii_digit()) {
            return Bound::Unreadable(text);
        }
        match line_of(text) {
            Some(line) => Bound::Line(line),
            None => Bound::At(text),
        }
    }

    /// The text that has to follow the scheme.
    pub(super) fn text(self) -> Option<&'a str> {
        match self {
            Bound::At(text) | Bound::Line(text) => Some(text),
            Bound::Open | Bound::Unreadable(_) => None,
        }
    }

    /// The version itself, as a fix.
    pub(super) fn version(self) -> Option<&'a str> {
        match self {
            Bound::At(version) => Some(version),
            _ => None,
        }
    }
}

/// Words for "no version is known".
pub(super) fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    [
        "",
        "-",
        "n/a",
        "na",
        "none",
        "null",
        "unspecified",
        "unknown",
        "*",
        "0",
        "all",
        "any",
        "all versions",
        "first",
        "initial",
        "undefined",
    ]
    .iter()
    .any(|word| word.eq_ignore_ascii_case(text))
}

/// Without operators, quotes and punctuation around it.
fn clean(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '=' | '≤' | '≥' | '"' | '\'' | ',' | ';'))
}

/// `5.4` of `5.4.*`, `5.4.x`, `5.4.x.xx` or `5.4*`.
pub(super) fn line_of(text: &str) -> Option<&str> {
    let mut line = text;
    while let Some(shorter) = line.strip_suffix('*').or_else(|| wildcard_part(line)) {
        line = shorter.strip_suffix(['.', '-']).unwrap_or(shorter);
    }
    let glob = line.len() < text.len() && line.bytes().any(|c| c.is_ascii_digit());
    glob.then_some(line)
}

/// Without a last `.x`, `.X` or `.xxxx`.
fn wildcard_part(text: &str) -> Option<&str> {
    let rest = text.trim_end_matches(['x', 'X']);
    if rest.len() < text.len() { rest.strip_suffix('.') } else { None }
}

/// A version that is compared with the ends of one entry under one scheme.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probe<'a> {
    pub(super) version: &'a str,
    pub(super) scheme: Scheme,
}

impl<'a> Probe<'a> {
    /// Takes the scheme that the entry declares where all its texts are versions of it, else the generic one: authors often pick a scheme from a
    /// list without their versions following it.
    pub(super) fn new(version: &'a str, declared: Scheme, texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut texts = texts.into_iter();
        let follows = match declared {
            Scheme::Semver | Scheme::Python | Scheme::Maven | Scheme::Rpm | Scheme::Deb | Scheme::Perl | Scheme::Date => {
                declared.accepts(version) && texts.all(|text| declared.accepts(text))
            }
            // `git` on release numbers means their tags.
            Scheme::Git => texts.any(|text| !text.contains('.')),
            Scheme::Generic | Scheme::OpensslLetters | Scheme::Kernel | Scheme::Java => true,
        };
        Self {
            version,
            scheme: if follows { declared } else { Scheme::Generic },
        }
    }

    /// How the version compares with one that the record names.
    pub(super) fn compare(&self, other: &str) -> Result<Ordering, Incomparable> {
        let other = match self.scheme {
            Scheme::Rpm | Scheme::Deb => self.upstream(other),
            _ => other,
        };
        match version::compare(self.scheme, self.version, other) {
            Some(order) => Ok(order),
            None => self
                .by_date(other)
                .ok_or_else(|| version::why_not(self.scheme, self.version, other).unwrap_or(Incomparable::NotOfScheme)),
        }
    }

    /// A distribution's epoch and revision mean nothing for a version that has none.
    fn upstream<'b>(&self, other: &'b str) -> &'b str {
        let mut other = other;
        if !self.version.contains(':')
            && let Some((epoch, rest)) = other.split_once(':')
            && epoch.bytes().all(|c| c.is_ascii_digit())
        {
            other = rest;
        }
        if !self.version.contains('-')
            && let Some((upstream, _)) = other.rsplit_once('-')
        {
            other = upstream;
        }
        other
    }

    /// A snapshot of a release (`1.2-unstable-2023-01-01`) has a date to compare with a date.
    fn by_date(&self, other: &str) -> Option<Ordering> {
        let against_date = version::why_not(self.scheme, self.version, other) == Some(Incomparable::DateAgainstRelease);
        if !against_date {
            return None;
        }
        Some(version::date_of(self.version)?.cmp(&version::date_of(other)?))
    }

    pub(super) fn is_at_or_after(&self, lower: Bound<'_>) -> Result<bool, Obstacle> {
        match lower {
            Bound::Open => Ok(true),
            Bound::At(version) => self
                .compare(version)
                .map(Ordering::is_ge)
                .map_err(|why| Obstacle::new(version, why)),
            Bound::Line(line) => {
                let on_line = self.is_on(line);
                if on_line {
                    Ok(true)
                } else {
                    self.compare(line).map(Ordering::is_ge).map_err(|why| Obstacle::new(line, why))
                }
            }
            Bound::Unreadable(text) => Err(Obstacle::unreadable(text)),
        }
    }

    pub(super) fn is_within(&self, upper: Bound<'_>, inclusive: bool) -> Result<bool, Obstacle> {
        match upper {
            Bound::Open => Ok(true),
            Bound::At(version) => {
                let order = self.compare(version).map_err(|why| Obstacle::new(version, why))?;
                Ok(order.is_lt() || inclusive && order.is_eq())
            }
            Bound::Line(line) => {
                if self.is_on(line) {
                    return Ok(true);
                }
                self.compare(line).map(Ordering::is_lt).map_err(|why| Obstacle::new(line, why))
            }
            Bound::Unreadable(text) => Err(Obstacle::unreadable(text)),
        }
    }

    pub(super) fn is_on(&self, line: &str) -> bool {
        let line = version::components(line);
        !line.is_empty() && version::components(self.version).is_on_line(&line)
    }
}

/// What kept an entry from being compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Obstacle {
    pub(super) text: String,
    pub(super) why: Option<Incomparable>,
}

impl Obstacle {
    pub(super) fn new(text: &str, why: Incomparable) -> Self {
        Self {
            text: text.to_owned(),
            why: Some(why),
        }
    }

    pub(super) fn unreadable(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            why: None,
        }
    }

    /// Whether commits are what stood in the way.
    pub(super) fn is_commit(&self) -> bool {
        matches!(self.why, Some(Incomparable::Commits | Incomparable::CommitAgainstVersion))
    }

    /// A clause that fits after "because".
    pub(super) fn because(&self, version: &str, scheme: Scheme) -> String {
        match self.why {
            Some(why) => format!("{version:?} cannot be compared with {:?} as {scheme} versions: {why}", self.text),
            None => format!("{:?} is no version", self.text),
        }
    }
}
