//! What a vulnerability's records name: the products that may be packages, each once.

use std::collections::HashMap;

use super::coordinate::{Coordinate, coordinates};
use super::name::{fold, fold_vendor};
use super::rules::{RULES, Target};
use crate::advisory::{Advisory, Affected};
use crate::cpe::{Cpe, Part};
use crate::package::Ecosystem;
use crate::purl::Purl;

/// Records with more products than this (a list of everything that ever bundled a library) are cut: bounded work for any record.
const MAX_SUBJECTS: usize = 256;

/// One product that records name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Subject {
    /// As written, for evidence.
    pub written: String,
    /// Folded vendor; empty where none is named.
    pub vendor: String,
    /// Vendor as written.
    pub vendor_written: Option<String>,
    /// Folded product.
    pub product: String,
    /// Product as written.
    pub product_written: String,
    /// What CPE target software or platforms say.
    pub target: Option<Target>,
    /// The language ecosystem and the name in it, where the record states them.
    pub language: Option<(Ecosystem, String)>,
    /// Package URLs that the record states.
    pub purls: Vec<String>,
    /// Repositories that the record states for this product (not mere references).
    pub repositories: Vec<Coordinate>,
    /// Named by CPE.
    pub cpe: Option<(String, String)>,
    /// Hardware or firmware.
    pub hardware: bool,
    /// A package of a distribution: what the record says of its versions is about that distribution's builds.
    pub rebuilt: bool,
}

/// All subjects of a vulnerability, and which part of which record is about which: names are folded and compared once.
#[derive(Debug, Default)]
pub(super) struct Subjects {
    pub list: Vec<Subject>,
    /// By advisory: for each vulnerable CPE criterion, in record order, its subject.
    pub criteria: Vec<Vec<Option<usize>>>,
    /// By advisory: for each `affected` entry its subjects (its own names, then its CPE names').
    pub entries: Vec<Vec<Vec<usize>>>,
}

impl Subjects {
    pub fn of(advisories: &[&Advisory]) -> Self {
        let mut all = Self::default();
        // Long lists repeat one product with many versions.
        let mut seen: HashMap<(&str, &str, Option<Target>), Option<usize>> = HashMap::new();
        for advisory in advisories {
            let mut criteria = Vec::new();
            for matched in advisory.configurations.iter().flat_map(|c| &c.nodes).flat_map(|n| &n.matches) {
                let subject = match (matched.vulnerable, matched.cpe.vendor.as_deref(), matched.cpe.product.as_deref()) {
                    (true, Some(vendor), Some(product)) => *seen
                        .entry((vendor, product, target_of(&matched.cpe)))
                        .or_insert_with(|| from_cpe(&matched.cpe).and_then(|s| push(&mut all.list, s))),
                    _ => None,
                };
                criteria.push(subject);
            }
            all.criteria.push(criteria);
            let mut entries = Vec::new();
            let told = advisory.references.iter().find_map(|r| language_told_by(&r.url));
            for affected in &advisory.affected {
                if is_build_of_distribution(affected) {
                    entries.push(Vec::new());
                    continue;
                }
                let subject = from_affected(affected).map(|subject| in_language(subject, told));
                let mut about: Vec<usize> = subject.and_then(|s| push(&mut all.list, s)).into_iter().collect();
                about.extend(affected.cpes.iter().filter_map(from_cpe).filter_map(|s| push(&mut all.list, s)));
                about.dedup();
                entries.push(about);
            }
            all.entries.push(entries);
        }
        if all.list.is_empty() {
            // Red Hat assigns ids to faults of anybody's software and may name nothing but its own packages.
            for affected in advisories.iter().flat_map(|a| &a.affected) {
                if let Some(name) = affected.package_name.as_deref().and_then(packaged_name) {
                    push(&mut all.list, rebuilt(name));
                }
            }
        }
        all
    }
}

/// The name of a distribution's package (`nodejs:18/nodejs` is `nodejs` of a module); `None` for images of containers.
fn packaged_name(name: &str) -> Option<&str> {
    let last = name.rsplit_once('/').map_or(name, |(_, last)| last);
    (!name.contains('/') || name.contains(':'))
        .then_some(last)
        .filter(|n| !n.is_empty())
}

fn rebuilt(name: &str) -> Subject {
    Subject {
        written: name.to_string(),
        product: fold(name),
        product_written: name.to_string(),
        rebuilt: true,
        ..Subject::default()
    }
}

