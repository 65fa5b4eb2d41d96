use attest::signature::SecretKey;
use serde_json::json;
use vuln::advisory::Advisory;
use vuln::package::Package;
use vuln::record::nvd;
use vuln::snapshot::Opened;
use vuln::verdict::Verdict;

use super::*;
use crate::inventory::{Part, Scanned, Seen};
use crate::made::World;

const NOW: i64 = 1_800_000_000;

fn package(attr: &str, version: &str, hash: char) -> Package {
    Package {
        attr: attr.into(),
        pname: attr.into(),
        version: version.into(),
        homepages: vec![format!("https://{attr}.haxx.se/")],
        description: Some(format!("A program called {attr}")),
        source_names: vec![format!("{attr}-{version}.tar.gz")],
        outputs: vec![("out".into(), path(hash, attr, version))],
        ..Package::default()
    }
}

fn path(hash: char, name: &str, version: &str) -> String {
    format!("/nix/store/{}-{name}-{version}", hash.to_string().repeat(32))
}

/// A record about a product of haxx before a version.
fn record(id: &str, product: &str, before: &str) -> Advisory {
    let entry = json!({"cve": {
        "id": id, "published": "2024-05-01T00:00:00Z", "vulnStatus": "Analyzed",
        "descriptions": [{"lang": "en", "value": "A fault."}],
        "references": [{"url": format!("https://{product}.haxx.se/advisory.html")}],
        "metrics": {"cvssMetricV31": [{"source": "nvd@nist.gov", "type": "Primary", "cvssData":
            {"version": "3.1", "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "baseScore": 9.8}}]},
        "configurations": [{"nodes": [{"operator": "OR", "negate": false, "cpeMatch": [{
            "vulnerable": true, "criteria": format!("cpe:2.3:a:haxx:{product}:*:*:*:*:*:*:*:*"), "versionEndExcluding": before,
            "matchCriteriaId": "00000000-0000-0000-0000-000000000000"}]}]}],
    }});
    nvd::parse_entry(entry.to_string().as_bytes()).unwrap().0
}

/// An old channel with a patched curl, and a new one where all is fixed.
fn world() -> World {
    let patched = Package {
        patches: vec!["CVE-2024-0002.patch".into()],
        ..package("curl", "7.1", 'a')
    };
    World {
        channels: vec![
            ("nixos-old", vec![patched, package("wget", "1.0", 'b')]),
            ("nixos-unstable", vec![package("curl", "8.0", 'c'), package("wget", "2.0", 'd')]),
        ],
        records: vec![
            record("CVE-2024-0001", "curl", "7.5"),
            record("CVE-2024-0002", "curl", "7.5"),
            record("CVE-2024-0003", "curl", "7.0"),
            record("CVE-2024-0004", "wget", "1.5"),
            record("CVE-2024-0005", "else", "9.0"),
        ],
        quiet: &[],
        serial: 1,
        created: NOW,
    }
}

/// Packages of which only a store path is known.
fn seen_outside(paths: &[(char, &str, &str)]) -> Inventory {
    let mut inventory = Inventory::default();
    for (n, (hash, name, version)) in (0u32..).zip(paths) {
        inventory.parts.push(Part {
            name: path(*hash, name, version),
            package: Some(n),
            ..Part::default()
        });
        inventory.packages.push(Scanned {
            package: Package {
                pname: (*name).into(),
                version: (*version).into(),
                ..Package::default()
            },
            ..Scanned::default()
        });
    }
    inventory
}

fn report(inventory: Inventory, depth: Depth) -> Report {
    let (key, _) = SecretKey::generate().unwrap();
    let bytes = world().snapshot(&key);
    let snapshot = Opened::read(bytes.as_slice()).unwrap().trusted().unwrap();
    judge_to(depth, inventory, &snapshot, NOW).unwrap()
}

fn verdicts(report: &Report) -> Vec<(String, String, Verdict)> {
    let mut all: Vec<_> = report
        .findings
        .iter()
        .map(|f| {
            let package = &report.inventory.packages[f.package as usize].package;
            (f.id.clone(), format!("{} {}", package.pname, package.version), f.verdict)
        })
        .collect();
    all.sort();
    all
}

#[test]
fn a_channels_own_path_shows_what_the_channel_knows() {
    let report = report(seen_outside(&[('a', "curl", "7.1")]), Depth::All);
    let curl = &report.inventory.packages[0];
    assert_eq!((curl.seen, curl.package.attr.as_str()), (Seen::Channel, "curl"));
    assert_eq!(curl.package.patches, ["CVE-2024-0002.patch"]);
    assert_eq!(curl.package.description.as_deref(), Some("A program called curl"));
    let of = |id: &str, verdict| (id.to_owned(), "curl 7.1".to_owned(), verdict);
    assert_eq!(
        verdicts(&report),
        [
            of("CVE-2024-0001", Verdict::Affected),
            of("CVE-2024-0002", Verdict::Patched),
            of("CVE-2024-0003", Verdict::Fixed)
        ]
    );
    let worst = &report.findings[0];
    assert_eq!(worst.id, "CVE-2024-0001");
    assert_eq!(worst.fixed_in.as_deref(), Some("7.5"));
    assert_eq!(worst.fixed_channels, [("nixos-unstable".to_owned(), "8.0".to_owned())]);
    assert_eq!(worst.leading_score, Some(0));
    assert_eq!(
        (worst.epss, worst.exploited_since.as_deref()),
        (Some((0.25, 0.5)), Some("2024-05-03"))
    );
    assert!(
        !worst.evidence.iter().any(|e| e.rule == "patches-not-visible"),
        "{:?}",
        worst.evidence
    );
    assert_eq!(report.knowledge.channels, ["nixos-old", "nixos-unstable"]);
}

/// The answer about packages where the one record is about 32-bit processors, and all packages of channels are built for a system.
fn limited_to_processors(system: &str, shows_patches: bool, inventory: Inventory) -> Report {
    let mut limited = record("CVE-2024-0006", "curl", "7.5");
    limited.description = "An integer overflow on 32-bit platforms.".into();
    let mut world = World {
        records: vec![limited],
        ..world()
    };
    for package in world.channels.iter_mut().flat_map(|(_, packages)| packages) {
        package.system = system.into();
        if !shows_patches {
            package.source_names.clear();
        }
    }
    let (key, _) = SecretKey::generate().unwrap();
    let bytes = world.snapshot(&key);
    let snapshot = Opened::read(bytes.as_slice()).unwrap().trusted().unwrap();
    judge_to(Depth::All, inventory, &snapshot, NOW).unwrap()
}

#[test]
fn a_channels_own_package_is_for_the_processor_that_the_channel_says() {
    for shows_patches in [true, false] {
        for (system, verdict) in [("x86_64-linux", Verdict::NotAffected), ("i686-linux", Verdict::Affected)] {
            let report = limited_to_processors(system, shows_patches, seen_outside(&[('a', "curl", "7.1")]));
            assert_eq!(report.inventory.packages[0].package.system, system);
            assert_eq!(report.findings[0].verdict, verdict, "{system} {shows_patches}");
        }
    }
}

#[test]
fn one_version_for_two_processors_is_judged_for_each() {
    let mut inventory = seen_outside(&[('x', "curl", "7.1"), ('y', "curl", "7.1")]);
    for (scanned, system) in inventory.packages.iter_mut().zip(["x86_64-linux", "i686-linux"]) {
        scanned.seen = Seen::Derivation;
        scanned.package.system = system.into();
    }
    let report = limited_to_processors("x86_64-linux", true, inventory);
    let mut judged: Vec<_> = report.findings.iter().map(|f| (f.package, f.verdict)).collect();
    judged.sort_unstable_by_key(|(package, _)| *package);
    assert_eq!(judged, [(0, Verdict::NotAffected), (1, Verdict::Affected)]);
}

#[test]
fn what_cannot_be_seen_makes_less_certain_and_says_why() {
    let seen = report(seen_outside(&[('a', "curl", "7.1")]), Depth::All);
    let unseen = report(seen_outside(&[('x', "curl", "7.1")]), Depth::All);
    assert_eq!(unseen.inventory.packages[0].seen, Seen::StorePath);
    let of = |report: &Report, id: &str| report.findings.iter().find(|f| f.id == id).unwrap().clone();
    let (sure, unsure) = (of(&seen, "CVE-2024-0001"), of(&unseen, "CVE-2024-0001"));
    assert_eq!((sure.verdict, unsure.verdict), (Verdict::Affected, Verdict::Affected));
    assert!(
        unsure.confidence < sure.confidence && unsure.confidence > 0.5,
        "{} {}",
        unsure.confidence,
        sure.confidence
    );
    assert!(unsure.evidence.iter().any(|e| e.rule == "patches-not-visible"));
    // The channel's package of this version has the patch: so may this one.
    let perhaps = of(&unseen, "CVE-2024-0002");
    assert_eq!(perhaps.verdict, Verdict::Affected);
    assert!(perhaps.confidence < unsure.confidence);
    assert!(
        perhaps
            .evidence
            .iter()
            .any(|e| e.rule == "patched-in-channel" && e.detail.starts_with("curl of nixos-old has this version"))
    );
}

#[test]
fn a_derivation_of_ones_own_is_judged_by_its_own_patches() {
    let mut inventory = seen_outside(&[('x', "curl", "7.1")]);
    inventory.packages[0].seen = Seen::Derivation;
    inventory.packages[0].package.patches = vec!["fix-CVE-2024-0001.patch".into()];
    let report = report(inventory, Depth::All);
    let of = |id: &str, verdict| (id.to_owned(), "curl 7.1".to_owned(), verdict);
    assert_eq!(
        verdicts(&report),
        [
            of("CVE-2024-0001", Verdict::Patched),
            of("CVE-2024-0002", Verdict::Affected),
            of("CVE-2024-0003", Verdict::Fixed)
        ]
    );
}

#[test]
fn versions_side_by_side_are_judged_each() {
    let report = report(
        seen_outside(&[
            ('a', "curl", "7.1"),
            ('y', "curl", "7.4"),
            ('c', "curl", "8.0"),
            ('b', "wget", "1.0"),
        ]),
        Depth::All,
    );
    let open: Vec<_> = verdicts(&report)
        .into_iter()
        .filter(|(_, _, v)| v.is_open())
        .map(|(id, p, _)| (id, p))
        .collect();
    let expected = [
        ("CVE-2024-0001", "curl 7.1"),
        ("CVE-2024-0001", "curl 7.4"),
        ("CVE-2024-0002", "curl 7.4"),
        ("CVE-2024-0004", "wget 1.0"),
    ];
    assert_eq!(open, expected.map(|(id, p)| (id.to_owned(), p.to_owned())));
}

#[test]
fn the_shallow_answer_has_the_same_verdicts() {
    let scanned = [
        ('a', "curl", "7.1"),
        ('y', "curl", "7.4"),
        ('b', "wget", "1.0"),
        ('q', "nothing", "1"),
    ];
    let (all, open) = (
        report(seen_outside(&scanned), Depth::All),
        report(seen_outside(&scanned), Depth::Open),
    );
    assert_eq!(verdicts(&all), verdicts(&open));
    let details = |report: &Report| report.findings.iter().filter(|f| f.verdict.is_open()).cloned().collect::<Vec<_>>();
    assert_eq!(details(&all), details(&open));
}

#[test]
fn nothing_known_is_no_finding() {
    assert_eq!(report(Inventory::default(), Depth::All).findings, []);
    let unknown = report(seen_outside(&[('z', "nothing", "1.0")]), Depth::Open);
    assert_eq!((unknown.findings.len(), unknown.inventory.packages.len()), (0, 1));
}

/// A record of OSV about a library of npm.
fn osv(id: &str, name: &str, fixed: &str) -> Advisory {
    let entry = json!({"id": id, "modified": "2024-05-01T00:00:00Z", "aliases": [], "summary": "A fault.",
        "affected": [{"package": {"ecosystem": "npm", "name": name},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}]});
    vuln::record::osv::parse(entry.to_string().as_bytes()).unwrap().0
}

#[test]
fn libraries_inside_of_packages_are_judged_by_their_registry() {
    let world = World {
        records: vec![
            osv("GHSA-aaaa-aaaa-aaaa", "lodash", "4.17.21"),
            osv("CVE-2024-0007", "@babel/core", "8.0.0"),
            osv("GHSA-bbbb-bbbb-bbbb", "curl", "9.0.0"),
        ],
        ..world()
    };
    let mut inventory = seen_outside(&[('x', "app", "1.0"), ('y', "other", "2.0")]);
    let lodash = "pkg:npm/lodash@4.17.19".to_owned();
    inventory.packages[0].vendored = vec![
        lodash.clone(),
        "pkg:npm/%40babel/core@7.0.0".into(),
        "pkg:npm/left-pad@1.0.0".into(),
    ];
    inventory.packages[0].package.patches = vec!["CVE-2024-0007.patch".into()];
    inventory.packages[1].vendored = vec![lodash, "pkg:cargo/curl@0.4.0".into()];
    let (key, _) = SecretKey::generate().unwrap();
    let bytes = world.snapshot(&key);
    let snapshot = Opened::read(bytes.as_slice()).unwrap().trusted().unwrap();
    let report = judge(inventory, &snapshot, NOW).unwrap();
    let of = |id: &str, package: &str, verdict| (id.to_owned(), package.to_owned(), verdict);
    assert_eq!(
        verdicts(&report),
        [
            of("CVE-2024-0007", "@babel/core 7.0.0", Verdict::Patched),
            of("CVE-2024-0007", "app 1.0", Verdict::Patched),
            of("GHSA-aaaa-aaaa-aaaa", "lodash 4.17.19", Verdict::Affected),
        ]
    );
    let finding = report.findings.iter().find(|f| f.id.starts_with("GHSA")).unwrap();
    assert_eq!(report.inventory.packages[finding.package as usize].inside, [0, 1]);
    assert_eq!(finding.fixed_in.as_deref(), Some("4.17.21"));
    let rules: Vec<&str> = finding.evidence.iter().map(|e| e.rule.as_str()).collect();
    assert_eq!((rules.first(), rules.last()), (Some(&"registry-package"), Some(&"carried-inside")));
    assert!(finding.confidence < 0.6, "{}", finding.confidence);
    // The packages themselves keep their places.
    assert_eq!(report.inventory.packages[1].package.pname, "other");
}
