//! CSAF 2.0, profile `csaf_vex`: one entry a vulnerability, with all packages that it was looked for in.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use attest::csaf::write::{
    self as csaf, Branch, Cvss2, Cvss3, Document, Engine, Flag, Generator, GenericUri, Head, Helper, Id, Note, Product, ProductTree,
    Publisher, Reference, Remediation, Threat, Tracking, Vulnerability,
};
use vuln::id::CveId;
use vuln::score::{CvssVersion, Score};

use super::Options;
use super::outcome::{self, Outcome, Prospect};
use super::view::{Entry, PackageView, References, View};
use super::words::{self, TOOL, VERSION};
use crate::inventory::Seen;

pub fn write(view: &View<'_>, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    // The standard recommends that members are sorted, and a map of `serde_json` is.
    let document = serde_json::to_value(document(view, options))?;
    words::json(&document, true, out)
}

/// The name that the document must have as a file.
pub fn file_name(view: &View<'_>) -> String {
    csaf::file_name(&id(view))
}

fn id(view: &View<'_>) -> String {
    format!("{TOOL}-{}", view.uuid)
}

fn document<'a>(view: &'a View<'a>, options: &'a Options) -> Document<'a> {
    let date = words::rfc3339(view.report.time);
    let generator = Generator {
        date: date.clone(),
        engine: Engine {
            name: TOOL,
            version: VERSION,
        },
    };
    let publisher = Publisher {
        category: "user",
        name: options.author.name.as_str().into(),
        namespace: options.author.namespace.as_str().into(),
    };
    let summary = format!(
        "{}, judged with {} ({}).",
        words::subject(view),
        words::snapshot(view.report),
        view.report.knowledge.digest
    );
    let notes = vec![note("summary", Some("What was looked at"), summary)];
    let names = names(view);
    Document {
        document: Head::vex(
            format!("Vulnerabilities of {}", view.report.inventory.targets.join(", ")),
            publisher,
            Tracking::first(id(view), date, generator),
            notes,
        ),
        product_tree: ProductTree {
            branches: vendors(view, &names),
        },
        vulnerabilities: vulnerabilities(view, &names),
    }
}

/// An id for each package that has findings.
fn names(view: &View<'_>) -> BTreeMap<usize, String> {
    let mut references = References::default();
    let concerned: BTreeSet<usize> = view.entries.iter().map(|e| e.package).collect();
    let name = |index: usize| Some((index, references.take(&view.packages.get(index)?.purl)));
    concerned.into_iter().filter_map(name).collect()
}

/// Whoever the packages come from: Nixpkgs, and beside it the registries of what is carried inside.
fn vendors<'a>(view: &'a View<'a>, names: &BTreeMap<usize, String>) -> Vec<Branch<'a>> {
    let vendor = |name: &'static str, is_of_registry| Branch {
        category: "vendor",
        name: name.into(),
        product: None,
        branches: products(view, names, is_of_registry),
    };
    let mut vendors = vec![vendor("Nixpkgs", false), vendor("language registries", true)];
    vendors.retain(|vendor| !vendor.branches.is_empty());
    vendors
}

fn products<'a>(view: &'a View<'a>, names: &BTreeMap<usize, String>, is_of_registry: bool) -> Vec<Branch<'a>> {
    let mut by_name: BTreeMap<&str, Vec<Branch<'a>>> = BTreeMap::new();
    for (index, product_id) in names {
        let Some(package) = view
            .packages
            .get(*index)
            .filter(|p| (p.scanned.seen == Seen::Registry) == is_of_registry)
        else {
            continue;
        };
        let facts = &package.scanned.package;
        let version = if facts.version.is_empty() {
            "unknown"
        } else {
            facts.version.as_str()
        };
        let name = if facts.pname.is_empty() { "unnamed" } else { facts.pname.as_str() };
        by_name.entry(name).or_default().push(Branch {
            category: if reads_as_range(version) { "legacy" } else { "product_version" },
            name: version.into(),
            product: Some(product(package, view.paths(*index), product_id)),
            branches: Vec::new(),
        });
    }
    let branch = |(name, branches): (&'a str, Vec<Branch<'a>>)| Branch {
        category: "product_name",
        name: name.into(),
        product: None,
        branches,
    };
    by_name.into_iter().map(branch).collect()
}

