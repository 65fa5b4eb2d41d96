//! Real closures and real outputs.

use std::collections::HashSet;
use std::fs;

use nix_model::output_name::OutputName;
use nix_model::path_info::{Entry, read_json, read_list};
use nix_model::{Derivation, StorePath};
use serde_json::Value;

use crate::mirror;

#[test]
fn path_info_and_list_name_the_same_paths() {
    for (folder, count, edges) in [("store/nixos-20.09pre", 3001, 17_000), ("store/chain300", 300, 880)] {
        let Some(dir) = mirror::path("path_info_and_list_name_the_same_paths", folder) else {
            return;
        };
        let mut paths = HashSet::new();
        let mut references = 0;
        read_json(&fs::read(dir.join("path-info.json")).unwrap(), |entry| match entry.unwrap() {
            Entry::Valid(info) => {
                assert!(info.nar_hash.unwrap().starts_with("sha256-") && info.nar_size.unwrap() > 0);
                references += info.references.len();
                paths.insert(info.path);
            }
            Entry::Invalid(path) => panic!("{path} is not valid"),
        })
        .unwrap();
        let mut listed = HashSet::new();
        read_list(&fs::read_to_string(dir.join("closure.txt")).unwrap(), |path| {
            listed.insert(path.unwrap());
        });
        assert_eq!(paths.len(), count);
        assert_eq!(paths, listed);
        assert!(references > edges, "{references} references");
    }
}

/// A name alone has to say what the derivation says. What is left are modules named after their kernel, and words that nobody
/// can tell from an output's.
#[test]
fn names_of_outputs_are_split_as_their_derivations_say() {
    let Some(channel) = mirror::path("names_of_outputs_are_split_as_their_derivations_say", "channels/nixos-20.09pre") else {
        return;
    };
    let (mut outputs, mut right_output, mut versions, mut right_version) = (0, 0, 0, 0);
    let mut seen = HashSet::new();
    for line in fs::read_to_string(channel.join("eval-jobs.jsonl")).unwrap().lines() {
        let job: Value = serde_json::from_str(line).unwrap();
        let drv: StorePath = job["drvPath"].as_str().unwrap().parse().unwrap();
        // Every fourth is enough, and quick without optimisation.
        if !drv.base().starts_with(['0', '3', '7', 'b', 'g', 'l', 'q', 'w']) || !seen.insert(drv.clone()) {
            continue;
        }
        let bytes = fs::read(channel.join("drvs").join(drv.base())).unwrap_or_default();
        let derivation = Derivation::parse(&bytes).ok();
        let version = derivation
            .as_ref()
            .and_then(|drv| Some(drv.attributes().ok()?.text("version")?.into_owned()));
        for (name, path) in job["outputs"].as_object().unwrap() {
            let path: StorePath = path.as_str().unwrap().parse().unwrap();
            let guess = OutputName::guess(path.name());
            outputs += 1;
            right_output += usize::from(guess.output == name);
            // What Nixpkgs calls the version must stand in the name at all: wrappers and patch levels do not say theirs.
            if let Some(version) = version
                .as_deref()
                .filter(|v| !v.is_empty() && drv.name().ends_with(&format!("-{v}.drv")))
            {
                versions += 1;
                right_version += usize::from(guess.version == version);
            }
        }
    }
    eprintln!("outputs {right_output} of {outputs}, versions {right_version} of {versions}");
    assert!(outputs > 8_000 && versions > 7_000, "{outputs} outputs, {versions} versions");
    assert!(right_output * 1000 >= outputs * 995, "outputs {right_output} of {outputs}");
    assert!(right_version * 1000 >= versions * 980, "versions {right_version} of {versions}");
}
