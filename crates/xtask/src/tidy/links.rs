//! Links in Markdown lead somewhere, and the book's table of contents names every page.

use std::path::{Component, Path, PathBuf};

use anyhow::Result;

use super::Files;

pub fn check(files: &Files<'_>) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for name in files
        .ending(".md")
        .filter(|n| !n.contains("/tests/") && !n.starts_with("fuzz/corpus/"))
    {
        let text = files.read(name)?;
        for target in targets(&text) {
            let Some(path) = local(name, target) else { continue };
            if !files.has(&path) && !files.has_folder(&path) {
                complaints.push(format!("{name}: link to {target}, which is not in the checkout"));
            }
        }
    }
    if files.has("docs/src/SUMMARY.md") {
        let summary = files.read("docs/src/SUMMARY.md")?;
        let listed: Vec<String> = targets(&summary).iter().filter_map(|t| local("docs/src/SUMMARY.md", t)).collect();
        for name in files
            .ending(".md")
            .filter(|n| n.starts_with("docs/src/") && !n.ends_with("/SUMMARY.md"))
        {
            if !listed.iter().any(|l| l == name) {
                complaints.push(format!("{name}: is not in docs/src/SUMMARY.md"));
            }
        }
    }
    Ok(complaints)
}

/// The targets of links and images, outside code.
fn targets(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for (at, _) in line.match_indices("](") {
            let rest = line.get(at + 2..).unwrap_or_default();
            if let Some((target, _)) = rest.split_once(')') {
                found.push(target.split_whitespace().next().unwrap_or_default());
            }
        }
    }
    found
}

/// The file of the checkout a link leads to; `None` for addresses and places on the same page.
fn local(from: &str, target: &str) -> Option<String> {
    let path = target.split('#').next().filter(|p| !p.is_empty())?;
    if path.contains("://") || path.starts_with("mailto:") {
        return None;
    }
    let mut whole = PathBuf::new();
    for part in Path::new(from).parent()?.join(path).components() {
        match part {
            Component::ParentDir => {
                whole.pop();
            }
            Component::Normal(name) => whole.push(name),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    whole.to_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_found_outside_code() {
        let text = "See [a](a.md) and ![b](img/b.png \"B\").\n```\n[no](no.md)\n```\n[c](../c.md#part)";
        assert_eq!(targets(text), ["a.md", "img/b.png", "../c.md#part"]);
    }

    #[test]
    fn local_links_are_resolved_from_their_page() {
        assert_eq!(local("docs/src/a.md", "../../README.md#x").as_deref(), Some("README.md"));
        assert_eq!(local("README.md", "./docs/").as_deref(), Some("docs"));
        assert_eq!(local("README.md", "https://example.org/a.md"), None);
        assert_eq!(local("README.md", "#here"), None);
    }
}
