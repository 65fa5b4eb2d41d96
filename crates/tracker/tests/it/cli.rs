//! The command line: one text holds exit code, data and talk.

use crate::made;
use crate::program::Home;

fn filled() -> Home {
    let home = Home::new();
    made::mirror(&home.path("mirror"));
    home.done(&["sync", "--mirror", "mirror"]);
    home
}

#[test]
fn usage_is_exit_2_with_a_hint() {
    let home = Home::new();
    made::write(&home.path("packages.json"), made::packages(&[("hello", "hello", "1", "")]));
    std::fs::create_dir(home.path("empty")).unwrap();
    for (args, expected) in [
        (
            &["ingest", "nixpkgs", "packages.json"][..],
            "error: name the channel of packages.json\nhint: add --channel NAME, as in --channel nixos-unstable\n",
        ),
        (
            &["ingest", "nixpkgs", "packages.json", "--channel", "a/b"],
            "error: use \"a/b\" as the name of a channel\nhint: letters, digits, '.', '_' and '-' make a name\n",
        ),
        (
            &["ingest", "cve", "empty"],
            "error: find CVE records (*.zip, *.jsonl, *.json) in empty\n",
        ),
        (
            &["ingest", "kev", "empty"],
            "error: find known_exploited_vulnerabilities.json in empty\n",
        ),
        (
            &["ingest", "cve", "packages.json", "--channel", "x"],
            "error: --channel belongs to package sets\nhint: leave it out, or ingest nixpkgs\n",
        ),
        (
            &["--database", "mysql://x", "stats"],
            "error: read the database address \"mysql://x\": it must look like sqlite:///path/to/file or postgres://user@host/database\nhint: for example --database sqlite:///var/lib/firn/tracker.sqlite\n",
        ),
        (
            &["--database", "postgres://x:secret@db.example/x", "stats"],
            "error: read the database address\n  caused by: db.example is not this machine, and the connection would not be encrypted\nhint: for example --database 'postgres:///firn?host=/run/postgresql'\n",
        ),
        (
            &["sync", "--mirror", "nowhere"],
            "error: read the mirror nowhere: no such folder\nhint: --mirror and FIRN_MIRROR name a folder or URL that holds cvelistV5/, nvd/, osv/, kev/, epss/ and channels/\n",
        ),
        (
            &["export", "suggestions", "--out", "-", "--channel", "x"],
            "error: find the channel \"x\"\nhint: no package set was taken yet: see `firn-tracker ingest nixpkgs --help`\n",
        ),
    ] {
        assert_eq!(
            home.run(args).all(),
            format!("exit 2\n--- stdout\n--- stderr\n{expected}"),
            "{args:?}"
        );
    }
    let ran = home.run(&["ingest", "everything", "x"]);
    assert_eq!(ran.code(), Some(2));
}

