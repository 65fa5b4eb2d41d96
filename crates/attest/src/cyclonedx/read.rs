//! Reads CycloneDX 1.4 to 1.7, JSON, with what tools for Nix put into it.

use std::collections::HashMap;

use serde::Deserialize;

use crate::document::{self, Budget, Problems, REPEATS, ReadError, shortened};
use crate::sbom::{self, Component, Patch, Sbom, push_new, store_path};
use crate::tolerant;
use crate::vex::{Justification, Product, Statement, Status, Vex};

const FORMAT: &str = "CycloneDX";
const VERSIONS: [&str; 4] = ["1.4", "1.5", "1.6", "1.7"];

/// What a CycloneDX document says: of what there is, and of vulnerabilities in it. Both lists of problems are about their own part.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bom {
    /// Components and dependencies.
    pub sbom: Sbom,
    /// Vulnerabilities that the document analyses; those that it only lists are no statements.
    pub vex: Vex,
}

/// Reads a document. Names of members follow the schema of 1.6; besides, these properties are known: `nix:output_path`, `nix:out_path`,
/// `nix:store_path`, `nix:drv_path`, `nix:fetch_url`, `homepage` (sbomnix), `syft:metadata:path`, `syft:metadata:derivation` (syft), and a
/// reference that is a store path with or without its folder (sbomnix, bombon).
pub fn parse(bytes: &[u8]) -> Result<Bom, ReadError> {
    let raw: Raw = document::parse(bytes, FORMAT)?;
    if raw.bom_format.as_deref() != Some(FORMAT) {
        return Err(ReadError::Other {
            format: FORMAT,
            found: "\"bomFormat\" is not \"CycloneDX\"".into(),
        });
    }
    let version = raw.spec_version.unwrap_or_default();
    if !VERSIONS.contains(&version.as_str()) {
        return Err(ReadError::Version {
            format: FORMAT,
            found: shortened(&version),
            known: "1.4 to 1.7",
        });
    }
    let metadata = raw.metadata.unwrap_or_default();
    let mut reading = Reading::default();
    let name = metadata.component.as_ref().and_then(|c| c.name.clone());
    let root = metadata.component.and_then(|component| reading.add_tree(component));
    for component in raw.components {
        reading.add_tree(component);
    }
    reading.connect(raw.dependencies);
    let roots = match root {
        Some(root) => vec![root],
        None => sbom::unreferenced(&reading.components),
    };
    let vex = Vex {
        author: metadata.authors.into_iter().find_map(|a| a.name.or(a.email)),
        id: raw.serial_number,
        timestamp: metadata.timestamp,
        statements: Vec::new(),
        problems: Vec::new(),
    };
    let vex = reading.statements(raw.vulnerabilities, vex, bytes.len());
    Ok(Bom {
        sbom: Sbom {
            name,
            components: reading.components,
            roots,
            problems: reading.problems.finish(),
        },
        vex,
    })
}

#[derive(Default)]
struct Reading {
    components: Vec<Component>,
    by_reference: HashMap<String, u32>,
    problems: Problems,
}

impl Reading {
    /// Adds a component and what it contains; the result is its own index.
    fn add_tree(&mut self, component: RawComponent) -> Option<u32> {
        let mut waiting = vec![(component, None)];
        let mut first = None;
        while let Some((mut raw, parent)) = waiting.pop() {
            let inner = std::mem::take(&mut raw.components);
            let index = self.add(raw);
            if let (Some(index), Some(parent)) = (index, parent)
                && let Some(parent) = self.components.get_mut(parent as usize)
            {
                parent.depends_on.push(index);
            }
            first = first.or(index);
            // A component without a name still contains what it contains.
            waiting.extend(inner.into_iter().rev().map(|component| (component, index.or(parent))));
        }
        first
    }

    fn add(&mut self, mut raw: RawComponent) -> Option<u32> {
        let index = u32::try_from(self.components.len()).ok()?;
        let Some(name) = raw.name.take() else {
            self.problems.add(|| format!("component {index}"), || "it has no name".into());
            return None;
        };
        let component = component(raw, name, index);
        // The schema wants references to be unique; what uses this one means the first.
        if let Some(&first) = self.by_reference.get(&component.reference) {
            let same = |c: &Component| c.name == component.name && c.version == component.version;
            if self.components.get(first as usize).is_some_and(same) {
                // What the document describes stands in its list of components once more.
                return Some(first);
            }
            let reference = shortened(&component.reference);
            self.problems.add(
                || format!("component {index}"),
                || format!("its reference {reference:?} stands for another one already"),
            );
        } else {
            self.by_reference.insert(component.reference.clone(), index);
        }
        self.components.push(component);
        Some(index)
    }

