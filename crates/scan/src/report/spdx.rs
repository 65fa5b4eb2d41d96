//! SPDX 2.3: what there is and what depends on what, with addresses about what is wrong.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use attest::spdx::write::{CreationInfo, Document, ExternalRef, NO_ASSERTION, Package, Relationship};
use sha2::{Digest as _, Sha256};

use super::outcome::{self, Outcome};
use super::view::{Entry, PackageView, References, View};
use super::words::{self, HOME, TOOL, VERSION};

pub fn write(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    words::json(&document(view), true, out)
}

fn document<'a>(view: &'a View<'a>) -> Document<'a> {
    let created = CreationInfo {
        created: words::rfc3339(view.report.time),
        creators: vec![format!("Tool: {TOOL}-{VERSION}")],
        comment: format!(
            "Vulnerabilities are those of {} ({}).",
            words::snapshot(view.report),
            view.report.knowledge.digest
        ),
    };
    let inventory = &view.report.inventory;
    let name = inventory.targets.join(", ");
    let name = if name.is_empty() { "unnamed".to_owned() } else { name };
    let mut document = Document::new(name.clone().into(), format!("{HOME}/spdx/{}", view.uuid), created);
    let mut ids = References::default();
    let target = id(&mut ids, "Target", &name);
    document.packages.push(Package {
        id: target.clone(),
        name: name.into(),
        download_location: NO_ASSERTION.into(),
        ..Package::default()
    });
    document.relationships.push(relation(Document::ID, "DESCRIBES", &target));

    let findings = by_package(view);
    let mut packages = Vec::new();
    for (index, package) in view.packages.iter().enumerate() {
        let id = id(&mut ids, "Package", &package.purl);
        document
            .packages
            .push(package_of(package, view, index, id.clone(), findings.get(&index)));
        packages.push(id);
    }
    let mut parts = Vec::new();
    for part in &inventory.parts {
        if let Some(package) = part.package.and_then(|p| packages.get(p as usize)) {
            parts.push(package.clone());
            continue;
        }
        let id = id(&mut ids, "Part", &part.name);
        document.packages.push(Package {
            id: id.clone(),
            name: if part.name.is_empty() {
                "unnamed".into()
            } else {
                part.name.as_str().into()
            },
            package_file_name: Some(part.name.as_str().into()),
            download_location: NO_ASSERTION.into(),
            primary_package_purpose: Some("FILE"),
            ..Package::default()
        });
        parts.push(id);
    }
    let carried = packages.iter().zip(&inventory.packages).flat_map(|(to, package)| {
        let carriers = package.inside.iter().filter_map(|carrier| packages.get(*carrier as usize));
        carriers.map(|from| (from.as_str(), to.as_str()))
    });
    let edges: BTreeSet<(&str, &str)> = inventory
        .parts
        .iter()
        .zip(&parts)
        .flat_map(|(part, from)| {
            part.references
                .iter()
                .filter_map(|to| Some((from.as_str(), parts.get(*to as usize)?.as_str())))
        })
        .chain(
            inventory
                .roots
                .iter()
                .filter_map(|root| Some((target.as_str(), parts.get(*root as usize)?.as_str()))),
        )
        .chain(carried)
        .filter(|(from, to)| from != to)
        .collect();
    document
        .relationships
        .extend(edges.into_iter().map(|(from, to)| relation(from, "DEPENDS_ON", to)));
    for (package, id_of_package) in view.packages.iter().zip(&packages) {
        for name in &package.scanned.package.patches {
            let id = id(&mut ids, "Patch", name);
            document.packages.push(Package {
                id: id.clone(),
                name: name.as_str().into(),
                download_location: NO_ASSERTION.into(),
                primary_package_purpose: Some("SOURCE"),
                ..Package::default()
            });
            document.relationships.push(relation(&id, "PATCH_FOR", id_of_package));
        }
    }
    document
}

