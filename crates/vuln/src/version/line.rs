//! What a version tells besides its order: its numbers, whether it is a pre-release, its date.

use std::ops::Deref;

use super::date;
use super::digits;
use super::token::{Class, Reading, Rules};
use super::{is_plain, plain_parts};

const MOST: usize = 6;

/// The leading numbers of a version, six at most: `[1, 11]` for `1.11.x`. Numbers that do not fit are the largest number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Components {
    len: u8,
    values: [u64; MOST],
}

impl Components {
    /// The first `len` of them, or all where there are fewer.
    pub fn prefix(self, len: usize) -> Self {
        self.iter().copied().take(len).collect()
    }

    /// Whether a version with these numbers belongs to the line: they start with the line's.
    pub fn is_on_line(&self, line: &[u64]) -> bool {
        self.starts_with(line)
    }
}

impl Deref for Components {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        self.values.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl FromIterator<u64> for Components {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Self {
        let mut components = Self::default();
        for (slot, n) in components.values.iter_mut().zip(numbers) {
            *slot = n;
            components.len += 1;
        }
        components
    }
}

/// The leading numbers as written, zeros included: `1.10.0-rc1` gives `[1, 10, 0]`, `6.9.11-14` gives `[6, 9, 11, 14]`, `8u252` gives `[8, 0, 252]`.
/// Empty for commits and words.
pub fn components(version: &str) -> Components {
    if is_plain(version.as_bytes()) {
        return plain_parts(version.as_bytes()).map(digits::value).collect();
    }
    let reading = Reading::new(version, Rules::Generic);
    match reading.class {
        Class::Commit | Class::Wordy => Components::default(),
        _ => reading.numbers().collect(),
    }
}

/// Whether it comes before the release that it names: `1.0rc1`, `2.0.0-alpha.1`, `2.50pre20171114`.
pub fn is_prerelease(version: &str) -> bool {
    let reading = Reading::new(version, Rules::Generic);
    !matches!(reading.class, Class::Commit | Class::Wordy) && reading.is_prerelease()
}

/// Year, month and day that a version names anywhere: `1.2-unstable-2023-01-01`, `20240501`, `2.50pre20171114`.
pub fn date_of(version: &str) -> Option<(u16, u8, u8)> {
    date::find(version.as_bytes()).map(date::Date::parts)
}

/// How many of the leading numbers two versions share: 2 for `1.10.17` and `1.10.12`.
pub fn common_prefix_len(a: &str, b: &str) -> usize {
    components(a).iter().zip(components(b).iter()).take_while(|(x, y)| x == y).count()
}