    fn connect(&mut self, dependencies: Vec<RawDependency>) {
        for dependency in dependencies {
            let Some(reference) = dependency.reference else { continue };
            let Some(&from) = self.by_reference.get(&reference) else {
                self.unknown(&reference);
                continue;
            };
            for reference in dependency.depends_on {
                match self.by_reference.get(&reference) {
                    Some(&to) => {
                        if let Some(component) = self.components.get_mut(from as usize) {
                            component.depends_on.push(to);
                        }
                    }
                    None => self.unknown(&reference),
                }
            }
        }
        sbom::tidy_edges(&mut self.components);
    }

    fn unknown(&mut self, reference: &str) {
        let reference = shortened(reference);
        self.problems
            .add(|| "dependencies".into(), || format!("no component has the reference {reference:?}"));
    }

    fn statements(&self, raw: Vec<RawVulnerability>, mut vex: Vex, size: usize) -> Vex {
        let mut problems = Problems::default();
        let mut budget = Budget::of(size);
        'all: for (place, vulnerability) in raw.into_iter().enumerate() {
            let Some(analysis) = vulnerability.analysis else { continue };
            let at = || format!("vulnerability {place}");
            let Some(id) = vulnerability.id else {
                problems.add(at, || "it has no id".into());
                continue;
            };
            let state = analysis.state.unwrap_or_default();
            let Some(status) = status(&state) else {
                problems.add(at, || format!("no analysis state is named {:?}", shortened(&state)));
                continue;
            };
            let mut products = Vec::new();
            for reference in vulnerability.affects.into_iter().filter_map(|a| a.reference) {
                let product = self.product(reference);
                if !budget.take(product.size()) {
                    problems.add(at, || REPEATS.into());
                    break 'all;
                }
                products.push(product);
            }
            vex.statements.push(Statement {
                vulnerability: id,
                aliases: vulnerability.references.into_iter().filter_map(|r| r.id).collect(),
                products,
                status,
                justification: analysis.justification.as_deref().and_then(justification),
                impact: analysis.detail.or(analysis.justification),
                action: vulnerability
                    .recommendation
                    .or_else(|| (!analysis.response.is_empty()).then(|| analysis.response.join(", "))),
                timestamp: analysis.last_updated.or(analysis.first_issued).or_else(|| vex.timestamp.clone()),
            });
        }
        vex.problems = problems.finish();
        vex
    }

    /// What a reference stands for: a component here, or (BOM-Link) in another document.
    fn product(&self, reference: String) -> Product {
        let local = match reference.strip_prefix("urn:cdx:") {
            Some(link) => link.split_once('#').map_or("", |(_, fragment)| fragment),
            None => &reference,
        };
        let component = self.by_reference.get(local).and_then(|&index| self.components.get(index as usize));
        let mut product = Product::default();
        match component {
            Some(component) => {
                product.name = Some(component.name.clone());
                product.version = Some(component.version.clone()).filter(|v| !v.is_empty());
                product.purls.clone_from(&component.purls);
                product.cpes.clone_from(&component.cpes);
                product.store_paths.clone_from(&component.store_paths);
                product.hashes.clone_from(&component.hashes);
            }
            None if local.starts_with("pkg:") => product.purls.push(local.to_owned()),
            None => product.store_paths.extend(store_path(local)),
        }
        product.id = Some(reference);
        product
    }
}

