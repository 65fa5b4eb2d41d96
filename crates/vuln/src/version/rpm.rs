//! RPM's order: `[epoch:]version[-release]`, each compared by segments of digits and letters.

use std::cmp::Ordering;

use super::digits;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (Evr::new(a)?, Evr::new(b)?);
    // A missing release is before every release: RPM itself calls them equal, which is no order.
    Some(
        digits::compare(a.epoch, b.epoch)
            .then_with(|| segments(a.version, b.version))
            .then_with(|| segments(a.release.unwrap_or_default(), b.release.unwrap_or_default())),
    )
}

struct Evr<'a> {
    epoch: &'a [u8],
    version: &'a [u8],
    release: Option<&'a [u8]>,
}

impl<'a> Evr<'a> {
    fn new(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) if !epoch.is_empty() && epoch.bytes().all(|c| c.is_ascii_digit()) => (epoch, rest),
            _ => ("", text),
        };
        let (version, release) = rest
            .rsplit_once('-')
            .map_or((rest, None), |(version, release)| (version, Some(release.as_bytes())));
        version.bytes().any(|c| c.is_ascii_digit()).then_some(Self {
            epoch: epoch.as_bytes(),
            version: version.as_bytes(),
            release,
        })
    }
}

/// Ranks of what can come next, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Tilde,
    End,
    Caret,
    Letters,
    Digits,
}

fn segments(mut a: &[u8], mut b: &[u8]) -> Ordering {
    loop {
        let ((x, x_text), (y, y_text)) = (take(&mut a), take(&mut b));
        let order = x.cmp(&y).then_with(|| match x {
            Next::Digits => digits::compare(x_text, y_text),
            _ => x_text.cmp(y_text),
        });
        if order.is_ne() || x == Next::End {
            return order;
        }
    }
}

fn take<'a>(s: &mut &'a [u8]) -> (Next, &'a [u8]) {
    let skip = s
        .iter()
        .take_while(|c| !c.is_ascii_alphanumeric() && !matches!(c, b'~' | b'^'))
        .count();
    let rest = s.get(skip..).unwrap_or_default();
    let (next, len) = match rest.first() {
        None => (Next::End, 0),
        Some(b'~') => (Next::Tilde, 1),
        Some(b'^') => (Next::Caret, 1),
        Some(c) if c.is_ascii_digit() => (Next::Digits, digits::run(rest)),
        Some(_) => (Next::Letters, rest.iter().take_while(|c| c.is_ascii_alphabetic()).count()),
    };
    let (segment, rest) = rest.split_at_checked(len).unwrap_or_default();
    *s = rest;
    (next, segment)
}
