//! How long a server asks to be left alone.

use std::time::Duration;

use time::PrimitiveDateTime;
use time::macros::format_description;

/// No server is left alone longer than this, whatever it says.
const LONGEST: u64 = 86_400;

/// Reads `Retry-After` (RFC 9110, 10.2.3: seconds or a date), else GitHub's `X-RateLimit-Reset` where nothing remains.
pub fn asked(status: u16, header: impl Fn(&str) -> Option<String>, now: i64) -> Option<Duration> {
    if !matches!(status, 403 | 429 | 500..=599) {
        return None;
    }
    let until = |unix: i64| u64::try_from(unix.saturating_sub(now)).unwrap_or(0);
    let retry_after = || {
        let text = header("retry-after")?;
        text.parse::<u64>().ok().or_else(|| date(&text).map(until))
    };
    let reset = || {
        header("x-ratelimit-remaining").filter(|left| left == "0")?;
        header("x-ratelimit-reset")?.parse().ok().map(until)
    };
    retry_after()
        .or_else(reset)
        .map(|seconds| Duration::from_secs(seconds.min(LONGEST)))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn date(text: &str) -> Option<i64> {
    let format = format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    PrimitiveDateTime::parse(text, format)
        .ok()
        .map(|time| time.assume_utc().unix_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(status: u16, headers: &[(&str, &str)]) -> Option<u64> {
        let header = |name: &str| headers.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        asked(status, header, 784_111_700).map(|wait| wait.as_secs())
    }

    #[test]
    fn servers_ask_in_three_ways() {
        assert_eq!(wait(429, &[("retry-after", "120")]), Some(120));
        assert_eq!(wait(503, &[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")]), Some(77));
        let github = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "784111760")];
        assert_eq!(wait(403, &github), Some(60));
        assert_eq!(
            wait(403, &[("x-ratelimit-remaining", "7"), ("x-ratelimit-reset", "784111760")]),
            None
        );
        assert_eq!(wait(429, &[("retry-after", "99999999999")]), Some(86_400));
        assert_eq!(wait(503, &[("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")]), Some(0));
        assert_eq!(wait(429, &[("retry-after", "soon")]), None);
        assert_eq!(wait(404, &[("retry-after", "120")]), None);
        let long_ago = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "-9223372036854775808")];
        assert_eq!(wait(403, &long_ago), Some(0));
    }
}
