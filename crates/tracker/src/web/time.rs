//! Dates and ages as people read them.

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime};

/// `2026-11-22 14:30 UTC`; empty where the number is no time.
pub fn stamp(unix: i64) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    OffsetDateTime::from_unix_timestamp(unix)
        .ok()
        .and_then(|t| t.format(format).ok())
        .unwrap_or_default()
}

/// `2026-11-22`; empty where the number is no time.
pub fn date(unix: i64) -> String {
    rfc3339(unix).get(..10).unwrap_or_default().to_owned()
}

/// RFC 3339, for machines.
pub fn rfc3339(unix: i64) -> String {
    OffsetDateTime::from_unix_timestamp(unix)
        .ok()
        .and_then(|t| t.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// The day of an ISO 8601 text, where it begins with one: sources write dates with and without times and zones.
pub fn day(text: &str) -> Option<&str> {
    let day = text.get(..10)?;
    parse_day(day).map(|_| day)
}

/// The unix time of an ISO 8601 text, by its day alone where the rest cannot be read.
pub fn unix(text: &str) -> Option<i64> {
    if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
        return Some(time.unix_timestamp());
    }
    let day = parse_day(text.get(..10)?)?;
    Some(PrimitiveDateTime::new(day, time::Time::MIDNIGHT).assume_utc().unix_timestamp())
}

/// `5 minutes`, `3 days`, `2 years`: one number is enough.
pub fn span(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let (count, unit) = match seconds.max(0) {
        s if s < 2 * MINUTE => (s, "second"),
        s if s < 2 * HOUR => (s / MINUTE, "minute"),
        s if s < 2 * DAY => (s / HOUR, "hour"),
        s if s < 60 * DAY => (s / DAY, "day"),
        s if s < 730 * DAY => (s / (30 * DAY), "month"),
        s => (s / (365 * DAY), "year"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

fn parse_day(text: &str) -> Option<Date> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times() {
        assert_eq!(stamp(1_795_357_800), "2026-11-22 14:30 UTC");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(day("2024-03-29T16:51:12.588Z"), Some("2024-03-29"));
        assert_eq!(day("2024-13-29"), None);
        assert_eq!(day("29 März 2024"), None);
        assert_eq!(unix("1970-01-02"), Some(86_400));
        assert_eq!(unix("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(unix("1970-01-02T00:00"), Some(86_400));
        assert_eq!(unix(""), None);
    }

    #[test]
    fn spans() {
        for (seconds, text) in [
            (-5, "0 seconds"),
            (1, "1 second"),
            (7_000, "116 minutes"),
            (86_400 * 3, "3 days"),
            (86_400 * 365 * 2, "2 years"),
        ] {
            assert_eq!(span(seconds), text);
        }
    }
}
