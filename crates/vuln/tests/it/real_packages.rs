//! The package sets of the mirror, read as the tracker reads them.
#![expect(clippy::print_stderr, reason = "figures of the real data, shown with --nocapture")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use nix_model::{Derivation, StorePath};
use vuln::package::{self, Ecosystem, Package, ecosystem, ids_in};

/// A folder of the mirror; without a mirror the skip is loud.
fn folder(relative: &str) -> Option<PathBuf> {
    crate::mirror::find()?;
    Some(Path::new(&std::env::var_os("FIRN_MIRROR")?).join(relative))
}

fn list(channel: &Path) -> Vec<Package> {
    let mut json = Vec::new();
    brotli_decompressor::Decompressor::new(File::open(channel.join("packages.json.br")).unwrap(), 1 << 16)
        .read_to_end(&mut json)
        .unwrap();
    let start = Instant::now();
    let mut packages = Vec::new();
    let problems = package::list::read(&json, |package| packages.push(package));
    eprintln!(
        "{}: {} packages of {} bytes in {:?}",
        channel.display(),
        packages.len(),
        json.len(),
        start.elapsed()
    );
    assert_eq!(problems, []);
    packages
}

#[test]
fn a_channel_with_derivations_is_joined() {
    let Some(channel) = folder("channels/nixos-20.09pre") else { return };
    let mut packages: HashMap<String, Package> = list(&channel).into_iter().map(|package| (package.attr.clone(), package)).collect();
    assert_eq!(packages.len(), 29_591);
    let count = |what: fn(&Package) -> bool, packages: &HashMap<String, Package>| packages.values().filter(|package| what(package)).count();
    assert_eq!(count(|package| !package.homepages.is_empty(), &packages), 26_104);
    assert_eq!(count(|package| package.position.is_some(), &packages), 28_609);
    assert_eq!(count(|package| !package.known_vulnerabilities.is_empty(), &packages), 18);

    let lines = fs::read_to_string(channel.join("eval-jobs.jsonl")).unwrap();
    let start = Instant::now();
    let (mut jobs, mut problems) = (0, Vec::new());
    for line in lines.lines() {
        let (job, bad) = package::eval::read(line).unwrap();
        problems.extend(bad);
        let known = packages.remove(&job.attr).unwrap();
        packages.insert(job.attr.clone(), package::join(known, job));
        jobs += 1;
    }
    eprintln!("{jobs} jobs in {:?}", start.elapsed());
    assert_eq!((jobs, packages.len(), problems.len()), (28_676, 29_591, 0));

    let (mut read, mut spent) = (0, std::time::Duration::ZERO);
    let mut renamed = Vec::new();
    for package in packages.values_mut() {
        let Some(path) = package.drv_path.as_deref() else { continue };
        let path: StorePath = path.parse().unwrap();
        let bytes = fs::read(channel.join("drvs").join(path.base())).unwrap();
        let start = Instant::now();
        let drv = Derivation::parse(&bytes).unwrap();
        let before = (package.pname.clone(), package.version.clone());
        problems.extend(package::derivation::enrich(package, &drv, &mut |_| None));
        spent += start.elapsed();
        if before != (package.pname.clone(), package.version.clone()) {
            renamed.push(format!("{before:?} -> {:?}", (&package.pname, &package.version)));
        }
        read += 1;
    }
    renamed.sort();
    eprintln!(
        "{read} derivations in {spent:?}, {} names split otherwise: {:#?}",
        renamed.len(),
        renamed.iter().step_by(renamed.len() / 20 + 1).collect::<Vec<_>>()
    );
    assert_eq!((read, problems.len()), (28_676, 0));

    let mut patched: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let mut scripts = BTreeSet::new();
    for package in packages.values() {
        for id in package.patches.iter().flat_map(|patch| ids_in(patch)) {
            patched.entry(id).or_default().insert(&package.attr);
        }
        scripts.extend(
            package
                .script_ids
                .iter()
                .map(|script| (script.id.as_str(), script.phase.as_str(), package.attr.as_str())),
        );
    }
    let with_ids: BTreeSet<&str> = patched.values().flatten().copied().collect();
    eprintln!(
        "{} attributes with patches, {} with a source name, {} with ids in names of patches, {} ids, in scripts: {scripts:?}",
        count(|package| !package.patches.is_empty(), &packages),
        count(|package| !package.source_names.is_empty(), &packages),
        with_ids.len(),
        patched.len()
    );
    assert_eq!((patched.len(), with_ids.len()), (PATCHED_IDS, PATCHED_ATTRIBUTES));
    assert!(patched["CVE-2011-1553"].contains("t1lib"));
    assert!(patched["CVE-2018-1000156"].contains("gnupatch"));
    assert!(scripts.contains(&("CVE-2016-9447", "postInstall", "gst_plugins_bad")));
    assert_eq!(
        scripts.iter().map(|script| script.0).collect::<BTreeSet<_>>(),
        ["CVE-2016-10243", "CVE-2016-9447", "CVE-2017-0882"].into()
    );
    assert!(packages["curl"].source_names.contains(&"curl-7.71.1.tar.bz2".to_owned()));
    assert_eq!(packages["autotrace"].known_vulnerabilities[0], "CVE-2013-1953");
    labels_are_patched(&packages);
}

