//! The times that records state, in whatever spelling, put in order.

use std::cmp::Ordering;

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, PrimitiveDateTime, format_description::well_known::Iso8601};

/// Orders two times as records write them: with or without an offset (none means UTC), with or without a fraction, a date alone.
/// What cannot be read is compared as text, and comes before what can: nothing rests on it.
pub fn compare(a: &str, b: &str) -> Ordering {
    // Feeds mostly write one spelling: equal text needs no reading.
    if a == b {
        return Ordering::Equal;
    }
    match (read(a), read(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (a_read, b_read) => a_read.is_some().cmp(&b_read.is_some()).then_with(|| a.cmp(b)),
    }
}

/// Unix seconds of a time as records write it.
pub fn unix(text: &str) -> Option<i64> {
    read(text).map(OffsetDateTime::unix_timestamp)
}

/// `YYYY-MM-DDTHH:MM:SSZ`
pub fn format(unix: i64) -> String {
    OffsetDateTime::from_unix_timestamp(unix)
        .ok()
        .and_then(|t| t.format(&Rfc3339).ok())
        .unwrap_or_else(|| unix.to_string())
}

fn read(text: &str) -> Option<OffsetDateTime> {
    let text = text.trim();
    if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
        return Some(time);
    }
    if let Ok(time) = PrimitiveDateTime::parse(text, &Iso8601::PARSING) {
        return Some(time.assume_utc());
    }
    // A date, or a time that was cut off behind the date (`2024-10-24 10:11`).
    let date = time::Date::parse(text.get(..10)?, &Iso8601::PARSING).ok()?;
    Some(date.midnight().assume_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_time_are_equal() {
        for same in [
            "2024-10-24T10:11:12Z",
            "2024-10-24T10:11:12.000",
            "2024-10-24T10:11:12.000000Z",
            "2024-10-24T12:11:12+02:00",
        ] {
            assert_eq!(compare("2024-10-24T10:11:12", same), Ordering::Equal, "{same}");
        }
        assert_eq!(compare("2024-10-24", "2024-10-24T00:00:00Z"), Ordering::Equal);
    }

    #[test]
    fn later_is_greater() {
        let ordered = [
            "",
            "whenever",
            "2023-12-31",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:00.001Z",
            "2024-01-01T00:00:01+00:00",
        ];
        for pair in ordered.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
        }
    }

    #[test]
    fn unix_seconds_both_ways() {
        assert_eq!(unix("2024-10-24T00:00:00.000Z"), Some(1_729_728_000));
        assert_eq!(format(1_729_728_000), "2024-10-24T00:00:00Z");
        assert_eq!(unix("soon"), None);
    }
}
