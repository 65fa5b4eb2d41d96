//! GCC: that it compiles rightly, that it does not depend on what compiled it, and that nothing of this machine is in it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::chain::room_is_given_back;
use crate::faults::killed_within_every_step;
use crate::hosts;
use crate::place::{all_of_it, build_in, built, firn_chain, output_in, run, whole};

const C: [&str; 3] = ["numbers", "language", "system"];
const CXX: [&str; 2] = ["objects", "library"];

fn long(what: &str) -> bool {
    let long = std::env::var_os("FIRN_LONG").is_some();
    if !long {
        eprintln!("SKIPPED: {what}: cargo xtask test --only chain --long does that");
    }
    long
}

#[test]
fn gcc_by_tcc_compiles_c_as_it_must() {
    let folder = all_of_it();
    let programs = C.map(|c| format!("'{c}.c'")).join(", ");
    let step = format!(
        "name = 'c-works'\ntitle = 't'\nwhy = 'w'\norder = 99\ninputs = ['musl-gcc', 'musl', 'busybox', 'binutils', 'gcc-3.4.6-by-tcc']\n\
         sources = ['conformance']\nshell = 'busybox'\n[[run]]\nargv = ['/bin/sh', '/src/conformance/check', '/in/gcc-3.4.6-by-tcc/bin/gcc', '-B/in/musl-gcc/lib/', {programs}]\n\
         directory = '/work'\nstdout = '/out/said'\n[[output]]\npath = 'said'\nsha256 = ''\n[limits]\nprocesses = 32\nseconds = 300\n"
    );
    fs::write(folder.path().join("steps/c-works.toml"), step).unwrap();
    // To the pins: no step on the way may come out as another.
    let said = build_in(folder.path(), &["build", "musl-gcc"]);
    assert_eq!(said.code, Some(0), "{}", said.talk);
    let said = fs::read_to_string(output_in(folder.path(), "c-works").join("said")).unwrap();
    assert_eq!(said.lines().count(), 3 * C.len(), "{said}");
}

#[test]
fn what_conformance_programs_must_say_is_what_the_hosts_gcc_makes_them_say() {
    let dir = tempfile::tempdir().unwrap();
    let conformance = whole().join("conformance");
    let names = C
        .iter()
        .map(|c| (*c, "c", "gcc", "gnu99"))
        .chain(CXX.iter().map(|c| (*c, "cc", "g++", "c++98")));
    for (name, end, compiler, language) in names {
        let program = dir.path().join(name);
        let made = Command::new(compiler)
            .args(["-w", "-O1", "-z", "execstack", &format!("-std={language}"), "-o"])
            .arg(&program)
            .arg(conformance.join(format!("{name}.{end}")))
            .args(["-lm", "-lpthread"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let said = Command::new(&program).current_dir(dir.path()).output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&said.stdout),
            fs::read_to_string(conformance.join(format!("{name}.said"))).unwrap(),
            "{name}"
        );
    }
}

/// Every file below a folder.
pub fn files(at: &Path, all: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        let data = fs::symlink_metadata(&path).unwrap();
        if data.is_dir() {
            files(&path, all);
        } else if data.is_file() {
            all.push(path);
        }
    }
}

/// What only this machine could have put into an output.
fn of_this_machine() -> Vec<String> {
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let mut all = vec![
        built().canonicalize().unwrap().display().to_string(),
        whole().display().to_string(),
        env!("CARGO_MANIFEST_DIR").to_owned(),
        text("/proc/version"),
        text("/proc/sys/kernel/version"),
        text("/proc/sys/kernel/random/boot_id"),
    ];
    let host = text("/proc/sys/kernel/hostname");
    if host.len() > 6 {
        all.push(host);
    }
    all.retain(|t| t.len() > 6);
    all
}

/// What a build of all steps up to one tells, in a store where they are built, and the files of their outputs.
fn outputs(folder: &Path, store: &Path, step: &str) -> (Value, Vec<std::path::PathBuf>) {
    let said = run(firn_chain(store)
        .arg("--bootstrap")
        .arg(folder)
        .args(["build", step, "--format", "json"]));
    assert_eq!(said.code, Some(0), "{}", said.talk);
    let value: Value = serde_json::from_str(&said.out).unwrap();
    let mut all = Vec::new();
    for step in value["steps"].as_array().unwrap() {
        files(Path::new(step["out"].as_str().unwrap()), &mut all);
    }
    (value, all)
}

/// No file holds what only this machine has; a compiler names its own parts, so that they would be found.
fn nothing_foreign(all: &[std::path::PathBuf], compiler: &str, parts: &str) {
    let foreign = of_this_machine();
    assert!(foreign.len() >= 4, "{foreign:?}");
    for file in all {
        let bytes = fs::read(file).unwrap();
        for text in &foreign {
            assert!(
                memchr::memmem::find(&bytes, text.as_bytes()).is_none(),
                "{} holds {text}",
                file.display()
            );
        }
    }
    // The search itself finds what is there.
    let named = |file: &&std::path::PathBuf| {
        file.ends_with(format!("libexec/gcc/x86_64-unknown-linux-gnu/3.4.6/{compiler}"))
            && memchr::memmem::find(&fs::read(file).unwrap(), parts.as_bytes()).is_some()
    };
    assert_eq!(all.iter().filter(named).count(), 1);
}

