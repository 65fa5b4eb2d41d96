//! Cuts version texts and descriptions into words, versions and operators.

use super::bound::line_of;
use crate::version;

/// One piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// A word of the grammar of statements.
    Word(&'a str),
    /// Any other word, or a name with digits in it (`log4j`, `SP3`).
    Name(&'a str),
    /// `1.2.3`, `v8`, `1.0.2t`.
    Version(&'a str),
    /// `2.4` of `2.4.x`.
    Line(&'a str),
    /// `<`
    Below,
    /// `<=`
    UpTo,
    /// `>`
    Above,
    /// `>=`
    From,
    /// `=`
    Equals,
    /// A dash between blanks.
    Dash,
    /// `2.0+`: the plus behind a version.
    Plus,
    /// `,` `;` `/` `|` `&`
    Separator,
    /// Other punctuation: a `.` or `:` behind a word, brackets, quotes.
    Break(char),
}

impl<'a> Piece<'a> {
    /// Whether it is one of these words of the grammar.
    pub(super) fn is(&self, words: &[&str]) -> bool {
        debug_assert!(
            words.iter().all(|word| is_keyword(word)),
            "not listed as a word of the grammar: one of {words:?}"
        );
        matches!(self, Piece::Word(word) if words.iter().any(|w| w.eq_ignore_ascii_case(word)))
    }

    /// The text of a word, be it of the grammar or not.
    pub(super) fn word(&self) -> Option<&'a str> {
        match *self {
            Piece::Word(text) | Piece::Name(text) => Some(text),
            _ => None,
        }
    }

    /// Punctuation that does not end a sentence.
    pub(super) fn is_soft_break(&self) -> bool {
        matches!(self, Piece::Break(c) if *c != '.')
    }

    pub(super) fn version(&self) -> Option<&'a str> {
        match *self {
            Piece::Version(text) | Piece::Line(text) => Some(text),
            _ => None,
        }
    }
}

/// The words of the grammar, sorted: most words of a description are others, and need not be compared with each list.
#[rustfmt::skip]
const KEYWORDS: &[&str] = &[
    "a", "above", "affected", "affecting", "affects", "after", "all", "also", "an", "and", "any", "are", "as", "at", "before", "below", "between", "beyond", "bit", "bits", "both", "branch", "branches", "build", "builds", "but", "by", "byte", "bytes", "certain", "character", "characters", "corrected", "day", "days", "earlier", "esr", "every", "excluded", "excluding", "exclusive", "firmware", "fix", "fixed", "for", "from", "gb", "greater", "higher", "hotfix", "hour", "hours", "in", "included", "includes", "including", "inclusive", "is", "kb", "later", "less", "level", "line", "lower", "lts", "mb", "minute", "minutes", "mitigated", "month", "months", "newer", "not", "of", "older", "on", "only", "onward", "onwards", "or", "pack", "patch", "patched", "percent", "possibly", "potentially", "preceding", "predating", "previous", "prior", "release", "releases", "resolved", "rev", "revision", "running", "second", "seconds", "series", "service", "since", "smaller", "software", "solution", "some", "sp", "starting", "supported", "than", "that", "the", "this", "through", "thru", "till", "time", "times", "to", "unaffected", "under", "until", "up", "update", "upgrade", "upwards", "used", "using", "v", "ver", "vers", "version", "versions", "was", "week", "weeks", "were", "which", "with", "year", "years",
];
const LONGEST_KEYWORD: usize = 11;

/// The keywords as numbers in the same order, so that looking one up compares numbers.
const PACKED: [u128; KEYWORDS.len()] = {
    let mut packed = [0; KEYWORDS.len()];
    let mut i = 0;
    while i < packed.len() {
        packed[i] = pack(KEYWORDS[i].as_bytes());
        i += 1;
    }
    packed
};

const fn pack(word: &[u8]) -> u128 {
    let (mut packed, mut i) = (0, 0);
    while i < LONGEST_KEYWORD {
        let letter = if i < word.len() { word[i].to_ascii_lowercase() } else { 0 };
        packed = packed << 8 | letter as u128;
        i += 1;
    }
    packed
}

fn is_keyword(word: &str) -> bool {
    word.len() <= LONGEST_KEYWORD && PACKED.binary_search(&pack(word.as_bytes())).is_ok()
}

/// Of a description, about.
const LETTERS_A_PIECE: usize = 5;

/// Cuts a text; linear in its length.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut cutter = Cutter {
        text,
        at: 0,
        pieces: Vec::with_capacity(text.len() / LETTERS_A_PIECE),
        spans: Vec::with_capacity(text.len() / LETTERS_A_PIECE),
    };
    while cutter.cut() {}
    cutter.pieces
}