fn product<'a>(package: &'a PackageView<'a>, paths: impl Iterator<Item = &'a str>, product_id: &str) -> Product<'a> {
    let title = if package.title.is_empty() { "unnamed" } else { &package.title };
    Product {
        name: if package.scanned.seen == Seen::Registry {
            title.to_owned()
        } else {
            format!("Nixpkgs {title}")
        },
        product_id: product_id.to_owned(),
        product_identification_helper: Helper {
            purl: package.purl.as_str().into(),
            x_generic_uris: paths
                .filter(|path| path.parse::<nix_model::StorePath>().is_ok())
                .map(|path| GenericUri {
                    namespace: "https://nix.dev/manual/nix/latest/store/store-path",
                    uri: format!("file://{}", path.replace('?', "%3F")),
                })
                .collect(),
        },
    }
}

/// The standard forbids words that make a range of a version, in a branch for one version.
fn reads_as_range(version: &str) -> bool {
    const WORDS: [&str; 8] = ["after", "all", "before", "earlier", "later", "prior", "version", "versions"];
    let mut words = version.split(|c: char| !c.is_alphanumeric());
    version.contains(['<', '>', '≤', '≥']) || words.any(|w| WORDS.iter().any(|word| w.eq_ignore_ascii_case(word)))
}

fn vulnerabilities<'a>(view: &'a View<'a>, names: &BTreeMap<usize, String>) -> Vec<Vulnerability<'a>> {
    let mut order: Vec<&str> = Vec::new();
    let mut by_id: BTreeMap<&str, Vec<&'a Entry<'a>>> = BTreeMap::new();
    for entry in &view.entries {
        let id = entry.finding.id.as_str();
        let entries = by_id.entry(id).or_insert_with(|| {
            order.push(id);
            Vec::new()
        });
        // A product stands in one state: the worst comes first.
        if !entries.iter().any(|e| e.package == entry.package) {
            entries.push(entry);
        }
    }
    let of = |id: &&str| Some(vulnerability(by_id.get(id)?, names));
    order.iter().filter_map(of).collect()
}

