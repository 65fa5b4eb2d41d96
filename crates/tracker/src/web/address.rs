//! Our addresses: how they are written and how they are read.

use std::fmt::Write as _;

/// The longest path and query that we read.
pub const LIMIT: usize = 4096;

/// The address of a vulnerability.
pub fn cve(id: &str) -> String {
    format!("/cve/{}", segment(id))
}

/// The address of a package.
pub fn package(attr: &str) -> String {
    format!("/package/{}", segment(attr))
}

/// The address of a channel.
pub fn channel(name: &str) -> String {
    format!("/channel/{}", segment(name))
}

/// Writes a text as one segment of a path, or as a value in a query: only what needs no escape anywhere stays as it is.
pub fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A path with a query; parameters without a value are left out.
pub fn query(path: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let mut out = path.to_owned();
    let mut separator = '?';
    for (name, value) in parameters {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            out.push(separator);
            out.push_str(name);
            out.push('=');
            out.push_str(&segment(value));
            separator = '&';
        }
    }
    out
}

/// The address of a page's JSON twin.
pub fn twin(path: &str, query: Option<&str>) -> String {
    let path = if path == "/" { "/index" } else { path };
    match query {
        None => format!("{path}.json"),
        Some(query) => format!("{path}.json?{query}"),
    }
}

/// What a segment of a path names, where `.json` at its end may ask for the twin.
pub fn split_twin(segment: &str) -> Option<&str> {
    segment.strip_suffix(".json").filter(|rest| !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_escaped() {
        assert_eq!(package("python3Packages.django_5"), "/package/python3Packages.django_5");
        assert_eq!(package("a/b?c#d%e"), "/package/a%2Fb%3Fc%23d%25e");
        assert_eq!(package("<\"'&ä"), "/package/%3C%22%27%26%C3%A4");
    }

    #[test]
    fn queries_leave_out_what_is_empty() {
        assert_eq!(
            query("/queue", &[("a", Some("x y")), ("b", None), ("c", Some("")), ("d", Some("&="))]),
            "/queue?a=x%20y&d=%26%3D"
        );
    }

    #[test]
    fn twins() {
        assert_eq!(twin("/", None), "/index.json");
        assert_eq!(twin("/queue", Some("q=a")), "/queue.json?q=a");
        assert_eq!(split_twin("CVE-2024-1.json"), Some("CVE-2024-1"));
        assert_eq!(split_twin(".json"), None);
        assert_eq!(split_twin("a"), None);
    }
}
