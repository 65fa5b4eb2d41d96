//! Package names and versions, split and ordered exactly as Nix does (`builtins.parseDrvName`, `builtins.compareVersions`).
//!
//! Nix's order is its own: `1.0rc1` comes after `1.0`, and `153.0` before `153.0.0`. It is what `nix-env -u` does, not what
//! authors of software mean; whoever judges a vulnerability needs a version scheme instead.

use std::cmp::Ordering;

/// Splits `curl-7.71.1` into `("curl", "7.71.1")`: the version begins after the first dash that no ASCII letter follows.
/// A dash at the very end does not count. The version is empty where there is none.
///
/// ```
/// assert_eq!(nix_model::name::split("git-crypt-0.6.0"), ("git-crypt", "0.6.0"));
/// assert_eq!(nix_model::name::split("foo-unstable-2020-03-13"), ("foo-unstable", "2020-03-13"));
/// ```
pub fn split(name: &str) -> (&str, &str) {
    let bytes = name.as_bytes();
    let dash = bytes.windows(2).position(|pair| pair[0] == b'-' && !pair[1].is_ascii_alphabetic());
    match dash {
        Some(at) => (&name[..at], &name[at + 1..]),
        None => (name, ""),
    }
}

/// Orders two versions as Nix does.
pub fn compare_versions(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (components(left), components(right));
    loop {
        // A version that has ended goes on with empty components.
        let (l, r) = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (l, r) => (l.unwrap_or(""), r.unwrap_or("")),
        };
        if before(l, r) {
            return Ordering::Less;
        }
        if before(r, l) {
            return Ordering::Greater;
        }
    }
}

/// The components of a version, as `builtins.splitVersion` gives them: runs of digits and runs of other characters, with dots
/// and dashes between them left out.
pub fn components(version: &str) -> impl Iterator<Item = &str> {
    let mut rest = version;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(['.', '-']);
        let digits = rest.as_bytes().first()?.is_ascii_digit();
        let end = if digits {
            rest.find(|c: char| !c.is_ascii_digit())
        } else {
            rest.find(|c: char| c.is_ascii_digit() || c == '.' || c == '-')
        };
        let (component, tail) = rest.split_at(end.unwrap_or(rest.len()));
        rest = tail;
        Some(component)
    })
}

/// Whether one component comes before another.
fn before(left: &str, right: &str) -> bool {
    match (number(left), number(right)) {
        (Some(l), Some(r)) => l < r,
        (None, Some(_)) if left.is_empty() => true,
        _ if left == "pre" && right != "pre" => true,
        _ if right == "pre" => false,
        (None, Some(_)) => true,
        (Some(_), None) => false,
        (None, None) => left.as_bytes() < right.as_bytes(),
    }
}

/// A component is a number where it fits Nix's 32-bit integer; a longer run of digits is compared as text.
fn number(component: &str) -> Option<i32> {
    component.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn splits_at_the_first_dash_without_a_letter() {
        assert_eq!(split("hello"), ("hello", ""));
        assert_eq!(split("0x0-2018-06-24"), ("0x0", "2018-06-24"));
        assert_eq!(split("python3.8-3to2-1.1.1"), ("python3.8", "3to2-1.1.1"));
        assert_eq!(split("a--5"), ("a", "-5"));
        assert_eq!(split("a-"), ("a-", ""));
        assert_eq!(split("-1"), ("", "1"));
        assert_eq!(split("foo-é"), ("foo", "é"));
        assert_eq!(split("foo-_1"), ("foo", "_1"));
        assert_eq!(split(""), ("", ""));
    }

    #[test]
    fn orders_as_nix_does() {
        let cases = [
            ("1.0", "2.3", Ordering::Less),
            ("2.1", "2.3", Ordering::Less),
            ("2.3", "2.3", Ordering::Equal),
            ("2.3pre1", "2.3", Ordering::Less),
            ("2.3pre3", "2.3pre12", Ordering::Less),
            ("2.3a", "2.3c", Ordering::Less),
            ("2.3pre1", "2.3q", Ordering::Less),
            ("1.0rc1", "1.0", Ordering::Greater),
            ("153.0", "153.0.0", Ordering::Less),
            ("01", "1", Ordering::Equal),
            ("1.2147483648", "1.2147483647", Ordering::Less),
            ("1.-", "1", Ordering::Equal),
        ];
        for (left, right, expected) in cases {
            assert_eq!(compare_versions(left, right), expected, "{left} against {right}");
            assert_eq!(compare_versions(right, left), expected.reverse(), "{right} against {left}");
        }
    }

    #[test]
    fn components_are_runs_of_digits_and_of_the_rest() {
        let parts = |version| components(version).collect::<Vec<_>>();
        assert_eq!(parts("1.2-é3pre"), ["1", "2", "é", "3", "pre"]);
        assert_eq!(parts("..1--a.b"), ["1", "a", "b"]);
        assert_eq!(parts("-."), [""; 0]);
    }

    proptest! {
        #[test]
        fn splitting_loses_one_dash_at_most(name: String) {
            let (pname, version) = split(&name);
            let joined = format!("{pname}-{version}");
            prop_assert!(name == pname || name == joined);
        }

        #[test]
        fn order_is_antisymmetric(left in "[0-9a-c.-]{0,8}|pre[0-9]", right in "[0-9a-c.-]{0,8}|pre[0-9]") {
            prop_assert_eq!(compare_versions(&left, &right), compare_versions(&right, &left).reverse());
        }
    }
}