fn vulnerability<'a>(entries: &[&'a Entry<'a>], names: &BTreeMap<usize, String>) -> Vulnerability<'a> {
    let mut vulnerability = Vulnerability::default();
    // Products with the same words share an entry.
    let mut flags: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    let mut threats: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut remediations: BTreeMap<(&'static str, String), BTreeSet<String>> = BTreeMap::new();
    // What is mended or never had it has no score any more.
    let mut scored = BTreeSet::new();
    for entry in entries {
        let Some(product) = names.get(&entry.package) else { continue };
        let status = &mut vulnerability.product_status;
        let outcome = outcome::of(entry.finding);
        if matches!(outcome, Outcome::Affected(..) | Outcome::UnderInvestigation) {
            scored.insert(product.clone());
        }
        match outcome {
            Outcome::Affected(action, prospect) => {
                status.known_affected.insert(product.clone());
                let category = match prospect {
                    Prospect::Update => "vendor_fix",
                    Prospect::Accepted => "no_fix_planned",
                    Prospect::Nothing => "none_available",
                };
                remediations.entry((category, action)).or_default().insert(product.clone());
            }
            Outcome::Patched | Outcome::Fixed => {
                status.fixed.insert(product.clone());
            }
            Outcome::NotAffected(label, words) => {
                status.known_not_affected.insert(product.clone());
                if let Some(label) = label {
                    flags.entry(label.name()).or_default().insert(product.clone());
                }
                threats.entry(words).or_default().insert(product.clone());
            }
            Outcome::UnderInvestigation => {
                status.under_investigation.insert(product.clone());
                let wait = "It is not known yet whether this is affected.".to_owned();
                remediations.entry(("none_available", wait)).or_default().insert(product.clone());
            }
        }
    }
    vulnerability.flags = flags.into_iter().map(|(label, product_ids)| Flag { label, product_ids }).collect();
    let threat = |(details, product_ids)| Threat {
        category: "impact",
        details,
        product_ids,
    };
    vulnerability.threats = threats.into_iter().map(threat).collect();
    let remediation = |((category, details), product_ids)| Remediation {
        category,
        details,
        product_ids,
    };
    vulnerability.remediations = remediations.into_iter().map(remediation).collect();
    if let Some(entry) = entries.first() {
        describe(&mut vulnerability, entry, scored);
    }
    vulnerability
}

/// What holds for the vulnerability wherever it is.
fn describe<'a>(vulnerability: &mut Vulnerability<'a>, entry: &'a Entry<'a>, products: BTreeSet<String>) {
    let finding = entry.finding;
    let mut others: Vec<&str> = finding.aliases.iter().map(String::as_str).filter(|a| !a.is_empty()).collect();
    if is_cve(&finding.id) {
        vulnerability.cve = Some(finding.id.as_str().into());
    } else {
        others.insert(0, &finding.id);
    }
    for text in others {
        let id = Id {
            system_name: words::authority(text),
            text: text.into(),
        };
        if !vulnerability.ids.contains(&id) {
            vulnerability.ids.push(id);
        }
    }
    let description = [
        finding.description.as_str(),
        finding.title.as_deref().unwrap_or_default(),
        &finding.id,
    ];
    let description = description.into_iter().find(|d| !d.trim().is_empty()).unwrap_or("no description");
    vulnerability.notes.push(note("description", Some("Description"), description));
    vulnerability.title = finding.title.as_deref().filter(|t| !t.is_empty()).map(Cow::Borrowed);
    vulnerability.references = words::page(&finding.id)
        .map(|url| Reference {
            category: "external",
            summary: finding.id.as_str().into(),
            url: url.into(),
        })
        .into_iter()
        .chain(finding.references.iter().filter(|url| words::is_address(url)).map(|url| Reference {
            category: "external",
            summary: url.as_str().into(),
            url: url.as_str().into(),
        }))
        .collect();
    if !products.is_empty() {
        vulnerability.scores = finding.leading().and_then(|s| score(s, products)).into_iter().collect();
    }
}

/// The format knows CVSS 2 and 3, with the score that the vector amounts to.
fn score(score: &Score, products: BTreeSet<String>) -> Option<csaf::Score<'_>> {
    let base_score = words::decimals(score.computed?, 1);
    let mut given = csaf::Score {
        cvss_v2: None,
        cvss_v3: None,
        products,
    };
    match score.version {
        CvssVersion::V2 => {
            given.cvss_v2 = Some(Cvss2 {
                version: "2.0",
                vector_string: score.vector.trim_matches(['(', ')']).into(),
                base_score,
            });
        }
        CvssVersion::V30 | CvssVersion::V31 => {
            given.cvss_v3 = Some(Cvss3 {
                version: score.version.name(),
                vector_string: score.vector.as_str().into(),
                base_score,
                base_severity: match score.severity().name() {
                    "critical" => "CRITICAL",
                    "high" => "HIGH",
                    "medium" => "MEDIUM",
                    "low" => "LOW",
                    _ => "NONE",
                },
            });
        }
        CvssVersion::V4 => return None,
    }
    Some(given)
}

fn is_cve(id: &str) -> bool {
    id.parse::<CveId>().is_ok_and(|cve| cve.to_string() == id)
}

fn note<'a>(category: &'static str, title: Option<&'static str>, text: impl Into<Cow<'a, str>>) -> Note<'a> {
    Note {
        category,
        title,
        text: text.into(),
    }
}
