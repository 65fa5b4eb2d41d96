//! A mirror on a plain web server: its folders are listed as pages with links.

use super::{Feed, RemoteFile};
use crate::fetch::{FetchError, Fetcher};

/// The files of one feed.
pub fn files(root: &str, feed: Feed, fetcher: &Fetcher) -> Result<Vec<RemoteFile>, FetchError> {
    let folder = format!("{root}/{}", feed.folder());
    let mut files = Vec::new();
    for name in names(&fetcher.page(&format!("{folder}/"))?) {
        match (feed, name.strip_suffix('/')) {
            (_, None) => files.push(name),
            (Feed::Records(vuln::advisory::Source::Osv), Some(ecosystem)) => files.push(format!("{ecosystem}/all.zip")),
            (Feed::Nixpkgs, Some(channel)) => {
                let inside = names(&fetcher.page(&format!("{folder}/{channel}/"))?);
                files.extend(
                    inside
                        .into_iter()
                        .filter(|name| !name.ends_with('/'))
                        .map(|name| format!("{channel}/{name}")),
                );
            }
            (_, Some(_)) => {}
        }
    }
    let file = |name: String| RemoteFile {
        url: format!("{folder}/{}", encode(&name)),
        name: format!("{}/{name}", feed.folder()),
        is_optional: false,
    };
    Ok(files.into_iter().map(file).collect())
}

/// The names that a listing links to, folders with a slash at the end.
pub fn names(page: &str) -> Vec<String> {
    let mut names = Vec::new();
    for link in page.split("href=").skip(1) {
        let Some(quote) = link.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            continue;
        };
        let Some(target) = link.get(1..).and_then(|rest| rest.split(quote).next()) else {
            continue;
        };
        let target = decode(target.strip_prefix("./").unwrap_or(target));
        let bare = target.strip_suffix('/').unwrap_or(&target);
        let is_name = !bare.is_empty() && !bare.starts_with('.') && !bare.contains(['/', '?', '#', ':', '\\', '\0']);
        if is_name && !names.contains(&target) {
            names.push(target);
        }
    }
    names
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let code = text
            .get(at + 1..at + 3)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok())
            .filter(|_| *byte == b'%');
        out.push(code.unwrap_or(*byte));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A name as part of an address.
pub fn encode(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_a_listing() {
        let page = r#"<a href="../">up</a> <a href="?C=M">sort</a> <a href='/abs'>x</a> <a href="https://else.where/x">x</a>
            <a href="Go/">Go</a> <a href="./2024%2D10-24_all.zip.zip">x</a> <a href="..%2Fetc">x</a> <a href="Go/">again</a> <a href="broken"#;
        assert_eq!(names(page), ["Go/", "2024-10-24_all.zip.zip", "broken"]);
    }

    #[test]
    fn names_in_addresses() {
        assert_eq!(encode("Rocky Linux/all.zip"), "Rocky%20Linux/all.zip");
        assert_eq!(decode("Rocky%20Linux%2"), "Rocky Linux%2");
    }
}
