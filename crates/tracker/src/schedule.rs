//! When to do things again: pure, with a given clock and a given chance.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

/// After a failure a job waits this long, and twice as long after each further one.
const FIRST_WAIT: u64 = 60;

/// But never longer than this, unless it is done less often anyway.
const LONGEST_WAIT: u64 = 6 * 3600;

/// A number in 0..1 that spreads what many would do at the same moment. Nothing secret rests on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chance(pub f64);

impl Chance {
    /// Another one each time.
    pub fn now() -> Self {
        // The standard library seeds each hasher anew.
        Self((RandomState::new().build_hasher().finish() >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

/// When something that is done `every` so often is due next: up to a tenth earlier or later, so that many trackers do not ask together.
pub fn after_success(now: i64, every: Duration, chance: Chance) -> i64 {
    now.saturating_add(seconds(every.mul_f64(0.9 + 0.2 * chance.0)).max(1))
}

/// When to try again what failed `failures` times in a row, this time included: a minute, two, four and so on, at most as long as it would
/// wait after a success; half of it is left to chance. A server that asks to be left alone is left alone.
pub fn after_failure(now: i64, failures: u32, every: Duration, asked: Option<Duration>, chance: Chance) -> i64 {
    let doubled = FIRST_WAIT.saturating_mul(1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX));
    let wait = Duration::from_secs(doubled.min(LONGEST_WAIT)).min(every.max(Duration::from_secs(FIRST_WAIT)));
    let wait = wait.mul_f64(0.5 + 0.5 * chance.0);
    // Chance makes it only longer than asked.
    let asked = asked.map_or(Duration::ZERO, |asked| asked + Duration::from_secs_f64(10.0 * chance.0));
    now.saturating_add(seconds(wait.max(asked)).max(1))
}

/// The parts of a time span that are each at most `longest` long, oldest first. Parts share their ends.
pub fn windows(from: i64, to: i64, longest: Duration) -> Vec<(i64, i64)> {
    let longest = seconds(longest).max(1);
    let mut windows = Vec::new();
    let mut start = from;
    while start < to {
        let end = start.saturating_add(longest).min(to);
        windows.push((start, end));
        start = end;
    }
    windows
}

fn seconds(span: Duration) -> i64 {
    i64::try_from(span.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn the_next_time_is_spread_around_the_hour() {
        assert_eq!(after_success(1000, HOUR, Chance(0.0)), 1000 + 3240);
        assert_eq!(after_success(1000, HOUR, Chance(0.5)), 1000 + 3600);
        assert!(after_success(1000, HOUR, Chance(0.999)) <= 1000 + 3960);
        assert_eq!(
            after_success(1000, Duration::ZERO, Chance(0.5)),
            1001,
            "never at once: it would never end"
        );
    }

    #[test]
    fn failures_wait_longer_each_time_and_never_forever() {
        let waits: Vec<i64> = (1..=8).map(|n| after_failure(0, n, HOUR, None, Chance(1.0))).collect();
        assert_eq!(waits, [60, 120, 240, 480, 960, 1920, 3600, 3600]);
        assert_eq!(after_failure(0, 1, HOUR, None, Chance(0.0)), 30);
        assert_eq!(after_failure(0, u32::MAX, 30 * 24 * HOUR, None, Chance(1.0)), 6 * 3600);
        assert_eq!(
            after_failure(0, 9, Duration::from_secs(5), None, Chance(1.0)),
            60,
            "not a minute: a minute"
        );
    }

    #[test]
    fn a_server_that_asks_to_be_left_alone_is() {
        let asked = Some(Duration::from_secs(900));
        assert_eq!(after_failure(0, 1, HOUR, asked, Chance(0.0)), 900);
        assert_eq!(after_failure(0, 1, HOUR, asked, Chance(0.5)), 905);
        assert_eq!(after_failure(0, 7, HOUR, asked, Chance(1.0)), 3600, "longer is fine");
    }

    #[test]
    fn windows_leave_no_gap() {
        let day = 86_400;
        let parts = windows(0, 250 * day, Duration::from_secs(120 * 86_400));
        assert_eq!(parts, [(0, 120 * day), (120 * day, 240 * day), (240 * day, 250 * day)]);
        assert_eq!(windows(5, 5, HOUR), []);
        assert_eq!(windows(9, 5, HOUR), []);
    }

    #[test]
    fn chances_differ() {
        let chances: Vec<f64> = (0..20).map(|_| Chance::now().0).collect();
        assert!(chances.iter().all(|c| (0.0..1.0).contains(c)), "{chances:?}");
        assert!(chances.iter().any(|c| *c != chances[0]), "{chances:?}");
    }
}
