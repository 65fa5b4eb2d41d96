//! CycloneDX 1.6: what there is, what depends on what, and what each vulnerability means there.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use attest::cyclonedx::write::{
    Advisory, AffectedVersion, Affects, Analysis, Component, Dependency, Diff, Document, ExternalReference, License, LicenseChoice,
    Metadata, Patch, Pedigree, Property, Rating, Reference, Resolved, Source, Tools, Vulnerability,
};
use vuln::package::ids_in;
use vuln::score::{CvssVersion, Score, Severity};

use super::outcome::{self, Outcome, Prospect};
use super::view::{Entry, PackageView, References, View};
use super::words::{self, TOOL, VERSION};

pub fn write(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    words::json(&document(view), true, out)
}

fn document<'a>(view: &'a View<'a>) -> Document<'a> {
    let components = Components::of(view);
    let metadata = Metadata {
        timestamp: words::rfc3339(view.report.time),
        tools: Tools {
            components: vec![Component {
                kind: "application",
                name: TOOL.into(),
                version: Some(VERSION.into()),
                ..Component::default()
            }],
        },
        component: Some(Component {
            kind: "application",
            reference: Some(components.target.clone().into()),
            name: non_empty(&view.report.inventory.targets.join(", ")).into_owned().into(),
            ..Component::default()
        }),
        properties: about(view),
    };
    let mut document = Document::new(format!("urn:uuid:{}", view.uuid), metadata);
    document.dependencies = components.dependencies(view);
    let mut references = References::default();
    document.vulnerabilities = view
        .entries
        .iter()
        .map(|entry| vulnerability(entry, view, &components, &mut references))
        .collect();
    document.components = components.list;
    document
}

fn about<'a>(view: &'a View<'a>) -> Vec<Property<'a>> {
    let knowledge = &view.report.knowledge;
    let mut properties = vec![
        property("firn:snapshot:digest", knowledge.digest.as_str()),
        property("firn:snapshot:serial", knowledge.serial.to_string()),
        property("firn:snapshot:created", words::rfc3339(knowledge.created)),
        property("firn:snapshot:age", words::span(view.report.age())),
    ];
    properties.extend(view.report.inventory.problems.iter().map(|p| property("firn:problem", p.as_str())));
    properties
}

/// All components, with the references of packages and parts.
struct Components<'a> {
    list: Vec<Component<'a>>,
    /// The reference of what the document is about.
    target: String,
    /// By index of the package.
    packages: Vec<String>,
    /// By index of the part: its own, or that of its package.
    parts: Vec<String>,
}

impl<'a> Components<'a> {
    fn of(view: &'a View<'a>) -> Self {
        let mut references = References::default();
        let target = references.take("target");
        let mut list = Vec::new();
        let mut packages = Vec::new();
        for (index, package) in view.packages.iter().enumerate() {
            let mut paths = view.paths(index).filter(|_| package.stands_for_itself()).peekable();
            let wish = package.scanned.package.drv_path.as_deref().or(paths.peek().copied());
            let reference = references.take(wish.unwrap_or(&package.purl));
            list.push(component(package, paths, reference.clone()));
            packages.push(reference);
        }
        let mut parts = Vec::new();
        for part in &view.report.inventory.parts {
            if let Some(package) = part.package.and_then(|p| packages.get(p as usize)) {
                parts.push(package.clone());
                continue;
            }
            let reference = references.take(&part.name);
            list.push(Component {
                kind: "file",
                reference: Some(reference.clone().into()),
                name: file_name(&part.name),
                properties: vec![property("nix:output_path", part.name.as_str())],
                ..Component::default()
            });
            parts.push(reference);
        }
        Self {
            list,
            target,
            packages,
            parts,
        }
    }

