//! What goes wrong by accident: bits that flip, disks that fill, builds that are killed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use chain::profile::Profile;
use chain::step::Chain;
use tempfile::TempDir;

use crate::place::{Said, bootstrap, built, copy, firn_chain, mirror, run, store};

/// Builds with one byte of a file below `bootstrap/` replaced.
fn build_with(file: &str, change: impl Fn(&str) -> String) -> (Said, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    copy(bootstrap(), folder.path());
    let path = folder.path().join(file);
    let text = fs::read_to_string(&path).unwrap();
    let changed = change(&text);
    assert_ne!(text, changed, "{file}");
    fs::write(&path, changed).unwrap();
    let said = run(firn_chain(built()).arg("--bootstrap").arg(folder.path()).arg("build"));
    (said, folder)
}

#[test]
fn one_flipped_byte_of_the_seed_stops_everything() {
    let (said, _) = build_with("amd64/seed.hex0", |t| t.replace("C1 E3 04 ", "C1 E3 05 "));
    assert_eq!(said.code, Some(1));
    assert!(
        said.talk.contains("error: step seed: seed came out as ") && said.talk.contains("is pinned"),
        "{}",
        said.talk
    );
    // `shl ebx, 4` stands at byte 176.
    let place = "byte 178 (segment 0, address 0x4000b2) is the first that differs: 04";
    assert!(said.talk.contains(place), "{}", said.talk);
    let (said, _) = build_with("amd64/seed.hex0", |t| t.replace("7F 45 4C 46", "7F 45 4C 4g"));
    assert_eq!(said.code, Some(1));
    assert!(
        said.talk.contains("holds something else than pairs of hexadecimal digits"),
        "{}",
        said.talk
    );
}

#[test]
fn one_flipped_byte_of_a_stage_source_stops_that_stage() {
    for (file, from, to, step) in [
        ("amd64/hex1.hex0", "C1 E3 04", "C1 E3 03", "hex1"),
        ("amd64/masm.hex1", "3C 40", "3C 41", "masm"),
        ("amd64/amd64.masm", "4801C8", "4801C9", "cc0"),
        ("cc1/6-code.c", "4801C8", "4829C8", "cc1"),
        ("libc/string.c", "return *p - *q;", "return *q - *p;", "tcc-by-cc1"),
    ] {
        let (said, _) = build_with(file, |t| t.replacen(from, to, 1));
        assert_eq!(said.code, Some(1), "{file}: {}", said.talk);
        assert!(said.talk.contains(&format!("error: step {step}: ")), "{file}: {}", said.talk);
        assert!(said.talk.contains("is the first that differs"), "{file}: {}", said.talk);
    }
}

#[test]
fn a_damaged_or_missing_archive_is_named_with_its_digest() {
    let store = store();
    let archive = fs::read_dir(store.path().join("fetched")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&archive).unwrap();
    bytes[5000] ^= 1;
    fs::write(&archive, &bytes).unwrap();
    let said = run(firn_chain(store.path()).args(["build", "tcc-source"]));
    assert_eq!(said.code, Some(1));
    assert!(
        said.talk.contains("has sha256") && said.talk.contains("not d63c113b"),
        "{}",
        said.talk
    );
    fs::remove_file(&archive).unwrap();
    let said = run(firn_chain(store.path()).args(["build", "tcc-source"]));
    assert_eq!(said.code, Some(3));
    for word in [
        "tcc 0.9.27+git20200814.62c30a4a-1 of bookworm",
        "d63c113b",
        "hint: firn-chain fetch",
    ] {
        assert!(said.talk.contains(word), "{}", said.talk);
    }
    // A mirror that gives something else is not believed.
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("tcc_0.9.27+git20200814.62c30a4a.orig.tar.bz2"), &bytes).unwrap();
    let said = run(firn_chain(store.path()).arg("fetch").arg("--mirror").arg(other.path()));
    assert_eq!(said.code, Some(1), "{}", said.talk);
    let said = run(firn_chain(store.path()).arg("fetch").arg("--mirror").arg("/none"));
    assert_eq!(said.code, Some(3), "{}", said.talk);
    let said = run(firn_chain(store.path()).arg("fetch").arg("--mirror").arg(mirror()));
    assert_eq!(said.code, Some(0), "{}", said.talk);
}

#[test]
fn what_must_be_the_same_as_a_file_within_an_input_is_compared_with_that_file() {
    let folder = tempfile::tempdir().unwrap();
    copy(bootstrap(), folder.path());
    for (twin, told) in [
        ("tcc.c", None),
        ("tcc.h", Some("x is not the same as tcc-source/tcc/tcc.h: ")),
        ("none", Some("x must be the same as tcc-source/tcc/none, which is not there")),
    ] {
        let step = format!(
            "name = 'same'\ntitle = 't'\nwhy = 'w'\norder = 99\ninputs = ['tcc-source']\n[[copy]]\nfrom = '/in/tcc-source/tcc/tcc.c'\nto = 'x'\n\
             why = 'w'\n[[output]]\npath = 'x'\nsame_as = 'tcc-source/tcc/{twin}'\nsha256 = ''\n"
        );
        fs::write(folder.path().join("steps/same.toml"), step).unwrap();
        let said = run(firn_chain(built())
            .arg("--bootstrap")
            .arg(folder.path())
            .args(["build", "--update-pins", "same"]));
        match told {
            None => assert_eq!(said.code, Some(0), "{}", said.talk),
            Some(told) => assert!(said.code == Some(1) && said.talk.contains(told), "{}", said.talk),
        }
    }
}

