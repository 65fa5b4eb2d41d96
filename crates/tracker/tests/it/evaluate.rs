//! Package sets evaluated with Nix: their patches become known, what was done is not done again, the disk is given back, private ones stay so.
//!
//! Debian has Nix, but not nix-eval-jobs: a stand-in speaks its lines over derivations that Nix made.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use tracker::Progress;
use tracker::config::evaluation::SourceSet;
use tracker::config::{Config, Database, Evaluation, Given};
use tracker::evaluate::{self, EvaluateError};
use tracker::ingest::{Ingest, Report};
use tracker::snapshot::Shelf;
use tracker::store::{self, Store};

use crate::backend::on_both;
use crate::made;
use crate::program::Home;

on_both! {
    patches_become_known_and_the_disk_is_given_back,
    what_was_evaluated_is_not_evaluated_again,
    a_private_set_is_on_no_page_and_in_no_export,
}

/// What nix-eval-jobs says of a file, made by Nix itself. It counts its calls, and fails while there is a file `fail`.
const STAND_IN: &str = r#"#!/bin/sh
set -e
for last; do :; done
echo "$last" >> "HOME_FOLDER/calls"
if test -e "HOME_FOLDER/fail" && grep -q '"quuxd"' "$last"; then echo "out of luck" >&2; exit 1; fi
names=$(nix-instantiate --eval --strict --json -E "builtins.attrNames (import $last)" | tr -d '[]"' | tr , ' ')
for name in $names; do
  drv=$(nix-instantiate "$last" -A "$name")
  nix-instantiate --eval --strict --json -E "
    let d = (import $last).$name; in {
      attr = \"$name\"; attrPath = [ \"$name\" ]; drvPath = \"$drv\"; inherit (d) name system;
      outputs = { out = d.outPath; }; meta = d.meta or { };
    }"
  echo
done
"#;

/// A set as overlays make them: functions, patches, descriptions.
const SET: &str = r#"{ config ? { }, ... }:
let
  make = pname: version: patches: derivation {
    inherit pname version patches;
    name = "${pname}-${version}";
    system = "x86_64-linux";
    builder = "/bin/sh";
  } // { meta = { description = "The ${pname} program"; homepage = "https://${pname}.example/"; }; };
in
assert config.allowUnfree;
{
  frobnicate = make "frobnicate" "1.0" [ ./CVE-2024-0001.patch ];
  quuxd = make "quuxd" "1.0" [ ];
}
"#;

/// A home with a set, and an evaluator for it; none where Nix is not installed.
fn ready() -> Option<Home> {
    if Command::new("nix-instantiate").arg("--version").output().is_err() {
        eprintln!("SKIPPED: nix-instantiate is not installed");
        return None;
    }
    let home = Home::new();
    made::write(&home.path("set/default.nix"), SET);
    made::write(&home.path("set/CVE-2024-0001.patch"), "--- a\n+++ b\n");
    made::write(&home.path("set/.git-revision"), "0123456789abcdef0123456789abcdef01234567");
    let program = home.path("nix-eval-jobs");
    made::write(&program, STAND_IN.replace("HOME_FOLDER", &home.path("").display().to_string()));
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    Some(home)
}

fn keys(home: &Home) -> Vec<(&'static str, String)> {
    let at = |name: &str| home.path(name).display().to_string();
    vec![
        ("evaluation.sets", format!("own={}", at("set"))),
        ("evaluation.program", at("nix-eval-jobs")),
        ("evaluation.folder", at("evaluation")),
        ("evaluation.portion", "1".to_owned()),
    ]
}

fn config(home: &Home) -> (Evaluation, SourceSet) {
    let mut given = Given::default();
    given.flag("--database", "database.url", &home.address()).unwrap();
    for (key, value) in keys(home) {
        given.flag("--set", key, &value).unwrap();
    }
    let config = Config::read(&given).unwrap().evaluation;
    let set = config.sets[0].clone();
    (config, set)
}

