//! The chain as it is: from an empty store, the same every time, without any program of the host.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::place::{bootstrap, built, copy, firn_chain, run, store, whole, with_program};

#[test]
fn from_the_seed_to_the_fixpoint_with_an_empty_store_and_an_empty_path() {
    let store = store();
    let folder = tempfile::tempdir().unwrap();
    copy(&whole(), folder.path());
    // As if the last of them had taken a thousand seconds when it was recorded, and nothing were known of the others.
    let recorded =
        "date = '2026-11-28'\nprocessors = 2\n[step.tcc]\nseconds = 1000.0\ncpu_seconds = 991.0\nmax_rss = 1\ndisk = 1\nbytes = 1\n";
    fs::write(folder.path().join("profile.toml"), recorded).unwrap();
    let started = Instant::now();
    let said = run(firn_chain(store.path())
        .arg("--bootstrap")
        .arg(folder.path())
        .args(["build", "tcc", "--format", "json"]));
    let took = started.elapsed();
    assert_eq!(said.code, Some(0), "{}", said.talk);
    assert!(took < Duration::from_secs(60), "{took:?}");
    // Nine steps of a second each, as far as is known, and one of 991.
    let told: Vec<&str> = said.talk.lines().collect();
    assert_eq!(told.len(), 10, "{}", said.talk);
    let before = |line: &&&str| line.starts_with("  0 % ") || line.starts_with("  1 % ");
    assert_eq!(told.iter().filter(before).count(), 9, "{}", said.talk);
    assert!(told[3].contains(" left") && told[8].contains(", about "), "{}", said.talk);
    assert!(told[9].starts_with("100 % tcc ") && !told[9].contains(" left"), "{}", said.talk);
    let value: Value = serde_json::from_str(&said.out).unwrap();
    assert!(value["seconds"].as_f64().unwrap() < 60.0);
    room_is_given_back(store.path(), &value);
    // Two steps run at once: the engine and the two largest, if they met, stay far below a gigabyte.
    let mut memory: Vec<u64> = Vec::new();
    for step in value["steps"].as_array().unwrap() {
        memory.push(step["record"]["max_rss"].as_u64().unwrap());
        assert!(step["record"]["cpu_seconds"].as_f64().unwrap() < 60.0);
    }
    memory.sort_unstable_by(|a, b| b.cmp(a));
    assert!(memory[0] > 10 << 20, "{memory:?}");
    let most = value["engine_max_rss"].as_u64().unwrap() + memory[0] + memory[1];
    assert!(most < 500 << 20, "{most}");
    let steps = value["steps"].as_array().unwrap();
    assert!(steps.iter().all(|s| s["cached"] == false));
    let made = |step: &str| {
        let step = steps.iter().find(|s| s["record"]["step"] == step).unwrap();
        step["record"]["outputs"][0].clone()
    };
    assert_eq!(made("seed")["bytes"], 213);
    assert_eq!(made("seed")["sha256"], made("seed-again")["sha256"]);
    assert_eq!(made("tcc")["sha256"], made("tcc-by-tcc")["sha256"]);
    assert_ne!(made("tcc")["sha256"], made("tcc-by-cc1")["sha256"]);
    let verified = run(firn_chain(store.path()).arg("verify"));
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.talk);
    for step in ["seed", "hex1", "masm", "cc0"] {
        assert!(
            verified.out.contains(&format!("{step}: is what its source means")),
            "{}",
            verified.out
        );
    }
    let again = run(firn_chain(store.path()).args(["build", "--format", "json"]));
    let value: Value = serde_json::from_str(&again.out).unwrap();
    assert!(value["steps"].as_array().unwrap().iter().all(|s| s["cached"] == true));
}

