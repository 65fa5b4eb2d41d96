//! Reads SPDX 2.2 and 2.3, JSON.

use std::collections::HashMap;

use serde::Deserialize;

use crate::document::{self, Budget, Problems, REPEATS, ReadError, shortened};
use crate::sbom::{self, Component, Patch, Sbom, push_new, store_path};
use crate::tolerant;

const FORMAT: &str = "SPDX";
const VERSIONS: [&str; 2] = ["SPDX-2.2", "SPDX-2.3"];
/// What stands where something is not known, or known not to exist.
const NOTHING: [&str; 2] = ["NOASSERTION", "NONE"];

/// Reads the packages of a document and what they depend on or contain; its files and snippets are left alone.
///
/// Store paths are taken from the file name of a package, from external references of any type whose locator is one, and from SPDX ids as
/// sbomnix makes them. Patches are packages that a relationship calls one (`PATCH_APPLIED`, `PATCH_FOR`).
pub fn parse(bytes: &[u8]) -> Result<Sbom, ReadError> {
    let raw: Raw = document::parse(bytes, FORMAT)?;
    let version = raw.spdx_version.unwrap_or_default();
    if !VERSIONS.contains(&version.as_str()) {
        return Err(ReadError::Version {
            format: FORMAT,
            found: shortened(&version),
            known: "SPDX-2.2 and SPDX-2.3",
        });
    }
    let mut reading = Reading::default();
    for package in raw.packages {
        reading.add(package);
    }
    let mut roots = Vec::new();
    for id in raw.document_describes {
        reading.root(&id, &mut roots);
    }
    for relationship in raw.relationships {
        reading.relate(relationship, &mut roots);
    }
    reading.apply_patches(&mut Budget::of(bytes.len()));
    sbom::tidy_edges(&mut reading.components);
    if roots.is_empty() {
        roots = sbom::unreferenced(&reading.components);
    }
    Ok(Sbom {
        name: raw.name,
        components: reading.components,
        roots,
        problems: reading.problems.finish(),
    })
}

#[derive(Default)]
struct Reading {
    components: Vec<Component>,
    by_id: HashMap<String, u32>,
    /// (patch, what it is applied to)
    patches: Vec<(u32, u32)>,
    problems: Problems,
}

impl Reading {
    fn add(&mut self, mut raw: RawPackage) {
        let Ok(index) = u32::try_from(self.components.len()) else { return };
        let Some(name) = raw.name.take() else {
            self.problems.add(|| format!("package {index}"), || "it has no name".into());
            return;
        };
        let component = component(raw, name, index);
        if self.by_id.contains_key(&component.reference) {
            let id = shortened(&component.reference);
            self.problems.add(
                || format!("package {index}"),
                || format!("its id {id:?} stands for another one already"),
            );
        } else {
            self.by_id.insert(component.reference.clone(), index);
        }
        self.components.push(component);
    }

    fn root(&mut self, id: &str, roots: &mut Vec<u32>) {
        // Files and snippets can be described too; they are no packages, and no problem.
        if let Some(&index) = self.by_id.get(id)
            && !roots.contains(&index)
        {
            roots.push(index);
        }
    }

    fn relate(&mut self, raw: RawRelationship, roots: &mut Vec<u32>) {
        let (Some(kind), Some(from), Some(to)) = (raw.kind, raw.from, raw.to) else {
            return;
        };
        match kind.as_str() {
            "DESCRIBES" => return self.root(&to, roots),
            "DESCRIBED_BY" => return self.root(&from, roots),
            _ => {}
        }
        let (Some(&from), Some(&to)) = (self.by_id.get(&from), self.by_id.get(&to)) else {
            return;
        };
        match kind.as_str() {
            "DEPENDS_ON" | "CONTAINS" | "DYNAMIC_LINK" | "STATIC_LINK" | "HAS_PREREQUISITE" => self.edge(from, to),
            "DEPENDENCY_OF"
            | "CONTAINED_BY"
            | "RUNTIME_DEPENDENCY_OF"
            | "BUILD_DEPENDENCY_OF"
            | "DEV_DEPENDENCY_OF"
            | "OPTIONAL_DEPENDENCY_OF"
            | "PROVIDED_DEPENDENCY_OF"
            | "TEST_DEPENDENCY_OF"
            | "PREREQUISITE_FOR"
            | "PACKAGE_OF" => self.edge(to, from),
            "PATCH_APPLIED" | "PATCH_FOR" => self.patches.push((from, to)),
            _ => {}
        }
    }

    fn edge(&mut self, from: u32, to: u32) {
        if let Some(component) = self.components.get_mut(from as usize) {
            component.depends_on.push(to);
        }
    }