#[test]
fn configuration_says_what_holds_and_who_set_it_and_keeps_secrets() {
    let home = Home::new();
    std::fs::create_dir_all(home.path(".config/firn")).unwrap();
    made::write(
        &home.path(".config/firn/tracker.toml"),
        "[server]\nlisten = \"127.0.0.1:1\"\n[log]\nformat = \"json\"\n",
    );
    let ran = home.done(&["config", "--set", "log.filter=info", "--format", "jsonl"]);
    let (listen, database, filter) = (
        "{\"key\":\"server.listen\",\"value\":\"127.0.0.1:1\",\"from\":\"the file [home]/.config/firn/tracker.toml\"}",
        "{\"key\":\"database.url\",\"value\":\"(a secret)\",\"from\":\"the environment variable FIRN_DATABASE\"}",
        "{\"key\":\"log.filter\",\"value\":\"info\",\"from\":\"the flag --set\"}",
    );
    for line in [listen, database, filter] {
        assert!(ran.stdout().lines().any(|printed| printed == line), "{line}\n{}", ran.stdout());
    }
    made::write(&home.path("wrong.toml"), "[server]\nlisen = \"127.0.0.1:1\"\n");
    made::write(&home.path("url"), "mysql://u:hunter2@x\n");
    made::write(&home.path("secret.toml"), "[database]\nurl_file = \"url\"\n");
    for (args, expected) in [
        (
            &["stats", "--config", "wrong.toml"][..],
            "error: the file wrong.toml sets server.lisen, which is no key of the configuration\nhint: server.listen is one\n",
        ),
        (
            &["stats", "--config", "nowhere.toml"],
            "error: read the configuration file nowhere.toml\n  caused by: No such file or directory (os error 2)\nhint: --config and FIRN_CONFIG name it\n",
        ),
        (
            &["stats", "--set", "database.url=sqlite://x"],
            "error: database.url is a secret, and others see the command lines of this machine\nhint: set FIRN_DATABASE, or name a file that holds it by database.url_file\n",
        ),
        (
            &["stats", "--log-format", "xml"],
            "error: the flag --log-format sets log.format to \"xml\": text and json are known\n",
        ),
    ] {
        assert_eq!(
            home.run(args).all(),
            format!("exit 2\n--- stdout\n--- stderr\n{expected}"),
            "{args:?}"
        );
    }
    // The file is read where no variable says more.
    let ran = home
        .command(&["config", "--config", "secret.toml"])
        .env_remove("FIRN_DATABASE")
        .output()
        .unwrap();
    let talk = String::from_utf8_lossy(&ran.stderr);
    assert!(
        talk.starts_with("error: read the database address") && !talk.contains("hunter2"),
        "{talk}"
    );
}

#[test]
fn data_that_cannot_be_written_is_exit_3_and_a_reader_that_went_away_is_none() {
    let home = filled();
    for args in [
        &["stats"][..],
        &["stats", "--format", "json"],
        &["stats", "--format", "jsonl"],
        &["explain", "CVE-2024-0001"],
        &["explain", "CVE-2024-0001", "--format", "json"],
        &["explain", "CVE-1999-99999"],
        &["export", "suggestions", "--out", "-"],
        &["check"],
        &["check", "--format", "json"],
        &["--help"],
        &["--version"],
        &["help", "stats"],
        &["completions", "bash"],
        &["help-markdown"],
    ] {
        let full = home.run_full(args);
        assert_eq!(full.code(), Some(3), "{args:?}\n{}", full.all());
        assert!(
            full.stderr()
                .contains("error: write to standard output\n  caused by: File too large"),
            "{args:?}\n{}",
            full.all()
        );
        let unread = home.run_unread(args);
        assert!(
            !unread.stderr().contains("error") && unread.code() != Some(3),
            "{args:?}\n{}",
            unread.all()
        );
    }
}

#[test]
fn only_taking_in_makes_a_database() {
    let home = Home::new();
    for args in [
        &["stats"][..],
        &["explain", "CVE-2024-0001"],
        &["match"],
        &["check"],
        &["export", "suggestions", "--out", "x"],
    ] {
        assert_eq!(
            home.run(args).all(),
            "exit 2\n--- stdout\n--- stderr\nerror: open the database [home]/t.sqlite: no such file\nhint: --database and FIRN_DATABASE name it; `firn-tracker serve`, `sync` and `ingest` make it\n",
            "{args:?}"
        );
        assert!(!home.database().exists());
    }
    made::write(
        &home.path("cve.json"),
        made::cve("CVE-2024-0001", "2024-05-01T00:00:00Z", "frobnicate", "1.0"),
    );
    home.done(&["ingest", "cve", "cve.json"]);
    home.done(&["stats"]);
    assert_eq!(
        home.run(&["match"]).all(),
        "exit 4\n--- stdout\n--- stderr\nnothing to match with: no package set was taken yet\nhint: see `firn-tracker ingest nixpkgs --help`, or let `firn-tracker sync` take everything\n"
    );
}