#[test]
fn bytes_that_change_in_the_store_are_built_again() {
    let store = store();
    let build = || run(firn_chain(store.path()).args(["build", "cc0"]));
    assert_eq!(build().code, Some(0));
    let entry = fs::read_dir(store.path())
        .unwrap()
        .flatten()
        .find(|e| e.file_name().to_string_lossy().ends_with("-masm"))
        .unwrap();
    let masm = entry.path().join("out/masm");
    let good = fs::read(&masm).unwrap();
    let mut bad = good.clone();
    bad[600] ^= 1;
    fs::write(&masm, &bad).unwrap();
    let said = run(firn_chain(store.path()).arg("verify"));
    assert_eq!(said.code, Some(1), "{}", said.out);
    assert!(said.out.contains("masm: its output changed since it was made"), "{}", said.out);
    assert_eq!(build().code, Some(0));
    assert_eq!(fs::read(&masm).unwrap(), good);
}

#[test]
fn a_forged_record_is_not_believed() {
    let store = store();
    let build = || run(firn_chain(store.path()).args(["build", "cc0"]));
    assert_eq!(build().code, Some(0));
    let entries = fs::read_dir(store.path()).unwrap().flatten();
    let entry = entries.map(|e| e.path()).find(|p| p.to_string_lossy().ends_with("-masm")).unwrap();
    let good = fs::read(entry.join("out/masm")).unwrap();
    let mut bad = good.clone();
    bad[600] ^= 1;
    fs::write(entry.join("out/masm"), &bad).unwrap();
    // The record's digest of the tree is that of the changed one; its digest of the output is the pin still.
    let record = fs::read_to_string(entry.join("record.json")).unwrap();
    let mut value: serde_json::Value = serde_json::from_str(&record).unwrap();
    value["nar_sha256"] = chain::tree::nar_sha256(&entry.join("out")).unwrap().into();
    fs::write(entry.join("record.json"), value.to_string()).unwrap();
    let said = run(firn_chain(store.path()).arg("verify"));
    assert_eq!(said.code, Some(1), "{}", said.out);
    assert_eq!(build().code, Some(0));
    assert_eq!(fs::read(entry.join("out/masm")).unwrap(), good);
    // One whose digests all fit what is there is told by the pin.
    fs::write(entry.join("out/masm"), &bad).unwrap();
    value["nar_sha256"] = chain::tree::nar_sha256(&entry.join("out")).unwrap().into();
    value["outputs"][0]["sha256"] = chain::tree::sha256(&bad).into();
    fs::write(entry.join("record.json"), value.to_string()).unwrap();
    let said = build();
    assert_eq!(said.code, Some(1), "{}", said.talk);
    assert!(said.talk.contains("step masm: masm came out as"), "{}", said.talk);
}

