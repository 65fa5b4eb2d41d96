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

/// The address of someone who looks after packages.
pub fn maintainer(name: &str) -> String {
    format!("/maintainer/{}", segment(name))
}

/// The address of a team.
pub fn team(name: &str) -> String {
    format!("/team/{}", segment(name))
}

/// The address of a channel.
pub fn channel(name: &str) -> String {
    format!("/channel/{}", segment(name))
}

/// A project of Repology, which names most of them as packages are named. Nothing is fetched from there.
pub fn repology(pname: &str) -> String {
    format!("https://repology.org/project/{}/versions", segment(&pname.to_lowercase()))
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

/// How a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Html,
    /// The page's struct.
    Json,
    /// The page's list, for tables.
    Csv,
    /// The page's list, for feed readers.
    Atom,
}

impl Format {
    /// Those that an ending of the address asks for.
    const TWINS: [Self; 3] = [Self::Json, Self::Csv, Self::Atom];

    /// The ending of the address, with its dot.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Html => "",
            Self::Json => ".json",
            Self::Csv => ".csv",
            Self::Atom => ".atom",
        }
    }

    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Atom => "application/atom+xml; charset=utf-8",
        }
    }

    /// What the ending of a path asks for.
    pub fn of(path: &str) -> Self {
        split_twin(path).map_or(Self::Html, |(_, format)| format)
    }
}

/// The address of a page in another format.
pub fn twin(path: &str, query: Option<&str>, format: Format) -> String {
    let path = if path == "/" { "/index" } else { path };
    let ending = format.ending();
    match query.filter(|query| !query.is_empty()) {
        None => format!("{path}{ending}"),
        Some(query) => format!("{path}{ending}?{query}"),
    }
}

/// What a path or its last segment names, where the ending asks for another format.
pub fn split_twin(text: &str) -> Option<(&str, Format)> {
    let split = |format: Format| Some((text.strip_suffix(format.ending())?, format));
    Format::TWINS.into_iter().find_map(split).filter(|(rest, _)| !rest.is_empty())
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
        assert_eq!(twin("/", None, Format::Json), "/index.json");
        assert_eq!(twin("/queue", Some("q=a"), Format::Csv), "/queue.csv?q=a");
        assert_eq!(split_twin("CVE-2024-1.json"), Some(("CVE-2024-1", Format::Json)));
        assert_eq!(split_twin("/queue.atom"), Some(("/queue", Format::Atom)));
        assert_eq!(split_twin(".json"), None);
        assert_eq!(split_twin("a"), None);
        assert_eq!((Format::of("/.json"), Format::of("/queue")), (Format::Json, Format::Html));
    }
}
