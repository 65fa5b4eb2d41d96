//! Libraries that packages carry inside, judged by the name that their registry gives them.
//!
//! A package set tells of vendored libraries only where they come from: no attribute, no homepage, no patches. The registry's name is
//! enough to know one, and nothing else is taken for it: a record has to name the registry (OSV, `collectionURL`, `packageURL`), or be
//! a CPE name for that language.

use super::{Claim, Judged, Prepared, Record, Statement, join};
use crate::advisory::Affected;
use crate::matching::applicability::{Around, statement};
use crate::matching::key::Key;
use crate::matching::rules::Target;
use crate::matching::subject::Subject;
use crate::package::Ecosystem;
use crate::purl::Purl;
use crate::verdict::{Evidence, Match, Verdict};
use crate::version::Scheme;

/// A library of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// Its package URL without version, in canonical spelling: `pkg:npm/%40babel/core`.
    purl: String,
    type_: String,
    /// With its scope or path: `@babel/core`, `golang.org/x/net`.
    name: String,
    version: String,
}

impl Library {
    /// The library that a package URL with a version names, if it is of a registry whose libraries records are about.
    pub fn of(purl: &str) -> Option<Self> {
        let purl: Purl = purl.parse().ok()?;
        let version = purl.version.clone()?;
        (purl.type_ == GO || Ecosystem::from_purl_type(&purl.type_).is_some()).then_some(())?;
        let name = purl.namespace.iter().map(|n| format!("{n}/")).collect::<String>() + &purl.name;
        Some(Self {
            purl: canonical(&purl.type_, &name)?,
            type_: purl.type_,
            name,
            version,
        })
    }

    /// What records about it are found by.
    pub fn key(&self) -> Key {
        Key::Registry(self.purl.clone())
    }

    /// `@babel/core`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `7.0.0`.
    pub fn version(&self) -> &str {
        &self.version
    }

    fn scheme(&self) -> Scheme {
        match self.type_.as_str() {
            GO | "cargo" | "npm" => Scheme::Semver,
            "pypi" => Scheme::Python,
            "maven" => Scheme::Maven,
            _ => Scheme::Generic,
        }
    }

    /// The registry as a person calls it.
    fn registry(&self) -> &str {
        match self.type_.as_str() {
            GO => "Go",
            "cargo" => "crates.io",
            "npm" => "npm",
            other => match Ecosystem::from_purl_type(other) {
                Some(ecosystem) => ecosystem.title(),
                None => other,
            },
        }
    }
}

const GO: &str = "golang";

