//! Where two outputs differ: which file, which byte, which part of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::place::place;
use crate::tree::{self, Kind};

/// The first difference of two files or folders, in words.
pub fn difference(a: &Path, b: &Path) -> String {
    let (Ok(left), Ok(right)) = (tree::list(a), tree::list(b)) else {
        return "one of them cannot be read".into();
    };
    let right: BTreeMap<PathBuf, Kind> = right.into_iter().map(|e| (e.path, e.kind)).collect();
    let mut seen = Vec::new();
    for entry in left {
        let name = entry.path.display().to_string();
        seen.push(entry.path.clone());
        match right.get(&entry.path) {
            None => return format!("{name} is only in the first"),
            Some(kind) if *kind == entry.kind => {}
            Some(Kind::File { sha256, run, .. }) => {
                let Kind::File {
                    sha256: other, run: runs, ..
                } = &entry.kind
                else {
                    return format!("{name} is not of the same kind in both");
                };
                if sha256 == other {
                    return format!("{name} can be run: {runs} in the first, {run} in the second");
                }
                let (from, to) = (join(a, &entry.path), join(b, &entry.path));
                let what = match (fs::read(from), fs::read(to)) {
                    (Ok(from), Ok(to)) => bytes(&from, &to),
                    _ => "one of them cannot be read".into(),
                };
                return if name.is_empty() { what } else { format!("{name}: {what}") };
            }
            Some(_) => return format!("{name} is not the same in both"),
        }
    }
    match right.keys().find(|path| !seen.contains(path)) {
        Some(path) => format!("{} is only in the second", path.display()),
        None => "they are the same".into(),
    }
}

fn join(root: &Path, path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() {
        root.to_owned()
    } else {
        root.join(path)
    }
}

/// How many bytes are shown from the first one that differs.
const SHOWN: usize = 8;

/// The first difference of two files' bytes, in words.
pub fn bytes(a: &[u8], b: &[u8]) -> String {
    let Some(at) = a.iter().zip(b).position(|(x, y)| x != y) else {
        let (short, long) = (a.len().min(b.len()), a.len().max(b.len()));
        return if short == long {
            "the same bytes".into()
        } else {
            format!("the first {short} bytes are the same; one goes on to {long}")
        };
    };
    let show = |bytes: &[u8]| {
        let shown = bytes.iter().skip(at).take(SHOWN).map(|b| format!("{b:02x}"));
        shown.collect::<Vec<_>>().join(" ")
    };
    let part = place(a, at).map(|p| format!(" ({p})")).unwrap_or_default();
    let sizes = if a.len() == b.len() {
        String::new()
    } else {
        format!("; sizes {} and {}", a.len(), b.len())
    };
    format!("byte {at}{part} is the first that differs: {} and {}{sizes}", show(a), show(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_is_named() {
        assert_eq!(bytes(b"abc", b"abc"), "the same bytes");
        assert_eq!(bytes(b"abc", b"ab"), "the first 2 bytes are the same; one goes on to 3");
        assert_eq!(
            bytes(b"abcdef", b"abXdef"),
            "byte 2 is the first that differs: 63 64 65 66 and 58 64 65 66"
        );
    }

    #[test]
    fn members_of_archives_are_named() {
        let mut archive = b"!<arch>\n".to_vec();
        for (name, content) in [("one/", "abc"), ("two/", "defg")] {
            archive.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 644, content.len()).bytes());
            archive.extend(content.bytes());
            archive.resize(archive.len().next_multiple_of(2), b'\n');
        }
        let mut other = archive.clone();
        let last = other.len() - 1;
        other[last] = b'!';
        assert!(
            bytes(&archive, &other).contains("(member two/, byte 3)"),
            "{}",
            bytes(&archive, &other)
        );
        other[8 + 60 + 4 + 20] = b'9';
        assert!(bytes(&archive, &other).contains("(header of member two/)"));
    }
}
