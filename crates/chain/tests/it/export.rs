//! The stages repeated by what is in a folder, without the engine: in a root that holds nothing else.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use chain::tree;
use tempfile::TempDir;

use crate::place::{built, firn_chain, run};

fn exported() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let said = run(firn_chain(built()).args(["export", "script", "--out"]).arg(dir.path()));
    assert_eq!(said.code, Some(0), "{}", said.talk);
    dir
}

/// Starts a program with this folder as its root, and nothing of this system's environment.
fn inside(root: &Path, words: &[&str], from: Option<&str>) -> Output {
    let mut command = Command::new("/usr/bin/unshare");
    command
        .env_clear()
        .current_dir(root)
        .args(["--user", "--map-root-user", "--root=.", "--wd=/"])
        .args(words);
    if let Some(from) = from {
        command.stdin(File::open(root.join(from)).unwrap());
    }
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What came out, looked at from outside.
fn sums_hold(root: &Path) -> bool {
    let list = fs::read_to_string(root.join("SHA256SUMS")).unwrap();
    assert!(list.contains("  in/tcc/tcc\n") && list.contains("  in/tcc/lib/libtcc1.a\n") && list.lines().count() > 10);
    let digest = |path: &str| tree::sha256_file(&root.join(path)).unwrap();
    list.lines()
        .all(|line| line.split_once("  ").is_some_and(|(sum, path)| digest(path) == sum))
}

#[test]
fn the_runner_that_the_seed_makes_repeats_the_stages_with_the_same_bytes() {
    let dir = exported();
    let root = dir.path();
    // One program alone is there to begin with, and it is the seed.
    let programs = tree::list(root).unwrap().into_iter().filter_map(|e| match e.kind {
        tree::Kind::File { size, .. } if fs::read(root.join(&e.path)).unwrap().starts_with(b"\x7fELF") => Some((e.path, size)),
        _ => None,
    });
    assert_eq!(programs.collect::<Vec<_>>(), [("in/seed/seed".into(), 213)]);
    assert!(!sums_hold(root));
    let runner = inside(root, &["/in/seed/seed"], Some("src/amd64/runner.hex0"));
    assert!(runner.status.success());
    fs::write(root.join("runner"), &runner.stdout).unwrap();
    let said = inside(root, &["/runner"], Some("script"));
    assert!(said.status.success(), "{}{}", text(&said.stdout), text(&said.stderr));
    assert!(
        text(&said.stdout).ends_with(" files are what they must be, 0 are not\n"),
        "{}",
        text(&said.stdout)
    );
    assert!(sums_hold(root));
    // What it made compares digests in earnest.
    let mut tcc = fs::read(root.join("in/tcc/tcc")).unwrap();
    tcc[9000] ^= 1;
    fs::write(root.join("in/tcc/tcc"), &tcc).unwrap();
    let said = inside(root, &["/check", "/SHA256SUMS"], None);
    assert_eq!(said.status.code(), Some(1));
    assert!(
        text(&said.stdout).contains("in/tcc/tcc is not what it must be\n"),
        "{}",
        text(&said.stdout)
    );
    fs::write(root.join("in/tcc/tcc"), "").unwrap();
    assert!(text(&inside(root, &["/check", "/SHA256SUMS"], None).stdout).contains(", 1 are not\n"));
}

#[test]
fn a_shell_without_any_other_program_repeats_the_stages_with_the_same_bytes() {
    let dir = exported();
    let root = dir.path();
    fs::copy("/bin/bash-static", root.join("sh")).unwrap();
    let said = inside(root, &["/sh", "--posix", "/run.sh"], None);
    assert!(said.status.success(), "{}{}", text(&said.stdout), text(&said.stderr));
    assert!(text(&said.stdout).contains("cc1: a compiler for tcc\n"), "{}", text(&said.stdout));
    assert!(sums_hold(root));
}

#[test]
fn the_runner_stops_at_the_first_command_that_fails() {
    let dir = exported();
    let root = dir.path();
    let seed = inside(root, &["/in/seed/seed"], Some("src/amd64/runner.hex0"));
    fs::write(root.join("runner"), &seed.stdout).unwrap();
    fs::set_permissions(root.join("runner"), fs::Permissions::from_mode(0o755)).unwrap();
    let made = |script: &str| {
        fs::write(root.join("s"), script).unwrap();
        let _ = fs::remove_file(root.join("made"));
        let code = inside(root, &["/runner"], Some("s")).status.code();
        (code, fs::read(root.join("made")).ok())
    };
    fs::write(root.join("digits"), "41 42 # a comment\n").unwrap();
    fs::write(root.join("half"), "4").unwrap();
    let good = "/in/seed/seed <digits >made\n";
    assert_eq!(made(&format!("\n  {good} \t\n")), (Some(0), Some(b"AB".to_vec())));
    assert_eq!(made(""), (Some(0), None));
    // A program that fails, one that is not there, a file that is not there, a folder that is not there.
    for bad in [
        "/in/seed/seed <half >other",
        "/in/seed/none",
        "/in/seed/seed <none",
        "/in/seed/seed <digits >none/x",
    ] {
        assert_eq!(made(&format!("{bad}\n{good}")), (Some(1), None), "{bad}");
    }
    let said = run(firn_chain(built()).args(["export", "script", "--out"]).arg(root));
    assert_eq!(said.code, Some(2), "{}", said.talk);
    assert!(said.talk.contains("is not empty"), "{}", said.talk);
}
