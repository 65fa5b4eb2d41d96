//! What a package carries inside: dependencies of Cargo, Go and npm that its derivation names one by one.
//!
//! Many packages fetch all of them as one archive whose content no derivation tells (`cargoHash`, `vendorHash`, `npmDepsHash`):
//! those are not seen. Seen are the ones with a fetch each: `importCargoLock` and `buildRustCrate`, gomod2nix, `importNpmLock`,
//! node2nix, yarn2nix.

use std::collections::{BTreeSet, HashSet};

use nix_model::StorePath;
use nix_model::derivation::{Attributes, Derivation};
use vuln::purl::Purl;

/// The most that are kept of one package.
const MOST: usize = 20_000;
/// How far we go from a package through derivations that only collect.
const DEEPEST: usize = 3;

/// Package URLs of the dependencies, in order, each once. `own` are the names of the package's own sources; `input` gives the
/// derivations that it needs.
pub fn of(drv: &Derivation<'_>, own: &[String], input: &mut dyn FnMut(&StorePath) -> Option<Derivation<'static>>) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut seen = HashSet::new();
    let mut pending: Vec<(StorePath, usize)> = drv.input_drvs.iter().map(|input| (input.path.clone(), 1)).collect();
    while let Some((path, depth)) = pending.pop() {
        let name = path.name().strip_suffix(".drv").unwrap_or(path.name());
        let collects = COLLECTORS.iter().any(|word| name.contains(word));
        if found.len() >= MOST || !(collects || is_archive(name)) || own.iter().any(|source| source == name) || !seen.insert(path.clone()) {
            continue;
        }
        let Some(fetch) = input(&path) else {
            found.extend(by_name(name));
            continue;
        };
        if fetch.outputs.iter().any(|output| output.is_fixed()) {
            let attributes = fetch.attributes().unwrap_or_else(|_| fetch.env_attributes());
            found.extend(by_address(&attributes).or_else(|| by_name(name)));
        } else if collects && depth < DEEPEST {
            pending.extend(fetch.input_drvs.iter().map(|input| (input.path.clone(), depth + 1)));
        }
    }
    found.into_iter().collect()
}

/// Words in the names of derivations that put fetched dependencies together.
const COLLECTORS: [&str; 8] = [
    "vendor",
    "cargo-deps",
    "go-modules",
    "node-dependencies",
    "node_modules",
    "npm-deps",
    "npm-lock",
    "offline",
];

fn is_archive(name: &str) -> bool {
    [".tar.gz", ".tgz", ".crate", ".zip"].iter().any(|ending| name.ends_with(ending))
}

fn by_address(attributes: &Attributes<'_>) -> Option<String> {
    let mut addresses = attributes.list("urls");
    addresses.extend(attributes.list("url"));
    addresses.iter().find_map(|address| of_address(address))
}

/// `crate-serde-1.0.117.tar.gz` is what Nixpkgs calls a crate that it fetches.
fn by_name(name: &str) -> Option<String> {
    let stem = name.strip_prefix("crate-")?.strip_suffix(".tar.gz")?;
    let (krate, version) = nix_model::name::split(stem);
    purl("cargo", None, krate, version)
}