fn run(home: &Home, store: &dyn Store) -> Result<Report, EvaluateError> {
    let (config, set) = config(home);
    let ingest = Ingest {
        store,
        progress: &Progress::default(),
        is_sample: false,
    };
    evaluate::run(ingest, &config, &set)
}

fn open(home: &Home) -> std::sync::Arc<dyn Store> {
    store::open(&Database::from_url(&home.address()).unwrap()).unwrap()
}

fn calls(home: &Home) -> Vec<String> {
    let calls = fs::read_to_string(home.path("calls")).unwrap_or_default();
    calls
        .lines()
        .map(|line| PathBuf::from(line).file_name().unwrap().to_string_lossy().into_owned())
        .collect()
}

fn patches_become_known_and_the_disk_is_given_back() {
    let Some(home) = ready() else { return };
    let store = open(&home);
    let report = run(&home, &*store).unwrap();
    assert_eq!((report.failures, report.files, report.seen, report.problems), (vec![], 1, 2, 0));
    let revision = store.revisions("own").unwrap().remove(0);
    assert_eq!(revision.revision, "0123456789abcdef0123456789abcdef01234567");
    assert_eq!(fs::read_dir(home.path("evaluation")).unwrap().count(), 0, "the store is gone");
    made::write(
        &home.path("cve.json"),
        made::cve("CVE-2024-0001", "2024-05-01T00:00:00.000Z", "frobnicate", "2.0"),
    );
    made::write(
        &home.path("cve2.json"),
        made::cve("CVE-2024-0002", "2024-05-01T00:00:00.000Z", "quuxd", "2.0"),
    );
    home.done(&["ingest", "cve", "cve.json"]);
    home.done(&["ingest", "cve", "cve2.json"]);
    home.done(&["match"]);
    let verdict = |id: &str| store.vulnerability(id).unwrap().unwrap().verdicts[0].verdict.name();
    assert_eq!((verdict("CVE-2024-0001"), verdict("CVE-2024-0002")), ("patched", "affected"));
    // The same source again is evaluated, and nothing new.
    assert_eq!(run(&home, &*store).unwrap().known, 1);
}

fn what_was_evaluated_is_not_evaluated_again() {
    let Some(home) = ready() else { return };
    let store = open(&home);
    made::write(&home.path("fail"), "");
    let error = run(&home, &*store).unwrap_err();
    let why = tracker::ingest::records::chain(&error);
    assert!(why.contains("quuxd") && why.contains("out of luck"), "{why}");
    assert_eq!(calls(&home), ["0.nix", "1.nix"]);
    assert!(store.channel_states().unwrap().is_empty(), "half a set is none");
    fs::remove_file(home.path("fail")).unwrap();
    assert_eq!(run(&home, &*store).unwrap().seen, 2);
    assert_eq!(calls(&home), ["0.nix", "1.nix", "1.nix"]);
    // Portions of another state of the source are not used.
    made::write(&home.path("fail"), "");
    run(&home, &*store).unwrap_err();
    fs::remove_file(home.path("fail")).unwrap();
    made::write(&home.path("set/.git-revision"), "1123456789abcdef0123456789abcdef01234567");
    run(&home, &*store).unwrap();
    assert_eq!(calls(&home)[3..], ["0.nix", "1.nix", "0.nix", "1.nix"]);
    // What does not evaluate at all says why.
    made::write(&home.path("set/default.nix"), "{ a = 1; ");
    let error = run(&home, &*store).unwrap_err();
    assert!(tracker::ingest::records::chain(&error).contains("syntax error"), "{error:?}");
}

