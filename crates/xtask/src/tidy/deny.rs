//! deny.toml: which licences, sources and crates we accept, and that no crate is there twice.
//!
//! The file is cargo-deny's, so that whoever has that program can run it; this check needs nothing installed and no network.
//! It reads the parts we use and refuses the others, so that no rule is written down that nobody checks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use toml::Table;

use super::licence;
use crate::house::House;

/// What deny.toml says.
#[derive(Debug)]
struct Rules {
    platforms: Vec<String>,
    licences: Vec<String>,
    licence_exceptions: Vec<(String, Vec<String>)>,
    banned: Vec<(String, String)>,
    twice: Vec<String>,
    registries: Vec<String>,
}

impl Rules {
    /// Reads deny.toml.
    fn read(house: &House) -> Result<Self> {
        let text = fs::read_to_string(house.at("deny.toml")).context("read deny.toml")?;
        Self::parse(&text).context("read deny.toml")
    }

    fn parse(text: &str) -> Result<Self> {
        let mut file: Table = text.parse().context("parse it as TOML")?;
        let mut graph = section(&mut file, "graph")?;
        let mut licenses = section(&mut file, "licenses")?;
        let mut bans = section(&mut file, "bans")?;
        let mut sources = section(&mut file, "sources")?;
        must_be(&mut bans, "multiple-versions", "deny")?;
        must_be(&mut sources, "unknown-registry", "deny")?;
        must_be(&mut sources, "unknown-git", "deny")?;
        let exceptions = list(&mut licenses, "exceptions")?
            .into_iter()
            .map(|mut e| Ok((name(&mut e)?, words(&mut e, "allow")?)));
        let banned = list(&mut bans, "deny")?
            .into_iter()
            .map(|mut e| Ok((name(&mut e)?, reason(&mut e)?)));
        let twice = list(&mut bans, "skip")?.into_iter().map(|mut e| {
            let name = name(&mut e)?;
            reason(&mut e)?;
            Ok(name)
        });
        let rules = Self {
            platforms: words(&mut graph, "targets")?,
            licences: words(&mut licenses, "allow")?,
            licence_exceptions: exceptions.collect::<Result<_>>()?,
            banned: banned.collect::<Result<_>>()?,
            twice: twice.collect::<Result<_>>()?,
            registries: words(&mut sources, "allow-registry")?,
        };
        for (section, rest) in [
            ("graph", graph),
            ("licenses", licenses),
            ("bans", bans),
            ("sources", sources),
            ("the file", file),
        ] {
            if let Some(key) = rest.keys().next() {
                bail!("`{key}` in {section} is not checked by xtask, so it must not stand there");
            }
        }
        Ok(rules)
    }
}

/// Checks the packages that these workspaces are built from on our platforms.
pub fn check(house: &House, manifests: &[&str]) -> Result<Vec<String>> {
    let rules = Rules::read(house)?;
    let mut found = Vec::new();
    let mut all = Vec::new();
    for manifest in manifests {
        let packages = packages(house, &rules, manifest)?;
        found.extend(complaints(&rules, &packages).into_iter().map(|c| format!("{manifest}: {c}")));
        all.extend(packages);
    }
    found.extend(stale(&rules, &all));
    Ok(found)
}

fn packages(house: &House, rules: &Rules, manifest: &str) -> Result<Vec<Package>> {
    let mut packages: BTreeMap<(String, String), Package> = BTreeMap::new();
    for platform in &rules.platforms {
        let metadata = house.metadata(manifest, Some(platform))?;
        for package in metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let package = Package::from(package);
            packages.insert((package.name.clone(), package.version.clone()), package);
        }
    }
    Ok(packages.into_values().collect())
}

#[derive(Debug)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    /// `None` for our own.
    source: Option<String>,
}

impl From<&Value> for Package {
    fn from(package: &Value) -> Self {
        let text = |key: &str| package[key].as_str().map(str::to_owned);
        Self {
            name: text("name").unwrap_or_default(),
            version: text("version").unwrap_or_default(),
            license: text("license"),
            source: text("source"),
        }
    }
}

fn complaints(rules: &Rules, packages: &[Package]) -> Vec<String> {
    let mut found = Vec::new();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        let Package { name, version, .. } = package;
        versions.entry(name).or_default().insert(version);
        let excepted = |licence: &str| {
            rules
                .licence_exceptions
                .iter()
                .any(|(package, allow)| package == name && allow.iter().any(|a| a == licence))
        };
        let allowed = |licence: &str| rules.licences.iter().any(|l| l == licence) || excepted(licence);
        let licence = package.license.as_deref();
        match licence.and_then(|l| licence::is_met(l, &allowed)) {
            Some(true) => {}
            Some(false) => found.push(format!(
                "{name} {version}: licence {} is not among the allowed ones",
                licence.unwrap_or_default()
            )),
            None => found.push(format!("{name} {version}: licence {licence:?} cannot be read")),
        }
        if let Some((_, reason)) = rules.banned.iter().find(|(banned, _)| banned == name) {
            found.push(format!("{name} {version}: banned, {reason}"));
        }
        if let Some(source) = &package.source {
            let registry = source.strip_prefix("registry+").unwrap_or(source);
            if !rules.registries.iter().any(|r| r == registry) {
                found.push(format!("{name} {version}: comes from {source}, which is not an allowed registry"));
            }
        }
    }
    for (name, versions) in versions {
        // `skip` names the old version that we put up with; one must remain that is not skipped.
        let kept = versions
            .iter()
            .filter(|v| !rules.twice.iter().any(|t| *t == format!("{name}@{v}")))
            .count();
        if versions.len() > 1 && kept > 1 {
            found.push(format!(
                "{name}: there in versions {}",
                versions.into_iter().collect::<Vec<_>>().join(", ")
            ));
        }
    }
    found
}

