//! A real system: 2,560 derivations, told in three ways.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use scan::input::store::{Derivations, Store};
use scan::input::{closure, derivations};
use scan::inventory::{Inventory, Seen};
use scan::why::Ways;

/// The mirror's NixOS system, or a loud line and `None`.
fn system(test: &str) -> Option<PathBuf> {
    let system = std::env::var_os("FIRN_MIRROR").map(|mirror| PathBuf::from(mirror).join("store/nixos-20.09pre"));
    let system = system.filter(|path| path.exists());
    if system.is_none() {
        println!("SKIPPED {test}: FIRN_MIRROR is not set, or has no store/nixos-20.09pre");
    }
    system
}

/// (name, version, patches, facts) of each package.
fn packages(inventory: &Inventory) -> BTreeSet<(String, String, Vec<String>, Seen)> {
    let facts = |p: &scan::inventory::Scanned| {
        (
            p.package.pname.clone(),
            p.package.version.clone(),
            p.package.patches.clone(),
            p.seen,
        )
    };
    inventory.packages.iter().map(facts).collect()
}

fn part(inventory: &Inventory, name: &str) -> u32 {
    let at = inventory.parts.iter().position(|part| part.name.ends_with(name)).unwrap();
    u32::try_from(at).unwrap()
}

#[test]
fn path_info_derivations_and_their_json_are_one_system() {
    let Some(system) = system("real::path_info_derivations_and_their_json_are_one_system") else {
        return;
    };
    let store = Store::below(system.join("drvs"));
    let top = "ffcracch7hp232jkjr15xvgb754ycwnc-nixos-system-sample-20.09pre-git.drv";
    let walked = derivations::closure(&[top.parse().unwrap()], Vec::new(), &Derivations::of(&store));
    let told = closure::from_file("path-info.json", &fs::read(system.join("path-info.json")).unwrap(), &store).unwrap();
    let shown = derivations::from_files(&[system.join("derivations.json")], &Store::below("/nonexistent")).unwrap();
    for (how, inventory) in [("walked", &walked), ("told", &told), ("shown", &shown)] {
        assert_eq!(
            (inventory.parts.len(), inventory.roots.len(), inventory.problems.len()),
            (3001, 1, 0),
            "{how}: {:?}",
            inventory.problems
        );
        assert_eq!(
            inventory.parts[inventory.roots[0] as usize].name,
            format!("/nix/store/{top}"),
            "{how}"
        );
        assert_eq!(packages(inventory), packages(&walked), "{how}");
        // openssl is there three times, each needed on some way.
        let openssl = part(inventory, "-openssl-1.1.1g.drv");
        let way = Ways::from_roots(inventory).to(openssl);
        assert!(
            way.len() > 2 && way.first() == Some(&inventory.roots[0]) && way.last() == Some(&openssl),
            "{how}: {way:?}"
        );
    }
    let all = packages(&walked);
    assert!(all.len() > 850, "{} packages", all.len());
    assert!(all.iter().all(|(.., seen)| *seen == Seen::Derivation));
    let patched = |name: &str, patch: &str| {
        all.iter()
            .any(|(pname, _, patches, _)| pname == name && patches.iter().any(|p| p.contains(patch)))
    };
    assert!(patched("patch", "CVE-2018-1000156") && patched("unzip", "CVE-2014-9636"));
    for (pname, version, ..) in &all {
        assert!(version.contains(|c: char| c.is_ascii_digit()), "{pname} {version}");
        for ending in [".tar.gz", ".patch", ".sh", ".service", "-env"] {
            assert!(!format!("{pname}-{version}").ends_with(ending), "{pname}-{version} is no package");
        }
    }
}

#[test]
fn names_alone_tell_most_of_the_same_packages() {
    let Some(system) = system("real::names_alone_tell_most_of_the_same_packages") else {
        return;
    };
    let bytes = fs::read(system.join("path-info.json")).unwrap();
    let names = |store: &Store| -> BTreeSet<(String, String)> {
        let inventory = closure::from_file("path-info.json", &bytes, store).unwrap();
        packages(&inventory)
            .into_iter()
            .map(|(pname, version, ..)| (pname, version))
            .collect()
    };
    let seen = names(&Store::below(system.join("drvs")));
    let guessed = names(&Store::below("/nonexistent"));
    let (missed, invented) = (seen.difference(&guessed).count(), guessed.difference(&seen).count());
    assert!(
        missed * 50 <= seen.len(),
        "missed {missed} of {}: {:?}",
        seen.len(),
        seen.difference(&guessed)
    );
    // Downloads whose names have no ending, mostly the numbered patches of bash (`bash44-001`), are taken for packages.
    let others: Vec<_> = guessed
        .difference(&seen)
        .filter(|(pname, _)| !pname.starts_with("bash") && !pname.starts_with("readline"))
        .collect();
    assert!(
        invented * 15 <= seen.len() && others.len() * 50 <= seen.len(),
        "{invented} too many: {others:?}"
    );
}

#[test]
fn dependencies_inside_of_real_packages_are_told_by_their_derivations() {
    let drvs = std::env::var_os("FIRN_MIRROR").map(|mirror| PathBuf::from(mirror).join("channels/nixos-20.09pre/drvs"));
    let Some(drvs) = drvs.filter(|path| path.exists()) else {
        println!("SKIPPED real::dependencies_inside_of_real_packages_are_told_by_their_derivations: FIRN_MIRROR has no such channel");
        return;
    };
    let named = |end: &str| {
        let entries = fs::read_dir(&drvs).unwrap().map(|entry| entry.unwrap().path());
        entries.into_iter().find(|path| path.to_string_lossy().ends_with(end)).unwrap()
    };
    let files = [
        "-node_gtop-1.0.2.drv",
        "-rust_cargo-download-0.1.2.drv",
        "-ripgrep-12.1.1.drv",
        "-syncthing-1.7.1.drv",
    ]
    .map(named);
    let inventory = derivations::from_files(&files, &Store::below("/nonexistent")).unwrap();
    let package = |pname: &str| inventory.packages.iter().find(|p| p.package.pname == pname).unwrap();
    // node2nix' script names each package that it unpacks: 62, one of which is there twice.
    let gtop = &package("node_gtop").vendored;
    assert_eq!(gtop.len(), 61, "{gtop:?}");
    for purl in [
        "pkg:npm/lodash@4.17.19",
        "pkg:npm/%40types/color-name@1.1.1",
        "pkg:npm/color-name@1.1.4",
    ] {
        assert!(gtop.contains(&purl.to_owned()), "{purl}: {gtop:?}");
    }
    assert!(!gtop.iter().any(|purl| purl.contains("gtop")), "itself");
    let download = &package("rust_cargo-download").vendored;
    for purl in [
        "pkg:cargo/openssl-sys@0.9.39",
        "pkg:cargo/thread-id@2.0.0",
        "pkg:cargo/num_cpus@1.8.0",
    ] {
        assert!(download.contains(&purl.to_owned()), "{purl}: {download:?}");
    }
    assert_eq!(package("ripgrep").sealed, ["ripgrep-12.1.1-vendor.tar.gz"]);
    assert_eq!(package("syncthing").sealed, ["syncthing-1.7.1-go-modules"]);
}