fn a_private_set_is_on_no_page_and_in_no_export() {
    let Some(home) = ready() else { return };
    made::mirror(&home.path("mirror"));
    let public = made::packages(&[("frobnicate", "frobnicate", "1.5.0", "https://frobnicate.example/")]);
    made::write(&home.path("mirror/channels/nixos-test/packages.json"), public);
    made::write(
        &home.path("cve.json"),
        made::cve("CVE-2024-0002", "2024-05-01T00:00:00.000Z", "quuxd", "2.0"),
    );
    home.done(&["ingest", "cve", "cve.json"]);
    let mut args: Vec<String> = ["serve", "--listen", "127.0.0.1:0", "--mirror", "mirror"].map(str::to_owned).into();
    for (key, value) in keys(&home).into_iter().chain([("evaluation.private", "own".to_owned())]) {
        args.extend(["--set".to_owned(), format!("{key}={value}")]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let server = crate::served::Server::run(&home, &args, Some("PATH"));
    let store = open(&home);
    let since = std::time::Instant::now();
    let matched = |name: &str| {
        let states = store.channel_states().unwrap();
        states
            .iter()
            .any(|c| c.name == name && c.matched_set.is_some() && c.matched_set == c.set.as_ref().map(|(set, _)| *set))
    };
    while !(matched("own") && matched("nixos-test")) {
        assert!(since.elapsed() < std::time::Duration::from_secs(120), "{:?}", store.jobs());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    // quuxd is in the private set alone: it is affected, and nobody is told.
    let found = store.vulnerability("CVE-2024-0002").unwrap().unwrap();
    assert_eq!(found.verdicts.iter().map(|v| v.channel.as_str()).collect::<Vec<_>>(), ["own"]);
    for path in [
        "/",
        "/channels.json",
        "/queue.json",
        "/cve/CVE-2024-0002.json",
        "/cve/CVE-2024-1001.json",
        "/sources.json",
        "/problems.json",
        "/search.json?q=quuxd",
        "/api/v1/stats",
        "/api/v1/channels",
        "/api/v1/vulnerabilities/CVE-2024-0002",
        "/health",
        "/metrics",
        "/trends.json",
        "/maintainers.json",
        "/compare.json",
        "/package/frobnicate.json",
    ] {
        let body = server.get(path);
        for name in ["\"own\"", "/own", "own@", ">own<"] {
            assert!(!body.contains(name), "{path} says {name}: {body}");
        }
    }
    assert!(
        !server.get("/search.json?q=quuxd").contains("quuxd\",\"version"),
        "no package of that name"
    );
    assert_eq!(server.stop(), Some(0));
    let lines = |args: &[&str]| home.done(args).stdout();
    assert!(!lines(&["export", "suggestions", "--out", "-"]).contains("\"own\""));
    assert!(lines(&["export", "suggestions", "--out", "-", "--private"]).contains("\"own\""));
    home.done(&["export", "snapshot", "--out", "public.snapshot"]);
    home.done(&["export", "snapshot", "--out", "private.snapshot", "--private"]);
    let size = |name: &str| fs::metadata(home.path(name)).unwrap().len();
    assert!(size("public.snapshot") < size("private.snapshot"));
    // A set that was public is in what the server published: it leaves as soon as it is private.
    let key = home.path("snapshot.key");
    tracker::snapshot::own_key(&key).unwrap();
    let shelf = Shelf::new(home.path("published"), Some(key));
    let published = |expected: &[&str]| {
        let public = store::open_public(&Database::from_url(&home.address()).unwrap()).unwrap();
        shelf.renew(&*public).unwrap();
        let newest = shelf.newest().unwrap().unwrap();
        let names: Vec<&str> = newest.header().channels.iter().map(|channel| channel.name.as_str()).collect();
        assert_eq!(names, expected);
    };
    published(&["nixos-test"]);
    store.put_setting("private/own", None).unwrap();
    home.done(&["match"]);
    fs::remove_dir_all(home.path("published")).unwrap();
    published(&["nixos-test", "own"]);
    // It leaves at once, though what is learned from public sets is learned anew by the next match only.
    store.put_setting("private/own", Some("1")).unwrap();
    let public = store::open_public(&Database::from_url(&home.address()).unwrap()).unwrap();
    assert_eq!(shelf.renew(&*public).unwrap(), None);
    assert!(shelf.newest().unwrap().is_none() && !shelf.path().exists());
    home.done(&["match"]);
    published(&["nixos-test"]);
}