struct Cutter<'a> {
    text: &'a str,
    at: usize,
    pieces: Vec<Piece<'a>>,
    /// Where each piece stands in the text.
    spans: Vec<(usize, usize)>,
}

impl<'a> Cutter<'a> {
    fn cut(&mut self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some(c) = rest.chars().next() else { return false };
        let (piece, len) = match c {
            c if c.is_whitespace() => {
                self.at += c.len_utf8();
                return true;
            }
            '<' | '>' | '=' | '≤' | '≥' | '＜' | '＞' => operator(rest),
            ',' | ';' | '/' | '|' | '&' | '、' => (Piece::Separator, c.len_utf8()),
            '-' | '–' | '—' | '~' => (Piece::Dash, c.len_utf8()),
            '+' => (Piece::Plus, 1),
            c if c.is_alphanumeric() || c == '*' => {
                let text = plain_word(rest).unwrap_or_else(|| take_text(rest));
                self.name_or_version(text);
                self.at += text.len();
                return true;
            }
            _ => (Piece::Break(c), c.len_utf8()),
        };
        self.push(piece, 0, len);
        self.at += len;
        true
    }

    fn push(&mut self, piece: Piece<'a>, from: usize, to: usize) {
        self.pieces.push(piece);
        self.spans.push((self.at + from, self.at + to));
    }

    fn name_or_version(&mut self, text: &'a str) {
        if !text.bytes().any(|c| c.is_ascii_digit()) {
            let piece = if is_keyword(text) { Piece::Word(text) } else { Piece::Name(text) };
            if piece.is(&["series"]) {
                self.whole_series();
            }
            return self.push(piece, 0, text.len());
        }
        if let Some((from, to)) = joined_range(text) {
            self.push(Piece::Version(from), 0, from.len());
            self.push(Piece::Dash, from.len(), from.len() + 1);
            return self.push(Piece::Version(to), from.len() + 1, text.len());
        }
        if self.belongs_to_version(text) {
            return;
        }
        match number_start(text).map(|start| (start, text.get(start..).unwrap_or_default())) {
            None => self.push(Piece::Name(text), 0, text.len()),
            Some((start, number)) => {
                let piece = line_of(number).map_or(Piece::Version(number), Piece::Line);
                self.push(piece, start, text.len());
            }
        }
    }

    /// `All versions of 4.0 series`: the number is a line.
    fn whole_series(&mut self) {
        if let [.., all, versions, of, last] = self.pieces.as_mut_slice()
            && all.is(&["all"])
            && versions.is(&["versions"])
            && of.is(&["of"])
            && let Piece::Version(line) = *last
        {
            *last = Piece::Line(line);
        }
    }

    /// Joins `2.6.0 p1`, `4.5 SP 2`, `7 Update 51` into one version.
    fn belongs_to_version(&mut self, text: &'a str) -> bool {
        let numbered = text.ends_with(|c: char| c.is_ascii_digit());
        let pieces = match self.pieces.as_slice() {
            [.., Piece::Version(_)] if numbered && version::is_qualifier(text) => 1,
            [.., Piece::Version(_), Piece::Word(word) | Piece::Name(word)]
                if numbered && version::is_qualifier(word) && text.bytes().all(|c| c.is_ascii_digit() || c == b'.') =>
            {
                2
            }
            _ => return false,
        };
        let Some(&(start, _)) = self.spans.len().checked_sub(pieces).and_then(|i| self.spans.get(i)) else {
            return false;
        };
        let end = self.at + text.len();
        let Some(version) = self.text.get(start..end) else { return false };
        self.pieces.truncate(self.pieces.len() - pieces);
        self.spans.truncate(self.spans.len() - pieces);
        self.pieces.push(Piece::Version(version));
        self.spans.push((start, end));
        true
    }
}

