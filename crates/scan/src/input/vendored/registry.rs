//! Dependencies as registries name them: addresses that archives are fetched from, and the names that builders give them.

use nix_model::derivation::Attributes;
use vuln::purl::Purl;

/// The dependency that a fixed-output derivation fetches.
pub(super) fn by_address(attributes: &Attributes<'_>) -> Option<String> {
    // gomod2nix asks Go itself for a module.
    if let (Some(module), Some(version)) = (attributes.text("goPackagePath"), attributes.text("version")) {
        return go(&module, &version);
    }
    let mut addresses = attributes.list("urls");
    addresses.extend(attributes.list("url"));
    addresses.iter().find_map(|address| of_address(address))
}

/// What Nixpkgs (`crate-serde-1.0.117.tar.gz`) and crane (`cargo-package-serde-1.0.117`) call a crate that they fetch, and what
/// yarn2nix calls a package without a scope (`lodash___lodash_4.17.20.tgz`).
pub(super) fn by_name(name: &str) -> Option<String> {
    if let Some(krate) = name.strip_prefix("crate-").and_then(|rest| rest.strip_suffix(".tar.gz")) {
        return named_crate(krate);
    }
    if let Some(krate) = name.strip_prefix("cargo-package-") {
        return named_crate(krate);
    }
    let (name, file) = name.strip_suffix(".tgz")?.split_once("___")?;
    // With a scope the part before is longer, and nobody can tell `_a_b` from `@a/b`.
    npm(None, name, file.strip_prefix(name)?.strip_prefix('_')?)
}

/// Whether a name is that of a crate by a builder's habit.
pub(super) fn is_named_crate(name: &str) -> bool {
    name.starts_with("crate-") || name.starts_with("cargo-package-")
}

/// `serde-1.0.117`: crates have versions of three numbers, and names that may hold a dash and a digit (`sha-1-0.8.2`).
pub(super) fn named_crate(text: &str) -> Option<String> {
    let dashes = text.match_indices('-').map(|(at, _)| at);
    let split = dashes.filter_map(|at| Some((text.get(..at)?, text.get(at + 1..)?)));
    let (name, version) = split.into_iter().find(|(_, version)| is_semver(version))?;
    cargo(name, version)
}

/// Whether a text begins with three numbers, and goes on as versions of Semantic Versioning do.
fn is_semver(text: &str) -> bool {
    let end = text.find(['-', '+']).unwrap_or(text.len());
    let numbers = text.get(..end).unwrap_or_default();
    numbers.split('.').count() == 3 && numbers.split('.').all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// The package behind an address of a registry.
pub(super) fn of_address(address: &str) -> Option<String> {
    let (host, path) = address.strip_prefix("https://")?.split_once('/')?;
    let parts: Vec<&str> = path.split('/').collect();
    match (host, parts.as_slice()) {
        ("crates.io", ["api", "v1", "crates", name, version, "download"]) | ("static.crates.io", ["crates", name, version, "download"]) => {
            cargo(name, version)
        }
        ("static.crates.io", ["crates", name, file]) => {
            let version = file.strip_suffix(".crate")?.strip_prefix(name)?.strip_prefix('-')?;
            cargo(name, version)
        }
        ("registry.npmjs.org" | "registry.yarnpkg.com", [name @ .., "-", file]) => {
            let (scope, name) = match name {
                [name] => (None, *name),
                [scope, name] => (Some(*scope), *name),
                _ => return None,
            };
            let file = file.split(['?', '#']).next()?;
            npm(scope, name, file.strip_suffix(".tgz")?.strip_prefix(name)?.strip_prefix('-')?)
        }
        ("proxy.golang.org", [module @ .., "@v", file]) => go(&unescape(&module.join("/"))?, &unescape(file.strip_suffix(".zip")?)?),
        _ => None,
    }
}

/// Go's proxy writes capitals as `!` and the small letter.
fn unescape(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '!' => plain.push(chars.next()?.to_ascii_uppercase()),
            other => plain.push(other),
        }
    }
    Some(plain)
}

pub(super) fn cargo(name: &str, version: &str) -> Option<String> {
    purl("cargo", None, name, version)
}

pub(super) fn npm(scope: Option<&str>, name: &str, version: &str) -> Option<String> {
    purl("npm", scope.map(|text| text.replace("%40", "@")), name, version)
}

pub(super) fn go(module: &str, version: &str) -> Option<String> {
    match module.rsplit_once('/') {
        Some((namespace, name)) => purl("golang", Some(namespace.to_owned()), name, version),
        None => purl("golang", None, module, version),
    }
}

fn purl(kind: &str, namespace: Option<String>, name: &str, version: &str) -> Option<String> {
    if name.is_empty() || version.is_empty() {
        return None;
    }
    let purl = Purl {
        type_: kind.to_owned(),
        namespace,
        name: name.to_owned(),
        version: Some(version.to_owned()),
        qualifiers: Default::default(),
        subpath: None,
    };
    // What does not read back is no package URL: names of hostile derivations hold anything. Reading gives the canonical spelling.
    Some(purl.to_string().parse::<Purl>().ok()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_told_by_their_addresses() {
        let cases = [
            (
                "https://crates.io/api/v1/crates/serde/1.0.117/download",
                Some("pkg:cargo/serde@1.0.117"),
            ),
            (
                "https://static.crates.io/crates/serde/1.0.117/download",
                Some("pkg:cargo/serde@1.0.117"),
            ),
            (
                "https://static.crates.io/crates/serde/serde-1.0.117.crate",
                Some("pkg:cargo/serde@1.0.117"),
            ),
            (
                "https://registry.npmjs.org/lodash/-/lodash-4.17.20.tgz",
                Some("pkg:npm/lodash@4.17.20"),
            ),
            (
                "https://registry.yarnpkg.com/@babel/core/-/core-7.0.0.tgz#abc",
                Some("pkg:npm/%40babel/core@7.0.0"),
            ),
            (
                "https://proxy.golang.org/github.com/!burnt!sushi/toml/@v/v0.3.1.zip",
                Some("pkg:golang/github.com/burntsushi/toml@v0.3.1"),
            ),
            ("https://crates.io/api/v1/crates/serde//download", None),
            ("https://github.com/a/b/archive/1.tar.gz", None),
            ("http://crates.io/api/v1/crates/serde/1/download", None),
            ("https://registry.npmjs.org/a/b/c/-/c-1.tgz", None),
        ];
        for (address, expected) in cases {
            assert_eq!(of_address(address).as_deref(), expected, "{address}");
        }
    }

    #[test]
    fn builders_name_what_they_fetch() {
        for (name, expected) in [
            ("crate-proc-macro2-1.0.24.tar.gz", Some("pkg:cargo/proc-macro2@1.0.24")),
            ("crate-sha-1-0.8.2.tar.gz", Some("pkg:cargo/sha-1@0.8.2")),
            ("crate-x-1.0.0-alpha.1+b-2.tar.gz", Some("pkg:cargo/x@1.0.0-alpha.1%2Bb-2")),
            ("cargo-package-serde-1.0.117", Some("pkg:cargo/serde@1.0.117")),
            ("lodash___lodash_4.17.20.tgz", Some("pkg:npm/lodash@4.17.20")),
            ("_babel_core___core_7.0.0.tgz", None),
            ("lodash-4.17.20.tgz", None),
            ("curl-7.71.1.tar.bz2", None),
            ("crate-x-1.tar.gz", None),
        ] {
            assert_eq!(by_name(name).as_deref(), expected, "{name}");
        }
    }
}
