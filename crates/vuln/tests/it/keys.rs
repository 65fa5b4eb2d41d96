//! What a snapshot's index finds is all that matters: random worlds, judged through the keys and as a whole.

use std::collections::{BTreeSet, HashMap, HashSet};

use proptest::prelude::*;
use serde_json::json;
use vuln::advisory::Advisory;
use vuln::matching::{Cluster, Facts, FactsBuilder, Key, PackageIndex, Prepared, Profiles, ProfilesBuilder, Vulnerability};
use vuln::package::Package;
use vuln::record::{cve, nvd, osv};
use vuln::verdict::{Match, Outcome};

/// Names that share words, vendors, prefixes and endings, so that every rule of names has something to say.
const NAMES: &[&str] = &[
    "curl",
    "libcurl",
    "samba",
    "sam-ba",
    "openssl",
    "openssl_3",
    "django",
    "git",
    "git-minimal",
    "libgit2",
    "libgit2-glib",
    "firefox",
    "firefox-esr",
    "firefox-unwrapped",
    "linux",
    "go",
    "mysql",
    "mysql80",
    "unzip",
    "expat",
    "libexpat",
    "node",
    "vlc",
    "tomcat",
    "requests",
    "jenkins",
    "http_server",
    "apache-httpd",
    "python3.8-django",
    "ruby2.7-rack",
    "perl5.30-DBI",
];
const VENDORS: &[&str] = &[
    "haxx",
    "samba",
    "openssl",
    "apache",
    "mozilla",
    "djangoproject",
    "git",
    "libexpat_project",
    "oracle",
    "n/a",
    "google",
];
const TARGETS: &[&str] = &["*", "*", "*", "python", "node.js", "windows", "wordpress", "jenkins"];
const SETS: &[&str] = &["", "", "", "python38Packages.", "perlPackages.", "rubyPackages.", "xorg."];
const OWNERS: &[&str] = &["curl", "openssl", "django", "git", "NixOS"];

fn one(from: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(from)
}