fn operator(s: &str) -> (Piece<'static>, usize) {
    const OPERATORS: [(&str, Piece<'static>); 12] = [
        ("<=", Piece::UpTo),
        ("=<", Piece::UpTo),
        (">=", Piece::From),
        ("=>", Piece::From),
        ("==", Piece::Equals),
        ("<", Piece::Below),
        (">", Piece::Above),
        ("=", Piece::Equals),
        ("≤", Piece::UpTo),
        ("≥", Piece::From),
        ("＜", Piece::Below),
        ("＞", Piece::Above),
    ];
    OPERATORS
        .iter()
        .find(|(text, _)| s.starts_with(text))
        .map_or((Piece::Break('<'), 1), |(text, piece)| (*piece, text.len()))
}

/// Brackets and colons can make a run be looked at again from each of them: this bounds how much of it.
const LONGEST_WORD: usize = 128;

/// Most words of a description: letters with a blank or a comma behind them.
fn plain_word(s: &str) -> Option<&str> {
    let len = s.bytes().take_while(u8::is_ascii_alphabetic).count();
    let ends = matches!(s.as_bytes().get(len), None | Some(b' ' | b',' | b'\n'));
    s.get(..len).filter(|_| ends && (1..LONGEST_WORD).contains(&len))
}

/// A run that can be one name or version; punctuation at its end is left for the next round.
fn take_text(s: &str) -> &str {
    let inner = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '*' | '(' | ')' | ':' | '~' | '\\');
    let (mut end, mut brackets) = (0, false);
    for (n, (at, c)) in s.char_indices().enumerate() {
        if !inner(c) || n == LONGEST_WORD {
            break;
        }
        brackets |= matches!(c, '(' | ')' | ':');
        end = at + c.len_utf8();
    }
    let mut text = s.get(..end).unwrap_or_default();
    if brackets {
        text = before_brackets(text);
    }
    let text = text.trim_end_matches(['.', '-', '_', '+', ':', '~', '\\']);
    if text.is_empty() {
        s.get(..s.chars().next().map_or(0, char::len_utf8)).unwrap_or_default()
    } else {
        text
    }
}

fn before_brackets(text: &str) -> &str {
    let mut text = text;
    // `12.4(24)T` is one version; `2.0 (fixed)` and `foo(1.2)` are not.
    if let Some(open) = text.find('(') {
        let inside = text.get(open + 1..).unwrap_or_default();
        let digit_before = text
            .get(..open)
            .is_some_and(|t| t.ends_with(|c: char| c.is_ascii_digit() || c == '\\'));
        if !digit_before || !inside.starts_with(|c: char| c.is_ascii_digit()) || !inside.contains(')') {
            text = text.get(..open).unwrap_or_default();
        }
    } else if let Some(close) = text.find(')') {
        text = text.get(..close).unwrap_or_default();
    }
    // A colon opens an epoch behind digits alone, else it ends a name.
    if let Some(colon) = text.find(':') {
        let epoch = colon > 0 && text.get(..colon).is_some_and(|t| t.bytes().all(|c| c.is_ascii_digit()));
        let number_behind = text.get(colon + 1..).is_some_and(|t| t.starts_with(|c: char| c.is_ascii_digit()));
        if !(epoch && number_behind) {
            text = text.get(..colon).unwrap_or_default();
        }
    }
    text
}

/// `17.1-17.12`: two dotted numbers, not a number with a revision.
fn joined_range(text: &str) -> Option<(&str, &str)> {
    let (from, to) = text.split_once('-')?;
    let dotted = |s: &str, letters: bool| {
        let s = if letters {
            s.trim_end_matches(|c: char| c.is_ascii_lowercase())
        } else {
            s
        };
        s.contains('.')
            && !s.ends_with('.')
            && s.starts_with(|c: char| c.is_ascii_digit())
            && s.bytes().all(|c| c.is_ascii_digit() || c == b'.')
    };
    (dotted(from, true) && dotted(to, true)).then_some((from, to))
}

