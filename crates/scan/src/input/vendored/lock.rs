//! Lock files that derivations hold as text: what builders that work from one pass on to the build.

use serde_json::Value;

use super::registry;

/// Longer ones are not read.
const MAX_LEN: usize = 32 << 20;
/// Old lock files nest dependencies as folders do.
const DEEPEST: usize = 32;

/// How Cargo names the registry.
const CRATES_IO: [&str; 2] = [
    "registry+https://github.com/rust-lang/crates.io-index",
    "sparse+https://index.crates.io/",
];

/// The packages of a `package-lock.json` of any version, without those that only its author needs.
pub(super) fn npm(text: &str) -> Vec<String> {
    if text.len() > MAX_LEN {
        return Vec::new();
    }
    let Ok(lock) = serde_json::from_str::<Value>(text) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    match lock.get("packages").and_then(Value::as_object) {
        Some(packages) => {
            for (place, package) in packages {
                // `""` is the package itself, `packages/x` one of its workspaces.
                let Some((_, folder)) = place.rsplit_once("node_modules/") else {
                    continue;
                };
                // An alias is installed under another name than its own.
                let name = package.get("name").and_then(Value::as_str).unwrap_or(folder);
                found.extend(locked(name, package));
            }
        }
        None => nested(&lock, DEEPEST, &mut found),
    }
    found
}

fn nested(lock: &Value, depth: usize, found: &mut Vec<String>) {
    let Some(below) = depth.checked_sub(1) else { return };
    for (name, package) in lock.get("dependencies").and_then(Value::as_object).into_iter().flatten() {
        found.extend(locked(name, package));
        nested(package, below, found);
    }
}

fn locked(name: &str, package: &Value) -> Option<String> {
    let is = |member: &str| package.get(member).and_then(Value::as_bool) == Some(true);
    if is("dev") || is("link") {
        return None;
    }
    let version = package
        .get("version")?
        .as_str()
        .filter(|v| v.starts_with(|c: char| c.is_ascii_digit()))?;
    match name.split_once('/') {
        Some((scope, name)) => registry::npm(Some(scope), name, version),
        None => registry::npm(None, name, version),
    }
}

/// The crates of a `Cargo.lock` that come from a registry.
pub(super) fn cargo(text: &str) -> Vec<String> {
    if text.len() > MAX_LEN {
        return Vec::new();
    }
    let Ok(lock) = text.parse::<toml::Table>() else { return Vec::new() };
    let packages = lock.get("package").and_then(toml::Value::as_array).into_iter().flatten();
    packages
        .filter_map(|package| {
            let text = |member: &str| package.get(member)?.as_str();
            CRATES_IO.contains(&text("source")?).then_some(())?;
            registry::cargo(text("name")?, text("version")?)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_files_of_npm() {
        let new = r#"{"lockfileVersion":3,"packages":{"":{"name":"app","version":"1.0.0"},"node_modules/lodash":{"version":"4.17.20"},
            "node_modules/a/node_modules/@babel/core":{"version":"7.0.0"},"node_modules/test":{"version":"1.0.0","dev":true},
            "node_modules/w":{"link":true,"resolved":"packages/w"},"packages/w":{"version":"1.0.0"},
            "node_modules/git":{"version":"git+ssh://x"},"node_modules/other":{"name":"real","version":"2.0.0"}}}"#;
        assert_eq!(
            npm(new),
            ["pkg:npm/%40babel/core@7.0.0", "pkg:npm/lodash@4.17.20", "pkg:npm/real@2.0.0"]
        );
        let old = r#"{"lockfileVersion":1,"dependencies":{"a":{"version":"1.0.0","dependencies":{"@s/b":{"version":"2.0.0"}}},"t":{"version":"1.0.0","dev":true}}}"#;
        assert_eq!(npm(old), ["pkg:npm/a@1.0.0", "pkg:npm/%40s/b@2.0.0"]);
        assert_eq!(npm("{"), [""; 0]);
    }

    #[test]
    fn lock_files_of_cargo() {
        let lock = "version = 3\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\n[[package]]\nname = \"time\"\nversion = \"0.1.43\"\n\
                    source = \"registry+https://github.com/rust-lang/crates.io-index\"\n[[package]]\nname = \"fork\"\nversion = \"1.0.0\"\nsource = \"git+https://x\"\n";
        assert_eq!(cargo(lock), ["pkg:cargo/time@0.1.43"]);
        assert_eq!(cargo("["), [""; 0]);
        let mirror = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"git+https://github.com/me/crates.io-mirror#0\"\n";
        assert_eq!(cargo(mirror), [""; 0], "a repository of somebody");
    }

    #[test]
    fn security_deep_lock_files_end() {
        let inner = r#"{"version":"1.0.0","dependencies":{"a":"#.repeat(40);
        let deep = format!("{}{inner}{{}}{}", r#"{"dependencies":{"a":"#, "}}".repeat(41));
        assert!(serde_json::from_str::<Value>(&deep).is_ok());
        assert_eq!(npm(&deep).len(), DEEPEST);
        // Deeper than any JSON that is read.
        assert_eq!(npm(&r#"{"dependencies":{"a":"#.repeat(100_000)), [""; 0]);
    }
}
