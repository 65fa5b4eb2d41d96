//! The generic reading of a version: a sequence of ranked tokens.
//!
//! Two versions compare as their token sequences do, token by token, where the end of the sequence has a rank of its own.
//! Any mapping from text to such sequences gives a total preorder, so every special rule lives here, in how *one* version is
//! read, and never in how two are compared.
//!
//! | rank | token | example |
//! |---|---|---|
//! | lowest | before the release | `1.0rc1`, `1.0~git`, `1.0.dev3` |
//! | | end of the version | `1.0` |
//! | | word and number after the release | `1.0-p1`, `1.0 SP2`, `1.0.post1` |
//! | | letter | `1.0a` |
//! | | revision: a number behind a dash | `1.0-3`, `1.0+3` |
//! | | snapshot of the repository | `1.0-unstable-2023-01-01`, `1.0+git20230101` |
//! | highest | number | `1.0.1` |
//!
//! Zeros at the end of a run of numbers are dropped (`1.0.0` is `1`, `1.0-rc1` is `1-rc1`), words that mean nothing for the order too
//! (`1.0-wrapped`, `68.10.0esr`), and names of commits.

use std::cmp::Ordering;

use super::date::{self, Date};
use super::digits;
use super::word::{self, Word};

/// What kind of version it is; decides which versions can be compared at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// `1.2.3`
    Release,
    /// A release number that starts with a year: `2022.1`.
    Calendar,
    /// A date, or a snapshot of no known release: `2024-05-01`, `unstable-2024-05-01`.
    Dated,
    /// A snapshot of software that had no release: `0-unstable-2024-05-01`.
    Unreleased,
    /// The name of a commit.
    Commit,
    /// Nothing that could be ordered: no digit in it.
    Wordy,
}

/// How the reading differs between schemes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    Generic,
    /// A letter is always a letter release, never short for alpha or beta.
    Letters,
    /// Numbers and `-rcN`; what distributors add says nothing about order.
    Kernel,
    /// `1.8.0_252`, `8u252-b09` and `8.0.252` are one version; builds say nothing about order.
    Java,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rank {
    Pre,
    End,
    Post,
    Letter,
    Revision,
    Snapshot,
    Number,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    rank: Rank,
    /// Order inside the rank, before the text: which pre-release word, which date.
    sub: u32,
    text: &'a [u8],
}

impl<'a> Token<'a> {
    const fn new(rank: Rank, sub: u32, text: &'a [u8]) -> Self {
        Self { rank, sub, text }
    }

    fn number(digits: &'a [u8]) -> Self {
        Self::new(Rank::Number, 0, digits::significant(digits))
    }

    fn is_zero(&self) -> bool {
        matches!(self.rank, Rank::Number | Rank::Revision) && self.text.is_empty()
    }

    fn compare(&self, other: &Self) -> Ordering {
        (self.rank as u8)
            .cmp(&(other.rank as u8))
            .then(self.sub.cmp(&other.sub))
            .then_with(|| match self.rank {
                Rank::Number | Rank::Revision => digits::compare(self.text, other.text),
                _ => caseless(self.text).cmp(caseless(other.text)),
            })
    }
}

fn caseless(s: &[u8]) -> impl Iterator<Item = u8> {
    s.iter().map(u8::to_ascii_lowercase)
}

