//! Dates inside versions: `2024-05-01`, `20240501`, `2024-05-01T22-19-14Z`.

use super::digits;

/// A calendar date as `year * 10000 + month * 100 + day`, which orders and compares as the date does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Date(pub(super) u32);

impl Date {
    pub(super) fn parts(self) -> (u16, u8, u8) {
        ((self.0 / 10_000) as u16, (self.0 / 100 % 100) as u8, (self.0 % 100) as u8)
    }

    fn new(year: u64, month: u64, day: u64) -> Option<Self> {
        let valid = is_year(year) && (1..=12).contains(&month) && (1..=31).contains(&day);
        valid.then(|| Self((year * 10_000 + month * 100 + day) as u32))
    }
}

/// Software with dated versions is younger than 1980; a number above 2099 is a build number.
pub(super) fn is_year(n: u64) -> bool {
    (1980..=2099).contains(&n)
}

/// A date at the start of `s`: the date and how many bytes it takes. Compact dates may have a time (`20240501`, `202405012219`, `20240501221914`),
/// of which only the date's eight digits are taken.
pub(super) fn at_start(s: &[u8]) -> Option<(Date, usize)> {
    match digits::run(s) {
        4 => dashed(s),
        8 | 12 | 14 => {
            let date = Date::new(digits::value(s.get(..4)?), digits::value(s.get(4..6)?), digits::value(s.get(6..8)?))?;
            Some((date, 8))
        }
        _ => None,
    }
}

/// `2024-05-01` or `2024_05_01`; with dots it is a release number that is ordered well enough as it stands.
fn dashed(s: &[u8]) -> Option<(Date, usize)> {
    let separator = *s.get(4)?;
    if separator != b'-' && separator != b'_' {
        return None;
    }
    let month = digits::run(s.get(5..)?);
    let second = 5 + month;
    if !(1..=2).contains(&month) || *s.get(second)? != separator {
        return None;
    }
    let day = digits::run(s.get(second + 1..)?);
    if !(1..=2).contains(&day) {
        return None;
    }
    let end = second + 1 + day;
    let date = Date::new(
        digits::value(s.get(..4)?),
        digits::value(s.get(5..second)?),
        digits::value(s.get(second + 1..end)?),
    )?;
    Some((date, end))
}

/// The first date anywhere in `s`.
pub(super) fn find(s: &[u8]) -> Option<Date> {
    let mut at = 0;
    while at < s.len() {
        let rest = s.get(at..)?;
        match digits::run(rest) {
            0 => at += 1,
            n => match at_start(rest).or_else(|| dotted(rest)) {
                Some((date, _)) => return Some(date),
                None => at += n,
            },
        }
    }
    None
}

/// `2024.05.01`, with two-digit month and day: release numbers such as `2024.1.2` are not dates for sure.
fn dotted(s: &[u8]) -> Option<(Date, usize)> {
    let shape = s.get(..10)?;
    if digits::run(shape) != 4 || shape[4] != b'.' || digits::run(&shape[5..]) != 2 || shape[7] != b'.' || digits::run(&s[8..]) != 2 {
        return None;
    }
    Some((
        Date::new(digits::value(&shape[..4]), digits::value(&shape[5..7]), digits::value(&shape[8..]))?,
        10,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_what_only_looks_like_one() {
        for (text, wanted) in [
            ("2024-05-01", Some((20240501, 10))),
            ("2024_5_1", Some((20240501, 8))),
            ("20240501", Some((20240501, 8))),
            ("20240501123000", Some((20240501, 8))),
            ("2024-05-01T22-19-14Z", Some((20240501, 10))),
            ("2024-13-01", None),
            ("20241301", None),
            ("12345678", None),
            ("2024.05.01", None),
            ("2024-05_01", None),
            ("202405", None),
            ("2024", None),
            ("", None),
        ] {
            assert_eq!(at_start(text.as_bytes()).map(|(d, n)| (d.0, n)), wanted, "{text}");
        }
        assert_eq!(find(b"1.2-unstable-2023-01-02").map(Date::parts), Some((2023, 1, 2)));
        assert_eq!(find(b"2.50pre20171114").map(Date::parts), Some((2017, 11, 14)));
        assert_eq!(find(b"2024.04.09").map(Date::parts), Some((2024, 4, 9)));
        assert_eq!(find(b"1.2.3"), None);
    }
}