fn component(raw: RawComponent, name: String, index: u32) -> Component {
    let mut component = Component {
        kind: raw.kind,
        name: match raw.group {
            Some(group) => format!("{group}/{name}"),
            None => name,
        },
        version: raw.version.unwrap_or_default(),
        purls: raw.purl.into_iter().collect(),
        cpes: raw.cpe.into_iter().collect(),
        patches: raw.pedigree.and_then(|p| p.patches).map(|p| p.0.into_iter().map(patch).collect()),
        hashes: raw.hashes.into_iter().filter_map(|h| Some((h.alg?, h.content?))).collect(),
        licenses: raw
            .licenses
            .into_iter()
            .filter_map(|l| l.expression.or_else(|| l.license.and_then(|l| l.id.or(l.name))))
            .collect(),
        description: raw.description,
        ..Component::default()
    };
    for method in raw.evidence.into_iter().flat_map(RawEvidence::cpes) {
        push_new(&mut component.possible_cpes, method);
    }
    for external in raw.external_references {
        let (Some(kind), Some(url)) = (external.kind, external.url) else {
            continue;
        };
        match kind.as_str() {
            "website" => push_new(&mut component.homepages, url),
            "vcs" | "source-distribution" | "distribution" => push_new(&mut component.source_urls, url),
            _ => {}
        }
    }
    for property in raw.properties {
        let (Some(name), Some(value)) = (property.name, property.value) else {
            continue;
        };
        match name.as_str() {
            "nix:output_path" | "nix:out_path" | "nix:store_path" | "syft:metadata:path" => place(&mut component, &value),
            "nix:drv_path" | "syft:metadata:derivation" => place(&mut component, &value),
            "nix:fetch_url" => {
                for url in value.split_whitespace() {
                    push_new(&mut component.source_urls, url.to_owned());
                }
            }
            "homepage" => push_new(&mut component.homepages, value),
            _ => {}
        }
    }
    if let Some(reference) = &raw.reference {
        place(&mut component, reference);
    }
    component.reference = raw.reference.unwrap_or_else(|| format!("component {index}"));
    component
}

/// Takes a store path for what it is.
fn place(component: &mut Component, text: &str) {
    let Some(path) = store_path(text) else { return };
    if path.ends_with(".drv") {
        component.drv_path.get_or_insert(path);
    } else {
        push_new(&mut component.store_paths, path);
    }
}

fn patch(raw: RawPatch) -> Patch {
    let mut patch = Patch::default();
    let diff = raw.diff.unwrap_or_default();
    patch.name = diff.url;
    patch.text = diff.text.filter(|t| t.encoding.is_none()).and_then(|t| t.content);
    for issue in raw.resolves {
        patch.name = patch.name.or_else(|| issue.references.into_iter().next());
        if let Some(id) = issue.id {
            push_new(&mut patch.resolves, id);
        }
    }
    patch
}

fn status(state: &str) -> Option<Status> {
    Some(match state {
        "resolved" | "resolved_with_pedigree" => Status::Fixed,
        "exploitable" => Status::Affected,
        "in_triage" => Status::UnderInvestigation,
        "false_positive" | "not_affected" => Status::NotAffected,
        _ => return None,
    })
}