    fn dependencies(&self, view: &View<'a>) -> Vec<Dependency<'a>> {
        let inventory = &view.report.inventory;
        let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let all = self.list.iter().filter_map(|c| c.reference.as_deref());
        edges.extend(all.chain([self.target.as_str()]).map(|reference| (reference, BTreeSet::new())));
        let part = |index: &u32| self.parts.get(*index as usize).map(String::as_str);
        for (from, references) in self.parts.iter().zip(inventory.parts.iter().map(|p| &p.references)) {
            edges.entry(from).or_default().extend(references.iter().filter_map(part));
        }
        for (to, package) in self.packages.iter().zip(&inventory.packages) {
            for from in package.inside.iter().filter_map(|carrier| self.packages.get(*carrier as usize)) {
                edges.entry(from).or_default().insert(to);
            }
        }
        edges
            .entry(&self.target)
            .or_default()
            .extend(inventory.roots.iter().filter_map(part));
        let entry = |(from, to): (&str, BTreeSet<&str>)| Dependency {
            reference: from.to_owned().into(),
            depends_on: to.into_iter().filter(|to| *to != from).map(|to| to.to_owned().into()).collect(),
        };
        edges.into_iter().map(entry).collect()
    }
}

fn component<'a>(package: &'a PackageView<'a>, paths: impl Iterator<Item = &'a str>, reference: String) -> Component<'a> {
    let facts = &package.scanned.package;
    let mut properties: Vec<Property<'a>> = paths.map(|path| property("nix:output_path", path)).collect();
    properties.extend(facts.drv_path.as_deref().map(|path| property("nix:drv_path", path)));
    properties.extend(facts.position.as_deref().map(|position| property("nix:position", position)));
    if !facts.attr.is_empty() {
        properties.push(property("nix:attribute", facts.attr.as_str()));
    }
    properties.push(property("firn:seen", words::seen(package.scanned.seen)));
    properties.extend(package.scanned.sealed.iter().map(|name| property("firn:sealed", name.as_str())));
    let sources = facts.source_urls.iter().map(|url| ("source-distribution", url));
    let homepages = facts.homepages.iter().map(|url| ("website", url));
    Component {
        kind: "library",
        reference: Some(reference.into()),
        name: non_empty(&facts.pname),
        version: Some(facts.version.as_str()).filter(|v| !v.is_empty()).map(Cow::Borrowed),
        description: facts.description.as_deref().map(Cow::Borrowed),
        licenses: facts
            .licenses
            .iter()
            .filter(|l| !l.is_empty())
            .map(|name| LicenseChoice {
                license: License {
                    name: name.as_str().into(),
                },
            })
            .collect(),
        cpe: facts
            .cpes
            .iter()
            .find_map(|cpe| cpe.parse::<vuln::cpe::Cpe>().ok())
            .map(|cpe| cpe.to_string().into()),
        purl: Some(package.purl.as_str().into()),
        pedigree: pedigree(package),
        external_references: homepages
            .chain(sources)
            .filter(|(_, url)| words::is_address(url))
            .map(|(kind, url)| ExternalReference {
                kind,
                url: url.as_str().into(),
            })
            .collect(),
        properties,
    }
}

/// An empty pedigree says that there are no patches; where they could not be seen, none is written.
fn pedigree<'a>(package: &'a PackageView<'a>) -> Option<Pedigree<'a>> {
    let patches = &package.scanned.package.patches;
    (package.scanned.seen.shows_patches() || !patches.is_empty()).then(|| Pedigree {
        patches: patches
            .iter()
            .map(|name| Patch {
                kind: "unofficial",
                diff: Some(Diff {
                    url: words::reference(name).into(),
                }),
                resolves: ids_in(name)
                    .into_iter()
                    .map(|id| Resolved {
                        kind: "security",
                        id: id.into(),
                    })
                    .collect(),
            })
            .collect(),
    })
}

fn vulnerability<'a>(
    entry: &'a Entry<'a>,
    view: &'a View<'a>,
    components: &Components<'a>,
    references: &mut References,
) -> Vulnerability<'a> {
    let finding = entry.finding;
    let package = view.package(entry);
    let mut properties = vec![property("firn:verdict", finding.verdict.name())];
    properties.push(property("firn:confidence", format!("{:.2}", finding.confidence)));
    properties.extend(finding.exploited_since.as_deref().map(|day| property("firn:exploited_since", day)));
    properties.extend(finding.fixed_in.as_deref().map(|version| property("firn:fixed_in", version)));
    for (channel, version) in &finding.fixed_channels {
        properties.push(property("firn:fixed_channel", format!("{channel} {version}")));
    }
    properties.extend(
        view.why(entry.package)
            .into_iter()
            .filter_map(|part| Some(property("firn:why", view.part(part)?.name.as_str()))),
    );
    Vulnerability {
        reference: references.take(&entry.fingerprint),
        id: finding.id.as_str().into(),
        source: Some(source(&finding.id)),
        references: finding
            .aliases
            .iter()
            .map(|id| Reference {
                id: id.as_str().into(),
                source: source(id),
            })
            .collect(),
        ratings: ratings(entry),
        cwes: cwes(&finding.cwes),
        description: Some(finding.description.as_str())
            .filter(|d| !d.is_empty())
            .or(finding.title.as_deref())
            .map(Cow::Borrowed),
        recommendation: words::remedy(finding),
        advisories: finding
            .references
            .iter()
            .filter(|url| words::is_address(url))
            .map(|url| Advisory { url: url.as_str().into() })
            .collect(),
        published: finding.published.as_deref().and_then(words::instant),
        updated: finding.modified.as_deref().and_then(words::instant),
        analysis: analysis(entry),
        affects: vec![Affects {
            reference: components.packages.get(entry.package).cloned().unwrap_or_default().into(),
            versions: package
                .map(|p| p.scanned.package.version.as_str())
                .filter(|v| !v.is_empty())
                .map(|version| AffectedVersion {
                    version: version.into(),
                    status: version_status(&outcome::of(finding)),
                })
                .into_iter()
                .collect(),
        }],
        properties,
    }
}