/// Adds a subject or joins it with one that is the same; its place, unless there are too many.
fn push(found: &mut Vec<Subject>, new: Subject) -> Option<usize> {
    let same = |s: &Subject| {
        (!new.product.is_empty() || s.repositories == new.repositories && s.purls == new.purls)
            && s.product == new.product
            && s.vendor == new.vendor
            && s.target == new.target
            && (s.language == new.language || new.language.is_none())
    };
    if let Some(at) = found.iter().position(same) {
        let known = found.get_mut(at)?;
        known.repositories.extend(
            new.repositories
                .into_iter()
                .filter(|r| !known.repositories.contains(r))
                .collect::<Vec<_>>(),
        );
        known
            .purls
            .extend(new.purls.into_iter().filter(|p| !known.purls.contains(p)).collect::<Vec<_>>());
        known.cpe = known.cpe.take().or(new.cpe);
        known.hardware &= new.hardware;
        return Some(at);
    }
    (found.len() < MAX_SUBJECTS).then(|| {
        found.push(new);
        found.len() - 1
    })
}

fn from_cpe(cpe: &Cpe) -> Option<Subject> {
    let (vendor, product) = (cpe.vendor.as_deref()?, cpe.product.as_deref()?);
    Some(Subject {
        written: format!("{vendor}:{product}"),
        vendor: fold_vendor(vendor),
        vendor_written: Some(vendor.to_string()),
        product: fold(product),
        product_written: product.to_string(),
        target: target_of(cpe),
        cpe: Some((vendor.to_string(), product.to_string())),
        hardware: cpe.part == Part::Hardware || (cpe.part == Part::OperatingSystem && product.ends_with("firmware")),
        ..Subject::default()
    })
}

/// What a CPE name's target software says.
pub(super) fn target_of(cpe: &Cpe) -> Option<Target> {
    cpe.target_sw.as_deref().and_then(|t| RULES.target(t))
}

fn from_affected(affected: &Affected) -> Option<Subject> {
    let (vendor, product) = names_of(affected);
    let purl = affected.package_url.as_deref().and_then(|p| p.parse::<Purl>().ok());
    let mut repositories: Vec<Coordinate> = affected.repo.iter().flat_map(|r| coordinates(r)).collect();
    if product.is_empty() && purl.is_none() && repositories.is_empty() {
        return None;
    }
    let mut language = language_of(affected, &product);
    if let Some(purl) = &purl {
        let path = purl.namespace.iter().map(|n| format!("{n}/")).collect::<String>() + &purl.name;
        match purl.type_.as_str() {
            "github" | "bitbucket" | "gitlab" => repositories.push(format!("repo:{}", path.to_lowercase())),
            "golang" => repositories.extend(coordinates(&format!("https://{path}"))),
            other => language = language.or_else(|| Ecosystem::from_purl_type(other).map(|e| (e, path))),
        }
    }
    if affected.ecosystem.as_deref().is_some_and(|e| e.starts_with("Go"))
        || affected.collection_url.as_deref().is_some_and(|u| u.contains("pkg.go.dev"))
    {
        // A Go module's path is its repository.
        repositories.extend(affected.package_name.iter().flat_map(|n| coordinates(&format!("https://{n}"))));
    }
    repositories.retain(|r| r.starts_with("repo:"));
    Some(Subject {
        written: match &vendor {
            Some(vendor) => format!("{vendor}:{product}"),
            None if product.is_empty() => repositories.first().cloned().unwrap_or_default(),
            None => product.clone(),
        },
        vendor: vendor.as_deref().map(fold_vendor).unwrap_or_default(),
        product: fold(&product),
        target: RULES.only_other_platforms(affected).then_some(Target::Platform),
        language,
        purls: affected.package_url.iter().cloned().collect(),
        repositories,
        vendor_written: vendor,
        product_written: product,
        cpe: None,
        hardware: false,
        rebuilt: false,
    })
}

/// Whether an entry speaks of a distribution's own build: neither its name nor its state tells anything about Nixpkgs.
fn is_build_of_distribution(affected: &Affected) -> bool {
    const CATALOGUES: &[&str] = &["//access.redhat.com/", "//catalog.redhat.com/"];
    let url = affected.collection_url.as_deref().unwrap_or_default();
    CATALOGUES.iter().any(|c| url.contains(c))
}

/// Vendor and product of an `affected` entry; the package's name where no product is given.
fn names_of(affected: &Affected) -> (Option<String>, String) {
    let product = affected.product.as_deref().or(affected.package_name.as_deref()).unwrap_or("");
    (affected.vendor.clone(), product.to_string())
}