/// The one of VEX's five that says the same. Those that name what an attack requires have none.
fn justification(name: &str) -> Option<Justification> {
    Some(match name {
        "code_not_present" => Justification::VulnerableCodeNotPresent,
        "code_not_reachable" => Justification::VulnerableCodeNotInExecutePath,
        "protected_by_compiler" | "protected_at_runtime" | "protected_at_perimeter" | "protected_by_mitigating_control" => {
            Justification::InlineMitigationsAlreadyExist
        }
        _ => return None,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    #[serde(default, deserialize_with = "tolerant::text")]
    bom_format: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    spec_version: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    serial_number: Option<String>,
    #[serde(default, deserialize_with = "tolerant::object")]
    metadata: Option<RawMetadata>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    components: Vec<RawComponent>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    dependencies: Vec<RawDependency>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    vulnerabilities: Vec<RawVulnerability>,
}

#[derive(Deserialize, Default)]
struct RawMetadata {
    #[serde(default, deserialize_with = "tolerant::time")]
    timestamp: Option<String>,
    #[serde(default, deserialize_with = "tolerant::object")]
    component: Option<RawComponent>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    authors: Vec<RawContact>,
}

#[derive(Deserialize)]
struct RawContact {
    #[serde(default, deserialize_with = "tolerant::text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    email: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawComponent {
    #[serde(default, rename = "type", deserialize_with = "tolerant::text")]
    kind: Option<String>,
    #[serde(default, rename = "bom-ref", deserialize_with = "tolerant::text")]
    reference: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    group: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    version: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    description: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    purl: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    cpe: Option<String>,
    #[serde(default, deserialize_with = "tolerant::object")]
    pedigree: Option<RawPedigree>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    hashes: Vec<RawHash>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    licenses: Vec<RawLicenseChoice>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    external_references: Vec<RawExternal>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    properties: Vec<RawProperty>,
    #[serde(default, deserialize_with = "tolerant::object")]
    evidence: Option<RawEvidence>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    components: Vec<RawComponent>,
}

#[derive(Deserialize)]
struct RawPedigree {
    #[serde(default)]
    patches: Option<tolerant::Objects<RawPatch>>,
}

#[derive(Deserialize)]
struct RawPatch {
    #[serde(default, deserialize_with = "tolerant::object")]
    diff: Option<RawDiff>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    resolves: Vec<RawIssue>,
}

#[derive(Deserialize, Default)]
struct RawDiff {
    #[serde(default, deserialize_with = "tolerant::text")]
    url: Option<String>,
    #[serde(default, deserialize_with = "tolerant::object")]
    text: Option<RawText>,
}

#[derive(Deserialize)]
struct RawText {
    #[serde(default, deserialize_with = "tolerant::text")]
    encoding: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    content: Option<String>,
}

#[derive(Deserialize)]
struct RawIssue {
    #[serde(default, deserialize_with = "tolerant::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "tolerant::texts")]
    references: Vec<String>,
}

#[derive(Deserialize)]
struct RawHash {
    #[serde(default, deserialize_with = "tolerant::text")]
    alg: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    content: Option<String>,
}

#[derive(Deserialize)]
struct RawLicenseChoice {
    #[serde(default, deserialize_with = "tolerant::text")]
    expression: Option<String>,
    #[serde(default, deserialize_with = "tolerant::object")]
    license: Option<RawLicense>,
}

#[derive(Deserialize)]
struct RawLicense {
    #[serde(default, deserialize_with = "tolerant::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    name: Option<String>,
}

#[derive(Deserialize)]
struct RawExternal {
    #[serde(default, rename = "type", deserialize_with = "tolerant::text")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    url: Option<String>,
}

#[derive(Deserialize)]
struct RawProperty {
    #[serde(default, deserialize_with = "tolerant::text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    value: Option<String>,
}

/// One identity up to 1.5, a list of them since.
#[derive(Deserialize)]
struct RawEvidence {
    #[serde(default, deserialize_with = "tolerant::objects_or_one")]
    identity: Vec<RawIdentity>,
}

impl RawEvidence {
    fn cpes(self) -> impl Iterator<Item = String> {
        let of_cpe = self.identity.into_iter().filter(|i| i.field.as_deref() == Some("cpe"));
        of_cpe.flat_map(|i| i.methods).filter_map(|m| m.value)
    }
}

#[derive(Deserialize)]
struct RawIdentity {
    #[serde(default, deserialize_with = "tolerant::text")]
    field: Option<String>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    methods: Vec<RawMethod>,
}

#[derive(Deserialize)]
struct RawMethod {
    #[serde(default, deserialize_with = "tolerant::text")]
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDependency {
    #[serde(default, rename = "ref", deserialize_with = "tolerant::text")]
    reference: Option<String>,
    #[serde(default, deserialize_with = "tolerant::texts")]
    depends_on: Vec<String>,
}

#[derive(Deserialize)]
struct RawVulnerability {
    #[serde(default, deserialize_with = "tolerant::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    references: Vec<RawReference>,
    #[serde(default, deserialize_with = "tolerant::text")]
    recommendation: Option<String>,
    #[serde(default, deserialize_with = "tolerant::object")]
    analysis: Option<RawAnalysis>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    affects: Vec<RawAffects>,
}

#[derive(Deserialize)]
struct RawReference {
    #[serde(default, deserialize_with = "tolerant::text")]
    id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawAnalysis {
    #[serde(default, deserialize_with = "tolerant::text")]
    state: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    justification: Option<String>,
    #[serde(default, deserialize_with = "tolerant::texts")]
    response: Vec<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    detail: Option<String>,
    #[serde(default, deserialize_with = "tolerant::time")]
    first_issued: Option<String>,
    #[serde(default, deserialize_with = "tolerant::time")]
    last_updated: Option<String>,
}

#[derive(Deserialize)]
struct RawAffects {
    #[serde(default, rename = "ref", deserialize_with = "tolerant::text")]
    reference: Option<String>,
}

#[cfg(test)]
mod tests;