impl Prepared<'_> {
    /// What the records say of a library; `None` where none is about it. `number` is whatever the caller knows it by, and stands in
    /// [`Match::cluster`].
    pub fn library(&self, number: usize, library: &Library) -> Option<Match> {
        if self.settled.is_some() {
            return None;
        }
        let judged = Judged {
            version: &library.version,
            scheme: library.scheme(),
            is_esr: false,
            is_enterprise: false,
            is_usual: true,
            long_term: None,
            prefix: None,
        };
        let mut identity: Option<(f32, Evidence)> = None;
        let mut statements: Vec<Statement> = Vec::new();
        for (r, advisory) in self.records.iter().enumerate() {
            let record = Record {
                advisory,
                criteria: self.subjects.criteria.get(r).map_or(&[], Vec::as_slice),
                entries: self.subjects.entries.get(r).map_or(&[], Vec::as_slice),
            };
            let mut own: Vec<Statement> = Vec::new();
            for n in self.about(record, library) {
                let Some(subject) = self.subjects.list.get(n) else { continue };
                let found = evidence(subject, library);
                if identity.as_ref().is_none_or(|(known, _)| found.0 > *known) {
                    identity = Some(found);
                }
                let around = Around {
                    lines: None,
                    // A package carries one version of a library; what stands beside it in a registry is not known here.
                    majors: &[],
                    known_by: None,
                    clauses: &|| self.clauses(r),
                    other_products: &|_| false,
                };
                own.extend(statement(record, n, subject, judged, around));
            }
            statements.extend(strongest(own));
        }
        let (confidence, why) = identity?;
        let said = join(&statements).unwrap_or(Statement {
            rule: "no-version",
            detail: "no record says which versions are affected".to_owned(),
            ..Statement::NONE
        });
        Some(Match {
            cluster: number,
            verdict: match said.claim {
                Claim::Affected => Verdict::Affected,
                Claim::Fixed => Verdict::Fixed,
                Claim::NotAffected => Verdict::NotAffected,
                Claim::Unknown => Verdict::Unknown,
            },
            confidence: confidence * said.confidence,
            evidence: vec![
                why,
                Evidence {
                    rule: said.rule.to_owned(),
                    detail: said.detail,
                },
            ],
            fixed_in: said.fixed_in,
        })
    }

    /// The keys of all libraries that the records are about, each once.
    pub fn libraries(&self) -> impl Iterator<Item = Key> {
        let stated = self.records.iter().flat_map(|record| &record.affected).filter_map(stated);
        let targeted = self.subjects.list.iter().flat_map(targeted);
        let mut all: Vec<String> = stated.chain(targeted).collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter().map(Key::Registry)
    }

    /// The subjects of one record that are the library.
    fn about(&self, record: Record<'_>, library: &Library) -> Vec<usize> {
        let is_it = |purl: &String| *purl == library.purl;
        let mut found: Vec<usize> = record
            .advisory
            .affected
            .iter()
            .zip(record.entries)
            .filter(|(affected, _)| stated(affected).as_ref().is_some_and(is_it))
            .flat_map(|(_, subjects)| subjects.iter().copied())
            .collect();
        let named = record.criteria.iter().flatten().chain(record.entries.iter().flatten()).copied();
        found.extend(named.filter(|n| {
            self.subjects
                .list
                .get(*n)
                .is_some_and(|subject| targeted(subject).iter().any(is_it))
        }));
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// The strongest of what one record says.
fn strongest(own: Vec<Statement>) -> Option<Statement> {
    own.into_iter()
        .max_by(|a, b| a.claim.cmp(&b.claim).then(a.confidence.total_cmp(&b.confidence)))
}

fn evidence(subject: &Subject, library: &Library) -> (f32, Evidence) {
    let Library { name, .. } = library;
    let registry = library.registry();
    let (confidence, rule, detail) = if targeted(subject).contains(&library.purl) {
        let detail = format!("the record's CPE says {registry} for {}, which is {name} there", subject.written);
        (0.9, "registry-target", detail)
    } else {
        (0.97, "registry-package", format!("the record is about {name} of {registry}"))
    };
    let rule = rule.to_owned();
    (confidence, Evidence { rule, detail })
}

/// The library that an entry names together with its registry.
fn stated(affected: &Affected) -> Option<String> {
    if let Some(purl) = affected.package_url.as_deref().and_then(|text| text.parse::<Purl>().ok()) {
        let name = purl.namespace.iter().map(|n| format!("{n}/")).collect::<String>() + &purl.name;
        return canonical(&purl.type_, &name);
    }
    let name = affected.package_name.as_deref().or(affected.product.as_deref())?;
    if let Some(ecosystem) = affected.ecosystem.as_deref() {
        let ecosystem = ecosystem.split(':').next().unwrap_or(ecosystem);
        return match ecosystem {
            "Go" => canonical(GO, name),
            other => canonical(Ecosystem::from_osv(other)?.purl_type()?, name),
        };
    }
    let url = affected.collection_url.as_deref()?.to_ascii_lowercase();
    let host = url.split("://").nth(1).unwrap_or(&url).split('/').next()?;
    match host {
        "pkg.go.dev" | "proxy.golang.org" => {
            // Go names a package of a module, and the module as its vendor.
            let module = affected.vendor.as_deref().filter(|vendor| {
                let rest = name.strip_prefix(*vendor);
                vendor.contains('/') && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            });
            canonical(GO, module.unwrap_or(name))
        }
        other => canonical(Ecosystem::from_collection(other)?.purl_type()?, name),
    }
}

/// The libraries that a CPE name for a language may mean: by product, and by vendor as the scope.
fn targeted(subject: &Subject) -> Vec<String> {
    let type_ = match subject.target {
        Some(Target::Node) => "npm",
        Some(Target::Rust) => "cargo",
        Some(Target::Python) => "pypi",
        Some(Target::Ruby) => "gem",
        _ => return Vec::new(),
    };
    let Some((vendor, product)) = &subject.cpe else { return Vec::new() };
    let scoped = (type_ == "npm").then(|| format!("@{vendor}/{product}"));
    std::iter::once(product.clone())
        .chain(scoped)
        .filter_map(|name| canonical(type_, &name))
        .collect()
}

/// A package URL without version in the spelling that is the type's own; `None` for names that cannot be one.
fn canonical(type_: &str, name: &str) -> Option<String> {
    let name = if type_ == "maven" {
        name.replace(':', "/")
    } else {
        name.to_owned()
    };
    let (namespace, name) = match name.rsplit_once('/') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name.to_owned()),
        None => (None, name),
    };
    let purl = Purl {
        type_: type_.to_owned(),
        namespace,
        name,
        version: None,
        qualifiers: Default::default(),
        subpath: None,
    };
    Some(purl.to_string().parse::<Purl>().ok()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advisory::{Advisory, Configuration, CpeMatch, End, Event, EventRange, Node, Operator, RangeKind, Source};
    use crate::matching::{Profiles, Vulnerability};

    fn osv(ecosystem: &str, name: &str, fixed: &str) -> Advisory {
        Advisory {
            id: "GO-2022-0001".into(),
            source: Source::Osv,
            affected: vec![Affected {
                ecosystem: Some(ecosystem.into()),
                package_name: Some(name.into()),
                ranges: vec![EventRange {
                    kind: RangeKind::Semver,
                    events: vec![Event::Introduced("0".into()), Event::Fixed(fixed.into())],
                }],
                ..Affected::default()
            }],
            ..Advisory::default()
        }
    }

    fn verdict(advisory: &Advisory, purl: &str) -> Option<(Verdict, String, Option<String>)> {
        let prepared = Prepared::new(Vulnerability {
            id: "CVE-2022-1",
            advisories: std::slice::from_ref(advisory),
        });
        let library = Library::of(purl).unwrap();
        let found = prepared.library(7, &library)?;
        // What is found can be found: the record is filed under the library's key.
        assert!(prepared.keys(&Profiles::default()).contains(&library.key()), "{purl}");
        assert_eq!(found.cluster, 7);
        Some((found.verdict, found.evidence[0].rule.clone(), found.fixed_in))
    }

    #[test]
    fn records_of_registries_are_judged_by_their_versions() {
        let yaml = osv("Go", "gopkg.in/yaml.v2", "2.2.4");
        let affected = |fixed: &str| Some((Verdict::Affected, "registry-package".to_owned(), Some(fixed.to_owned())));
        assert_eq!(verdict(&yaml, "pkg:golang/gopkg.in/yaml.v2@v2.2.3"), affected("2.2.4"));
        assert_eq!(
            verdict(&yaml, "pkg:golang/gopkg.in/yaml.v2@v2.2.4").map(|v| v.0),
            Some(Verdict::Fixed)
        );
        assert_eq!(verdict(&yaml, "pkg:golang/gopkg.in/yaml.v3@v2.2.3"), None);
        assert_eq!(verdict(&yaml, "pkg:npm/yaml.v2@2.2.3"), None);
        let time = osv("crates.io", "time", "0.2.23");
        assert_eq!(verdict(&time, "pkg:cargo/time@0.1.43"), affected("0.2.23"));
        // Before a release comes its candidate.
        assert_eq!(verdict(&time, "pkg:cargo/time@0.2.23-rc.1"), affected("0.2.23"));
        let core = osv("npm", "@babel/core", "7.1.0");
        assert_eq!(verdict(&core, "pkg:npm/%40babel/core@7.0.0"), affected("7.1.0"));
        assert_eq!(verdict(&core, "pkg:npm/core@7.0.0"), None, "another package");
    }

    #[test]
    fn gos_own_records_name_packages_of_modules() {
        let mut advisory = osv("", "golang.org/x/net/html", "0.13.0");
        advisory.source = Source::Cve;
        let affected = &mut advisory.affected[0];
        affected.ecosystem = None;
        affected.vendor = Some("golang.org/x/net".into());
        affected.collection_url = Some("https://pkg.go.dev".into());
        assert_eq!(
            verdict(&advisory, "pkg:golang/golang.org/x/net@v0.12.0").map(|v| v.0),
            Some(Verdict::Affected)
        );
        assert_eq!(verdict(&advisory, "pkg:golang/golang.org/x@v0.12.0"), None);
    }

    #[test]
    fn a_cpe_name_for_a_language_names_its_library() {
        let matched = |cpe: &str| CpeMatch {
            vulnerable: true,
            cpe: cpe.parse().unwrap(),
            start: None,
            end: Some(End {
                version: "4.17.21".into(),
                inclusive: false,
            }),
        };
        let advisory = |cpe: &str| Advisory {
            source: Source::Nvd,
            configurations: vec![Configuration {
                operator: Operator::Or,
                negate: false,
                nodes: vec![Node {
                    operator: Operator::Or,
                    negate: false,
                    matches: vec![matched(cpe)],
                }],
            }],
            ..Advisory::default()
        };
        let lodash = advisory("cpe:2.3:a:lodash:lodash:*:*:*:*:*:node.js:*:*");
        let found = Some((Verdict::Affected, "registry-target".to_owned(), Some("4.17.21".to_owned())));
        assert_eq!(verdict(&lodash, "pkg:npm/lodash@4.17.19"), found);
        assert_eq!(verdict(&lodash, "pkg:npm/lodash@4.17.21").map(|v| v.0), Some(Verdict::Fixed));
        assert_eq!(verdict(&lodash, "pkg:cargo/lodash@4.17.19"), None);
        let scoped = advisory("cpe:2.3:a:babel:traverse:*:*:*:*:*:node.js:*:*");
        assert_eq!(verdict(&scoped, "pkg:npm/%40babel/traverse@4.0.0"), found);
        // Without a language it may be anything of that name.
        let plain = advisory("cpe:2.3:a:lodash:lodash:*:*:*:*:*:*:*:*");
        assert_eq!(verdict(&plain, "pkg:npm/lodash@4.17.19"), None);
    }

    #[test]
    fn libraries_are_told_by_package_urls_of_registries() {
        let library = Library::of("pkg:npm/%40babel/core@7.0.0").unwrap();
        assert_eq!((library.name(), library.version()), ("@babel/core", "7.0.0"));
        for other in ["pkg:nix/curl@1", "pkg:cargo/serde", "x", "pkg:deb/debian/curl@1"] {
            assert_eq!(Library::of(other), None, "{other}");
        }
    }
}