/// The language that a reference to Snyk's database tells: its ids name the registry (`SNYK-JS-LODASH-1`).
fn language_told_by(url: &str) -> Option<Ecosystem> {
    const REGISTRIES: &[(&str, Ecosystem)] = &[
        ("JS", Ecosystem::Node),
        ("PYTHON", Ecosystem::Python),
        ("RUBY", Ecosystem::Ruby),
        ("PHP", Ecosystem::Php),
        ("DOTNET", Ecosystem::Dotnet),
        ("JAVA", Ecosystem::Java),
    ];
    let id = url.split_once("SNYK-")?.1;
    let registry = id.split('-').next()?;
    REGISTRIES
        .iter()
        .find(|(name, _)| *name == registry)
        .map(|(_, ecosystem)| *ecosystem)
}

/// A product that names no vendor and no registry, where the record tells the language.
fn in_language(subject: Subject, told: Option<Ecosystem>) -> Subject {
    let is_bare = subject.vendor.is_empty() && subject.language.is_none() && subject.purls.is_empty() && !subject.product.is_empty();
    let language = told
        .filter(|_| is_bare)
        .map(|ecosystem| (ecosystem, subject.product_written.clone()));
    Subject {
        language: language.or(subject.language),
        ..subject
    }
}

/// The language ecosystem of a CVE 5 collection or an OSV package.
fn language_of(affected: &Affected, product: &str) -> Option<(Ecosystem, String)> {
    let name = affected.package_name.as_deref().unwrap_or(product).to_string();
    if let Some(ecosystem) = affected.ecosystem.as_deref() {
        return Ecosystem::from_osv(ecosystem.split(':').next().unwrap_or(ecosystem)).map(|e| (e, name));
    }
    let url = affected.collection_url.as_deref()?.to_ascii_lowercase();
    let host = url.split("://").nth(1).unwrap_or(&url).split('/').next()?;
    Ecosystem::from_collection(host.strip_prefix("www.").unwrap_or(host)).map(|e| (e, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpe_names_a_subject_with_its_target() {
        let subject = from_cpe(&"cpe:2.3:a:jenkins:git:*:*:*:*:*:jenkins:*:*".parse().unwrap()).unwrap();
        assert_eq!(
            (subject.vendor.as_str(), subject.product.as_str(), subject.target),
            ("jenkins", "git", Some(Target::Extension))
        );
    }

    #[test]
    fn a_distributions_package_is_a_subject_where_nothing_else_is_named() {
        let build = |name: &str| Affected {
            vendor: Some("Red Hat".into()),
            product: Some("Red Hat Enterprise Linux 8".into()),
            package_name: Some(name.into()),
            collection_url: Some("https://access.redhat.com/downloads/content/package-browser/".into()),
            ..Affected::default()
        };
        let named = |affected: Vec<Affected>| {
            let advisory = Advisory {
                affected,
                ..Advisory::default()
            };
            let subjects = Subjects::of(&[&advisory]).list;
            subjects.into_iter().map(|s| (s.product, s.rebuilt)).collect::<Vec<_>>()
        };
        let builds = vec![build("nano"), build("nano"), build("nodejs:18/nodejs"), build("openshift4/ose-cli")];
        assert_eq!(named(builds), [("nano".into(), true), ("nodejs".into(), true)]);
        let upstream = Affected {
            vendor: Some("gnu".into()),
            product: Some("nano".into()),
            ..Affected::default()
        };
        assert_eq!(named(vec![build("nano"), upstream]), [("nano".into(), false)]);
    }

    #[test]
    fn snyks_ids_tell_the_language_of_a_bare_product() {
        let advisory = |url: &str, vendor: Option<&str>| Advisory {
            affected: vec![Affected {
                vendor: vendor.map(str::to_string),
                product: Some("chromedriver".into()),
                ..Affected::default()
            }],
            references: vec![crate::advisory::Reference {
                url: url.into(),
                tags: Vec::new(),
            }],
            ..Advisory::default()
        };
        let language = |url, vendor| {
            let advisory = advisory(url, vendor);
            Subjects::of(&[&advisory]).list.first().and_then(|s| s.language.clone())
        };
        let npm = "https://security.snyk.io/vuln/SNYK-JS-CHROMEDRIVER-6049539";
        assert_eq!(language(npm, None), Some((Ecosystem::Node, "chromedriver".into())));
        assert_eq!(language(npm, Some("google")), None, "a vendor is more than a reference");
        assert_eq!(language("https://security.snyk.io/vuln/SNYK-UNMANAGED-CURL-1", None), None);
        assert_eq!(language("https://example.org/", None), None);
    }

    #[test]
    fn a_go_module_is_its_repository() {
        let affected = Affected {
            ecosystem: Some("Go".into()),
            package_name: Some("github.com/hashicorp/consul".into()),
            ..Affected::default()
        };
        assert_eq!(from_affected(&affected).unwrap().repositories, ["repo:hashicorp/consul"]);
    }
}