/// A version as read: its class and its tokens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) class: Class,
    /// The date of a dated or unreleased version.
    date: Option<Date>,
    /// What follows that date.
    after_date: Lexer<'a>,
    tokens: Lexer<'a>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(version: &'a str, rules: Rules) -> Self {
        let s = version.trim_ascii().as_bytes();
        let start = Start::find(s);
        let tokens = Lexer::new(s, start, rules);
        let reading = |class, date, after_date| Self {
            class,
            date,
            after_date,
            tokens,
        };
        if start.wordy {
            return reading(Class::Wordy, None, tokens);
        }
        if rules != Rules::Kernel && is_commit(s) {
            return reading(Class::Commit, None, tokens);
        }
        let rest = s.get(start.at..).unwrap_or_default();
        if rules != Rules::Kernel
            && !start.pre
            && let Some((date, len)) = date::at_start(rest)
        {
            let after = Lexer {
                at: start.at + len,
                previous: Previous::Number,
                dated: true,
                queued: [None; 3],
                ..tokens
            };
            return reading(Class::Dated, Some(date), after);
        }
        // A version whose numbers are all zero and which goes on with a dated snapshot.
        let mut ahead = tokens;
        if let Some(token) = ahead.next()
            && token.rank == Rank::Snapshot
            && token.sub != 0
        {
            return reading(Class::Unreleased, Some(Date(token.sub)), ahead);
        }
        let class = if tokens.dated { Class::Calendar } else { Class::Release };
        reading(class, None, tokens)
    }

    /// Compares as releases; the caller has made sure that this means something.
    pub(super) fn compare(self, other: Self) -> Ordering {
        lexicographic(self.tokens, other.tokens)
    }

    /// Compares dates first, then what follows them; `None` where one has no date.
    pub(super) fn compare_dates(self, other: Self) -> Option<Ordering> {
        Some(
            self.date?
                .cmp(&other.date?)
                .then_with(|| lexicographic(self.after_date, other.after_date)),
        )
    }

    /// Whether it comes before the release that it names.
    pub(super) fn is_prerelease(self) -> bool {
        let mut tokens = self.tokens;
        tokens.any(|t| t.rank == Rank::Pre)
    }

    /// The leading numbers, zeros included.
    pub(super) fn numbers(self) -> impl Iterator<Item = u64> {
        let mut tokens = self.tokens;
        std::iter::from_fn(move || tokens.raw())
            .take_while(|t| matches!(t.rank, Rank::Number | Rank::Revision))
            .map(|t| digits::value(t.text))
    }
}

fn lexicographic(mut a: Lexer<'_>, mut b: Lexer<'_>) -> Ordering {
    const END: Token<'static> = Token::new(Rank::End, 0, &[]);
    loop {
        let (x, y) = (a.next(), b.next());
        if x.is_none() && y.is_none() {
            return Ordering::Equal;
        }
        let order = x.unwrap_or(END).compare(&y.unwrap_or(END));
        if order.is_ne() {
            return order;
        }
    }
}

/// Where the numbers of a version begin.
#[derive(Debug, Clone, Copy)]
struct Start {
    at: usize,
    /// No digit in it.
    wordy: bool,
    /// The word before the first number means a pre-release (`beta-2`); reading starts at the word then.
    pre: bool,
}

impl Start {
    /// Skips an epoch (`1:2.3`: distributions count them, upstream authors do not) and names of products (`v1.2`, `openssl-1.0.2`, `log4j-2.17`).
    fn find(s: &[u8]) -> Self {
        let mut at = 0;
        let epoch = digits::run(s);
        if epoch > 0 && s.get(epoch) == Some(&b':') && s.get(epoch + 1..).is_some_and(|rest| rest.iter().any(u8::is_ascii_digit)) {
            at = epoch + 1;
        }
        at += product_with_digits(s.get(at..).unwrap_or_default());
        let rest = s.get(at..).unwrap_or_default();
        let Some(first) = rest.iter().position(u8::is_ascii_digit) else {
            return Self {
                at,
                wordy: true,
                pre: false,
            };
        };
        let name = rest.get(..first).unwrap_or_default();
        let end = name.iter().rposition(u8::is_ascii_alphabetic).map_or(0, |i| i + 1);
        let begin = name
            .get(..end)
            .and_then(|n| n.iter().rposition(|c| !c.is_ascii_alphabetic()))
            .map_or(0, |i| i + 1);
        let dated = date::at_start(rest.get(first..).unwrap_or_default()).is_some();
        match word::meaning(name.get(begin..end).unwrap_or_default()) {
            Word::Pre(_) if !dated => Self {
                at: at + begin,
                wordy: false,
                pre: true,
            },
            _ => Self {
                at: at + first,
                wordy: false,
                pre: false,
            },
        }
    }
}

/// Length of a leading `log4j-` or `python3-`: letters, then digits, then a separator with a number behind it.
fn product_with_digits(s: &[u8]) -> usize {
    let letters = s.iter().take_while(|c| c.is_ascii_alphabetic()).count();
    let name = s.iter().take_while(|c| c.is_ascii_alphanumeric()).count();
    let separated = matches!(s.get(name), Some(b'-' | b'_' | b' ' | b':' | b'/'));
    let number_behind = s.get(name + 1).is_some_and(u8::is_ascii_digit);
    let names_a_state = !matches!(word::meaning(s.get(..letters).unwrap_or_default()), Word::Other);
    if letters >= 2 && name > letters && separated && number_behind && !names_a_state {
        name + 1
    } else {
        0
    }
}