/// `7-Zip`, `64bit`: a name that begins with a number.
fn is_name(text: &str) -> bool {
    let behind = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let word = behind.strip_prefix('-').unwrap_or(behind);
    let letters = word.bytes().take_while(u8::is_ascii_alphabetic).count();
    let edition = ["esr", "lts", "ga", "final"]
        .iter()
        .any(|edition| edition.eq_ignore_ascii_case(word));
    behind.len() < text.len() && letters >= 2 && !edition && !version::is_qualifier(word.get(..letters).unwrap_or_default())
}

/// Where the version begins in a word that is one: behind `v`, `ver.` and the like. `None` for names.
fn number_start(text: &str) -> Option<usize> {
    let first = text.find(|c: char| c.is_ascii_digit())?;
    let name = text.get(..first)?;
    if is_name(text) {
        return None;
    }
    let marks = [
        "", "v", "v.", "ver", "ver.", "version", "version.", "rev", "rev.", "r.", "release", "release-",
    ];
    if marks.iter().any(|mark| mark.eq_ignore_ascii_case(name)) {
        return Some(first);
    }
    // One letter belongs to the version: `r28.3`, `b2`, `X8.5`, `R16B`, but `S4CORE` is a name.
    let (letters, other) = text.get(first..)?.bytes().fold((0, 0), |(letters, other), c| match c {
        b'0'..=b'9' | b'.' | b'-' | b'_' => (letters, other),
        c if c.is_ascii_alphabetic() => (letters + 1, other),
        _ => (letters, other + 1),
    });
    let is_version = name.len() == 1 && name.bytes().all(|c| c.is_ascii_alphabetic()) && letters <= 1 && other == 0;
    is_version.then_some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_word_is_what_the_long_way_takes() {
        for text in [
            "word",
            "word next",
            "word, next",
            "word\nnext",
            "word.next",
            "wörd next",
            "word; next",
            "word2 next",
            &"w".repeat(200),
        ] {
            assert!(plain_word(text).is_none_or(|word| word == take_text(text)), "{text}");
        }
        assert_eq!(plain_word("word, next"), Some("word"));
        assert_eq!(plain_word("word-next"), None);
    }

    #[test]
    fn keywords_are_sorted_and_found_in_any_case() {
        assert!(KEYWORDS.is_sorted());
        assert_eq!(KEYWORDS.iter().map(|word| word.len()).max(), Some(LONGEST_KEYWORD));
        assert!(is_keyword("Before") && is_keyword("POTENTIALLY") && !is_keyword("Firefox") && !is_keyword(""));
    }

    #[test]
    fn pieces_of_a_text() {
        use Piece::{Break, Dash, From, Line, Name, Plus, Separator, UpTo, Version, Word};
        assert_eq!(
            pieces("Botan 1.11.x before v1.11.22, (or >=2.0<=2.1)."),
            [
                Name("Botan"),
                Line("1.11"),
                Word("before"),
                Version("1.11.22"),
                Separator,
                Break('('),
                Word("or"),
                From,
                Version("2.0"),
                UpTo,
                Version("2.1"),
                Break(')'),
                Break('.'),
            ]
        );
        assert_eq!(
            pieces("17.1-17.12 7.0.8-55 2.0+ 4.5 SP 2 7 Update 51"),
            [
                Version("17.1"),
                Dash,
                Version("17.12"),
                Version("7.0.8-55"),
                Version("2.0"),
                Plus,
                Version("4.5 SP 2"),
                Version("7 Update 51"),
            ]
        );
        assert_eq!(
            pieces("12.4(24)T4a 7-Zip S4CORE log4j 1:2.3"),
            [
                Version("12.4(24)T4a"),
                Name("7-Zip"),
                Name("S4CORE"),
                Name("log4j"),
                Version("1:2.3")
            ]
        );
        assert_eq!(pieces("é–ß 文 1.0"), [Name("é"), Dash, Name("ß"), Name("文"), Version("1.0")]);
    }
}
