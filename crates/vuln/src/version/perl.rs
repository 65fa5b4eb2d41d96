//! Perl's order: decimal versions are fractions (`1.9` is `1.900`), dotted ones (`v1.2.3`, `1.2.3`) are lists of numbers.

use std::cmp::Ordering;

use super::digits;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (Parts::new(a)?, Parts::new(b)?);
    let count = a.count().max(b.count());
    Some(
        (0..count)
            .map(|i| a.number(i).cmp(&b.number(i)))
            .find(|o| o.is_ne())
            .unwrap_or(Ordering::Equal)
            .then(b.trial.cmp(&a.trial)),
    )
}

/// A version as a list of numbers: a decimal version's fraction is cut in threes.
struct Parts<'a> {
    whole: &'a [u8],
    rest: &'a [u8],
    decimal: bool,
    /// `1.23-TRIAL`: before the release.
    trial: bool,
}

impl<'a> Parts<'a> {
    fn new(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let (text, trial) = text.strip_suffix("-TRIAL").map_or((text, false), |t| (t, true));
        let dotted = text.strip_prefix('v');
        let s = dotted.unwrap_or(text).as_bytes();
        let whole = digits::run(s);
        let rest = s.get(whole..)?;
        let dots = rest.iter().filter(|c| **c == b'.').count();
        let well_formed =
            whole > 0 && rest.iter().all(|c| c.is_ascii_digit() || matches!(c, b'.' | b'_')) && matches!(rest.first(), None | Some(b'.'));
        well_formed.then_some(Self {
            whole: s.get(..whole)?,
            rest,
            decimal: dotted.is_none() && dots < 2,
            trial,
        })
    }

    fn count(&self) -> usize {
        1 + if self.decimal {
            self.rest.len().div_ceil(3)
        } else {
            self.rest.iter().filter(|c| **c == b'.').count()
        }
    }

    fn number(&self, i: usize) -> u64 {
        let Some(i) = i.checked_sub(1) else {
            return digits::value(self.whole);
        };
        if !self.decimal {
            let part = self.rest.split(|c| *c == b'.').nth(i + 1).unwrap_or_default();
            return part
                .iter()
                .filter(|c| c.is_ascii_digit())
                .fold(0u64, |n, c| n.saturating_mul(10).saturating_add(u64::from(c - b'0')));
        }
        let mut fraction = self.rest.iter().filter(|c| c.is_ascii_digit()).skip(i * 3);
        (0..3).fold(0, |n, _| n * 10 + fraction.next().map_or(0, |c| u64::from(c - b'0')))
    }
}
