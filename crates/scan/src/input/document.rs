//! SBOM documents as inventories.

use std::collections::HashMap;
use std::path::PathBuf;

use attest::document::ReadError;
use attest::sbom::{self, Component, Sbom};
use cli_kit::{Exit, Explained};
use nix_model::StorePath;
use vuln::package::{Ecosystem, Package};
use vuln::purl::Purl;

use super::file::{self, FileError};
use super::package;
use crate::inventory::{Inventory, Part, Scanned, Seen};

/// Why an SBOM cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The document is none that is known.
    #[error("read SBOM {path}")]
    Document {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: ReadError,
    },
}

impl Explained for DocumentError {
    fn exit(&self) -> Exit {
        match self {
            Self::File(error) => error.exit(),
            Self::Document { .. } => Exit::Incomplete,
        }
    }

    fn hint(&self) -> Option<String> {
        matches!(self, Self::Document { .. }).then(|| "CycloneDX 1.4 to 1.7, SPDX 2.2 and 2.3 are read, in JSON".to_owned())
    }
}

/// The inventory of some documents, each with its own parts.
pub fn from_files(files: &[PathBuf]) -> Result<Inventory, DocumentError> {
    let mut inventory = Inventory::default();
    for path in files {
        let bytes = file::read(path)?;
        let sbom = sbom::read(&bytes).map_err(|source| DocumentError::Document {
            path: path.clone(),
            source,
        })?;
        inventory.targets.push(path.display().to_string());
        add(&mut inventory, &path.display().to_string(), &sbom);
    }
    Ok(inventory)
}

fn add(inventory: &mut Inventory, name: &str, sbom: &Sbom) {
    let first = u32::try_from(inventory.parts.len()).unwrap_or(u32::MAX);
    let mut packages: HashMap<(Seen, [String; 2], Vec<String>), u32> = HashMap::new();
    for component in &sbom.components {
        let package = scanned(component).map(|scanned| {
            let own = &scanned.package;
            // Registries give the same names to different things.
            let purls = own.purls.iter().filter(|_| scanned.seen == Seen::Registry);
            let told_apart = own.patches.iter().chain(purls).cloned().collect();
            let key = (scanned.seen, [own.pname.clone(), own.version.clone()], told_apart);
            *packages.entry(key).or_insert_with(|| {
                inventory.packages.push(scanned);
                u32::try_from(inventory.packages.len() - 1).unwrap_or(u32::MAX)
            })
        });
        let path = component.store_paths.first().or(component.drv_path.as_ref());
        inventory.parts.push(Part {
            name: path.unwrap_or(&component.reference).clone(),
            references: component.depends_on.iter().map(|to| to.saturating_add(first)).collect(),
            package,
            nar_size: None,
            nar_hash: None,
        });
    }
    inventory.roots.extend(sbom.roots.iter().map(|root| root.saturating_add(first)));
    carry(inventory, sbom, first);
    for problem in &sbom.problems {
        inventory.problems.push(format!("{name}, {}: {}", problem.at, problem.message));
    }
}

/// What a component is to us; `None` for a file, an operating system, or something without a version.
fn scanned(component: &Component) -> Option<Scanned> {
    let purls: Vec<Purl> = component.purls.iter().filter_map(|text| text.parse().ok()).collect();
    let in_nix = !component.store_paths.is_empty() || component.drv_path.is_some() || purls.iter().any(|purl| purl.type_ == "nix");
    // A name of a registry means something else in Nixpkgs.
    let is_of_registry = |purl: &&Purl| Ecosystem::from_purl_type(&purl.type_).is_some() || purl.type_ == "golang";
    if let Some(purl) = purls.iter().find(is_of_registry).filter(|_| !in_nix) {
        let mut purl = purl.clone();
        purl.version = purl
            .version
            .or_else(|| Some(component.version.clone()).filter(|version| !version.is_empty()));
        return Some(Scanned::of_registry(&purl));
    }
    let kind = component.kind.as_deref().unwrap_or_default().to_ascii_lowercase();
    if ["file", "source", "operating-system", "operating_system", "data"].contains(&kind.as_str()) || package::is_part(&component.name) {
        return None;
    }
    let (pname, version) = name_of(component, &purls);
    if !package::is_version(&version) {
        return None;
    }
    let mut patches = Vec::new();
    for patch in component.patches.iter().flatten() {
        patches.extend(patch.name.clone());
        patches.extend(patch.resolves.iter().cloned());
    }
    patches.sort();
    patches.dedup();
    let outputs = component.store_paths.iter().map(|path| {
        let output = path.parse::<StorePath>().ok();
        let drv = component.drv_path.as_ref().and_then(|path| path.parse::<StorePath>().ok());
        let split = output
            .as_ref()
            .and_then(|path| package::of_output(path.name(), drv.as_ref().map(StorePath::name)));
        (split.map_or("out", |split| split.output).to_owned(), path.clone())
    });
    Some(Scanned {
        package: Package {
            pname,
            version,
            outputs: outputs.collect(),
            drv_path: component.drv_path.clone(),
            description: component.description.clone(),
            homepages: component.homepages.clone(),
            licenses: component.licenses.clone(),
            source_urls: component.source_urls.clone(),
            cpes: component.cpes.clone(),
            possible_cpes: component.possible_cpes.clone(),
            // `pkg:nix` names the package itself, not the software that it is made of.
            purls: purls.iter().filter(|purl| purl.type_ != "nix").map(ToString::to_string).collect(),
            patches,
            ..Package::default()
        },
        seen: Seen::Sbom,
        ..Scanned::default()
    })
}

