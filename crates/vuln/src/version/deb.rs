//! Debian's order: `[epoch:]upstream[-revision]`, compared by turns of other characters and digits; `~` sorts before the end.

use std::cmp::Ordering;

use super::digits;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (Parts::new(a)?, Parts::new(b)?);
    Some(
        digits::compare(a.epoch, b.epoch)
            .then_with(|| turns(a.upstream, b.upstream))
            .then_with(|| turns(a.revision, b.revision)),
    )
}

struct Parts<'a> {
    epoch: &'a [u8],
    upstream: &'a [u8],
    revision: &'a [u8],
}

impl<'a> Parts<'a> {
    fn new(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) if !epoch.is_empty() && epoch.bytes().all(|c| c.is_ascii_digit()) => (epoch, rest),
            _ => ("", text),
        };
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        let known = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'+' | b'-' | b'~' | b':' | b'_');
        (upstream.bytes().any(|c| c.is_ascii_digit()) && rest.bytes().all(known)).then_some(Self {
            epoch: epoch.as_bytes(),
            upstream: upstream.as_bytes(),
            revision: revision.as_bytes(),
        })
    }
}

fn turns(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let (x, y) = (take(&mut a, |c| !c.is_ascii_digit()), take(&mut b, |c| !c.is_ascii_digit()));
        // The end of a part has the weight of the end of the text: `1~` is before `1`, and `1` before `1a`.
        let order = (0..x.len().max(y.len()))
            .map(|i| weight(x.get(i)).cmp(&weight(y.get(i))))
            .find(|o| o.is_ne())
            .unwrap_or(Ordering::Equal);
        let order = order.then_with(|| digits::compare(take(&mut a, u8::is_ascii_digit), take(&mut b, u8::is_ascii_digit)));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

fn weight(c: Option<&u8>) -> (u8, u8) {
    match c {
        Some(b'~') => (0, 0),
        None => (1, 0),
        Some(&c) if c.is_ascii_alphabetic() => (2, c),
        Some(&c) => (3, c),
    }
}

fn take<'a>(s: &mut &'a [u8], wanted: impl Fn(&u8) -> bool) -> &'a [u8] {
    let len = s.iter().take_while(|c| wanted(c)).count();
    let (part, rest) = s.split_at_checked(len).unwrap_or_default();
    *s = rest;
    part
}