#[test]
fn what_cannot_be_read_is_exit_3() {
    let home = Home::new();
    assert_eq!(
        home.run(&["ingest", "cve", "nowhere.zip"]).all(),
        "exit 3\n--- stdout\n--- stderr\nerror: read nowhere.zip\n  caused by: No such file or directory (os error 2)\nhint: give a file, a folder of files, or a URL\n"
    );
    made::write(&home.path("nvd.json"), made::nvd_feed(&[]));
    assert_eq!(
        home.run(&["ingest", "cve", "nvd.json", "--quiet"]).all(),
        "exit 3\n--- stdout\n--- stderr\nerror: take in everything: nvd.json holds NVD records, not cve records\nhint: what could be read was taken, and older data stays; the next run tries again\n"
    );
    std::fs::write(
        home.database(),
        "this is no database, it is a text that is long enough to be read as the head of a file of one",
    )
    .unwrap();
    let ran = home.run(&["stats"]);
    assert_eq!(ran.code(), Some(3));
    assert!(
        ran.stderr().starts_with("error: open the database [home]/t.sqlite\n"),
        "{}",
        ran.all()
    );
}

#[test]
fn nothing_new_is_exit_4() {
    let home = filled();
    assert_eq!(home.run(&["match"]).all(), "exit 4\n--- stdout\n--- stderr\nnothing new\n");
    assert_eq!(
        home.run(&["ingest", "cve", "mirror/cvelistV5"]).all(),
        "exit 4\n--- stdout\n--- stderr\nnothing new\n"
    );
    assert_eq!(
        home.run(&["sync", "--mirror", "mirror", "--quiet"]).all(),
        "exit 4\n--- stdout\n--- stderr\n"
    );
}

#[test]
fn taking_in_and_matching_say_what_they_did() {
    let home = Home::new();
    made::mirror(&home.path("mirror"));
    assert_eq!(
        home.run(&["ingest", "cve", "mirror/cvelistV5"]).all(),
        "exit 0\n--- stdout\n--- stderr\n\
         cvelistV5/2024-05-02_all_CVEs_at_midnight.zip.zip: 40 records in [time]\n\
         cvelistV5/2024-05-03_delta_CVEs_at_end_of_day.zip: 2 records in [time]\n\
         42 seen, 42 new or changed\n"
    );
    home.done(&["ingest", "nixpkgs", "mirror/channels/nixos-test"]);
    assert_eq!(
        home.run(&["match"]).all(),
        "exit 0\n--- stdout\n--- stderr\n\
         profiles: 41 vulnerabilities in [time]\n\
         verdicts: 41 vulnerabilities in [time]\n\
         41 vulnerabilities matched with 1 channels: 41 verdicts\n"
    );
    // A changed record is matched alone.
    made::write(
        &home.path("one.json"),
        made::cve("CVE-2024-1003", "2024-05-09T00:00:00.000Z", "quuxd", "7.0"),
    );
    home.done(&["ingest", "cve", "one.json"]);
    assert!(
        home.done(&["match"])
            .stderr()
            .ends_with("1 vulnerabilities matched with 1 channels: 1 verdicts\n")
    );
    assert!(
        home.done(&["match", "--full"])
            .stderr()
            .ends_with("41 vulnerabilities matched with 1 channels: 41 verdicts\n")
    );
}

#[test]
fn statistics() {
    let home = filled();
    let stats: serde_json::Value = serde_json::from_str(&home.done(&["stats", "--format", "json"]).stdout()).unwrap();
    for (feed, records) in [("cve", 41), ("nvd", 2), ("osv", 1), ("kev", 1), ("epss", 2)] {
        assert_eq!(stats[feed]["records"], records, "{feed}");
        assert!(stats[feed]["age_s"].as_i64().unwrap() > 80_000_000, "{feed}");
    }
    assert_eq!(stats["packages"]["nixos-test"], 3);
    assert_eq!(stats["suggestions"], 41);
    let table = home.done(&["stats"]).stdout();
    assert!(
        table.starts_with("what                    records  age of the data\ncve                          41  "),
        "{table}"
    );
    let home = Home::new();
    std::fs::create_dir(home.path("empty")).unwrap();
    assert_eq!(home.run(&["ingest", "cve", "empty"]).code(), Some(2));
    let empty = home.done(&["stats", "--format", "json"]).stdout();
    assert!(empty.contains("\"age_s\": null") && empty.contains("\"packages\": {}"), "{empty}");
}