/// Name and version. Some tools put both into the name, or leave the version out where a store path tells it.
fn name_of(component: &Component, purls: &[Purl]) -> (String, String) {
    if !component.version.is_empty() {
        let suffix = format!("-{}", component.version);
        let name = component.name.strip_suffix(&suffix).unwrap_or(&component.name);
        // A group before the name is no part of what Nixpkgs calls it.
        let name = name.rsplit('/').next().unwrap_or(name);
        return (name.to_owned(), component.version.clone());
    }
    let nix = purls.iter().find(|purl| purl.type_ == "nix");
    if let Some((purl, version)) = nix.and_then(|purl| Some((purl, purl.version.clone()?))) {
        return (purl.name.clone(), version);
    }
    let path = component.store_paths.first().and_then(|path| path.parse::<StorePath>().ok());
    match path.as_ref().and_then(|path| package::of_output(path.name(), None)) {
        Some(split) => (split.pname.to_owned(), split.version.to_owned()),
        None => (component.name.clone(), String::new()),
    }
}

/// Writes what packages carry inside, as their dependencies that are of registries.
fn carry(inventory: &mut Inventory, sbom: &Sbom, first: u32) {
    for (index, component) in sbom.components.iter().enumerate() {
        let part = inventory.parts.get((first as usize).saturating_add(index));
        let Some(package) = part.and_then(|part| part.package) else {
            continue;
        };
        let carried = component.depends_on.iter().filter_map(|to| {
            let part = inventory.parts.get(first.saturating_add(*to) as usize)?;
            let library = inventory.packages.get(part.package? as usize)?;
            library.package.purls.first().filter(|_| library.seen == Seen::Registry).cloned()
        });
        let carried: Vec<String> = carried.collect();
        // Libraries depend on one another; what carries them is a package.
        if let Some(scanned) = inventory.packages.get_mut(package as usize).filter(|p| p.seen != Seen::Registry) {
            scanned.vendored.extend(carried);
            scanned.vendored.sort();
            scanned.vendored.dedup();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Inventory {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sbom.json");
        std::fs::write(&file, json).unwrap();
        from_files(&[file]).unwrap()
    }

    #[test]
    fn registries_give_one_name_to_different_things() {
        let inventory = read(
            r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[
              {"bom-ref":"a","type":"library","name":"foo","version":"1.0.0","purl":"pkg:npm/foo@1.0.0"},
              {"bom-ref":"b","type":"library","name":"foo","version":"1.0.0","purl":"pkg:pypi/foo@1.0.0"},
              {"bom-ref":"c","type":"library","name":"lodash","version":"4.17.19","purl":"pkg:npm/lodash"}]}"#,
        );
        let purls: Vec<_> = inventory.packages.iter().map(|p| p.package.purls[0].as_str()).collect();
        assert_eq!(purls, ["pkg:npm/foo@1.0.0", "pkg:pypi/foo@1.0.0", "pkg:npm/lodash@4.17.19"]);
    }

    #[test]
    fn components_are_packages_parts_or_neither() {
        let path = "/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1-bin";
        let inventory = read(&format!(
            r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","components":[
              {{"bom-ref":"a","type":"application","name":"curl","version":"7.71.1","purl":"pkg:nix/curl@7.71.1","properties":[{{"name":"nix:output_path","value":"{path}"}}],
                "pedigree":{{"patches":[{{"type":"unofficial","diff":{{"url":"CVE-2020-1.patch"}},"resolves":[{{"type":"security","id":"CVE-2020-1"}}]}}]}}}},
              {{"bom-ref":"b","type":"library","name":"serde","version":"1.0.0","purl":"pkg:cargo/serde@1.0.0"}},
              {{"bom-ref":"c","type":"file","name":"readme.txt","version":"1"}},
              {{"bom-ref":"d","type":"library","name":"zlib-1.2.11","version":"1.2.11"}},
              {{"bom-ref":"e","type":"library","name":"hook"}}],
              "dependencies":[{{"ref":"a","dependsOn":["b","d"]}}]}}"#
        ));
        let packages: Vec<_> = inventory
            .packages
            .iter()
            .map(|p| (p.package.pname.as_str(), p.package.version.as_str(), p.seen))
            .collect();
        assert_eq!(
            packages,
            [
                ("curl", "7.71.1", Seen::Sbom),
                ("serde", "1.0.0", Seen::Registry),
                ("zlib", "1.2.11", Seen::Sbom)
            ]
        );
        assert_eq!(inventory.packages[0].vendored, ["pkg:cargo/serde@1.0.0"]);
        assert!(
            inventory.packages[0].package.patches.contains(&"CVE-2020-1".to_owned()),
            "{:?}",
            inventory.packages[0].package.patches
        );
        assert_eq!(
            inventory.parts.iter().map(|part| part.package).collect::<Vec<_>>(),
            [Some(0), Some(1), None, Some(2), None]
        );
        assert_eq!(inventory.parts[0].references, [1, 3]);
    }

    #[test]
    fn what_is_no_sbom_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x");
        std::fs::write(&file, "<bom/>").unwrap();
        let error = from_files(std::slice::from_ref(&file)).unwrap_err();
        assert_eq!(error.to_string(), format!("read SBOM {}", file.display()));
        assert_eq!(error.exit(), Exit::Incomplete);
    }
}
