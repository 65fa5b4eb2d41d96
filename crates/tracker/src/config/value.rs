//! The kinds of values.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// A value that can be read from text.
pub trait Setting: Sized {
    /// Reads it, or says what is wrong.
    fn parse(text: &str) -> Result<Self, String>;
}

macro_rules! from_str {
    ($($kind:ty),*) => { $(
        impl Setting for $kind {
            fn parse(text: &str) -> Result<Self, String> {
                text.parse().map_err(|e: <$kind as std::str::FromStr>::Err| e.to_string())
            }
        }
    )* };
}
from_str!(String, PathBuf, SocketAddr, IpAddr, bool, u16, u32, u64, usize);

/// A length of time, as in `90 s`, `15 min`, `1 h`, `7 d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl Setting for Span {
    fn parse(text: &str) -> Result<Self, String> {
        let units = [("ms", 1), ("s", 1000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
        measured(text, &units)
            .map(|ms| Self(Duration::from_millis(ms)))
            .ok_or_else(|| "a length of time is a number and ms, s, min, h or d, as in 15 min".to_owned())
    }
}

/// A number of bytes, as in `64 MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl Setting for Size {
    fn parse(text: &str) -> Result<Self, String> {
        let units = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
        measured(text, &units)
            .map(Self)
            .ok_or_else(|| "a size is a number and B, KiB, MiB or GiB, as in 64 MiB".to_owned())
    }
}

/// An address or a folder. Addresses are shown on pages and in logs, so they hold no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(pub String);

impl Setting for Address {
    fn parse(text: &str) -> Result<Self, String> {
        let authority = text
            .split_once("://")
            .map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(rest));
        if authority.is_some_and(|authority| authority.contains('@')) {
            return Err("an address with a user or a password would be shown to everybody".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

/// A text that nobody is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(a secret)")
    }
}

/// A whole number with one of these units.
fn measured(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_addresses_hold_no_password() {
        assert!(Address::parse("https://user:word@mirror.example/x").is_err());
        assert!(Address::parse("https://user@mirror.example").is_err());
        for good in ["https://mirror.example/a@b", "/srv/mirror@home", "http://127.0.0.1:8000"] {
            assert_eq!(Address::parse(good).unwrap().0, good);
        }
    }

    #[test]
    fn lengths_of_time_and_sizes() {
        let span = |text| Span::parse(text).map(|span| span.0.as_millis()).ok();
        assert_eq!(span("90 s"), Some(90_000));
        assert_eq!(span("15min"), Some(900_000));
        assert_eq!(span("7 d"), Some(604_800_000));
        for bad in [
            "",
            "90",
            "-1 s",
            "1.5 h",
            "h",
            "1 hour",
            "99999999999999999999 s",
            "18446744073709551615 d",
        ] {
            assert_eq!(span(bad), None, "{bad}");
        }
        assert_eq!(Size::parse("64 MiB"), Ok(Size(64 << 20)));
        assert_eq!(Size::parse("0 B"), Ok(Size(0)));
        assert!(Size::parse("64 MB").is_err());
    }
}
