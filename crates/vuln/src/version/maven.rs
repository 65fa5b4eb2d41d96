//! Maven's version order, as its POM reference specifies it.
//!
//! A version is cut at dots, dashes, underscores and between digits and letters (which counts as a dash). Values that say nothing (`0`, `final`, `ga`,
//! `release`) are dropped at the end, before each dash and before each word: since 3.9.1 `.RC1` and `-RC1` are the same. What is left compares token by token; against the end of the other version a number is
//! later, and a word is what it is against the release.

use std::cmp::Ordering;

use super::digits;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (mut a, mut b) = (Tokens::new(a)?, Tokens::new(b)?);
    loop {
        let (x, y) = (a.next(), b.next());
        if x.is_none() && y.is_none() {
            return Some(Ordering::Equal);
        }
        let order = Token::or_end(x).compare(&Token::or_end(y));
        if order.is_ne() {
            return Some(order);
        }
    }
}

/// Ranks, lowest first. Words before the release are lower than its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Alpha,
    Beta,
    Milestone,
    Candidate,
    Snapshot,
    End,
    ServicePack,
    Word,
    DashNumber,
    DotNumber,
}

#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    rank: Rank,
    text: &'a [u8],
}

impl<'a> Token<'a> {
    fn or_end(token: Option<Self>) -> Self {
        token.unwrap_or(Self {
            rank: Rank::End,
            text: &[],
        })
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank).then_with(|| match self.rank {
            Rank::DashNumber | Rank::DotNumber => digits::compare(self.text, other.text),
            Rank::Word => self
                .text
                .iter()
                .map(u8::to_ascii_lowercase)
                .cmp(other.text.iter().map(u8::to_ascii_lowercase)),
            _ => Ordering::Equal,
        })
    }

    /// Whether it says nothing where nothing, or a dash, follows.
    fn is_null(&self) -> bool {
        match self.rank {
            Rank::End => true,
            Rank::DashNumber | Rank::DotNumber => digits::significant(self.text).is_empty(),
            _ => false,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Tokens<'a> {
    s: &'a [u8],
    at: usize,
    /// Null values that end here or before are followed by something in the same part and count.
    nulls_count_until: usize,
}

impl<'a> Tokens<'a> {
    fn new(text: &'a str) -> Option<Self> {
        let text = text.trim();
        // Maven itself orders any text; a word against a version would only pretend an answer.
        let first = text.strip_prefix(['v', 'V']).unwrap_or(text);
        first.starts_with(|c: char| c.is_ascii_digit()).then_some(Self {
            s: first.as_bytes(),
            at: 0,
            nulls_count_until: 0,
        })
    }

    fn raw(&mut self) -> Option<Token<'a>> {
        let mut after_dash = false;
        if self.at > 0 {
            match self.s.get(self.at)? {
                b'.' => self.at += 1,
                c if c.is_ascii_alphanumeric() => after_dash = true,
                _ => (self.at, after_dash) = (self.at + 1, true),
            }
        }
        let rest = self.s.get(self.at..)?;
        let number = digits::run(rest);
        let number_rank = if after_dash { Rank::DashNumber } else { Rank::DotNumber };
        if number > 0 {
            self.at += number;
            return Some(Token {
                rank: number_rank,
                text: rest.get(..number)?,
            });
        }
        let word = rest
            .iter()
            .take_while(|c| !c.is_ascii_digit() && !matches!(c, b'.' | b'-' | b'_'))
            .count();
        let text = rest.get(..word)?;
        self.at += word;
        if word == 0 {
            // Nothing between two separators is a zero; a separator at the end too.
            return Some(Token { rank: number_rank, text });
        }
        let short = rest.get(word).is_some_and(u8::is_ascii_digit);
        Some(Token {
            rank: qualifier(text, short),
            text,
        })
    }
}

fn qualifier(word: &[u8], digit_follows: bool) -> Rank {
    const KNOWN: [(&str, Rank); 10] = [
        ("alpha", Rank::Alpha),
        ("beta", Rank::Beta),
        ("milestone", Rank::Milestone),
        ("rc", Rank::Candidate),
        ("cr", Rank::Candidate),
        ("snapshot", Rank::Snapshot),
        ("final", Rank::End),
        ("ga", Rank::End),
        ("release", Rank::End),
        ("sp", Rank::ServicePack),
    ];
    match word {
        [b'a' | b'A'] if digit_follows => Rank::Alpha,
        [b'b' | b'B'] if digit_follows => Rank::Beta,
        [b'm' | b'M'] if digit_follows => Rank::Milestone,
        _ => KNOWN
            .iter()
            .find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(word))
            .map_or(Rank::Word, |&(_, rank)| rank),
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let token = self.raw()?;
        if !token.is_null() || self.nulls_count_until >= self.at {
            return Some(token);
        }
        let mut ahead = *self;
        loop {
            match ahead.raw() {
                Some(next) if next.is_null() => {}
                Some(next) if next.rank == Rank::DotNumber => {
                    self.nulls_count_until = ahead.at;
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
