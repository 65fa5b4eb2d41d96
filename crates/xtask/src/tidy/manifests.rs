//! What every Cargo.toml says, and how much we depend on.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use toml::Table;

use super::Files;

/// Third-party packages in Cargo.lock. Raised on purpose only: each is code that users trust because we do.
/// One is `lzma-rust2`, without which a feed in `.xz` cannot be read; 34 are for RSA with encrypted keys, and PKCS #11.
pub const MOST_DEPENDENCIES: usize = 248;

/// Fields that come from the workspace in every crate.
const INHERITED: [&str; 6] = ["version", "edition", "rust-version", "license", "repository", "publish"];

/// The one crate whose lints are its own: the workspace's, but for `unsafe_code`, which a crate cannot loosen once it is forbidden.
const UNSAFE: &str = "crates/sandbox/Cargo.toml";

pub fn check(files: &Files<'_>) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    // Third-party crates by who sets version and features himself.
    let mut own: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in files.ending("/Cargo.toml").filter(|n| n.starts_with("crates/")) {
        let manifest: Table = files.read(name)?.parse().with_context(|| format!("parse {name}"))?;
        complaints.extend(crate_manifest(name, &manifest));
        for dependency in self_set(&manifest) {
            own.entry(dependency).or_default().push(name.to_owned());
        }
    }
    let root: Table = files.read("Cargo.toml")?.parse().context("parse Cargo.toml")?;
    let shared = root["workspace"].get("dependencies").and_then(toml::Value::as_table);
    for (dependency, names) in own {
        if names.len() > 1 || shared.is_some_and(|s| s.contains_key(&dependency)) {
            complaints.push(format!("{}: set {dependency} once, in [workspace.dependencies]", names.join(", ")));
        }
    }
    for file in ["rust-toolchain", "rust-toolchain.toml"] {
        if files.has(file) {
            complaints.push(format!("{file}: must not exist, any stable toolchain from rust-version on will do"));
        }
    }
    for file in [
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "deny.toml",
    ] {
        if !files.has(file) {
            complaints.push(format!("{file}: is missing"));
        }
    }
    Ok(complaints)
}

/// How many third-party packages Cargo.lock holds, and a complaint if they are too many.
pub fn dependencies(files: &Files<'_>) -> Result<(usize, Option<String>)> {
    let lock: Table = files.read("Cargo.lock")?.parse().context("parse Cargo.lock")?;
    let packages = lock
        .get("package")
        .and_then(toml::Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let count = packages.iter().filter(|p| p.get("source").is_some()).count();
    let complaint = (count > MOST_DEPENDENCIES)
        .then(|| format!("Cargo.lock: {count} third-party packages; {MOST_DEPENDENCIES} are allowed (xtask tidy/manifests.rs)"));
    Ok((count, complaint))
}

fn crate_manifest(name: &str, manifest: &Table) -> Vec<String> {
    let mut complaints = Vec::new();
    let package = manifest.get("package").and_then(toml::Value::as_table);
    for field in INHERITED {
        let inherited = package
            .and_then(|p| p.get(field))
            .and_then(|f| f.get("workspace"))
            .and_then(toml::Value::as_bool);
        if inherited != Some(true) {
            complaints.push(format!("{name}: write `{field}.workspace = true`"));
        }
    }
    if package
        .and_then(|p| p.get("description"))
        .and_then(toml::Value::as_str)
        .is_none_or(str::is_empty)
    {
        complaints.push(format!("{name}: say in `description` what the crate holds"));
    }
    if name == UNSAFE {
        return complaints;
    }
    if manifest
        .get("lints")
        .and_then(|l| l.get("workspace"))
        .and_then(toml::Value::as_bool)
        != Some(true)
    {
        complaints.push(format!("{name}: write `workspace = true` under [lints]"));
    }
    complaints
}

/// Dependencies whose version a manifest sets itself.
fn self_set(manifest: &Table) -> Vec<String> {
    ["dependencies", "dev-dependencies", "build-dependencies"]
        .iter()
        .filter_map(|section| manifest.get(*section)?.as_table())
        .flatten()
        .filter(|(_, value)| value.get("workspace").is_none())
        .map(|(name, _)| name.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_inherit() {
        let good: Table =
            "package = {description = 'x', version.workspace = true, edition.workspace = true, rust-version.workspace = true, \
             license.workspace = true, repository.workspace = true, publish.workspace = true}\nlints.workspace = true"
                .parse()
                .unwrap();
        assert_eq!(crate_manifest("a", &good), [""; 0]);
        let bad: Table = "package = {description = '', version = '1', edition.workspace = true, rust-version.workspace = true, \
             license.workspace = true, repository.workspace = true, publish.workspace = true}"
            .parse()
            .unwrap();
        assert_eq!(
            crate_manifest("a", &bad),
            [
                "a: write `version.workspace = true`",
                "a: say in `description` what the crate holds",
                "a: write `workspace = true` under [lints]"
            ]
        );
    }

    #[test]
    fn versions_set_in_a_crate_are_found() {
        let manifest: Table = "dependencies = {a = '1', b.workspace = true}\ndev-dependencies = {c = {version = '1'}}"
            .parse()
            .unwrap();
        assert_eq!(self_set(&manifest), ["a", "c"]);
    }
}