#[test]
fn a_store_that_others_can_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let store = store();
    fs::set_permissions(store.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let said = run(firn_chain(store.path()).arg("build"));
    assert_eq!(said.code, Some(3), "{}", said.talk);
    assert!(said.talk.contains("others can write there"), "{}", said.talk);
    fs::set_permissions(store.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(run(firn_chain(store.path()).args(["build", "seed"])).code, Some(0));
    let mode = fs::metadata(store.path().join("work")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn builds_killed_at_any_moment_go_on_where_they_were() {
    let store = store();
    for round in 0..12 {
        let mut child = firn_chain(store.path())
            .arg("build")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // No clock and no chance: moments spread over a build, which gets shorter as its store fills.
        thread::sleep(Duration::from_millis(7 + round * 97 % 700));
        child.kill().unwrap();
        child.wait().unwrap();
        for entry in fs::read_dir(store.path()).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_step = name.split_once('-').is_some_and(|(key, _)| key.len() == 32);
            assert!(!is_step || entry.path().join("record.json").exists(), "{name} is half there");
        }
    }
    let said = run(firn_chain(store.path()).arg("build"));
    assert_eq!(said.code, Some(0), "{}", said.talk);
    assert!(said.talk.contains("was there"), "nothing was kept: {}", said.talk);
    assert_eq!(run(firn_chain(store.path()).arg("verify")).code, Some(0));
    assert_eq!(fs::read_dir(store.path().join("work")).unwrap().count(), 0, "work is left over");
}

/// Kills a build within every step of a chain, one after the other. Nothing is half there, nothing that was done is done again, and the
/// last build ends well.
pub fn killed_within_every_step(store: &Path, folder: &Path) {
    let chain = Chain::load(folder).unwrap();
    let profile = Profile::load(folder).unwrap();
    let command = || {
        let mut command = firn_chain(store);
        command.arg("--bootstrap").arg(folder);
        command
    };
    let mut done = BTreeSet::new();
    for step in chain.ordered().unwrap() {
        // What takes long is killed in its middle, as far as that is known; of what takes milliseconds any moment is one.
        let into = profile
            .step
            .get(&step.name)
            .map_or(0.0, |t| (t.seconds / 2.0 - 0.1).clamp(0.0, 5.0));
        let is_it = |entry: &String| entry.split_once('-').is_some_and(|(_, name)| name == step.name);
        done.retain(|entry| !is_it(entry));
        let within = (0..50).any(|_| killed_within(command().arg("build"), store, &step.name, Duration::from_secs_f64(into)));
        assert!(within, "{} was always too fast", step.name);
        let there: BTreeSet<String> = steps_in(store).into_keys().collect();
        assert!(done.is_subset(&there), "{}: {done:?} {there:?}", step.name);
        done = there;
    }
    let said = run(command().arg("build"));
    assert_eq!(said.code, Some(0), "{}", said.talk);
    for entry in &done {
        let step = entry.split_once('-').unwrap().1;
        let line = said.talk.lines().find(|l| l.split_whitespace().nth(2) == Some(step));
        assert!(
            line.is_some_and(|l| l.contains("was there")),
            "{step} was done again: {}",
            said.talk
        );
    }
    assert_eq!(run(command().arg("verify")).code, Some(0));
    assert_eq!(fs::read_dir(store.join("work")).unwrap().count(), 0, "work is left over");
}

/// Steps that a store has, each by the name of its folder, whole.
fn steps_in(store: &Path) -> BTreeMap<String, PathBuf> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(store).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.split_once('-').is_some_and(|(key, _)| key.len() == 32) {
            assert!(entry.path().join("record.json").exists(), "{name} is half there");
            all.insert(name, entry.path());
        }
    }
    all
}

/// Starts a build of a step that is not there, and kills it when that has been worked on for a while. Whether it was still being worked on.
fn killed_within(build: &mut Command, store: &Path, step: &str, into: Duration) -> bool {
    let made = || {
        let all = steps_in(store).into_iter();
        all.filter(|(name, _)| name.split_once('-').is_some_and(|(_, s)| s == step))
            .map(|(_, place)| place)
            .next()
    };
    // A build that was killed within another step, or too late within this one, may have made it.
    if let Some(place) = made() {
        fs::remove_dir_all(place).unwrap();
    }
    let mut child = build.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begins = format!("{step}-{}-", child.id());
    let started = || {
        let entries = fs::read_dir(store.join("work")).into_iter().flatten().flatten();
        entries
            .map(|e| e.file_name())
            .any(|name| name.to_string_lossy().starts_with(&begins))
    };
    while !started() && made().is_none() && child.try_wait().unwrap().is_none() {
        thread::yield_now();
    }
    thread::sleep(into);
    child.kill().unwrap();
    child.wait().unwrap();
    made().is_none()
}

#[test]
fn builds_killed_within_any_step_go_on_with_that_step() {
    killed_within_every_step(store().path(), bootstrap());
}

#[test]
fn two_builds_at_once_do_not_disturb_each_other() {
    let store = store();
    let start = || {
        firn_chain(store.path())
            .arg("build")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let builds = [start(), start()];
    for mut build in builds {
        assert!(build.wait().unwrap().success());
    }
    assert_eq!(run(firn_chain(store.path()).arg("verify")).code, Some(0));
}

/// A small file system, as long as the value lives.
struct Small(TempDir);

impl Small {
    fn mount(options: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "small"])
            .arg(dir.path())
            .output();
        mounted.is_ok_and(|o| o.status.success()).then(|| Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

#[test]
fn a_full_disk_stops_the_build_and_room_lets_it_go_on() {
    let Some(small) = Small::mount("size=1900k,mode=755") else {
        eprintln!("SKIPPED: a full disk, because only root can mount a small one");
        return;
    };
    let said = run(firn_chain(small.path()).arg("fetch").arg("--mirror").arg(mirror()));
    assert_eq!(said.code, Some(0), "{}", said.talk);
    let said = run(firn_chain(small.path()).arg("build"));
    assert!(matches!(said.code, Some(1 | 3)), "{:?} {}", said.code, said.talk);
    assert!(
        said.talk.contains("No space left on device") || said.talk.contains("os error 28"),
        "{}",
        said.talk
    );
    let grown = Command::new("mount")
        .args(["-o", "remount,size=64m"])
        .arg(small.path())
        .status()
        .unwrap();
    assert!(grown.success());
    let said = run(firn_chain(small.path()).arg("build"));
    assert_eq!(said.code, Some(0), "{}", said.talk);
    assert_eq!(run(firn_chain(small.path()).arg("verify")).code, Some(0));
}