/// The package behind an address of a registry.
fn of_address(address: &str) -> Option<String> {
    let (host, path) = address.strip_prefix("https://")?.split_once('/')?;
    let parts: Vec<&str> = path.split('/').collect();
    match (host, parts.as_slice()) {
        ("crates.io", ["api", "v1", "crates", krate, version, "download"])
        | ("static.crates.io", ["crates", krate, version, "download"]) => purl("cargo", None, krate, version),
        ("static.crates.io", ["crates", krate, file]) => {
            let version = file.strip_suffix(".crate")?.strip_prefix(krate)?.strip_prefix('-')?;
            purl("cargo", None, krate, version)
        }
        ("registry.npmjs.org" | "registry.yarnpkg.com", [name @ .., "-", file]) => {
            let (scope, name) = match name {
                [name] => (None, *name),
                [scope, name] => (Some(*scope), *name),
                _ => return None,
            };
            let version = file
                .split(['?', '#'])
                .next()?
                .strip_suffix(".tgz")?
                .strip_prefix(name)?
                .strip_prefix('-')?;
            purl("npm", scope, name, version)
        }
        ("proxy.golang.org", [module @ .., "@v", file]) => {
            let module = unescape(&module.join("/"))?;
            let (namespace, name) = match module.rsplit_once('/') {
                Some((namespace, name)) => (Some(namespace), name),
                None => (None, module.as_str()),
            };
            purl("golang", namespace, name, &unescape(file.strip_suffix(".zip")?)?)
        }
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

fn purl(kind: &str, namespace: Option<&str>, name: &str, version: &str) -> Option<String> {
    if name.is_empty() || version.is_empty() {
        return None;
    }
    let purl = Purl {
        type_: kind.to_owned(),
        namespace: namespace.map(|text| text.replace("%40", "@")),
        name: name.to_owned(),
        version: Some(version.to_owned()),
        qualifiers: Default::default(),
        subpath: None,
    };
    // What does not read back is no package URL: names of hostile derivations hold anything.
    let text = purl.to_string();
    text.parse::<Purl>().ok().map(|_| text)
}

#[cfg(test)]
mod tests {
    use nix_model::derivation::{InputDrv, Output, Wanted};

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
                Some("pkg:golang/github.com/BurntSushi/toml@v0.3.1"),
            ),
            ("https://crates.io/api/v1/crates/serde//download", None),
            ("https://github.com/a/b/archive/1.tar.gz", None),
            ("http://crates.io/api/v1/crates/serde/1/download", None),
            ("https://registry.npmjs.org/a/b/c/-/c-1.tgz", None),
        ];
        for (address, expected) in cases {
            let found = of_address(address);
            // Package URLs of Go are written in lower case by some: how capitals are kept is the type's business.
            assert_eq!(
                found.as_deref().map(str::to_lowercase),
                expected.map(str::to_lowercase),
                "{address}"
            );
        }
        assert_eq!(by_name("crate-proc-macro2-1.0.24.tar.gz").unwrap(), "pkg:cargo/proc-macro2@1.0.24");
        assert_eq!(by_name("curl-7.71.1.tar.gz"), None);
    }

    fn needs(names: &[&str]) -> Derivation<'static> {
        let inputs = names.iter().map(|name| InputDrv {
            path: path(name),
            wanted: Wanted::default(),
        });
        Derivation {
            input_drvs: inputs.collect(),
            ..Derivation::default()
        }
    }

    fn path(name: &str) -> StorePath {
        format!("q7z9hp2zsg4id778s4ai1i1yld6zjvq4-{name}.drv").parse().unwrap()
    }

    fn fetched(url: &str) -> Derivation<'static> {
        Derivation {
            outputs: vec![Output {
                name: "out".into(),
                path: None,
                hash_algo: "sha256".into(),
                hash: "00".into(),
            }],
            env: vec![("url".into(), url.to_owned().into())],
            ..Derivation::default()
        }
    }

    #[test]
    fn dependencies_are_found_directly_and_through_collectors() {
        let drv = needs(&[
            "tool-1.0.tar.gz",
            "crate-a-1.0.0.tar.gz",
            "cargo-vendor-dir",
            "cargo-1.44",
            "x-2.0.0.tgz",
            "vendor-loop",
        ]);
        let mut asked = Vec::new();
        let found = of(&drv, &["tool-1.0.tar.gz".to_owned()], &mut |asked_for| {
            asked.push(asked_for.name().to_owned());
            match asked_for.name() {
                "cargo-vendor-dir.drv" => Some(needs(&["crate-b-2.0.0.tar.gz", "vendor-loop", "bash-4"])),
                "vendor-loop.drv" => Some(needs(&["vendor-loop", "cargo-vendor-dir"])),
                "crate-b-2.0.0.tar.gz.drv" => Some(fetched("https://crates.io/api/v1/crates/b/2.0.0/download")),
                "x-2.0.0.tgz.drv" => Some(fetched("https://registry.npmjs.org/x/-/x-2.0.0.tgz")),
                _ => None,
            }
        });
        assert_eq!(found, ["pkg:cargo/a@1.0.0", "pkg:cargo/b@2.0.0", "pkg:npm/x@2.0.0"]);
        assert!(
            !asked.contains(&"cargo-1.44.drv".to_owned()) && !asked.contains(&"tool-1.0.tar.gz.drv".to_owned()),
            "{asked:?}"
        );
    }
}