/// While two steps are worked on at once there are never 6 GB on disk; and in the end no more than outputs with their records and logs, and
/// archives.
pub fn room_is_given_back(store: &Path, built: &Value) {
    let number = |step: &Value, key: &str| step["record"][key].as_u64().unwrap();
    let steps = built["steps"].as_array().unwrap();
    let mut worked: Vec<u64> = steps.iter().map(|s| number(s, "disk")).collect();
    assert!(steps.iter().all(|s| number(s, "disk") >= number(s, "bytes")), "{built}");
    let kept = chain::files::disk(store).unwrap();
    worked.sort_unstable_by(|a, b| b.cmp(a));
    let most = kept + worked[0] + worked[1];
    assert!(most < 6_000_000_000, "{most}");
    assert_eq!(fs::read_dir(store.join("work")).unwrap().count(), 0);
    let mut made = chain::files::disk(&store.join("fetched")).unwrap();
    for step in steps {
        let place = Path::new(step["out"].as_str().unwrap()).parent().unwrap();
        let names = fs::read_dir(place).unwrap().map(|e| e.unwrap().file_name());
        assert!(
            names
                .into_iter()
                .all(|n| ["out", "record.json", "log"].iter().any(|known| n == *known))
        );
        made += chain::files::disk(place).unwrap();
    }
    // Locks, and the folders that hold all of this.
    assert!(kept - made < (steps.len() as u64 + 10) * 8 * 1024, "{kept} {made}");
}

#[test]
fn no_step_that_was_recorded_took_more_than_the_chain_may() {
    let profile = chain::profile::Profile::load(&whole()).unwrap();
    let chain = chain::step::Chain::load(&whole()).unwrap();
    let names: Vec<&String> = chain.ordered().unwrap().iter().map(|s| &s.name).collect();
    assert!(names.iter().all(|n| profile.step.contains_key(*n)) && names.len() == profile.step.len());
    let all = || profile.step.values();
    let most = |of: fn(&chain::profile::Taken) -> u64| {
        let mut sizes: Vec<u64> = all().map(of).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        sizes[0] + sizes[1]
    };
    assert!(all().all(|t| t.disk >= t.bytes));
    assert!(most(|t| t.max_rss) < 3_000_000_000);
    assert!(all().map(|t| t.bytes).sum::<u64>() + most(|t| t.disk) < 6_000_000_000);
}

#[test]
fn a_second_build_elsewhere_later_and_as_another_user_gives_the_same_and_shows_what_does_not() {
    let clock = "#include <stdio.h>\n#include <sys/time.h>\nint main() { struct timeval t; gettimeofday(&t, 0); printf(\"%ld\\n\", t.tv_sec); return 0; }\n";
    let folder = with_program("clock", clock, "");
    let user = "#include <libc.h>\nint main() { printf(\"%ld\\n\", firn_syscall(102, 0, 0, 0)); return 0; }\n";
    let place = "#include <libc.h>\nint main() { char b[100]; puts(getcwd(b, 100)); puts(__DATE__ __TIME__); return 0; }\n";
    for (name, source) in [("user", user), ("place", place)] {
        let other = with_program(name, source, "");
        copy(other.path(), folder.path());
    }
    let command = |words: &[&str]| run(firn_chain(built()).arg("--bootstrap").arg(folder.path()).args(words));
    let pinned = command(&["build", "--update-pins"]);
    assert_eq!(pinned.code, Some(0), "{}", pinned.talk);
    let twice = command(&["build", "--twice"]);
    assert_eq!(twice.code, Some(1), "{}", twice.talk);
    for step in ["seed", "cc0", "cc1", "tcc-source", "tcc-by-cc1", "tcc", "place"] {
        assert!(twice.out.contains(&format!("{step} is the same both times")), "{}", twice.out);
    }
    for step in ["clock", "user"] {
        assert!(twice.out.contains(&format!("{step} differs: said: byte ")), "{}", twice.out);
    }
}

#[test]
fn a_step_that_embeds_its_time_or_date_is_found_out() {
    // tcc with the clock that our edit takes from it; then programs that hold what it says. They say nothing when they are run: it is
    // their own bytes that differ.
    let folder = with_program("time", "char when[] = __TIME__;\nint main() { return 0; }\n", "");
    let other = with_program("date", "char when[] = __DATE__;\nint main() { return 0; }\n", "");
    copy(other.path(), folder.path());
    let step = folder.path().join("steps/tcc-source.toml");
    let text = fs::read_to_string(&step).unwrap();
    let from = text
        .find("[[edit]]\nfile = \"tccpp.c\"\nwhy = \"A program must not depend on the second")
        .unwrap();
    let to = from + 8 + text[from + 8..].find("[[edit]]").unwrap();
    fs::write(&step, format!("{}{}", &text[..from], &text[to..])).unwrap();
    let command = |words: &[&str]| run(firn_chain(built()).arg("--bootstrap").arg(folder.path()).args(words));
    let pinned = command(&["build", "--update-pins"]);
    assert_eq!(pinned.code, Some(0), "{}", pinned.talk);
    let twice = command(&["build", "--twice"]);
    assert_eq!(twice.code, Some(1), "{}{}", twice.out, twice.talk);
    assert!(twice.out.contains("time differs: program: byte "), "{}", twice.out);
    // The date is the same twice, but for a build at midnight.
    assert!(twice.out.contains("date: program holds today's date, "), "{}", twice.out);
    assert!(twice.out.contains("tcc is the same both times"), "{}", twice.out);
}