/// Ids that patches of the set name, and attributes that have such a patch.
const PATCHED_IDS: usize = 144;
const PATCHED_ATTRIBUTES: usize = 95;

/// Every label that says "patched" is seen in the package's own patches.
fn labels_are_patched(packages: &HashMap<String, Package>) {
    let Some(labels) = folder("labels/dev.csv") else { return };
    let mut seen = 0;
    for row in fs::read_to_string(labels).unwrap().lines().skip(1) {
        let fields: Vec<&str> = row.split(',').collect();
        if fields[3] != "patched" {
            continue;
        }
        for attr in fields[5].split([' ', ';', '|']).filter(|attr| !attr.is_empty()) {
            let patches = &packages[attr].patches;
            assert!(
                patches.iter().any(|patch| ids_in(patch).contains(&fields[0].to_owned())),
                "{attr} {}: {patches:?}",
                fields[0]
            );
        }
        seen += 1;
    }
    assert_eq!(seen, 41);
}

#[test]
fn the_name_only_channels_are_read() {
    let Some(channels) = folder("channels") else { return };
    for (channel, expected) in [
        ("nixos-22.11", 96_380),
        ("nixos-unstable-2023-01", 96_261),
        ("nixos-unstable-2026-01", 73_360),
        ("nixos-unstable-2026-05", 72_844),
    ] {
        let packages = list(&channels.join(channel));
        assert_eq!(packages.len(), expected);
        assert!(packages.iter().all(|package| !package.pname.is_empty()));
        let mut counts: BTreeMap<Option<Ecosystem>, usize> = BTreeMap::new();
        for package in &packages {
            *counts
                .entry(ecosystem(&package.attr, &package.pname).map(|(ecosystem, _)| ecosystem))
                .or_default() += 1;
        }
        eprintln!("{channel}: {counts:?}");
        assert!(counts[&Some(Ecosystem::Python)] > 5_000);
    }
}

#[test]
fn derivations_of_a_system_know_their_sources() {
    let Some(system) = folder("store/nixos-20.09pre/drvs/nix/store") else {
        return;
    };
    let mut derivations = HashMap::new();
    for entry in fs::read_dir(&system).unwrap() {
        let path: StorePath = entry.unwrap().file_name().to_str().unwrap().parse().unwrap();
        if path.is_derivation() {
            let drv = Derivation::parse(&fs::read(system.join(path.base())).unwrap())
                .unwrap()
                .into_owned();
            derivations.insert(path, drv);
        }
    }
    assert_eq!(derivations.len(), 2560);
    let (mut with_source, mut with_url, mut from_url) = (0, 0, BTreeSet::new());
    let mut packages = BTreeMap::new();
    for (path, drv) in &derivations {
        let mut package = Package {
            attr: path.name().to_owned(),
            ..Package::default()
        };
        assert_eq!(
            package::derivation::enrich(&mut package, drv, &mut |input| derivations.get(input).cloned()),
            []
        );
        with_source += usize::from(!package.source_names.is_empty());
        with_url += usize::from(!package.source_urls.is_empty());
        from_url.extend(package.patches.iter().filter(|patch| patch.contains("://")).cloned());
        packages.insert(package.attr.clone(), package);
    }
    eprintln!("{with_source} with a source, {with_url} with its address; ids only in addresses of patches: {from_url:?}");
    let curl = &packages["curl-7.71.1.drv"];
    assert_eq!((curl.pname.as_str(), curl.version.as_str()), ("curl", "7.71.1"));
    assert_eq!(curl.source_urls[0], "https://curl.haxx.se/download/curl-7.71.1.tar.bz2");
    assert!(with_url * 10 > with_source * 9, "{with_url} of {with_source}");
}
