//! Every derivation of the mirror: read, written back, and compared with Nix's JSON of the same files.

use std::collections::BTreeMap;
use std::path::Path;

use nix_model::derivation::read_json;
use nix_model::{Derivation, StorePath};

use crate::mirror;

#[test]
fn all_top_level_derivations_round_trip() {
    let Some(folder) = mirror::path(
        "real_derivations::all_top_level_derivations_round_trip",
        "channels/nixos-20.09pre/drvs",
    ) else {
        return;
    };
    let (mut count, mut bytes, mut spent) = (0, 0, std::time::Duration::ZERO);
    for_each_drv(&folder, |base, file| {
        let start = std::time::Instant::now();
        let drv = Derivation::parse(file).unwrap_or_else(|error| panic!("{base}: {error}"));
        spent += start.elapsed();
        assert!(base.parse::<StorePath>().unwrap().is_derivation());
        assert!(drv.to_aterm() == file, "{base} is not written as it was");
        assert_eq!(drv.env("name").unwrap(), &base[33..base.len() - 4], "{base}");
        (count, bytes) = (count + 1, bytes + file.len());
    });
    eprintln!("{count} derivations, {bytes} bytes, parsed in {spent:?}");
    assert_eq!(count, 27_787);
}

#[test]
fn aterm_and_json_of_a_system_say_the_same() {
    let test = "real_derivations::aterm_and_json_of_a_system_say_the_same";
    let Some(system) = mirror::path(test, "store/nixos-20.09pre") else {
        return;
    };
    let mut from_aterm = BTreeMap::new();
    let mut files = Vec::new();
    for_each_drv(&system.join("drvs/nix/store"), |base, file| {
        files.push((base.to_owned(), file.to_owned()))
    });
    for (base, file) in &files {
        if base.ends_with(".drv") {
            from_aterm.insert(base.parse::<StorePath>().unwrap(), Derivation::parse(file).unwrap());
        }
    }
    let mut from_json = BTreeMap::new();
    let json = std::fs::read(system.join("derivations.json")).unwrap();
    read_json(&json, |entry| {
        let (path, drv) = entry.unwrap();
        from_json.insert(path, drv);
    })
    .unwrap();
    assert_eq!(from_aterm.len(), 2560);
    assert_eq!(from_json.len(), 2560);
    for (path, drv) in &from_json {
        assert_eq!(Some(drv), from_aterm.get(path), "{path}");
    }
}

fn for_each_drv(folder: &Path, mut each: impl FnMut(&str, &[u8])) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            each(entry.file_name().to_str().unwrap(), &std::fs::read(entry.path()).unwrap());
        }
    }
}