fn record(number: usize) -> impl Strategy<Value = (String, Advisory)> {
    let id = format!("CVE-2024-{:04}", 1000 + number);
    (one(NAMES), one(VENDORS), one(TARGETS), one(OWNERS), 0..6u8, "[1-9]\\.[0-9]", one(NAMES)).prop_map(
        move |(product, vendor, target, owner, shape, version, other)| {
            let cpe = |product: &str| format!("cpe:2.3:a:{}:{}:*:*:*:*:*:{target}:*:*", vendor.replace('/', ""), product.replace('-', "_"));
            let advisory = match shape {
                0..3 => {
                    let criterion = |cpe: String| {
                        json!({"operator": "OR", "negate": false, "cpeMatch": [{"vulnerable": true, "criteria": cpe,
                               "versionEndExcluding": version, "matchCriteriaId": "00000000-0000-0000-0000-000000000000"}]})
                    };
                    let mut nodes = vec![criterion(cpe(product))];
                    if shape == 2 {
                        nodes.push(criterion(cpe(other)));
                    }
                    let entry = json!({"cve": {"id": id, "published": "2024-05-01T00:00:00Z", "vulnStatus": "Analyzed",
                        "descriptions": [{"lang": "en", "value": format!("A fault in {product} and {other}.")}],
                        "references": [{"url": format!("https://github.com/{owner}/{product}/issues/1")}],
                        "configurations": [{"operator": if shape == 2 { "AND" } else { "OR" }, "nodes": nodes}]}});
                    nvd::parse_entry(entry.to_string().as_bytes()).unwrap().0
                }
                3 => {
                    let entry = json!({"id": "GO-2024-0001", "aliases": [id], "published": "2024-05-01T00:00:00Z", "modified": "2024-05-01T00:00:00Z",
                        "details": "A fault.", "affected": [{"package": {"ecosystem": "PyPI", "name": product},
                        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": version}]}]}]});
                    osv::parse(entry.to_string().as_bytes()).unwrap().0
                }
                _ => {
                    let affected = if shape == 4 {
                        json!([{"vendor": vendor, "product": product, "repo": format!("https://github.com/{owner}/{product}"),
                                "versions": [{"version": "0", "lessThan": version, "status": "affected", "versionType": "custom"}]}])
                    } else {
                        // The description alone names it.
                        json!([{"vendor": "n/a", "product": "n/a", "versions": [{"version": "n/a", "status": "affected"}]}])
                    };
                    let entry = json!({"dataType": "CVE_RECORD", "dataVersion": "5.1",
                        "cveMetadata": {"cveId": id, "state": "PUBLISHED", "datePublished": "2024-05-01T00:00:00Z"},
                        "containers": {"cna": {"providerMetadata": {"shortName": "cna"}, "affected": affected,
                            "descriptions": [{"lang": "en", "value": format!("A fault in {product} before {version} of {other}.")}]}}});
                    cve::parse(entry.to_string().as_bytes()).unwrap().0
                }
            };
            (id.clone(), advisory)
        },
    )
}

fn package(number: usize) -> impl Strategy<Value = Package> {
    (
        one(SETS),
        one(NAMES),
        one(OWNERS),
        one(VENDORS),
        "[1-9]\\.[0-9]",
        0..16u8,
        1000..1012u32,
    )
        .prop_map(move |(set, name, owner, vendor, version, facts, patched)| {
            let has = |bit: u8| facts & bit != 0;
            Package {
                attr: format!("{set}{}_{number}", name.replace(['.', '-'], "_")),
                pname: name.to_owned(),
                version,
                description: has(1).then(|| format!("A program like {name} of {owner}")),
                homepages: has(1).then(|| format!("https://{owner}.org/{name}")).into_iter().collect(),
                source_urls: has(2)
                    .then(|| format!("https://github.com/{owner}/{name}/archive/1.tar.gz"))
                    .into_iter()
                    .collect(),
                cpes: has(4)
                    .then(|| format!("cpe:2.3:a:{}:{}:*:*:*:*:*:*:*:*", vendor.replace('/', ""), name.replace('-', "_")))
                    .into_iter()
                    .collect(),
                patches: has(8).then(|| format!("CVE-2024-{patched}.patch")).into_iter().collect(),
                ..Package::default()
            }
        })
}

/// Records, what they teach, packages, and what those teach.
struct World {
    records: Vec<(String, Advisory)>,
    profiles: Profiles,
    packages: Vec<Package>,
    facts: Facts,
}

fn world() -> impl Strategy<Value = World> {
    let records: Vec<_> = (0..12).map(record).collect();
    let packages = (1..30usize).prop_flat_map(|count| (0..count).map(package).collect::<Vec<_>>());
    (records, packages).prop_map(|(records, packages)| {
        let mut profiles = ProfilesBuilder::default();
        records.iter().for_each(|(_, advisory)| profiles.add(advisory));
        let mut facts = FactsBuilder::default();
        packages.iter().for_each(|package| facts.add(package));
        World {
            records,
            profiles: profiles.finish(),
            packages,
            facts: facts.finish(),
        }
    })
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("records", &self.records)
            .field("packages", &self.packages)
            .finish()
    }
}

fn outcome((id, advisory): &(String, Advisory), index: &PackageIndex, profiles: &Profiles) -> Outcome {
    let advisories = std::slice::from_ref(advisory);
    Prepared::new(Vulnerability { id, advisories }).candidates(index, profiles)
}

fn keys((id, advisory): &(String, Advisory), profiles: &Profiles) -> HashSet<Key> {
    let advisories = std::slice::from_ref(advisory);
    Prepared::new(Vulnerability { id, advisories }).keys(profiles)
}

/// Matches by the name of their cluster: places differ between package sets.
fn named(outcome: &Outcome, index: &PackageIndex) -> HashMap<String, Match> {
    let name = |m: &Match| index.clusters()[m.cluster].name.clone();
    outcome
        .matches
        .iter()
        .map(|m| (name(m), Match { cluster: 0, ..m.clone() }))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// A record none of whose keys a package is filed under says nothing about any package.
    #[test]
    fn records_without_a_common_key_say_nothing(world in world()) {
        let index = PackageIndex::new(world.packages.clone(), &world.facts);
        let filed: HashSet<Key> = index.filed().map(|(key, _)| key).collect();
        for record in &world.records {
            let outcome = outcome(record, &index, &world.profiles);
            if keys(record, &world.profiles).is_disjoint(&filed) {
                prop_assert!(outcome.matches.is_empty() && outcome.near_misses.is_empty(), "{outcome:?}");
            }
        }
    }

    /// A few packages of a set are judged as in the whole set, among those alone that the records which may be about them ask for, and
    /// with only the profiles and facts that those need.
    #[test]
    fn a_part_of_a_set_is_judged_as_in_the_whole(world in world(), which in prop::collection::vec(any::<bool>(), 30)) {
        let whole = PackageIndex::new(world.packages.clone(), &world.facts);
        let clusters = whole.clusters();
        let scanned: Vec<Cluster> = clusters.iter().zip(&which).filter(|(_, w)| **w).map(|(c, _)| c.clone()).collect();
        let names: HashSet<String> = scanned.iter().map(|c| c.name.clone()).collect();
        let filed: HashSet<Key> = PackageIndex::of_clusters(scanned, 0, &world.facts).filed().map(|(key, _)| key).collect();
        let (near, far): (Vec<_>, Vec<_>) = world.records.iter().partition(|r| !keys(r, &world.profiles).is_disjoint(&filed));
        for record in far {
            let outcome = outcome(record, &whole, &world.profiles);
            prop_assert!(named(&outcome, &whole).keys().all(|name| !names.contains(name)));
        }
        let asked: HashSet<Key> = near.iter().flat_map(|r| keys(r, &world.profiles)).collect();
        let mut wanted: BTreeSet<usize> = whole.filed().filter(|(key, _)| asked.contains(key)).flat_map(|(_, of)| of).map(|n| n as usize).collect();
        wanted.extend(clusters.iter().enumerate().filter(|(_, c)| names.contains(&c.name)).map(|(n, _)| n));
        let part: Vec<Cluster> = wanted.iter().map(|n| clusters[*n].clone()).collect();
        let products: HashSet<String> = near
            .iter()
            .flat_map(|(id, advisory)| {
                let prepared = Prepared::new(Vulnerability { id, advisories: std::slice::from_ref(advisory) });
                prepared.products().map(str::to_owned).collect::<Vec<_>>()
            })
            .collect();
        let profiles = Profiles::of_products(world.profiles.clone().into_products().filter(|(product, _)| products.contains(product)));
        let known: HashSet<String> = part.iter().map(|c| Facts::key(&c.package)).collect();
        let facts = Facts::of_parts(world.facts.clone().into_parts().filter(|(key, _)| known.contains(key)));
        let part = PackageIndex::of_clusters(part, 0, &facts);
        for record in near {
            let (in_whole, in_part) = (outcome(record, &whole, &world.profiles), outcome(record, &part, &profiles));
            let of_scanned = |found: HashMap<String, Match>| -> HashMap<String, Match> {
                found.into_iter().filter(|(name, _)| names.contains(name)).collect()
            };
            prop_assert_eq!(of_scanned(named(&in_whole, &whole)), of_scanned(named(&in_part, &part)));
        }
    }
}