/// Whether all of it is the name of a commit: hexadecimal, long enough, and not a number with a letter or two.
fn is_commit(s: &[u8]) -> bool {
    if s.len() < 7 || !s.iter().all(u8::is_ascii_hexdigit) || !s.iter().any(u8::is_ascii_alphabetic) {
        return false;
    }
    let dated = digits::run(s) == 4 && date::is_year(digits::value(s.get(..4).unwrap_or_default()));
    matches!(s.len(), 40 | 64) || switches(s) >= 2 && !(s.len() < 12 && dated)
}

/// How often a text changes between letters and digits.
fn switches(s: &[u8]) -> usize {
    s.windows(2)
        .filter(|w| matches!(w, [a, b] if a.is_ascii_digit() != b.is_ascii_digit()))
        .count()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Previous {
    Nothing,
    Number,
    Word,
}

#[derive(Debug, Clone, Copy)]
struct Lexer<'a> {
    s: &'a [u8],
    at: usize,
    rules: Rules,
    previous: Previous,
    /// A dot was seen between numbers: from now on a dash opens a revision.
    dotted: bool,
    /// The version starts with a year or a date: dashes separate its parts, and words about repositories say nothing more.
    dated: bool,
    /// Zeros that end here or before are followed by another number and count.
    zeros_count_until: usize,
    /// Tokens that were read ahead, next one last.
    queued: [Option<Token<'a>>; 3],
}

impl<'a> Lexer<'a> {
    fn new(s: &'a [u8], start: Start, rules: Rules) -> Self {
        let mut lexer = Self {
            s,
            at: start.at,
            rules,
            previous: Previous::Nothing,
            dotted: false,
            dated: false,
            zeros_count_until: 0,
            queued: [None; 3],
        };
        if start.pre || start.wordy {
            return lexer;
        }
        let rest = s.get(start.at..).unwrap_or_default();
        if rules != Rules::Kernel
            && let Some((_, len)) = date::at_start(rest)
        {
            lexer.dated = true;
            lexer.previous = Previous::Number;
            lexer.at += len;
            let (compact, text) = (len == 8, rest.get(..len).unwrap_or_default());
            if compact {
                let part = |range| text.get(range).unwrap_or_default();
                lexer.queue([part(0..4), part(4..6), part(6..8)]);
            } else {
                let mut parts = text.split(|c| !c.is_ascii_digit());
                lexer.queue([(); 3].map(|()| parts.next().unwrap_or_default()));
            }
        } else if digits::run(rest) == 4 && date::is_year(digits::value(rest.get(..4).unwrap_or_default())) {
            lexer.dated = true;
        } else if let Some((feature, update, len)) = java(rest, rules) {
            lexer.at += len;
            lexer.previous = Previous::Number;
            lexer.queue([feature, b"0", update]);
            lexer.zeros_count_until = if digits::significant(update).is_empty() { 0 } else { lexer.at };
        }
        lexer
    }

    fn queue(&mut self, [first, second, third]: [&'a [u8]; 3]) {
        self.queued = [Some(Token::number(third)), Some(Token::number(second)), Some(Token::number(first))];
    }

    /// The next token, zeros at the end of numbers included.
    fn raw(&mut self) -> Option<Token<'a>> {
        if let Some(token) = self.queued.iter_mut().rev().find_map(Option::take) {
            return Some(token);
        }
        loop {
            let separators = self.skip_separators();
            let rest = self.s.get(self.at..).filter(|rest| !rest.is_empty())?;
            let build = self.rules == Rules::Java && separators.plus;
            if build || self.rules == Rules::Kernel && !self.kernel_goes_on(rest, separators) {
                self.at = self.s.len();
                return None;
            }
            let token = if rest[0].is_ascii_digit() {
                self.number(rest, separators)
            } else {
                self.word(rest, separators)
            };
            if token.is_some() {
                return token;
            }
        }
    }

    /// Only numbers behind dots, then one pre-release word with its number, are the kernel's own; the rest names a distributor's build.
    fn kernel_goes_on(&self, rest: &[u8], separators: Separators) -> bool {
        let digit = rest.first().is_some_and(u8::is_ascii_digit);
        match self.previous {
            Previous::Word => digit && !separators.any,
            _ if digit => !separators.opens_revision(),
            _ => candidate(rest),
        }
    }

    fn skip_separators(&mut self) -> Separators {
        let mut seen = Separators::default();
        while let Some(&c) = self.s.get(self.at).filter(|c| !c.is_ascii_alphanumeric()) {
            seen.any = true;
            match c {
                b'.' => seen.dot = true,
                b'-' | b'_' | b' ' => seen.dash = true,
                b'+' | b'^' => seen.plus = true,
                b'~' => seen.tilde = true,
                _ => {}
            }
            self.at += 1;
        }
        seen
    }

    fn number(&mut self, rest: &'a [u8], separators: Separators) -> Option<Token<'a>> {
        if separators.any && commit_part(rest) > 0 {
            self.at += commit_part(rest);
            return None;
        }
        if separators.tilde {
            // The number itself follows as the next token.
            self.previous = Previous::Word;
            return Some(Token::new(Rank::Pre, word::TILDE, &[]));
        }
        let after_number = self.previous == Previous::Number;
        if after_number
            && !self.dated
            && separators.opens_revision()
            && let Some((date, len)) = date::at_start(rest)
        {
            self.at += len;
            return Some(Token::new(Rank::Snapshot, date.0, &[]));
        }
        let len = digits::run(rest);
        self.at += len;
        self.previous = Previous::Number;
        self.dotted |= after_number && separators.dot;
        let token = Token::number(rest.get(..len).unwrap_or_default());
        let revision = after_number && !self.dated && (separators.plus || separators.dash && !separators.dot && self.dotted);
        Some(if revision {
            Token {
                rank: Rank::Revision,
                ..token
            }
        } else {
            token
        })
    }

    /// Reads a word and, where its meaning depends on it, looks at what follows. `None` where the word says nothing.
    fn word(&mut self, rest: &'a [u8], separators: Separators) -> Option<Token<'a>> {
        let meaningless = if separators.any {
            commit_part(rest).max(platform_part(rest))
        } else {
            0
        };
        if meaningless > 0 {
            self.at += meaningless;
            return None;
        }
        let len = rest.iter().take_while(|c| c.is_ascii_alphabetic()).count();
        let text = rest.get(..len).unwrap_or_default();
        let behind = rest.get(len..).unwrap_or_default();
        let attached = behind.first().is_some_and(u8::is_ascii_digit);
        let numbered = attached || matches!(behind, [b'.' | b'-' | b'_' | b' ' | b'=' | b'+' | b'/', digit, ..] if digit.is_ascii_digit());
        self.at += len;
        let after_number = self.previous == Previous::Number && !separators.any;
        self.previous = Previous::Word;
        let pre = |sub| Some(Token::new(Rank::Pre, sub, &[]));
        let post = Some(Token::new(Rank::Post, 0, &[]));

        if self.rules == Rules::Java && (text.eq_ignore_ascii_case(b"b") || text.eq_ignore_ascii_case(b"build")) {
            self.at = self.s.len();
            return None;
        }
        if let [letter] = text {
            let letter = letter.to_ascii_lowercase();
            let short = attached || numbered && separators.any;
            return match letter {
                _ if self.rules == Rules::Letters => Some(Token::new(Rank::Letter, 0, text)),
                b'a' if short && !separators.plus => pre(word::ALPHA),
                b'b' if short && !separators.plus => pre(word::BETA),
                b'm' if short && separators.any && !separators.plus => pre(word::MILESTONE),
                b'p' | b'r' | b'u' if short => post,
                _ if after_number || separators.any && !numbered => Some(Token::new(Rank::Letter, 0, text)),
                _ => Some(Token::new(Rank::Post, 1, text)),
            };
        }
        match word::meaning(text) {
            Word::Pre(sub) => pre(sub),
            _ if separators.tilde => pre(word::TILDE),
            Word::Post if numbered => post,
            Word::Snapshot if self.dated => None,
            Word::Snapshot if numbered => {
                let skip = usize::from(!attached);
                let date = date::at_start(behind.get(skip..).unwrap_or_default());
                if let Some((_, taken)) = date {
                    self.at += skip + taken;
                    self.previous = Previous::Number;
                }
                Some(Token::new(Rank::Snapshot, date.map_or(0, |(date, _)| date.0), &[]))
            }
            // Letter releases go on after `z` with `za`.
            Word::Other if after_number && len == 2 && text[0].eq_ignore_ascii_case(&b'z') => Some(Token::new(Rank::Letter, 0, text)),
            Word::Other if behind.first() == Some(&b'=') => {
                self.skip_value();
                None
            }
            Word::Other if numbered => Some(Token::new(Rank::Post, 1, text)),
            _ => None,
        }
    }

    /// Skips `=VALUE` behind a word that says nothing about order (`+rev=7708026`, `+abi=5.0`).
    fn skip_value(&mut self) {
        let rest = self.s.get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|&&c| c != b'+' && c != b'-').count();
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let token = self.raw()?;
        if !token.is_zero() || self.zeros_count_until >= self.at {
            return Some(token);
        }
        // A zero counts only where a number other than zero follows in the same run.
        let mut ahead = *self;
        loop {
            match ahead.raw() {
                Some(next) if next.is_zero() => {}
                Some(next) if matches!(next.rank, Rank::Number | Rank::Revision) => {
                    self.zeros_count_until = ahead.at;
                    return Some(token);
                }
                next => {
                    *self = ahead;
                    return next;
                }
            }
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Separators {
    any: bool,
    dot: bool,
    dash: bool,
    plus: bool,
    tilde: bool,
}

impl Separators {
    fn opens_revision(self) -> bool {
        self.dash || self.plus
    }
}

/// Length of a commit's name inside a version (`-8393e03`, `-g26966134`), 0 where there is none.
fn commit_part(s: &[u8]) -> usize {
    let len = s.iter().take_while(|c| c.is_ascii_alphanumeric()).count();
    let part = s.get(..len).unwrap_or_default();
    let described = part
        .strip_prefix(b"g")
        .is_some_and(|hex| hex.len() >= 7 && hex.iter().all(u8::is_ascii_hexdigit));
    let named = len >= 6 && part.iter().all(u8::is_ascii_hexdigit) && switches(part) >= 2;
    if described || named { len } else { 0 }
}

/// Length of the name of a platform with a number in it (`-x86_64`, `-win32`), 0 where there is none.
fn platform_part(s: &[u8]) -> usize {
    const PLATFORMS: [&str; 12] = [
        "x86_64", "x86-64", "x86", "x64", "amd64", "i386", "i486", "i586", "i686", "arm64", "aarch64", "win32",
    ];
    let names = |name: &&str| {
        let end = s.get(name.len()).is_none_or(|c| !c.is_ascii_alphanumeric());
        end && s.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
    };
    PLATFORMS.iter().find(|name| names(name)).map_or(0, |name| name.len())
}

/// Whether a pre-release word comes next.
fn candidate(s: &[u8]) -> bool {
    let len = s.iter().take_while(|c| c.is_ascii_alphabetic()).count();
    matches!(word::meaning(s.get(..len).unwrap_or_default()), Word::Pre(_))
}

/// Java's forms of one version: `8u252`, `1.8.0_252` and, where Java is meant for sure, `1.8.0 update 252` and `1.8`.
/// The feature number, the update number and the length.
fn java(s: &[u8], rules: Rules) -> Option<(&[u8], &[u8], usize)> {
    let first = digits::run(s);
    if matches!(s.get(first), Some(b'u' | b'U')) && first <= 2 {
        let update = digits::run(s.get(first + 1..)?);
        return (update > 0).then(|| Some((s.get(..first)?, s.get(first + 1..first + 1 + update)?, first + 1 + update)))?;
    }
    let rest = s.strip_prefix(b"1.")?;
    let feature = digits::run(rest);
    if !(1..=2).contains(&feature) {
        return None;
    }
    let mut at = 2 + feature;
    let feature = s.get(2..at)?;
    if s.get(at..)?.starts_with(b".0") && !s.get(at + 2).is_some_and(u8::is_ascii_digit) {
        at += 2;
    } else if rules != Rules::Java {
        return None;
    }
    let mut update_at = at;
    if rules == Rules::Java {
        let word = s
            .get(update_at..)?
            .iter()
            .take_while(|c| matches!(c, b'_' | b' ' | b'-' | b':' | b'|') || c.is_ascii_alphabetic())
            .count();
        let spelled = s.get(update_at..update_at + word)?;
        let letters = || spelled.iter().filter(|c| c.is_ascii_alphabetic()).map(u8::to_ascii_lowercase);
        if letters().eq(*b"update") || letters().eq(*b"u") || spelled == b"_" {
            update_at += word;
        }
    } else if s.get(update_at) == Some(&b'_') {
        update_at += 1;
    } else {
        return None;
    }
    let update = if update_at > at { digits::run(s.get(update_at..)?) } else { 0 };
    match update {
        0 if rules == Rules::Java => Some((feature, &[], at)),
        0 => None,
        n => Some((feature, s.get(update_at..update_at + n)?, update_at + n)),
    }
}
