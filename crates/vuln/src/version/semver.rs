//! Semantic Versioning 2.0.0, section 11, with a leading `v` and any number of numbers.

use std::cmp::Ordering;

use super::digits;
use super::word::{self, Word};

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (Parts::new(a)?, Parts::new(b)?);
    Some(numbers(a.core, b.core).then_with(|| match (a.pre, b.pre) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => identifiers(a, b),
    }))
}

struct Parts<'a> {
    core: &'a str,
    pre: Option<&'a str>,
}

impl<'a> Parts<'a> {
    /// `None` for what is no semantic version, or is one only by its letters: authors who write `2.4.4-p6` or `1.2-unstable-2023-01-01` mean something
    /// after the release.
    fn new(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let text = text.split_once('+').map_or(text, |(version, _build)| version);
        let (core, pre) = text.split_once('-').map_or((text, None), |(core, pre)| (core, Some(pre)));
        let numeric = |s: &str| !s.is_empty() && s.bytes().all(|c| c.is_ascii_digit());
        let identifier = |s: &str| !s.is_empty() && s.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
        let valid = core.split('.').all(numeric) && pre.is_none_or(|pre| pre.split('.').all(identifier) && !follows_release(pre));
        valid.then_some(Self { core, pre })
    }
}

fn follows_release(pre: &str) -> bool {
    let letters = pre.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (Some(word), Some(behind)) = (pre.get(..letters), pre.get(letters..)) else {
        return false;
    };
    match word::meaning(word.as_bytes()) {
        Word::Post | Word::Snapshot => true,
        _ => (word.eq_ignore_ascii_case("p") || word.eq_ignore_ascii_case("r")) && behind.starts_with(|c: char| c.is_ascii_digit()),
    }
}

fn numbers(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let (x, y) = (a.next(), b.next());
        if x.is_none() && y.is_none() {
            return Ordering::Equal;
        }
        let order = digits::compare(x.unwrap_or_default().as_bytes(), y.unwrap_or_default().as_bytes());
        if order.is_ne() {
            return order;
        }
    }
}

fn identifiers(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(x), Some(y)) => {
                let (x_number, y_number) = (x.bytes().all(|c| c.is_ascii_digit()), y.bytes().all(|c| c.is_ascii_digit()));
                match (x_number, y_number) {
                    (true, true) => digits::compare(x.as_bytes(), y.as_bytes()),
                    (true, false) => Ordering::Less,
                    (false, true) => Ordering::Greater,
                    (false, false) => x.cmp(y),
                }
            }
        };
        if order.is_ne() {
            return order;
        }
    }
}
