//! What commands answer, as data, talk and exit code.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::program::{self, Place, Ran, nix};

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

/// (id, package, verdict) of a report's open findings.
fn open(report: &Value) -> Vec<String> {
    let packages = report["packages"].as_array().unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let open = findings.filter(|f| ["affected", "known_vulnerable", "unknown"].contains(&f["verdict"].as_str().unwrap()));
    open.map(|f| {
        let package = &packages[usize::try_from(f["package"].as_u64().unwrap()).unwrap()];
        format!(
            "{} {} {}",
            f["id"].as_str().unwrap(),
            package["pname"].as_str().unwrap(),
            package["version"].as_str().unwrap()
        )
    })
    .collect()
}

const LIST: &str = "/nix/store/5a0dsc7lajmw35blswvy37zd3nzh7a30-openssl-1.1.1g\n/nix/store/9hwapmz8jlrll9ll00wr5wp79zpqh0wn-zlib-1.2.11\n/nix/store/kbj2yl9j370mj1nwcwsi0m5s2jma8x9f-unit-sshd.service\n";

#[test]
fn a_store_is_read_as_nix_reads_it() {
    let place = Place::new();
    let Some((root, top)) = place.store("1.1.1g") else { return };
    let ran = place.run(&["closure", &top, "--store", &root, "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let report = json(&ran);
    assert_eq!(open(&report), ["CVE-2024-1001 openssl 1.1.1g", "CVE-2024-1002 zlib 1.2.11"]);
    assert!(!ran.err.contains("asked instead"), "the database itself was read: {}", ran.err);
    // The same paths as Nix counts.
    let paths: BTreeSet<String> = nix(&place.at("root"), "nix-store", &["--query", "--requisites", &top])
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(report["summary"]["parts"], paths.len());
    // The same answer from what `nix path-info` printed, and from Nix itself where the database cannot be used.
    let info = nix(
        &place.at("root"),
        "nix",
        &["--extra-experimental-features", "nix-command", "path-info", "--json", "-r", &top],
    )
    .unwrap();
    let key = place.at("key.pub").display().to_string();
    let fed = place.fed(&["closure", "--from", "-", "--trust", &key, "--format", "json"], &info);
    let from_nix = json(&fed);
    assert_eq!(from_nix["packages"], report["packages"]);
    assert_eq!(open(&from_nix), open(&report));
    // Of another type than Nix writes, but one that Nix itself does not mind.
    let database = rusqlite::Connection::open(place.at("root/nix/var/nix/db/db.sqlite")).unwrap();
    database.execute("UPDATE ValidPaths SET hash = CAST(hash AS BLOB)", []).unwrap();
    drop(database);
    let fallen = place.run(&["closure", &top, "--store", &root, "--format", "json"]);
    assert_eq!(fallen.code, Some(0), "{fallen:?}");
    assert!(fallen.err.contains("Nix was asked instead"), "{}", fallen.err);
    assert_eq!(open(&json(&fallen)), open(&report));
    // What neither of us can read is an error that names both.
    fs::write(place.at("root/nix/var/nix/db/schema"), "11").unwrap();
    let neither = place.run(&["closure", &top, "--store", &root]);
    assert_eq!(neither.code, Some(3), "{neither:?}");
    assert!(
        neither
            .err
            .contains("has schema \"11\"; only 10 is known), and Nix could not be asked"),
        "{}",
        neither.err
    );
}

/// Users may read the database, but not write beside it, which SQLite wants.
#[test]
fn users_without_rights_read_the_database_too() {
    let place = Place::new();
    let Some((root, top)) = place.store("1.1.1g") else { return };
    let Some(alone) = place.run_as_nobody(&["closure", &top, "--store", &root, "--format", "json"]) else {
        return;
    };
    assert_eq!(alone.code, Some(0), "{alone:?}");
    assert!(!alone.err.contains("asked instead"), "{}", alone.err);
    assert_eq!(open(&json(&alone)), ["CVE-2024-1001 openssl 1.1.1g", "CVE-2024-1002 zlib 1.2.11"]);
    // While Nix works there is a log beside it, with what is newest.
    let nix = rusqlite::Connection::open(place.at("root/nix/var/nix/db/db.sqlite")).unwrap();
    nix.execute_batch("PRAGMA journal_mode = wal; UPDATE ValidPaths SET deriver = '/nix/store/23yc9dd7fzj8n9ffsfap71gv06s0dp0g-zlib-1.2.11.drv' WHERE path LIKE '%zlib%'")
        .unwrap();
    assert!(place.at("root/nix/var/nix/db/db.sqlite-wal").metadata().unwrap().len() > 0);
    let meanwhile = place
        .run_as_nobody(&["closure", &top, "--store", &root, "--format", "json"])
        .unwrap();
    assert_eq!(meanwhile.code, Some(0), "{meanwhile:?}");
    let packages = json(&meanwhile)["packages"].clone();
    let zlib = packages.as_array().unwrap().iter().find(|p| p["pname"] == "zlib").unwrap().clone();
    assert_eq!(
        zlib["drv_path"], "/nix/store/23yc9dd7fzj8n9ffsfap71gv06s0dp0g-zlib-1.2.11.drv",
        "the log is read"
    );
}

#[test]
fn symlinks_lead_to_the_store_and_generations_are_numbers() {
    let place = Place::new();
    let Some((root, top)) = place.store("1.1.1g") else { return };
    std::os::unix::fs::symlink(&top, place.at("result")).unwrap();
    let ran = place.run(&["closure", "result", "--store", &root, "--format", "json"]);
    assert_eq!(open(&json(&ran)).len(), 2);
    let profiles = place.at("root/nix/var/nix/profiles");
    fs::create_dir_all(&profiles).unwrap();
    std::os::unix::fs::symlink(&top, profiles.join("system-7-link")).unwrap();
    let ran = place.run(&["system", "--generation", "7", "--store", &root, "--format", "json"]);
    assert_eq!(open(&json(&ran)).len(), 2, "{ran:?}");
    std::os::unix::fs::symlink("loop", place.at("loop")).unwrap();
    let ran = place.run(&["closure", "loop"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("more than 40 symlinks"), "{}", ran.err);
    let gone = place.run(&["closure", "/nix/store/00000000000000000000000000000000-gone", "--store", &root]);
    assert_eq!(
        (gone.code, gone.err.lines().next()),
        (
            Some(2),
            Some("error: /nix/store/00000000000000000000000000000000-gone is not in the store")
        )
    );
}

#[test]
fn exit_codes_are_those_of_the_design() {
    let place = Place::new();
    let list = place.file("list", LIST);
    let code = |args: &[&str]| {
        let mut all = vec!["closure", "--from", &list];
        all.extend(args);
        place.run(&all).code
    };
    assert_eq!(code(&[]), Some(0), "findings alone are no failure");
    assert_eq!(code(&["--fail-on", "critical"]), Some(1));
    assert_eq!(
        code(&["--fail-on", "critical", "--since", "2024-05-02"]),
        Some(0),
        "what is older was not asked for"
    );
    assert_eq!(code(&["--fail-on", "severe"]), Some(2));
    assert_eq!(code(&["--decisions", "gone.toml"]), Some(2));
    assert_eq!(place.run(&["closure", "--from", "gone"]).code, Some(2));
    fs::write(place.at("list"), "{").unwrap();
    assert_eq!(code(&[]), Some(3), "a closure cut short");
}

#[test]
fn whom_and_what_to_believe_is_checked_first() {
    let place = Place::new();
    let list = place.file("list", LIST);
    let nobody = place.fed(&["closure", "--from", &list], "");
    assert_eq!(nobody.code, Some(2), "{nobody:?}");
    assert!(
        nobody.err.contains("no key is trusted") && nobody.err.contains("hint: --trust KEY.pub"),
        "{}",
        nobody.err
    );
    place.snapshot(2, 8);
    let warned = place.run(&["closure", "--from", &list]);
    assert!(
        warned.code == Some(0) && warned.err.contains("the snapshot is 8 days old"),
        "{warned:?}"
    );
    place.snapshot(3, 31);
    assert_eq!(place.run(&["closure", "--from", &list]).code, Some(3));
    assert_eq!(place.run(&["closure", "--from", &list, "--allow-stale"]).code, Some(0));
    place.snapshot(1, 0);
    let rolled = place.run(&["closure", "--from", &list]);
    assert!(
        rolled.code == Some(3) && rolled.err.contains("serial is 1, and 3 of the same key was seen before"),
        "{rolled:?}"
    );
    assert_eq!(place.run(&["closure", "--from", &list, "--allow-rollback"]).code, Some(0));
    let checked = place.run(&["snapshot", "verify", "--allow-rollback", "--format", "json"]);
    assert_eq!(json(&checked)["entries"]["records"], 2);
    let info = json(&place.run(&["snapshot", "info", "--format", "json"]));
    assert_eq!(
        (&info["serial"], &info["channels"][1]["name"]),
        (&Value::from(1), &Value::from("nixos-unstable"))
    );
    let mut bytes = fs::read(place.at("snapshot")).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(place.at("snapshot"), bytes).unwrap();
    assert_eq!(place.run(&["snapshot", "verify", "--allow-rollback"]).code, Some(3));
}

#[test]
fn decisions_are_applied_visible_and_told_of_when_they_end() {
    let place = Place::new();
    let list = place.file("list", LIST);
    let ours = place.file(
        "decisions.toml",
        "version = 1\n[[decision]]\ncve = 'CVE-2024-1001'\npackage = 'openssl'\nstatus = 'not_affected'\nreason = 'no TLS here'\n\
         [[decision]]\ncve = 'CVE-2024-1002'\nstatus = 'accepted'\nreason = 'for a while'\nuntil = 2024-01-01\n\
         [[decision]]\npackage = 'wget'\nstatus = 'accepted'\nreason = 'never here'\n",
    );
    let args = [
        "closure",
        "--from",
        &list,
        "--decisions",
        &ours,
        "--fail-on",
        "critical",
        "--format",
        "json",
    ];
    let ran = place.run(&args);
    assert_eq!(ran.code, Some(0), "what is settled does not fail: {}", ran.err);
    assert!(
        ran.err.contains("entry 2 held until 2024-01-01 and no longer applies"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("entry 3 speaks about nothing that was found"), "{}", ran.err);
    let report = json(&ran);
    assert_eq!(report["summary"]["decided"], 1);
    let openssl = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|f| f["id"] == "CVE-2024-1001")
        .unwrap();
    assert_eq!(openssl["decision"]["reason"], "no TLS here");
    assert_eq!(
        place
            .run(&["closure", "--from", &list, "--decisions", &ours, "--fail-on", "medium"])
            .code,
        Some(1),
        "what ended counts"
    );
    let vulnix = place.file("whitelist.toml", "[\"openssl\"]\ncve = [\"CVE-2024-1001\"]\n[\"zlib-1.2.11\"]\n");
    let ran = place.run(&["closure", "--from", &list, "--decisions", &vulnix, "--fail-on", "low"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    // What we state is what we read: our own OpenVEX settles the same finding elsewhere.
    let who = ["--author", "Ours", "--namespace", "https://example.org"];
    let vex = place.run(
        &[
            &["closure", "--from", &list, "--decisions", &ours, "--format", "openvex"],
            who.as_slice(),
        ]
        .concat(),
    );
    let stated = place.file("ours.openvex.json", &vex.out);
    let ran = place.run(&["closure", "--from", &list, "--decisions", &stated, "--fail-on", "critical"]);
    assert_eq!(ran.code, Some(0), "{ran:?}\n{}", vex.out);
}

#[test]
fn differences_say_where_a_fix_is() {
    let place = Place::new();
    let old = place.file("old", LIST);
    let new = place.file("new", &LIST.replace("1.1.1g", "1.1.1k"));
    let ran = place.run(&["diff", &old, &new, "--format", "json"]);
    let diff = json(&ran);
    assert_eq!(diff["counts"], serde_json::json!({"introduced": 0, "unchanged": 1, "fixed": 1}));
    let changes: Vec<_> = diff["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| {
            (
                c["id"].as_str().unwrap(),
                c["fate"].as_str().unwrap(),
                c["advice"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        changes,
        [
            ("CVE-2024-1001", "fixed", "fixed_by_update"),
            ("CVE-2024-1002", "unchanged", "not_fixed_anywhere")
        ]
    );
    let stays = json(&place.run(&["diff", &old, &old, "--format", "json"]));
    let openssl = stays["changes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["package"] == "openssl")
        .unwrap()
        .clone();
    assert_eq!(
        (&openssl["advice"], &openssl["channel"]),
        (&Value::from("fixed_in_channel"), &Value::from("nixos-unstable"))
    );
    // The age of what it was judged with is told in every form.
    place.snapshot(2, 3);
    let aged = json(&place.run(&["diff", &old, &new, "--format", "json"]));
    assert_eq!(aged["snapshot"]["age_s"].as_i64().unwrap() / 86_400, 3, "{aged}");
    let line = place.run(&["diff", &old, &new, "--format", "jsonl"]).out;
    let line: Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    assert_eq!(
        (line["time"].as_i64().unwrap() - line["snapshot_created"].as_i64().unwrap()) / 86_400,
        3
    );
    assert!(place.run(&["diff", &old, &new]).out.ends_with(", 3 days old\n"));
    let back = place.run(&["diff", &new, &old, "--fail-on", "high"]);
    assert_eq!(back.code, Some(1), "an update that brings something critical fails");
    assert!(back.out.contains("introduced") && back.out.contains("1.1.1g"), "{}", back.out);
    let channel = place.run(&["diff", &old, &new, "--channel", "nixos-19.03"]);
    assert_eq!(channel.code, Some(2));
    assert!(channel.err.contains("it has nixos-20.09, nixos-unstable"), "{}", channel.err);
}

#[test]
fn three_ways_are_now_after_the_update_and_a_channel() {
    let place = Place::new();
    let old = place.file("old", &format!("{LIST}/nix/store/yzf0zl4ivvl6dkmsp4jshdpznlwy3lvy-curl-7.71.1\n"));
    let new = place.file("new", &LIST.replace("openssl-1.1.1g", "openssl-1.1.1k"));
    let mut world = program::world(2, program::now());
    // One that the update mends, one that only the channel has mended, one that nobody has, and one that comes with the update.
    world.channels[1].1[1] = program::package("zlib", "1.3");
    world
        .records
        .push(program::record("CVE-2024-1003", "curl", "9.0.0", program::WORST, ""));
    let newer = program::record("CVE-2024-1004", "openssl", "1.1.1k-never", program::MIDDLING, "");
    world.records.push(newer);
    place.hold(&world);
    let fates = |channel: &[&str]| -> Vec<String> {
        let diff = json(&place.run(&[&["diff", &old, &new, "--format", "json"], channel].concat()));
        let text = |change: &Value, key: &str| change[key].as_str().unwrap_or("-").to_owned();
        let keys = ["id", "package", "fate", "advice", "channel", "channel_version"];
        let mut all: Vec<String> = diff["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| keys.map(|key| text(c, key)).join(" "))
            .collect();
        all.sort();
        all
    };
    let unstable = fates(&["--channel", "nixos-unstable"]);
    assert!(
        unstable.contains(&"CVE-2024-1001 openssl fixed fixed_by_update - -".to_owned()),
        "{unstable:#?}"
    );
    assert!(
        unstable.contains(&"CVE-2024-1002 zlib unchanged fixed_in_channel nixos-unstable 1.3".to_owned()),
        "{unstable:#?}"
    );
    assert_eq!(fates(&[]), unstable, "without a name, the unstable one is asked");
    // The stable channel has none of the fixes.
    let stable = fates(&["--channel", "nixos-20.09"]);
    assert!(
        stable.contains(&"CVE-2024-1002 zlib unchanged not_fixed_anywhere - -".to_owned()),
        "{stable:#?}"
    );
    let table = place.run(&["diff", &old, &new]);
    assert!(table.out.contains("fixed only in nixos-unstable (1.3)"), "{}", table.out);
}

#[test]
fn only_what_is_exploited_or_new_is_told_when_that_is_asked_for() {
    let place = Place::new();
    let list = place.file(
        "list",
        &format!("{LIST}/nix/store/yzf0zl4ivvl6dkmsp4jshdpznlwy3lvy-curl-7.71.1\n/nix/store/xmxc0pyqz88zk482krm1rs22d6xc0h40-wget-1.20\n"),
    );
    let mut world = program::world(2, program::now());
    world.quiet = &["CVE-2024-1002", "CVE-2020-1003", "CVE-2020-1004"];
    world.channels[0].1.push(program::package("wget", "1.20"));
    world.records.extend([
        program::record(
            "CVE-2020-1003",
            "curl",
            "8.0.0",
            program::WORST,
            r#","datePublished":"2020-01-02T00:00:00Z","dateUpdated":"2025-03-04T23:59:59Z""#,
        ),
        program::record("CVE-2020-1004", "wget", "1.21", program::WORST, ""),
    ]);
    place.hold(&world);
    let told = |args: &[&str]| {
        let ran = place.run(&[&["closure", "--from", &list, "--format", "json"], args].concat());
        let mut ids: Vec<String> = open(&json(&ran)).iter().map(|f| f[9..13].to_owned()).collect();
        ids.sort();
        (ids.join(" "), ran.code.unwrap())
    };
    let of = |ids: &str, code: i32| (ids.to_owned(), code);
    assert_eq!(told(&[]), of("1001 1002 1003 1004", 0));
    assert_eq!(told(&["--only-exploited"]), of("1001", 0));
    assert_eq!(told(&["--only-exploited", "--fail-on", "low"]), of("1001", 1));
    // Published or changed on that day or later; what has no date may be new.
    assert_eq!(told(&["--since", "2024-05-01"]), of("1001 1002 1003 1004", 0));
    assert_eq!(told(&["--since", "2024-05-02"]), of("1003 1004", 0));
    assert_eq!(told(&["--since", "2025-03-04"]), of("1003 1004", 0));
    assert_eq!(told(&["--since", "2025-03-05"]), of("1004", 0));
    // Both: each must hold. What is left out fails nothing.
    assert_eq!(told(&["--since", "2024-05-02", "--only-exploited", "--fail-on", "low"]), of("", 0));
    assert_eq!(
        told(&["--since", "2024-05-01", "--only-exploited", "--fail-on", "low"]),
        of("1001", 1)
    );
    // A channel is asked the same way.
    let channel = place.run(&["channel", "nixos-20.09", "--only-exploited", "--format", "json"]);
    assert_eq!(open(&json(&channel)), ["CVE-2024-1001 openssl 1.1.1g"]);
    for day in ["2024-13-01", "yesterday", "2024-5-1"] {
        let ran = place.run(&["closure", "--from", &list, "--since", day]);
        assert!(ran.code == Some(2) && ran.err.contains("give a day as 2026-01-31"), "{ran:?}");
    }
}

#[test]
fn ways_lead_from_what_was_asked_for() {
    let place = Place::new();
    let Some((root, top)) = place.store("1.1.1g") else { return };
    let within = ["--in", &top, "--store", &root];
    let by_name = place.run(&[&["why", "zlib", "--most", "1"], within.as_slice()].concat());
    let names: Vec<String> = by_name
        .out
        .lines()
        .map(|line| line.trim_end_matches("  <-").chars().filter(|c| *c != ' ').skip(44).collect())
        .collect();
    assert_eq!(
        names,
        ["nixos-system-x-1.1.1g", "curl-7.71.1-bin", "zlib-1.2.11"],
        "{}",
        by_name.out
    );
    let by_id = json(&place.run(&[&["why", "CVE-2024-1001", "--format", "json"], within.as_slice()].concat()));
    let paths = by_id["paths"].as_array().unwrap();
    assert_eq!(paths.len(), 2, "through curl and through the unit: {paths:?}");
    assert!(by_id["snapshot"]["age_s"].as_i64().unwrap() < 3600, "{by_id}");
    assert!(!by_name.out.contains("judged with"), "a name needs no snapshot: {}", by_name.out);
    let in_words = place.run(&[&["why", "CVE-2024-1001"], within.as_slice()].concat());
    assert!(
        in_words.out.lines().last().unwrap().starts_with("judged with snapshot 1 of "),
        "{}",
        in_words.out
    );
    let zlib = place.run(
        &[
            &["why", by_id["found"][0].as_str().unwrap(), "--format", "jsonl"],
            within.as_slice(),
        ]
        .concat(),
    );
    assert_eq!(zlib.out.lines().count(), 2);
    let nothing = place.run(&[&["why", "wget"], within.as_slice()].concat());
    assert_eq!((nothing.code, nothing.out.as_str()), (Some(4), ""));
    let format = place.run(&[&["why", "zlib", "--format", "sarif"], within.as_slice()].concat());
    assert_eq!(format.code, Some(2));
}

#[test]
fn a_watch_says_only_what_is_new() {
    let place = Place::new();
    let list = place.file("list", LIST);
    let state = place.at("state.json").display().to_string();
    let look = || {
        place.run(&[
            "watch",
            &list,
            "--once",
            "--state",
            &state,
            "--format",
            "jsonl",
            "--fail-on",
            "high",
        ])
    };
    let first = look();
    assert_eq!((first.code, first.out.lines().count()), (Some(1), 2), "{first:?}");
    let again = look();
    assert_eq!((again.code, again.out.as_str()), (Some(4), ""), "nothing changed: {again:?}");
    fs::write(
        place.at("list"),
        format!("{LIST}/nix/store/xmxc0pyqz88zk482krm1rs22d6xc0h40-zlib-1.2.10\n"),
    )
    .unwrap();
    let changed = look();
    let news: Vec<Value> = changed.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(news.len(), 1, "{changed:?}");
    assert_eq!(
        (&news[0]["package"], &news[0]["version"], changed.code),
        (&Value::from("zlib"), &Value::from("1.2.10"), Some(0))
    );
    place.snapshot(2, 0);
    let snapshot = look();
    assert_eq!(
        (snapshot.code, snapshot.out.as_str()),
        (Some(0), ""),
        "looked again, nothing new: {snapshot:?}"
    );
    fs::write(&state, "{").unwrap();
    assert_eq!(look().code, Some(3));
    let table = place.run(&["watch", &list, "--once", "--state", "other.json"]);
    assert!(
        table.out.contains("CVE-2024-1001") && table.out.contains("judged with snapshot 2 of "),
        "{table:?}"
    );
}

#[test]
fn derivations_and_documents_are_judged_too() {
    let place = Place::new();
    let hash = "q7z9hp2zsg4id778s4ai1i1yld6zjvq4";
    let drv = |patch: &str| {
        format!(
            r#"Derive([("out","/nix/store/{hash}-openssl-1.1.1g","","")],[],[],"x86_64-linux","sh",[],[("name","openssl-1.1.1g"),("patches","{patch}"),("pname","openssl"),("src","/nix/store/{hash}-openssl-1.1.1g.tar.gz"),("version","1.1.1g")])"#
        )
    };
    let file = place.file(&format!("{hash}-openssl-1.1.1g.drv"), &drv(""));
    let ran = place.run(&["drv", &file, "--format", "json"]);
    assert_eq!(open(&json(&ran)), ["CVE-2024-1001 openssl 1.1.1g"], "{ran:?}");
    fs::write(&file, drv(&format!("/nix/store/{hash}-CVE-2024-1001.patch"))).unwrap();
    let patched = json(&place.run(&["drv", &file, "--format", "json"]));
    assert_eq!(patched["findings"][0]["verdict"], "patched");
    // An SBOM that we wrote says the same, patches and all.
    let ran = place.run(&["drv", &file, "--format", "cyclonedx"]);
    let sbom = place.file("sbom.json", &ran.out);
    let again = json(&place.run(&["sbom", &sbom, "--format", "json"]));
    assert_eq!(again["findings"][0]["verdict"], "patched", "{again}");
    let compared = json(&place.run(&["diff", &file, &sbom, "--format", "json"]));
    assert_eq!(compared["changes"], Value::Array(Vec::new()));
    assert_eq!(place.run(&["sbom", &file]).code, Some(3));
}

#[test]
fn channels_are_asked_for_by_name() {
    let place = Place::new();
    let ran = place.run(&["channel", "nixos-20.09", "--format", "json"]);
    assert_eq!(
        open(&json(&ran)),
        ["CVE-2024-1001 openssl 1.1.1g", "CVE-2024-1002 zlib 1.2.11"],
        "{ran:?}"
    );
    let unstable = place.run(&["channel", "nixos-unstable", "--format", "json"]);
    assert_eq!(open(&json(&unstable)), ["CVE-2024-1002 zlib 1.2.11"]);
    let gone = place.run(&["channel", "nixos-19.03"]);
    assert!(
        gone.code == Some(2) && gone.err.contains("hint: it has nixos-20.09, nixos-unstable"),
        "{gone:?}"
    );
    let other = place.run(&["channel", "nixos-20.09@1234567"]);
    assert!(
        other.code == Some(3) && other.err.contains("at revision abc, not 1234567"),
        "{other:?}"
    );
}

#[test]
fn security_hostile_names_do_not_reach_the_terminal() {
    let place = Place::new();
    let list = place.file("list", &format!("{LIST}/nix/store/\u{1b}[2J\u{202e}evil\n"));
    let ran = place.run(&["closure", "--from", &list]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("\\u{1b}[2J\\u{202e}evil"), "{}", ran.err);
    for text in [&ran.out, &ran.err] {
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    }
    let error = place.run(&["why", "\u{1b}[2J/\u{202e}"]);
    assert!(!error.err.contains(['\u{1b}', '\u{202e}']) && error.code == Some(2), "{error:?}");
}

#[test]
fn units_are_sound_and_hardened() {
    let place = Place::new();
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd");
    let mut files = Vec::new();
    for name in [
        "firn-scan.service",
        "firn-scan.path",
        "firn-scan.timer",
        "firn-scan-update.service",
        "firn-scan-update.timer",
    ] {
        let unit = fs::read_to_string(source.join(name)).unwrap();
        // As it would be installed.
        files.push(place.file(name, &unit.replace("/usr/bin/firn-scan", env!("CARGO_BIN_EXE_firn-scan"))));
    }
    let run = |args: &[&str]| std::process::Command::new("systemd-analyze").args(args).output();
    let Ok(verified) = run(&[&["verify"], files.iter().map(String::as_str).collect::<Vec<_>>().as_slice()].concat()) else {
        println!("SKIPPED: units, because systemd-analyze cannot be run");
        return;
    };
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    // Units of the machine that are not ours may be broken: they are named in the line.
    let about_ours: Vec<&str> = said.lines().filter(|line| line.contains("firn-scan")).collect();
    assert_eq!(about_ours, [""; 0], "{said}");
    // The one that fetches needs a network.
    for (file, most) in [(&files[0], "10"), (&files[3], "20")] {
        let security = run(&["security", "--offline=yes", &format!("--threshold={most}"), file]).unwrap();
        let said = String::from_utf8_lossy(&security.stdout).into_owned();
        assert!(security.status.success(), "an exposure of more than {most} tenths: {said}");
    }
}