#[test]
fn suggestions_are_exported() {
    let home = filled();
    let lines = home
        .done(&["export", "suggestions", "--out", "-", "--channel", "nixos-test"])
        .stdout();
    let first = lines.lines().find(|line| line.contains("CVE-2024-2001")).unwrap();
    let value: serde_json::Value = serde_json::from_str(first).unwrap();
    let keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = [
        "cve",
        "package",
        "attrs",
        "pname",
        "version",
        "channel",
        "verdict",
        "confidence",
        "evidence",
    ];
    expected.sort_unstable();
    assert_eq!(keys, expected);
    assert_eq!(
        (&value["package"], &value["version"], &value["verdict"]),
        (&"frobnicate".into(), &"1.5.0".into(), &"affected".into())
    );
    assert_eq!(value["attrs"], serde_json::json!(["frobnicate"]));
    assert!(value["evidence"][0]["rule"].is_string() && value["evidence"][0]["detail"].is_string());
    let ran = home.done(&["export", "suggestions", "--out", "s.jsonl"]);
    assert_eq!(ran.stderr(), "s.jsonl: 41 suggestions\n");
    assert_eq!(std::fs::read_to_string(home.path("s.jsonl")).unwrap(), lines);
    assert_eq!(home.run(&["export", "suggestions", "--out", "no/such/folder"]).code(), Some(3));
}

#[test]
fn explaining() {
    let home = filled();
    let text = home.done(&["explain", "cve-2024-1002"]).stdout();
    for part in [
        "CVE-2024-1002: published, critical 9.8\n  frobnicate has a flaw\n  A flaw in frobnicate before 1.2.0.\n",
        "  known to be exploited since 2024-02-03\n  EPSS 75.0 %, higher than 50 % of all\n",
        "  cve CVE-2024-1002: published, changed 2024-05-01T00:00:00.000Z\n      from cvelistV5/2024-05-02_all_CVEs_at_midnight.zip.zip!cves.zip!cves/2024/1xxx/CVE-2024-1002.json, sha256 ",
        "      cna says: vendor frobnicate, product frobnicate; unaffected where nothing else is said\n        0 up to before 1.2.0: affected (semver)\n",
        "          cpe:2.3:a:frobnicate:frobnicate:*:*:*:*:*:*:*:* before 1.2.0\n",
        "nixos-test: matched\n  frobnicate 1.5.0: fixed (confidence ",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let text = home.done(&["explain", "CVE-2024-1002", "--package", "quuxd"]).stdout();
    assert!(
        text.contains("  quuxd: no rule says that it is the software of these records\n"),
        "{text}"
    );
    assert_eq!(home.run(&["explain", "CVE-2024-1002", "--package", "nosuch"]).code(), Some(2));
    assert!(home.done(&["explain", "GO-2024-0001"]).stdout().starts_with("CVE-2024-1003: "));
    let json: serde_json::Value = serde_json::from_str(&home.done(&["explain", "CVE-2024-1002", "--format", "json"]).stdout()).unwrap();
    assert_eq!(
        (&json["id"], &json["verdicts"][0]["verdict"]),
        (&"CVE-2024-1002".into(), &"fixed".into())
    );
}

#[test]
fn an_id_never_seen_says_so_with_the_age_of_the_data() {
    let home = filled();
    let ran = home.run(&["explain", "CVE-2099-0001"]);
    assert_eq!(ran.code(), Some(4));
    let text = ran.stdout();
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some("CVE-2099-0001: no record about it was taken in; our data is from 2024-05-03")
    );
    let cve = lines.next().unwrap();
    assert!(
        cve.starts_with("  cve: 41 records of 2024-05-03, ") && cve.ends_with(" days old"),
        "{text}"
    );
    let hostile = home.run(&["explain", "CVE-\u{1b}[31m\u{202e}"]).stdout();
    assert!(hostile.starts_with("CVE-\\u{1b}[31m\\u{202e}: no record"), "{hostile}");
}

