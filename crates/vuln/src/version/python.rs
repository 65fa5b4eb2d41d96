//! PEP 440: `[N!]N(.N)*[{a|b|rc}N][.postN][.devN][+local]`, with the spellings that it asks readers to accept.

use std::cmp::Ordering;

use super::digits;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (Parts::new(a)?, Parts::new(b)?);
    let order = digits::compare(a.epoch, b.epoch)
        .then_with(|| numbers(a.release, b.release))
        .then_with(|| a.phase().cmp(&b.phase()))
        .then_with(|| optional(a.pre.map(|(_, n)| n), b.pre.map(|(_, n)| n), Ordering::Less))
        .then_with(|| optional(a.post, b.post, Ordering::Less))
        .then_with(|| optional(a.dev, b.dev, Ordering::Greater))
        .then_with(|| local(a.local, b.local));
    Some(order)
}

#[derive(Default)]
struct Parts<'a> {
    epoch: &'a [u8],
    release: &'a [u8],
    pre: Option<(Phase, &'a [u8])>,
    post: Option<&'a [u8]>,
    dev: Option<&'a [u8]>,
    local: &'a [u8],
}

/// What decides first where the release numbers are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// `1.0.dev1`: before all pre-releases of 1.0.
    Dev,
    Alpha,
    Beta,
    Candidate,
    Release,
}

impl<'a> Parts<'a> {
    fn new(text: &'a str) -> Option<Self> {
        let mut s = text.trim().as_bytes();
        if let Some((b'v' | b'V', rest)) = s.split_first() {
            s = rest;
        }
        let mut parts = Self::default();
        let number = digits::run(s);
        if number > 0 && s.get(number) == Some(&b'!') {
            (parts.epoch, s) = (s.get(..number)?, s.get(number + 1..)?);
        }
        let mut release = digits::run(s);
        if release == 0 {
            return None;
        }
        while s.get(release) == Some(&b'.') && digits::run(s.get(release + 1..)?) > 0 {
            release += 1 + digits::run(s.get(release + 1..)?);
        }
        (parts.release, s) = s.split_at_checked(release)?;
        const PRE: [(&str, Phase); 8] = [
            ("alpha", Phase::Alpha),
            ("a", Phase::Alpha),
            ("beta", Phase::Beta),
            ("b", Phase::Beta),
            ("preview", Phase::Candidate),
            ("pre", Phase::Candidate),
            ("rc", Phase::Candidate),
            ("c", Phase::Candidate),
        ];
        parts.pre = PRE.iter().find_map(|&(word, phase)| Some((phase, suffix(&mut s, word)?)));
        parts.post = ["post", "rev", "r"].iter().find_map(|word| suffix(&mut s, word));
        if parts.post.is_none()
            && let Some((b'-', rest)) = s.split_first()
            && digits::run(rest) > 0
        {
            let (number, rest) = rest.split_at_checked(digits::run(rest))?;
            (parts.post, s) = (Some(number), rest);
        }
        parts.dev = suffix(&mut s, "dev");
        if let Some((b'+', rest)) = s.split_first() {
            let valid = !rest.is_empty() && rest.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_'));
            (parts.local, s) = (valid.then_some(rest)?, &[]);
        }
        s.is_empty().then_some(parts)
    }

    fn phase(&self) -> Phase {
        match (self.pre, self.post, self.dev) {
            (Some((phase, _)), ..) => phase,
            (None, None, Some(_)) => Phase::Dev,
            _ => Phase::Release,
        }
    }
}

/// Takes `[.-_]word[.-_]N` from the start, case ignored; a missing number is 0.
fn suffix<'a>(s: &mut &'a [u8], word: &str) -> Option<&'a [u8]> {
    let separator = |s: &[u8]| usize::from(matches!(s.first(), Some(b'.' | b'-' | b'_')));
    let start = separator(s);
    let end = start + word.len();
    if !s.get(start..end)?.eq_ignore_ascii_case(word.as_bytes()) {
        return None;
    }
    let behind = s.get(end..)?;
    let between = separator(behind);
    let number = digits::run(behind.get(between..)?);
    if number == 0 {
        // A separator without a number belongs to the next part.
        *s = behind;
        return Some(&[]);
    }
    *s = behind.get(between + number..)?;
    behind.get(between..between + number)
}

fn numbers(a: &[u8], b: &[u8]) -> Ordering {
    let (mut a, mut b) = (a.split(|c| *c == b'.'), b.split(|c| *c == b'.'));
    loop {
        let (x, y) = (a.next(), b.next());
        if x.is_none() && y.is_none() {
            return Ordering::Equal;
        }
        let order = digits::compare(x.unwrap_or_default(), y.unwrap_or_default());
        if order.is_ne() {
            return order;
        }
    }
}

/// Compares two numbers that may be absent; `absent` is how nothing compares with something.
fn optional(a: Option<&[u8]>, b: Option<&[u8]>, absent: Ordering) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => digits::compare(a, b),
        (None, None) => Ordering::Equal,
        (None, Some(_)) => absent,
        (Some(_), None) => absent.reverse(),
    }
}

fn local(a: &[u8], b: &[u8]) -> Ordering {
    let parts = |s| <[u8]>::split(s, |c: &u8| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let (mut a, mut b) = (parts(a), parts(b));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(x), Some(y)) => match (x.iter().all(u8::is_ascii_digit), y.iter().all(u8::is_ascii_digit)) {
                (true, true) => digits::compare(x, y),
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => x.iter().map(u8::to_ascii_lowercase).cmp(y.iter().map(u8::to_ascii_lowercase)),
            },
        };
        if order.is_ne() {
            return order;
        }
    }
}
