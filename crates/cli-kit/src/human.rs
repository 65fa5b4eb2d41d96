//! Numbers as people read them.

use std::time::Duration;

/// `1234567` as `1,234,567`.
#[must_use]
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes in binary units: `1.5 MiB`.
#[must_use]
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let mut value = n as f64 / 1024.0;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        if value < 1023.95 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

/// A time span with the precision people care about: `12 ms`, `4.5 s`, `2 min 3 s`, `5 h 12 min`.
#[must_use]
pub fn duration(d: Duration) -> String {
    let s = d.as_secs();
    match s {
        _ if d < Duration::from_millis(1000) => format!("{} ms", d.as_millis()),
        0..60 => format!("{:.1} s", d.as_secs_f64()),
        60..3600 => format!("{} min {} s", s / 60, s % 60),
        3600..172_800 => format!("{} h {} min", s / 3600, s % 3600 / 60),
        _ => format!("{} days", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        assert_eq!(
            [0, 7, 999, 1000, 44_130, 2_210_962].map(count),
            ["0", "7", "999", "1,000", "44,130", "2,210,962"]
        );
    }

    #[test]
    fn sizes() {
        assert_eq!(
            [0, 1023, 1024, 1536, 1_048_575, 1 << 40].map(bytes),
            ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "1.0 TiB"]
        );
    }

    #[test]
    fn durations() {
        let of = |s: f64| duration(Duration::from_secs_f64(s));
        assert_eq!(of(0.012), "12 ms");
        assert_eq!(of(4.5), "4.5 s");
        assert_eq!(of(123.9), "2 min 3 s");
        assert_eq!(of(18_720.0), "5 h 12 min");
        assert_eq!(of(1e6), "11 days");
    }
}