/// Exceptions for what is not there any more.
fn stale(rules: &Rules, packages: &[Package]) -> Vec<String> {
    let skipped = rules
        .twice
        .iter()
        .filter(|t| !packages.iter().any(|p| **t == format!("{}@{}", p.name, p.version)));
    let excepted = rules
        .licence_exceptions
        .iter()
        .map(|(name, _)| name)
        .filter(|name| !packages.iter().any(|p| p.name == **name));
    skipped
        .chain(excepted)
        .map(|name| format!("deny.toml: {name} is excepted, but is no dependency any more"))
        .collect()
}

fn section(file: &mut Table, key: &str) -> Result<Table> {
    match file.remove(key) {
        Some(toml::Value::Table(table)) => Ok(table),
        Some(_) => bail!("[{key}] is no table"),
        None => Ok(Table::new()),
    }
}

fn must_be(table: &mut Table, key: &str, value: &str) -> Result<()> {
    match table.remove(key) {
        Some(toml::Value::String(found)) if found == value => Ok(()),
        other => bail!("`{key}` must be \"{value}\", not {other:?}"),
    }
}

fn words(table: &mut Table, key: &str) -> Result<Vec<String>> {
    let list = table.remove(key).with_context(|| format!("`{key}` is missing"))?;
    list.try_into().with_context(|| format!("`{key}` must be a list of texts"))
}

fn list(table: &mut Table, key: &str) -> Result<Vec<Table>> {
    table.remove(key).map_or(Ok(Vec::new()), |list| {
        list.try_into().with_context(|| format!("`{key}` must be a list of tables"))
    })
}

fn name(entry: &mut Table) -> Result<String> {
    let name = entry.remove("crate").or_else(|| entry.remove("name"));
    name.and_then(|n| n.as_str().map(str::to_owned)).context("an entry has no `crate`")
}

fn reason(entry: &mut Table) -> Result<String> {
    let reason = entry
        .remove("reason")
        .and_then(|n| n.as_str().map(str::to_owned))
        .filter(|r| !r.is_empty());
    reason.context("an entry has no `reason`")
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
        [graph]
        targets = ["x86_64-unknown-linux-gnu"]
        [licenses]
        allow = ["MIT"]
        exceptions = [{ crate = "odd", allow = ["Zlib"] }]
        [bans]
        multiple-versions = "deny"
        deny = [{ crate = "openssl", reason = "one TLS library is enough" }]
        skip = [{ crate = "twice@1.0.0", reason = "two dependencies have not moved yet" }]
        [sources]
        unknown-registry = "deny"
        unknown-git = "deny"
        allow-registry = ["https://example.org/index"]
    "#;

    fn package(name: &str, version: &str, license: &str) -> Package {
        Package {
            name: name.into(),
            version: version.into(),
            license: Some(license.into()),
            source: Some("registry+https://example.org/index".into()),
        }
    }

    #[test]
    fn good_packages_pass() {
        let rules = Rules::parse(RULES).unwrap();
        let packages = [
            package("a", "1.0.0", "MIT"),
            package("odd", "1.0.0", "Zlib"),
            package("twice", "1.0.0", "MIT"),
            package("twice", "2.0.0", "MIT"),
        ];
        assert_eq!(complaints(&rules, &packages), [""; 0]);
        assert_eq!(stale(&rules, &packages), [""; 0]);
    }

    #[test]
    fn exceptions_do_not_outlive_their_reason() {
        let rules = Rules::parse(RULES).unwrap();
        assert_eq!(
            stale(&rules, &[package("twice", "2.0.0", "MIT")]),
            [
                "deny.toml: twice@1.0.0 is excepted, but is no dependency any more",
                "deny.toml: odd is excepted, but is no dependency any more",
            ]
        );
    }

    #[test]
    fn each_rule_bites() {
        let rules = Rules::parse(RULES).unwrap();
        let mut foreign = package("b", "1.0.0", "MIT");
        foreign.source = Some("git+https://example.org/b".into());
        let mut unlicensed = package("c", "1.0.0", "");
        unlicensed.license = None;
        let packages = [
            package("a", "1.0.0", "Zlib"),
            package("openssl", "1.0.0", "MIT"),
            foreign,
            unlicensed,
            package("twice", "2.0.0", "MIT"),
            package("twice", "3.0.0", "MIT"),
        ];
        assert_eq!(
            complaints(&rules, &packages),
            [
                "a 1.0.0: licence Zlib is not among the allowed ones",
                "openssl 1.0.0: banned, one TLS library is enough",
                "b 1.0.0: comes from git+https://example.org/b, which is not an allowed registry",
                "c 1.0.0: licence None cannot be read",
                "twice: there in versions 2.0.0, 3.0.0",
            ]
        );
    }

    #[test]
    fn rules_that_nobody_checks_are_refused() {
        let extra = RULES.replace("[bans]", "[bans]\nwildcards = \"deny\"");
        assert!(format!("{:#}", Rules::parse(&extra).unwrap_err()).contains("`wildcards` in bans"));
        let lax = RULES.replace("unknown-git = \"deny\"", "unknown-git = \"warn\"");
        assert!(Rules::parse(&lax).is_err());
        let unreasoned = RULES.replace(", reason = \"one TLS library is enough\"", "");
        assert!(format!("{:#}", Rules::parse(&unreasoned).unwrap_err()).contains("no `reason`"));
    }
}
