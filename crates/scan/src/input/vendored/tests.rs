use nix_model::derivation::{InputDrv, Output, Wanted};

use super::*;

fn needs(names: &[&str]) -> Derivation<'static> {
    let inputs = names.iter().map(|name| InputDrv {
        path: path(name),
        wanted: Wanted::default(),
    });
    Derivation {
        input_drvs: inputs.collect(),
        ..Derivation::default()
    }
}

fn path(name: &str) -> StorePath {
    format!("q7z9hp2zsg4id778s4ai1i1yld6zjvq4-{name}.drv").parse().unwrap()
}

fn fetched(env: &[(&'static str, &'static str)]) -> Derivation<'static> {
    Derivation {
        outputs: vec![Output {
            name: "out".into(),
            path: None,
            hash_algo: "sha256".into(),
            hash: "00".into(),
        }],
        env: env.iter().map(|(key, value)| ((*key).into(), (*value).to_owned().into())).collect(),
        ..Derivation::default()
    }
}

#[test]
fn dependencies_are_found_directly_and_through_collectors() {
    let drv = needs(&[
        "tool-1.0.tar.gz",
        "crate-a-1.0.0.tar.gz",
        "cargo-vendor-dir",
        "cargo-1.44",
        "x-2.0.0.tgz",
        "vendor-loop",
    ]);
    let mut asked = Vec::new();
    let carried = of(&drv, &["tool-1.0.tar.gz".to_owned()], &mut |asked_for| {
        asked.push(asked_for.name().to_owned());
        match asked_for.name() {
            "cargo-vendor-dir.drv" => Some(needs(&["crate-b-2.0.0.tar.gz", "vendor-loop", "bash-4", "c-3.0.0"])),
            // As importCargoLock does it: each crate is unpacked by a derivation of its own.
            "c-3.0.0.drv" => Some(needs(&["crate-c-3.0.0.tar.gz", "stdenv-linux"])),
            "bash-4.drv" => Some(needs(&["bash-4.tar.gz", "perl-5"])),
            "vendor-loop.drv" => Some(needs(&["vendor-loop", "cargo-vendor-dir"])),
            "crate-b-2.0.0.tar.gz.drv" => Some(fetched(&[("url", "https://crates.io/api/v1/crates/b/2.0.0/download")])),
            "x-2.0.0.tgz.drv" => Some(fetched(&[("url", "https://registry.npmjs.org/x/-/x-2.0.0.tgz")])),
            _ => None,
        }
    });
    assert_eq!(
        carried.known,
        ["pkg:cargo/a@1.0.0", "pkg:cargo/b@2.0.0", "pkg:cargo/c@3.0.0", "pkg:npm/x@2.0.0"]
    );
    assert_eq!(carried.sealed, [""; 0]);
    for name in ["cargo-1.44.drv", "tool-1.0.tar.gz.drv", "perl-5.drv", "stdenv-linux.drv"] {
        assert!(!asked.contains(&name.to_owned()), "{name}: {asked:?}");
    }
}

#[test]
fn modules_of_gomod2nix_are_stated_by_attributes() {
    let carried = of(&needs(&["vendor-env"]), &[], &mut |asked_for| match asked_for.name() {
        "vendor-env.drv" => Some(needs(&["toml_v0.3.1", "go-1.20"])),
        "toml_v0.3.1.drv" => Some(fetched(&[("goPackagePath", "github.com/BurntSushi/toml"), ("version", "v0.3.1")])),
        _ => None,
    });
    assert_eq!(carried.known, ["pkg:golang/github.com/burntsushi/toml@v0.3.1"]);
}

#[test]
fn crates_that_are_built_one_by_one_are_inputs_by_name() {
    let mut drv = needs(&["rust_num_cpus-1.8.0", "rust_sha-1-0.8.2", "rustc-1.45.0", "rust_x-1"]);
    assert_eq!(of(&drv, &[], &mut |_| None), Carried::default(), "a program may be called so");
    drv.env.push(("crateName".into(), "cargo-download".into()));
    let carried = of(&drv, &[], &mut |_| None);
    assert_eq!(carried.known, ["pkg:cargo/num_cpus@1.8.0", "pkg:cargo/sha-1@0.8.2"]);
}

#[test]
fn archives_under_one_hash_are_sealed() {
    let drv = needs(&[
        "a-1.0-vendor.tar.gz",
        "b-1.0-go-modules",
        "c-1.0-npm-deps",
        "d-1.0-vendor",
        "e-vendor-fix.patch",
        "f-1.0.tgz",
    ]);
    let carried = of(&drv, &[], &mut |asked_for| match asked_for.name() {
        "d-1.0-vendor.drv" => Some(needs(&["d-1.0-vendor-staging", "cargo-1.80.0"])),
        "b-1.0-go-modules.drv" => Some(fetched(&[])),
        _ => None,
    });
    assert_eq!(carried.known, [""; 0]);
    assert_eq!(
        carried.sealed,
        ["a-1.0-vendor.tar.gz", "b-1.0-go-modules", "c-1.0-npm-deps", "d-1.0-vendor-staging"]
    );
}

#[test]
fn lock_files_in_a_derivation_say_what_is_in_it() {
    let carried = of(&needs(&["app-1.0-npm-deps", "cargo-vendor-dir"]), &[], &mut |asked_for| {
        let (key, text) = match asked_for.name() {
            "app-1.0-npm-deps.drv" => ("packageLock", r#"{"packages":{"node_modules/y":{"version":"1.2.3"}}}"#),
            "cargo-vendor-dir.drv" => (
                "lockFileContents",
                "[[package]]\nname = \"z\"\nversion = \"0.1.0\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n",
            ),
            _ => return None,
        };
        let mut drv = needs(&[]);
        drv.env.push((key.into(), text.into()));
        Some(drv)
    });
    assert_eq!(carried.known, ["pkg:cargo/z@0.1.0", "pkg:npm/y@1.2.3"]);
}