fn by_package<'v, 'a>(view: &'v View<'a>) -> BTreeMap<usize, Vec<&'v Entry<'a>>> {
    let mut findings: BTreeMap<usize, Vec<&Entry<'a>>> = BTreeMap::new();
    for entry in &view.entries {
        findings.entry(entry.package).or_default().push(entry);
    }
    findings
}

fn package_of<'a>(
    package: &'a PackageView<'a>,
    view: &'a View<'a>,
    index: usize,
    id: String,
    findings: Option<&Vec<&'a Entry<'a>>>,
) -> Package<'a> {
    let facts = &package.scanned.package;
    let mut external_refs = vec![ExternalRef {
        reference_category: "PACKAGE-MANAGER",
        reference_type: "purl",
        reference_locator: package.purl.as_str().into(),
        comment: String::new(),
    }];
    external_refs.extend(facts.cpes.iter().filter_map(|cpe| {
        Some(ExternalRef {
            reference_category: "SECURITY",
            reference_type: "cpe23Type",
            reference_locator: cpe.parse::<vuln::cpe::Cpe>().ok()?.to_string().into(),
            comment: String::new(),
        })
    }));
    let own_paths = || view.paths(index).filter(|_| package.stands_for_itself());
    let paths = own_paths().map(|path| ("nix-store-path", path));
    let drv = facts.drv_path.iter().map(|path| ("nix-derivation", path.as_str()));
    external_refs.extend(
        paths
            .chain(drv)
            .filter(|(_, path)| !path.contains(char::is_whitespace) && !path.is_empty())
            .map(|(kind, path)| ExternalRef {
                reference_category: "OTHER",
                reference_type: kind,
                reference_locator: path.into(),
                comment: String::new(),
            }),
    );
    external_refs.extend(findings.into_iter().flatten().filter_map(|entry| security(entry)));
    let licenses: Vec<&str> = facts.licenses.iter().map(String::as_str).filter(|l| !l.is_empty()).collect();
    Package {
        id,
        name: if facts.pname.is_empty() {
            "unnamed".into()
        } else {
            facts.pname.as_str().into()
        },
        version_info: Some(facts.version.as_str()).filter(|v| !v.is_empty()).map(Cow::Borrowed),
        package_file_name: own_paths().next().map(Cow::Borrowed),
        download_location: address(&facts.source_urls).unwrap_or(NO_ASSERTION.into()),
        files_analyzed: false,
        primary_package_purpose: Some("LIBRARY"),
        homepage: address(&facts.homepages),
        summary: facts.description.as_deref().map(Cow::Borrowed),
        license_comments: (!licenses.is_empty()).then(|| format!("Nixpkgs says: {}", licenses.join(", "))),
        external_refs,
    }
}

/// What the format can say of a vulnerability: where one can read of it, and whether that is about a fault or a mend.
fn security<'a>(entry: &'a Entry<'a>) -> Option<ExternalRef<'a>> {
    let finding = entry.finding;
    let kind = match outcome::of(finding) {
        Outcome::Affected(..) | Outcome::UnderInvestigation => "advisory",
        Outcome::Patched | Outcome::Fixed => "fix",
        Outcome::NotAffected(..) => return None,
    };
    Some(ExternalRef {
        reference_category: "SECURITY",
        reference_type: kind,
        reference_locator: words::page(&finding.id)?.into(),
        comment: format!("{}: {}", finding.id, outcome::notes(finding)),
    })
}

fn address(addresses: &[String]) -> Option<Cow<'_, str>> {
    addresses.iter().find(|a| words::is_address(a)).map(|a| a.as_str().into())
}

fn relation(from: &str, kind: &'static str, to: &str) -> Relationship {
    Relationship {
        spdx_element_id: from.to_owned(),
        relationship_type: kind,
        related_spdx_element: to.to_owned(),
    }
}

/// An id that depends on the name alone, so that it is the same in the next document. `#` of a reference taken twice becomes a dot.
fn id(ids: &mut References, kind: &str, name: &str) -> String {
    let digest: String = Sha256::digest(name).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    ids.take(&format!("SPDXRef-{kind}-{digest}")).replace('#', ".")
}