#[test]
fn a_change_builds_what_depends_on_it_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    copy(bootstrap(), folder.path());
    let cached = |words: &[&str]| {
        let said = run(firn_chain(built())
            .arg("--bootstrap")
            .arg(folder.path())
            .args(["build", "--format", "json"])
            .args(words));
        assert_eq!(said.code, Some(0), "{}", said.talk);
        let value: Value = serde_json::from_str(&said.out).unwrap();
        let steps = value["steps"].as_array().unwrap().clone();
        let fresh = steps.iter().filter(|s| s["cached"] == false);
        fresh.map(|s| s["record"]["step"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // Words for people, limits: nothing.
    let step = folder.path().join("steps/cc0.toml");
    let text = fs::read_to_string(&step).unwrap();
    fs::write(&step, text.replace("title = \"", "title = \"Our ") + "[limits]\nseconds = 59\n").unwrap();
    assert!(cached(&[]).is_empty());
    // A comment in cc0's source: cc0 is built again, comes out the same, and so nothing else is.
    let source = folder.path().join("amd64/cc0.masm");
    let text = fs::read_to_string(&source).unwrap();
    fs::write(&source, text + "# one more comment\n").unwrap();
    assert_eq!(cached(&[]), ["cc0"]);
}

#[test]
fn two_steps_run_at_once() {
    let source = "#include <libc.h>\nint main() { long time[2]; time[0] = 8; time[1] = 0; return firn_syscall(35, (long)time, 0, 0); }\n";
    let folder = with_program("one", source, "");
    let other = with_program("two", source, "");
    copy(other.path(), folder.path());
    let store = built();
    let started = Instant::now();
    let said = run(firn_chain(store)
        .arg("--bootstrap")
        .arg(folder.path())
        .args(["build", "--update-pins", "--jobs", "2"]));
    let took = started.elapsed();
    assert_eq!(said.code, Some(0), "{}", said.talk);
    assert!(took > Duration::from_secs(8) && took < Duration::from_secs(16), "{took:?}");
}

#[test]
fn audit_plan_and_show_say_what_there_is() {
    let audit = run(firn_chain(built()).args(["audit", "--format", "json"]));
    let value: Value = serde_json::from_str(&audit.out).unwrap();
    assert_eq!(value["seed"]["bytes"], 213);
    assert_eq!(value["seed"]["sha256"].as_str().unwrap().len(), 64);
    assert!(value["seed"]["path"].as_str().unwrap().ends_with("bootstrap/amd64/seed.hex0"));
    assert_eq!(value["host_programs"].as_array().unwrap().len(), 0);
    let actions = value["actions"].as_array().unwrap();
    assert_eq!(
        actions
            .iter()
            .filter(|a| a["action"].as_str().unwrap().starts_with("edit "))
            .count(),
        15
    );
    assert!(actions.iter().all(|a| !a["why"].as_str().unwrap().is_empty()));
    assert_eq!(value["always"].as_array().unwrap().len(), 5);
    let plan = run(firn_chain(built()).arg("plan"));
    assert_eq!(plan.out.matches(" there").count(), 10, "{}", plan.out);
    let show = run(firn_chain(built()).args(["show", "cc0"]));
    assert!(show.out.contains("run      /in/masm/masm /out/cc0"), "{}", show.out);
    let none = run(firn_chain(built()).args(["show", "moon"]));
    assert_eq!((none.code, none.talk.as_str()), (Some(2), "error: no step \"moon\"\n"));
}