    fn apply_patches(&mut self, budget: &mut Budget) {
        for (patch, target) in std::mem::take(&mut self.patches) {
            let Some(given) = self.components.get(patch as usize) else {
                continue;
            };
            if !budget.take(size_of::<Patch>() + given.name.len()) {
                self.problems.add(|| "relationships".into(), || REPEATS.into());
                break;
            }
            let patch = Patch {
                name: Some(given.name.clone()),
                ..Patch::default()
            };
            if let Some(target) = self.components.get_mut(target as usize) {
                target.patches.get_or_insert_default().push(patch);
            }
        }
    }
}

fn component(raw: RawPackage, name: String, index: u32) -> Component {
    let mut component = Component {
        kind: raw.purpose,
        name,
        version: raw.version.unwrap_or_default(),
        hashes: raw.checksums.into_iter().filter_map(|c| Some((c.algorithm?, c.value?))).collect(),
        licenses: raw.license_concluded.or(raw.license_declared).and_then(known).into_iter().collect(),
        description: raw.summary.or(raw.description),
        homepages: raw.homepage.and_then(known).into_iter().collect(),
        source_urls: raw.download_location.and_then(known).into_iter().collect(),
        ..Component::default()
    };
    for external in raw.external_references {
        let (Some(kind), Some(locator)) = (external.kind, external.locator) else {
            continue;
        };
        // Types of the standard may be written in full, as addresses below spdx.org.
        match kind.rsplit('/').next().unwrap_or_default() {
            "purl" => push_new(&mut component.purls, locator),
            "cpe23Type" | "cpe22Type" => push_new(&mut component.cpes, locator),
            _ => place(&mut component, &locator),
        }
    }
    if let Some(file) = &raw.file_name {
        place(&mut component, file);
    }
    let id = raw.id.unwrap_or_else(|| format!("package {index}"));
    if let Some(path) = id.strip_prefix("SPDXRef-") {
        place(&mut component, path);
        // sbomnix: an id cannot hold slashes, so that the folder is spelled with dashes.
        if let Some(base) = path.strip_prefix("-nix-store-") {
            place(&mut component, base);
        }
    }
    component.reference = id;
    component
}

fn place(component: &mut Component, text: &str) {
    let Some(path) = store_path(text) else { return };
    if path.ends_with(".drv") {
        component.drv_path.get_or_insert(path);
    } else {
        push_new(&mut component.store_paths, path);
    }
}

fn known(text: String) -> Option<String> {
    (!NOTHING.contains(&text.as_str())).then_some(text)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    #[serde(default, deserialize_with = "tolerant::text")]
    spdx_version: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "tolerant::texts")]
    document_describes: Vec<String>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    packages: Vec<RawPackage>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    relationships: Vec<RawRelationship>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawPackage {
    #[serde(default, rename = "SPDXID", deserialize_with = "tolerant::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    name: Option<String>,
    #[serde(default, rename = "versionInfo", deserialize_with = "tolerant::text")]
    version: Option<String>,
    #[serde(default, rename = "packageFileName", deserialize_with = "tolerant::text")]
    file_name: Option<String>,
    #[serde(default, rename = "primaryPackagePurpose", deserialize_with = "tolerant::text")]
    purpose: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    download_location: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    homepage: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    license_concluded: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    license_declared: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    summary: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    description: Option<String>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    checksums: Vec<RawChecksum>,
    #[serde(default, rename = "externalRefs", deserialize_with = "tolerant::objects")]
    external_references: Vec<RawExternal>,
}

#[derive(Deserialize)]
struct RawChecksum {
    #[serde(default, deserialize_with = "tolerant::text")]
    algorithm: Option<String>,
    #[serde(default, rename = "checksumValue", deserialize_with = "tolerant::text")]
    value: Option<String>,
}

#[derive(Deserialize)]
struct RawExternal {
    #[serde(default, rename = "referenceType", deserialize_with = "tolerant::text")]
    kind: Option<String>,
    #[serde(default, rename = "referenceLocator", deserialize_with = "tolerant::text")]
    locator: Option<String>,
}

#[derive(Deserialize)]
struct RawRelationship {
    #[serde(default, rename = "relationshipType", deserialize_with = "tolerant::text")]
    kind: Option<String>,
    #[serde(default, rename = "spdxElementId", deserialize_with = "tolerant::text")]
    from: Option<String>,
    #[serde(default, rename = "relatedSpdxElement", deserialize_with = "tolerant::text")]
    to: Option<String>,
}

#[cfg(test)]
mod tests;