#[test]
fn no_path_or_name_of_this_machine_and_no_folder_of_a_host_is_in_any_output() {
    let folder = all_of_it();
    let (told, all) = outputs(folder.path(), built(), "musl-gcc");
    assert!(all.len() > 5000, "{}", all.len());
    nothing_foreign(&all, "cc1", "/in/gcc-3.4.6-by-tcc/lib/gcc/");
    hosts::search(folder.path(), &told, false);
}

#[test]
fn every_step_is_pinned_and_every_source_has_its_digest() {
    let chain = chain::step::Chain::load(&whole()).unwrap();
    let steps = chain.ordered().unwrap();
    assert!(steps.len() >= 25);
    let digest = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase());
    for step in steps {
        assert!(step.output.iter().all(|o| digest(&o.sha256)), "{}", step.name);
        assert!(step.source.iter().all(|s| digest(&s.sha256)), "{}", step.name);
        assert!(step.why.trim().len() > 50, "{} does not say why", step.name);
        // What must be the same is pinned the same, so that it need not be built to be known.
        for output in &step.output {
            if let Some((other, path)) = output.same_as.as_ref().and_then(|o| o.split_once('/')) {
                // A file within an output has no pin of its own.
                let twin = chain
                    .step(other)
                    .unwrap()
                    .output
                    .iter()
                    .find(|o| path.starts_with(&o.path))
                    .unwrap();
                assert!(twin.path != path || twin.sha256 == output.sha256, "{}/{}", step.name, output.path);
            }
        }
    }
}

/// What takes too long to build in every run was built once, and is believed as any other builder is: by what it signed.
#[test]
fn what_was_built_when_the_pins_were_made_is_what_is_pinned() {
    let recorded = whole().join("provenance");
    let keys: Vec<_> = fs::read_dir(&recorded)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "pub"))
        .collect();
    assert_eq!(keys.len(), 1);
    let said = run(firn_chain(Path::new("/nowhere"))
        .env("FIRN_BOOTSTRAP", whole())
        .args(["verify", "--format", "json", "--with"])
        .arg(&recorded)
        .arg("--trust")
        .arg(&keys[0]));
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.talk);
    let value: Value = serde_json::from_str(&said.out).unwrap();
    let steps = value["steps"].as_array().unwrap();
    assert_eq!(steps.len(), chain::step::Chain::load(&whole()).unwrap().ordered().unwrap().len());
    assert!(steps.iter().all(|s| s["agree"].as_array().unwrap().len() == 1), "{}", said.out);
}

#[test]
fn long_a_build_that_is_killed_within_any_step_of_all_goes_on_with_it() {
    if long("a build that is killed within each step") {
        killed_within_every_step(with_all_archives().path(), &whole());
    }
}

/// An empty store with all archives.
fn with_all_archives() -> tempfile::TempDir {
    let store = tempfile::tempdir().unwrap();
    let fetched = run(firn_chain(store.path())
        .env("FIRN_BOOTSTRAP", whole())
        .arg("fetch")
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin"));
    assert_eq!(fetched.code, Some(0), "{}", fetched.talk);
    store
}

#[test]
fn long_all_of_the_chain_twice_is_the_same() {
    if !long("all of the chain, twice") {
        return;
    }
    let store = with_all_archives();
    let twice = run(firn_chain(store.path()).env("FIRN_BOOTSTRAP", whole()).args(["build", "--twice"]));
    assert_eq!(twice.code, Some(0), "{}{}", twice.out, twice.talk);
    let same: Vec<String> = chain::step::Chain::load(&whole())
        .unwrap()
        .ordered()
        .unwrap()
        .iter()
        .map(|s| format!("{} is the same both times", s.name))
        .collect();
    assert_eq!(twice.out.lines().collect::<Vec<_>>(), same);
    let told = run(firn_chain(store.path())
        .env("FIRN_BOOTSTRAP", whole())
        .args(["build", "--format", "json"]));
    let told: Value = serde_json::from_str(&told.out).unwrap();
    room_is_given_back(store.path(), &told);
    hosts::search(&whole(), &told, true);
    let (_, all) = outputs(&whole(), store.path(), "gcc-3.4.6");
    nothing_foreign(&all, "cc1plus", "/in/gcc-3.4.6/lib/gcc/");
}

#[test]
fn long_gcc_is_the_same_whether_tcc_was_compiled_by_the_chain_or_by_the_hosts_gcc() {
    if !long("GCC by way of another tcc") {
        return;
    }
    let folder = all_of_it();
    let said = run(firn_chain(built())
        .arg("--bootstrap")
        .arg(folder.path())
        .args(["ddc", "--first", "/usr/bin/gcc", "--to", "gcc-3.4.6", "--format", "json"])
        .env("PATH", "/usr/bin:/bin"));
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.talk);
    let value: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(value["verdicts"][0]["same"], true);
}
