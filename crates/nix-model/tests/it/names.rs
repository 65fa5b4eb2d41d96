//! Splitting and ordering compared with Nix's own evaluator, in one process for all names.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use nix_model::name;
use serde_json::Value;

use crate::mirror;

/// Names that try the edges of the rule.
const ADVERSARIAL: &[&str] = &[
    "",
    "-",
    "--",
    "a",
    "a-",
    "-a",
    "-1",
    "a--",
    "a--1",
    "a-1-",
    "a-1-b-2",
    "a-b-1",
    "a-é",
    "é-1",
    "a-_",
    "a-.",
    "a-+1",
    "a- 1",
    "a-\t1",
    "a-[",
    "a-`",
    "a-{",
    "a-@",
    "a-/1",
    "a-Z",
    "a-z",
    "0-0",
    "1",
    "1-1",
    "python3.8-3to2-1.1.1",
    "luajit-2.1.0-2020-03-20-luasocket-3.0rc1-2",
    "octave-7.3.0-x-0.4.6",
    "foo-unstable-2020-01-01",
    "foo-0-unstable-2024-05-01",
    "gcc-arm-embedded-6-2017-q2-update",
    "a-\u{ff}1",
    "a-\u{0661}",
    "日本-1",
    "a-日本",
];

/// Versions that try the edges of the order.
const VERSIONS: &[&str] = &[
    "",
    ".",
    "-",
    "0",
    "00",
    "1",
    "01",
    "1.0",
    "1.0.0",
    "1.",
    "1.-",
    "1-0",
    "1a",
    "1.a",
    "a1",
    "a",
    "b",
    "A",
    "pre",
    "1pre",
    "1.0pre1",
    "1.0rc1",
    "1.0-rc1",
    "prerelease",
    "p",
    "1.0p1",
    "2147483647",
    "2147483648",
    "02147483647",
    "99999999999",
    "20200101",
    "20200101000000",
    "+5",
    "1.+5",
    "1_2",
    "1é",
    "é1",
    "é",
    "1.1.1g",
    "153.0",
    "153.0.0",
    "2.7.6-p1",
    "0-unstable-2024-05-01",
    "unstable-2020-01-01",
    "78.0.2esr",
    "6.9.11-14",
    "v1.0",
    " 1",
    "1 ",
    "~",
    "1~rc1",
];

#[test]
fn agrees_with_nix() {
    let Some(nix) = nix_instantiate() else { return };
    let names: Vec<String> = real_names()
        .into_iter()
        .chain(ADVERSARIAL.iter().map(|name| (*name).to_owned()))
        .chain(random_names())
        .collect();
    let mut versions: Vec<&str> = names
        .iter()
        .map(|name| name::split(name).1)
        .step_by(names.len() / 20_000 + 1)
        .collect();
    versions.extend(VERSIONS);
    let pairs = pairs(&versions);

    let answers = ask(nix, &names, &pairs);
    for (name, answer) in names.iter().zip(answers["names"].as_array().unwrap()) {
        let (pname, version) = name::split(name);
        assert_eq!(
            (pname, version),
            (answer["name"].as_str().unwrap(), answer["version"].as_str().unwrap()),
            "{name:?}"
        );
    }
    for ((left, right), answer) in pairs.iter().zip(answers["orders"].as_array().unwrap()) {
        assert_eq!(
            name::compare_versions(left, right) as i64,
            answer.as_i64().unwrap(),
            "{left:?} against {right:?}"
        );
    }
    for ((version, _), answer) in pairs.iter().zip(answers["parts"].as_array().unwrap()) {
        assert_eq!(
            name::components(version).collect::<Vec<_>>(),
            serde_json::from_value::<Vec<String>>(answer.clone()).unwrap(),
            "{version:?}"
        );
    }
    eprintln!("compared with Nix: {} names, {} pairs of versions", names.len(), pairs.len());
}

/// Every edge against every edge, and every real version against its neighbour and an edge.
fn pairs<'v>(versions: &[&'v str]) -> Vec<(&'v str, &'v str)> {
    let edges = VERSIONS.iter().flat_map(|left| VERSIONS.iter().map(move |right| (*left, *right)));
    let neighbours = versions.windows(2).map(|pair| (pair[0], pair[1]));
    let mixed = versions.iter().zip(VERSIONS.iter().cycle()).map(|(left, right)| (*left, *right));
    edges.chain(neighbours).chain(mixed).collect()
}

fn nix_instantiate() -> Option<&'static Path> {
    let nix = Path::new("/usr/bin/nix-instantiate");
    if !nix.exists() {
        eprintln!("SKIPPED names::agrees_with_nix: /usr/bin/nix-instantiate is missing (Debian: apt install nix-bin)");
        return None;
    }
    Some(nix)
}

fn ask(nix: &Path, names: &[String], pairs: &[(&str, &str)]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("input.json");
    std::fs::write(
        &input,
        serde_json::to_vec(&serde_json::json!({ "names": names, "pairs": pairs })).unwrap(),
    )
    .unwrap();
    let expression = format!(
        "let input = builtins.fromJSON (builtins.readFile {}); first = pair: builtins.elemAt pair 0; in {{
           names = map builtins.parseDrvName input.names;
           orders = map (pair: builtins.compareVersions (first pair) (builtins.elemAt pair 1)) input.pairs;
           parts = map (pair: builtins.splitVersion (first pair)) input.pairs; }}",
        input.display()
    );
    let output = Command::new(nix)
        .args(["--eval", "--store", "dummy://", "--json", "--strict", "-E", &expression])
        .env("HOME", folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Every name of the five package lists.
fn real_names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let Some(channels) = mirror::path("names::agrees_with_nix (real names)", "channels") else {
        return names;
    };
    for channel in std::fs::read_dir(channels).unwrap() {
        let Ok(file) = std::fs::File::open(channel.unwrap().path().join("packages.json.br")) else {
            continue;
        };
        let mut json = Vec::new();
        brotli_decompressor::Decompressor::new(file, 1 << 16)
            .read_to_end(&mut json)
            .unwrap();
        let list: Value = serde_json::from_slice(&json).unwrap();
        names.extend(
            list["packages"]
                .as_object()
                .unwrap()
                .values()
                .map(|package| package["name"].as_str().unwrap().to_owned()),
        );
    }
    names
}

/// Names from a small alphabet, the same ones in every run.
fn random_names() -> impl Iterator<Item = String> {
    const ALPHABET: &[char] = &['-', '-', '.', 'a', 'Z', '0', '9', '_', '+', 'é', 'p', 'r', 'e'];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..5000).map(move |_| {
        (0..next() % 12)
            .map(|_| ALPHABET[(next() % ALPHABET.len() as u64) as usize])
            .collect()
    })
}