#[test]
fn an_id_without_a_record_says_what_else_speaks_of_it() {
    let home = Home::new();
    made::write(&home.path("kev.json"), made::kev("2024-05-01T00:00:00Z", &["CVE-2024-7001"]));
    made::write(
        &home.path("epss.csv"),
        made::epss("2024-05-01", &[("CVE-2024-7001", "0.25"), ("CVE-2024-7002", "0.5")]),
    );
    let list = made::packages(&[("hello", "hello", "1", ""), ("other", "other", "2", "")]).replacen(
        r#""meta":{"#,
        r#""meta":{"knownVulnerabilities":["CVE-2024-7001: it greets too much, see cve_2024_7003"],"#,
        1,
    );
    made::write(&home.path("packages.json"), list);
    home.done(&["ingest", "kev", "kev.json"]);
    home.done(&["ingest", "epss", "epss.csv"]);
    home.done(&["ingest", "nixpkgs", "packages.json", "--channel", "test"]);
    let named = "  test: hello 1 names it (known vulnerable): CVE-2024-7001: it greets too much, see cve_2024_7003\n";
    let feeds = "  cve: never taken\n  nvd: never taken\n  osv: never taken\n";
    let head = "no record about it was taken in; our data has no date yet\n";
    for (id, expected) in [
        (
            "cve-2024-7001",
            format!("  known to be exploited since 2024-02-03 (CISA): update\n  EPSS 25.0 %\n{named}"),
        ),
        ("CVE-2024-7002", "  EPSS 50.0 %\n".to_owned()),
        ("CVE-2024-7003", named.to_owned()),
    ] {
        assert_eq!(home.done(&["explain", id]).stdout(), format!("{id}: {head}{expected}{feeds}"));
    }
    assert_eq!(home.run(&["explain", "CVE-2024-7004"]).code(), Some(4));
    let json: serde_json::Value = serde_json::from_str(&home.done(&["explain", "CVE-2024-7001", "--format", "json"]).stdout()).unwrap();
    assert_eq!(
        (
            &json["seen"],
            &json["record"],
            &json["kev"]["date_added"],
            &json["packages"][0]["attr"]
        ),
        (&true.into(), &false.into(), &"2024-02-03".into(), &"hello".into())
    );
}

#[test]
fn a_damaged_database_is_exit_1() {
    let home = filled();
    assert_eq!(home.done(&["check"]).stdout(), "the database is whole\n");
    home.db()
        .execute("UPDATE document SET sha256 = zeroblob(32) WHERE id = 2", [])
        .unwrap();
    let ran = home.run(&["check", "--quiet"]);
    let finding = "document cve CVE-2024-1002: its bytes do not have its digest\n";
    assert_eq!(ran.all(), format!("exit 1\n--- stdout\n{}--- stderr\n", finding));
}

#[test]
fn every_help_has_its_text() {
    let home = Home::new();
    for command in ["serve", "sync", "ingest", "match", "explain", "stats", "export", "check"] {
        let help = home.done(&[command, "--help"]).stdout();
        assert!(help.contains("Usage: firn-tracker "), "{help}");
    }
    let long = home.done(&["--help"]).stdout();
    assert!(long.contains("Examples:") && long.contains("Exit codes:"), "{long}");
    assert!(!home.database().exists());
}