fn analysis(entry: &Entry<'_>) -> Analysis {
    let (state, justification, response) = match outcome::of(entry.finding) {
        Outcome::Affected(_, Prospect::Update) => ("exploitable", None, vec!["update"]),
        Outcome::Affected(_, Prospect::Accepted) => ("exploitable", None, vec!["will_not_fix"]),
        Outcome::Affected(_, Prospect::Nothing) => ("exploitable", None, vec![]),
        Outcome::Patched => ("resolved_with_pedigree", None, vec![]),
        Outcome::Fixed => ("resolved", None, vec![]),
        Outcome::NotAffected(label, _) => ("not_affected", label.map(justification), vec![]),
        Outcome::UnderInvestigation => ("in_triage", None, vec![]),
    };
    Analysis {
        state,
        justification,
        response,
        detail: outcome::notes(entry.finding),
    }
}

/// The nearest of CycloneDX' own labels.
fn justification(label: attest::vex::Justification) -> &'static str {
    use attest::vex::Justification;
    match label {
        Justification::ComponentNotPresent | Justification::VulnerableCodeNotPresent => "code_not_present",
        Justification::VulnerableCodeNotInExecutePath => "code_not_reachable",
        Justification::VulnerableCodeCannotBeControlledByAdversary => "requires_environment",
        Justification::InlineMitigationsAlreadyExist => "protected_by_mitigating_control",
    }
}

fn version_status(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Affected(..) => "affected",
        Outcome::UnderInvestigation => "unknown",
        Outcome::Patched | Outcome::Fixed | Outcome::NotAffected(..) => "unaffected",
    }
}

fn ratings<'a>(entry: &'a Entry<'a>) -> Vec<Rating<'a>> {
    let finding = entry.finding;
    let leading = finding.leading_score.and_then(|index| finding.scores.get(index));
    // The score that decides comes first: many readers look no further.
    let others = finding
        .scores
        .iter()
        .enumerate()
        .filter(|(index, _)| Some(*index) != finding.leading_score);
    let scores = leading.into_iter().chain(others.map(|(_, score)| score));
    let mut ratings: Vec<Rating<'a>> = scores.map(rating).collect();
    if let Some((chance, _)) = finding.epss {
        ratings.push(Rating {
            source: Source {
                name: "EPSS".into(),
                url: Some("https://www.first.org/epss/".into()),
            },
            score: Some(words::decimals(chance, 5)),
            severity: None,
            method: "other",
            vector: None,
        });
    }
    ratings
}

fn rating(score: &Score) -> Rating<'_> {
    Rating {
        source: Source {
            name: score.provider.as_str().into(),
            url: None,
        },
        score: score.value().filter(|v| v.is_finite()).map(|value| words::decimals(value, 1)),
        severity: Some(match score.severity() {
            Severity::Unknown => "unknown",
            severity => severity.name(),
        }),
        method: match score.version {
            CvssVersion::V2 => "CVSSv2",
            CvssVersion::V30 => "CVSSv3",
            CvssVersion::V31 => "CVSSv31",
            CvssVersion::V4 => "CVSSv4",
        },
        vector: Some(score.vector.as_str().into()),
    }
}

fn source(id: &str) -> Source<'_> {
    Source {
        name: words::authority(id).into(),
        url: words::page(id),
    }
}

fn cwes(names: &[String]) -> Vec<u32> {
    names
        .iter()
        .filter_map(|name| name.strip_prefix("CWE-")?.parse().ok())
        .filter(|n| *n > 0)
        .collect()
}

fn property<'a>(name: &'static str, value: impl Into<Cow<'a, str>>) -> Property<'a> {
    Property {
        name: name.into(),
        value: value.into(),
    }
}

/// The last part of a path: a store path without its folder and hash.
fn file_name(path: &str) -> Cow<'_, str> {
    match path.parse::<nix_model::StorePath>() {
        Ok(path) => path.name().to_owned().into(),
        Err(_) => non_empty(path),
    }
}

fn non_empty(name: &str) -> Cow<'_, str> {
    if name.is_empty() { "unnamed".into() } else { name.into() }
}
