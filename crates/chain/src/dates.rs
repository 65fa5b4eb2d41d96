//! Finds the date of today in what was built. Two builds on one day cannot show that a third on another day would differ, but a date
//! that stands in an output is where such a difference comes from.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use memchr::memmem;

use crate::tree::{self, Kind, TreeError};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// The first file of a tree that holds the date of a moment (in UTC, as steps see it) in a usual spelling, and that spelling.
pub fn find(root: &Path, moment: SystemTime) -> Result<Option<(PathBuf, String)>, TreeError> {
    let spellings = spellings(moment);
    for entry in tree::list(root)? {
        let Kind::File { .. } = entry.kind else { continue };
        let path = root.join(&entry.path);
        let bytes = fs::read(&path).map_err(|source| TreeError::Io { path, source })?;
        for spelling in &spellings {
            if memmem::find(&bytes, spelling.as_bytes()).is_some() {
                return Ok(Some((entry.path, spelling.clone())));
            }
        }
    }
    Ok(None)
}

/// The day of a moment in UTC: `2026-11-28`.
pub fn day(moment: SystemTime) -> String {
    let [_, _, day, _] = spellings(moment);
    day
}

/// As C's `__DATE__`, `date` and `ctime`, ISO 8601, and mail write it.
fn spellings(moment: SystemTime) -> [String; 4] {
    let days = moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / 86_400;
    let weekday = usize::try_from(days % 7)
        .ok()
        .and_then(|d| DAYS.get(d))
        .copied()
        .unwrap_or_default();
    let (year, month, day) = civil(days);
    let name = MONTHS.get(month).copied().unwrap_or_default();
    [
        format!("{name} {day:2} {year}"),
        format!("{weekday} {name} {day:2} "),
        format!("{year}-{:02}-{day:02}", month + 1),
        format!("{day} {name} {year}"),
    ]
}

/// Seconds after the epoch as RFC 3339 writes them, in UTC.
pub fn rfc3339(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", month + 1)
}

/// Seconds after the epoch of a time in UTC as RFC 3339 writes it; parts of a second are dropped.
pub fn from_rfc3339(text: &str) -> Option<u64> {
    let number = |from: usize, to: usize| -> Option<u64> {
        let digits = text.get(from..to)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let signs = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")];
    let rest = text.get(19..)?.strip_suffix('Z')?;
    let fraction = rest.is_empty()
        || rest
            .strip_prefix('.')
            .is_some_and(|f| !f.is_empty() && f.bytes().all(|b| b.is_ascii_digit()));
    if !fraction || !signs.iter().all(|(at, sign)| text.get(*at..at + 1) == Some(*sign)) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if hour > 23 || minute > 59 || second > 60 || year < 1970 {
        return None;
    }
    let years: u64 = (1970..year).map(|y| if leap(y) { 366 } else { 365 }).sum();
    // The day is looked for where its month begins, so that the 31st of November is none.
    let days = (years..years + 366).find(|d| civil(*d) == (year, usize::try_from(month).unwrap_or(0).wrapping_sub(1), day))?;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

fn leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// Year, month from 0 on, and day of a day counted from 1970-01-01.
fn civil(days: u64) -> (u64, usize, u64) {
    let mut left = days;
    let mut year = 1970;
    loop {
        let leap = u64::from(leap(year));
        if left >= 365 + leap {
            left -= 365 + leap;
            year += 1;
            continue;
        }
        for (month, length) in [31, 28 + leap, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].into_iter().enumerate() {
            if left < length {
                return (year, month, left + 1);
            }
            left -= length;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_spelled_as_programs_spell_them() {
        // date -u -d @1772323200 and its like
        for (seconds, first, second) in [
            (0, "Jan  1 1970", "Thu Jan  1 "),
            (951_782_400, "Feb 29 2000", "Tue Feb 29 "),
            (1_772_323_200, "Mar  1 2026", "Sun Mar  1 "),
            (1_798_761_599, "Dec 31 2026", "Thu Dec 31 "),
            (4_107_542_400, "Mar  1 2100", "Mon Mar  1 "),
        ] {
            let all = spellings(UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!([all[0].as_str(), all[1].as_str()], [first, second]);
        }
        let all = spellings(UNIX_EPOCH + Duration::from_secs(1_772_323_200));
        assert_eq!([all[2].as_str(), all[3].as_str()], ["2026-03-01", "1 Mar 2026"]);
    }

    #[test]
    fn a_date_is_found_within_binary_files() {
        let dir = tempfile::tempdir().unwrap();
        let moment = UNIX_EPOCH + Duration::from_secs(1_772_323_200);
        fs::write(dir.path().join("a"), b"Mar  2 2026").unwrap();
        assert_eq!(find(dir.path(), moment).unwrap(), None);
        fs::write(dir.path().join("b"), b"\0\xffbuilt Mar  1 2026, 10:00\0").unwrap();
        assert_eq!(find(dir.path(), moment).unwrap(), Some(("b".into(), "Mar  1 2026".into())));
    }
}
