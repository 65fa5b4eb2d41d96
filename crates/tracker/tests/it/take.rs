//! Taking in: what comes from outside may be anything.

use std::path::Path;

use zip::write::SimpleFileOptions;

use crate::made;
use crate::program::Home;

const DATE: &str = "2024-05-01T00:00:00.000Z";

fn problems(home: &Home) -> Vec<(String, String)> {
    let db = home.db();
    let mut statement = db.prepare("SELECT key, message FROM problem ORDER BY key, message").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

fn count(home: &Home, table: &str) -> i64 {
    home.db()
        .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
        .unwrap()
}

fn good(n: usize) -> String {
    made::cve(&format!("CVE-2024-{n:04}"), DATE, "frobnicate", "1.0")
}

/// Takes an archive in a folder `in`.
fn take(home: &Home, source: &str, name: &str, bytes: &[u8]) -> crate::program::Ran {
    made::write(&home.path(&format!("in/{name}")), bytes);
    home.run(&["ingest", source, &format!("in/{name}")])
}

#[test]
fn security_names_that_lead_out_are_problems_and_the_rest_is_taken() {
    let home = Home::new();
    let (one, two, three) = (good(1), good(2), good(3));
    let bytes = made::zip(&[
        ("../../CVE-2024-0001.json", one.as_bytes()),
        ("/tmp/CVE-2024-0002.json", two.as_bytes()),
        ("cves/CVE-2024-0003.json", three.as_bytes()),
    ]);
    assert_eq!(take(&home, "cve", "x.zip", &bytes).code(), Some(0));
    assert_eq!(count(&home, "record"), 1);
    let expected = [
        ("in/x.zip!../../CVE-2024-0001.json", "has a path that leads out of the archive"),
        ("in/x.zip!/tmp/CVE-2024-0002.json", "has an absolute path"),
    ];
    assert_eq!(problems(&home), expected.map(|(k, m)| (k.to_owned(), m.to_owned())));
    assert!(!Path::new("/tmp/CVE-2024-0002.json").exists());
}

#[test]
fn security_links_and_encrypted_entries_are_problems() {
    let home = Home::new();
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer
        .add_symlink("CVE-2024-0001.json", "/etc/passwd", SimpleFileOptions::default())
        .unwrap();
    writer.start_file("CVE-2024-0002.json", SimpleFileOptions::default()).unwrap();
    std::io::Write::write_all(&mut writer, good(2).as_bytes()).unwrap();
    let mut bytes = writer.finish().unwrap().into_inner();
    // Set the flag of encryption in the table of contents and in front of the entry.
    for (at, flags) in [(b"PK\x01\x02", 8), (b"PK\x03\x04", 6)] {
        let last = bytes.windows(4).rposition(|w| w == at).unwrap();
        bytes[last + flags] |= 1;
    }
    let ran = take(&home, "cve", "x.zip", &bytes);
    assert_eq!(ran.code(), Some(3));
    assert!(ran.stderr().contains("find any cve record in in/x.zip"), "{}", ran.all());
    assert_eq!((count(&home, "record"), count(&home, "taken")), (0, 0));
    let expected = [
        ("in/x.zip!CVE-2024-0001.json", "is a symbolic link"),
        ("in/x.zip!CVE-2024-0002.json", "is encrypted"),
    ];
    assert_eq!(problems(&home), expected.map(|(k, m)| (k.to_owned(), m.to_owned())));
}

#[test]
fn security_a_bomb_is_refused_and_the_rest_is_taken() {
    let home = Home::new();
    let (bomb, rest) = (vec![b' '; 64 << 20], good(2));
    let bytes = made::zip(&[("CVE-2024-0001.json", &bomb), ("CVE-2024-0002.json", rest.as_bytes())]);
    assert!(bytes.len() < 1 << 20);
    assert_eq!(take(&home, "cve", "x.zip", &bytes).code(), Some(0));
    assert_eq!(count(&home, "record"), 1);
    let (key, message) = problems(&home).remove(0);
    assert_eq!(key, "in/x.zip!CVE-2024-0001.json");
    assert!(
        message.contains("unpacks to more than 200 times its size") || message.contains("larger than"),
        "{message}"
    );
}

#[test]
fn security_a_bomb_of_many_entries_ends_the_archive() {
    let home = Home::new();
    // Each below every limit of its own: together they are not.
    let large = vec![b'x'; 4 << 20];
    let names: Vec<String> = (0..400).map(|n| format!("CVE-2024-{n:04}.json")).collect();
    let entries: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), large.as_slice())).collect();
    let bytes = made::zip(&entries);
    assert!(bytes.len() < 4 << 20);
    let ran = take(&home, "cve", "x.zip", &bytes);
    assert_eq!(ran.code(), Some(3), "{}", ran.all());
    assert!(
        ran.stderr().contains("the entries of the archive unpack to more than"),
        "{}",
        ran.all()
    );
}

#[test]
fn a_cut_off_archive_gives_what_it_has_and_is_tried_again() {
    let home = Home::new();
    let texts: Vec<String> = (1..=50).map(good).collect();
    let names: Vec<String> = (1..=50).map(|n| format!("cves/CVE-2024-{n:04}.json")).collect();
    let entries: Vec<(&str, &[u8])> = names.iter().map(String::as_str).zip(texts.iter().map(String::as_bytes)).collect();
    let inner = made::zip(&entries);
    for (name, whole) in [
        ("2024-05-01_delta.zip", inner.clone()),
        ("2024-05-02_all_CVEs_at_midnight.zip.zip", made::zip(&[("cves.zip", &inner)])),
    ] {
        let home = Home::new();
        let ran = take(&home, "cve", name, &whole[..whole.len() / 2]);
        assert_eq!(ran.code(), Some(3), "{}", ran.all());
        assert!(ran.stderr().contains("cut off or damaged"), "{}", ran.all());
        let records = count(&home, "record");
        assert!((15..50).contains(&records), "{name}: {records}");
        assert_eq!(count(&home, "taken"), 0);
        let error: String = home.db().query_row("SELECT last_error FROM source", [], |row| row.get(0)).unwrap();
        assert!(error.contains("cut off or damaged"), "{error}");
        assert_eq!(take(&home, "cve", name, &whole).code(), Some(0));
        assert_eq!(count(&home, "record"), 50);
        let error: Option<String> = home.db().query_row("SELECT last_error FROM source", [], |row| row.get(0)).unwrap();
        assert_eq!(error, None);
        assert_eq!(take(&home, "cve", name, &whole).code(), Some(4));
    }
    let ran = take(&home, "cve", "empty.zip", b"PK\x03\x04");
    assert_eq!((ran.code(), count(&home, "record")), (Some(3), 0));
}

#[test]
fn a_cut_off_feed_gives_what_it_has() {
    let home = Home::new();
    let entries: Vec<String> = (1..=50)
        .map(|n| made::nvd(&format!("CVE-2024-{n:04}"), DATE, "v", "p", "1"))
        .collect();
    let feed = made::nvd_feed(&entries);
    let ran = take(&home, "nvd", "nvdcve-2.0-2024.json", &feed.as_bytes()[..feed.len() / 2]);
    assert_eq!(ran.code(), Some(3));
    assert!(ran.stderr().contains("unexpected end"), "{}", ran.all());
    assert!((20..30).contains(&count(&home, "record")));
}

#[test]
fn broken_records_are_kept_as_they_came() {
    let home = Home::new();
    let deep = format!(
        r#"{{"cveMetadata":{{"cveId":"CVE-2024-0002","x":{}1{}}}}}"#,
        "[".repeat(5000),
        "]".repeat(5000)
    );
    let rest = good(4);
    let bytes = made::zip(&[
        ("CVE-2024-0001.json", b"{\"cveMetadata\":"),
        ("CVE-2024-0002.json", deep.as_bytes()),
        ("CVE-2024-0003.json", b"{\"a\":\"\xff\xfe\"}"),
        ("CVE-2024-0004.json", rest.as_bytes()),
        ("notes.txt", b"hello"),
        ("delta.json", b"[]"),
    ]);
    assert_eq!(take(&home, "cve", "x.zip", &bytes).code(), Some(0));
    let found = problems(&home);
    let keys: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["CVE-2024-0001", "CVE-2024-0002", "CVE-2024-0003", "in/x.zip!notes.txt"]);
    assert!(found[3].1.starts_with("is no file of records"), "{found:?}");
    assert!(found[0].1.starts_with("invalid JSON at byte 15"), "{found:?}");
    assert!(found[1].1.starts_with("nested deeper than 128 levels"), "{found:?}");
    assert!(found[2].1.starts_with("invalid UTF-8 at byte 6"), "{found:?}");
    assert_eq!(
        (count(&home, "document"), count(&home, "record"), count(&home, "vulnerability")),
        (4, 1, 1)
    );
    assert_eq!(home.done(&["check"]).stdout(), "the database is whole\n");
}

#[test]
fn of_an_id_given_twice_the_later_stays_whatever_the_order() {
    let description = |home: &Home| -> String {
        home.db()
            .query_row("SELECT description FROM vulnerability", [], |row| row.get(0))
            .unwrap()
    };
    // Later by its date; of one date, or of none, one of the two, and always the same.
    for (one, other, expected) in [
        ("2024-05-01T00:00:00.000Z", "2024-05-02T00:00:00.000Z", Some("2.0")),
        ("", "2024-05-01T00:00:00.000Z", Some("2.0")),
        (DATE, DATE, None),
        ("", "", None),
    ] {
        let record = |date, fixed| made::cve("CVE-2024-0001", date, "frobnicate", fixed).replace(r#","dateUpdated":"""#, "");
        let (one, other) = (record(one, "1.0"), record(other, "2.0"));
        let mut found = Vec::new();
        for (first, second) in [(&one, &other), (&other, &one)] {
            let home = Home::new();
            let bytes = made::zip(&[
                ("a/CVE-2024-0001.json", first.as_bytes()),
                ("b/CVE-2024-0001.json", second.as_bytes()),
            ]);
            assert_eq!(take(&home, "cve", "x.zip", &bytes).code(), Some(0));
            assert_eq!(count(&home, "document"), 2);
            found.push(description(&home));
            let home = Home::new();
            take(&home, "cve", "first.json", first.as_bytes());
            take(&home, "cve", "second.json", second.as_bytes());
            found.push(description(&home));
            assert_eq!(take(&home, "cve", "first.json", first.as_bytes()).code(), Some(4));
        }
        let expected = expected.map_or_else(|| found[0].clone(), |fixed| format!("A flaw in frobnicate before {fixed}."));
        assert!(found.iter().all(|text| *text == expected), "{found:?}");
    }
}

#[test]
fn files_that_are_not_understood_are_problems() {
    let home = Home::new();
    made::write(&home.path("cves/CVE-2024-0001.json"), good(1));
    made::write(&home.path("cves/CVE-2024-0002.json.lz4"), "x");
    made::write(&home.path("cves/README.md"), "x");
    home.done(&["ingest", "cve", "cves"]);
    let found = problems(&home);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].0.ends_with("cves/CVE-2024-0002.json.lz4") && found[0].1.starts_with("is no file of records"),
        "{found:?}"
    );
}

#[test]
fn a_file_of_which_nothing_can_be_read_is_an_error_and_not_taken() {
    let nothing = made::zip(&[("main.c", b"int main;"), ("README.md", b"x")]);
    for (source, name, bytes) in [
        ("cve", "x.json", b"".as_slice()),
        ("cve", "x.json", b"garbage"),
        ("cve", "x.json", b"{}"),
        ("cve", "x.jsonl", b"{}\n\n[]\n"),
        ("cve", "x.jsonl", b""),
        ("cve", "x.jsonl.gz", b"\x1f\x8bx"),
        ("cve", "x.json.xz", b"\xfd7zXZ\0x"),
        ("cve", "x.zip", &nothing),
        ("cve", "x.zip", &made::zip(&[("CVE-2024-0001.json", b"{}")])),
        ("osv", "x.json", b"{}"),
        ("osv", "all.zip", &nothing),
        ("nvd", "x.json", b"{}"),
        ("nvd", "x.json", br#"{"vulnerabilities":[{"cve":{}}]}"#),
        ("kev", "x.json", b"{}"),
        ("kev", "x.json", br#"{"vulnerabilities":[{}]}"#),
        ("epss", "x.csv", b""),
        ("epss", "x.csv", b"cve,epss,percentile\n"),
    ] {
        let home = Home::new();
        let what = format!("{source} {name} {:?}", String::from_utf8_lossy(bytes));
        for _ in 0..2 {
            let ran = take(&home, source, name, bytes);
            assert_eq!(ran.code(), Some(3), "{what}\n{}", ran.all());
            assert!(ran.stderr().contains(&format!("in/{name}")), "{what}\n{}", ran.all());
            assert_eq!(count(&home, "taken"), 0, "{what}");
        }
    }
    // A day without records is no error.
    for (source, name, bytes) in [
        ("cve", "2024-05-01_delta.zip", made::zip(&[("delta.json", b"[]")])),
        ("nvd", "x.json", made::nvd_feed(&[]).into_bytes()),
    ] {
        let home = Home::new();
        assert_eq!(take(&home, source, name, &bytes).code(), Some(0), "{source}");
        assert_eq!(take(&home, source, name, &bytes).code(), Some(4), "{source}");
    }
}

#[test]
fn security_a_key_given_twice_keeps_the_record_out() {
    let home = Home::new();
    let twice = good(1).replace(r#""state":"PUBLISHED""#, r#""state":"REJECTED","state":"PUBLISHED""#);
    let rest = good(2);
    let bytes = made::zip(&[("CVE-2024-0001.json", twice.as_bytes()), ("CVE-2024-0002.json", rest.as_bytes())]);
    assert_eq!(take(&home, "cve", "x.zip", &bytes).code(), Some(0));
    assert_eq!((count(&home, "record"), count(&home, "document")), (1, 2));
    let found = problems(&home);
    assert_eq!(found[0].0, "CVE-2024-0001");
    assert!(found[0].1.starts_with("/cveMetadata/state is given twice"), "{found:?}");
}

#[test]
fn security_a_bomb_inside_a_compressed_entry_is_refused() {
    let home = Home::new();
    let (bomb, rest) = (made::gzip(&vec![b' '; 64 << 20]), made::gzip(good(2).as_bytes()));
    let bytes = made::zip(&[("CVE-2024-0001.json.gz", &bomb), ("CVE-2024-0002.json.gz", &rest)]);
    assert_eq!(take(&home, "cve", "x.zip", &bytes).code(), Some(0));
    assert_eq!(count(&home, "record"), 1);
    let (key, message) = problems(&home).remove(0);
    assert_eq!(key, "in/x.zip!CVE-2024-0001.json.gz");
    assert!(
        message.contains("unpacks to more than 200 times its size") || message.contains("larger than"),
        "{message}"
    );
}

#[test]
fn every_form_of_a_source_is_the_same() {
    let texts: Vec<String> = (1..=3).map(good).collect();
    let entries: Vec<(String, &[u8])> = (1..=3)
        .map(|n| format!("CVE-2024-{n:04}.json"))
        .zip(texts.iter().map(|t| t.as_bytes()))
        .collect();
    let named: Vec<(&str, &[u8])> = entries.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    let zip = made::zip(&named);
    let lines = texts.join("\n");
    let (one, two, three) = (made::gzip(named[0].1), made::xz(named[1].1), made::zstd(named[2].1));
    let packed = [
        ("cves/CVE-2024-0001.json.gz", one.as_slice()),
        ("cves/CVE-2024-0002.json.xz", two.as_slice()),
        ("cves/CVE-2024-0003.json.zst", three.as_slice()),
    ];
    let forms: [(&str, Vec<u8>); 9] = [
        ("x.zip", zip.clone()),
        ("x.zip.zip", made::zip(&[("cves.zip", &zip)])),
        ("x.jsonl", lines.clone().into_bytes()),
        ("x.jsonl.gz", made::gzip(lines.as_bytes())),
        ("x.jsonl.xz", made::xz(lines.as_bytes())),
        ("x.ndjson.zst", made::zstd(lines.as_bytes())),
        ("lines.zip", made::zip(&[("x.jsonl", lines.as_bytes())])),
        ("packed.zip", made::zip(&packed)),
        ("packed-lines.zip", made::zip(&[("x.jsonl.gz", &made::gzip(lines.as_bytes()))])),
    ];
    let ids = |home: &Home| -> Vec<String> {
        let db = home.db();
        let mut statement = db.prepare("SELECT name FROM vulnerability ORDER BY 1").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let expected = ["CVE-2024-0001", "CVE-2024-0002", "CVE-2024-0003"];
    for (name, bytes) in forms {
        let home = Home::new();
        assert_eq!(take(&home, "cve", name, &bytes).code(), Some(0), "{name}");
        assert_eq!(ids(&home), expected, "{name}");
    }
    let home = Home::new();
    for (name, bytes) in packed {
        made::write(&home.path(&format!("packed/{name}")), bytes);
    }
    home.done(&["ingest", "cve", "packed"]);
    assert_eq!(ids(&home), expected);
    let home = Home::new();
    for (name, bytes) in &named {
        made::write(&home.path(&format!("checkout/cves/2024/0xxx/{name}")), bytes);
    }
    made::write(&home.path("checkout/.git/CVE-2024-9999.json"), good(9999));
    std::os::unix::fs::symlink("/etc/passwd", home.path("checkout/cves/CVE-2024-8888.json")).unwrap();
    home.done(&["ingest", "cve", "checkout"]);
    assert_eq!(ids(&home), expected);
    assert_eq!(problems(&home)[0].1, "is a symbolic link");
    assert_eq!(home.run(&["ingest", "cve", "checkout"]).code(), Some(4));
    made::write(&home.path("checkout/cves/2024/0xxx/CVE-2024-0004.json"), good(4));
    home.done(&["ingest", "cve", "checkout"]);
    assert_eq!(ids(&home).len(), 4);
}

#[test]
fn forms_of_nvd_and_osv() {
    let home = Home::new();
    let entry = |n: usize| made::nvd(&format!("CVE-2024-{n:04}"), DATE, "v", "p", "1");
    made::write(&home.path("nvd/page-1.json"), made::nvd_feed(&[entry(1)]));
    made::write(
        &home.path("nvd/nvdcve-2.0-2024.json.gz"),
        made::gzip(made::nvd_feed(&[entry(2), entry(3)]).as_bytes()),
    );
    let zipped = made::nvd_feed(&[entry(4)]);
    made::write(
        &home.path("nvd/nvdcve-2.0-2023.json.zip"),
        made::zip(&[("nvdcve-2.0-2023.json", zipped.as_bytes())]),
    );
    home.done(&["ingest", "nvd", "nvd"]);
    assert_eq!(count(&home, "record"), 4);
    let osv = |n: usize| made::osv(&format!("GO-2024-{n:04}"), &[], "2024-05-01T00:00:00Z", "example.org/x");
    made::write(&home.path("osv/Go/all.zip"), made::zip(&[("GO-2024-0001.json", osv(1).as_bytes())]));
    made::write(&home.path("one/GO-2024-0002.json"), osv(2));
    home.done(&["ingest", "osv", "osv"]);
    home.done(&["ingest", "osv", "one/GO-2024-0002.json"]);
    assert_eq!(count(&home, "record"), 6);
    let dates: Vec<String> = {
        let db = home.db();
        let mut statement = db.prepare("SELECT data_date FROM source ORDER BY name").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(dates, ["2024-03-01T00:00:00.000", "2024-05-01T00:00:00Z"]);
}

#[test]
fn a_package_set_is_joined_from_its_parts() {
    let home = Home::new();
    let dir = home.path("channels/nixos-test");
    made::write(
        &dir.join("packages.json"),
        made::packages(&[("hello", "hello", "2.12", "https://hello.example/"), ("jq", "jq", "1.7", "")]),
    );
    let drv = "/nix/store/00000000000000000000000000000000-hello-2.12.drv";
    let line = format!(
        r#"{{"attr":"hello","attrPath":["hello"],"drvPath":"{drv}","name":"hello-2.12","outputs":{{"out":"/nix/store/11111111111111111111111111111111-hello-2.12"}},"system":"x86_64-linux"}}"#
    );
    made::write(
        &dir.join("eval-jobs.jsonl"),
        format!("{line}\n{{\"attr\":\"broken\",\"attrPath\":[\"broken\"],\"error\":\"does not evaluate\"}}\nnot json\n"),
    );
    let aterm = concat!(
        r#"Derive([("out","/nix/store/11111111111111111111111111111111-hello-2.12","","")],[],[],"x86_64-linux","/bin/sh",[],"#,
        r#"[("name","hello-2.12"),("out","/nix/store/11111111111111111111111111111111-hello-2.12"),("patches","/nix/store/22222222222222222222222222222222-CVE-2024-0001.patch"),("pname","hello"),("version","2.12")])"#
    );
    made::write(&dir.join("drvs/00000000000000000000000000000000-hello-2.12.drv"), aterm);
    let ran = home.done(&["ingest", "nixpkgs", "channels"]);
    assert!(ran.stderr().ends_with("2 seen, 2 new or changed, 2 problems\n"), "{}", ran.all());
    let facts: String = home
        .db()
        .query_row("SELECT facts FROM package WHERE attr = 'hello'", [], |row| row.get(0))
        .unwrap();
    assert!(
        facts.contains("CVE-2024-0001.patch") && facts.contains("https://hello.example/"),
        "{facts}"
    );
    let paths: String = home
        .db()
        .query_row(
            "SELECT paths FROM package_in m JOIN package p ON p.id = m.package_id WHERE p.attr = 'hello'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(
        paths,
        "drv=00000000000000000000000000000000-hello-2.12.drv\nout=11111111111111111111111111111111-hello-2.12\n"
    );
    let with: i64 = home
        .db()
        .query_row("SELECT with_derivation FROM package_set", [], |row| row.get(0))
        .unwrap();
    assert_eq!(with, 1);
    let found = problems(&home);
    assert_eq!(found[0].0, "channels/nixos-test!eval-jobs.jsonl!2");
    assert!(
        found[0].1.contains("does not evaluate") && found[1].1.contains("not a line of nix-eval-jobs"),
        "{found:?}"
    );
    assert_eq!(count(&home, "document"), 2);
    assert_eq!(home.run(&["ingest", "nixpkgs", "channels"]).code(), Some(4));
    // The same evaluation as a file alone finds its derivations beside it.
    home.done(&["ingest", "nixpkgs", "--channel", "alone", "channels/nixos-test/eval-jobs.jsonl"]);
    let with: i64 = home
        .db()
        .query_row("SELECT max(with_derivation) FROM package_set WHERE packages = 1", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(with, 1);
}

#[test]
fn older_lists_change_nothing() {
    let home = Home::new();
    made::write(
        &home.path("kev/new.json"),
        made::kev("2024-05-02T00:00:00Z", &["CVE-2024-0001", "CVE-2024-0002"]),
    );
    made::write(&home.path("kev/old.json"), made::kev("2024-05-01T00:00:00Z", &["CVE-2024-0001"]));
    home.done(&["ingest", "kev", "kev/new.json"]);
    assert_eq!(home.run(&["ingest", "kev", "kev/old.json"]).code(), Some(4));
    assert_eq!(count(&home, "kev"), 2);
    made::write(
        &home.path("epss/new.csv"),
        made::epss(
            "2024-05-02",
            &[("CVE-2024-0001", "0.5"), ("nonsense", "0.5"), ("CVE-2024-0002", "2")],
        ),
    );
    made::write(&home.path("epss/old.csv"), made::epss("2024-05-01", &[("CVE-2024-0001", "0.25")]));
    home.done(&["ingest", "epss", "epss/new.csv"]);
    assert_eq!(home.run(&["ingest", "epss", "epss/old.csv"]).code(), Some(4));
    let score: f64 = home.db().query_row("SELECT score FROM epss", [], |row| row.get(0)).unwrap();
    assert_eq!(score, 0.5);
    let keys: Vec<String> = problems(&home).into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["epss/new.csv!line 4", "epss/new.csv!line 5"]);
}

#[test]
fn package_sets_are_known_by_their_contents() {
    let line = |attr: &str| format!(r#"{{"attr":"{attr}","attrPath":["{attr}"],"name":"{attr}-1.0","system":"x86_64-linux"}}"#);
    let lines = format!("{}\n{}\n", line("hello"), line("jq"));
    let list = r#"{"hello":{"name":"hello-1.0","pname":"hello","version":"1.0","system":"x86_64-linux"},"jq":{"name":"jq-1.0"}}"#;
    let attrs = |home: &Home| -> Vec<String> {
        let db = home.db();
        let mut statement = db.prepare("SELECT attr FROM package ORDER BY 1").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    for (name, bytes) in [
        ("jobs.json", lines.clone().into_bytes()),
        ("jobs", lines.clone().into_bytes()),
        ("jobs.txt.xz", made::xz(lines.as_bytes())),
        ("list.jsonl", list.as_bytes().to_vec()),
        ("list", made::zstd(list.as_bytes())),
    ] {
        let home = Home::new();
        made::write(&home.path(name), bytes);
        home.done(&["ingest", "nixpkgs", "--channel", "test", name]);
        assert_eq!(attrs(&home), ["hello", "jq"], "{name}");
    }
    for name in ["nix-env.json", "jobs.jsonl", "jobs.json.gz"] {
        let text = if name.starts_with("nix") { list } else { &lines };
        let bytes = if name.ends_with(".gz") {
            made::gzip(text.as_bytes())
        } else {
            text.as_bytes().to_vec()
        };
        let home = Home::new();
        made::write(&home.path(&format!("channels/test/{name}")), &bytes);
        made::write(&home.path("channels/test/notes.json"), r#"{"title":"x"}"#);
        for path in ["channels/test", "channels"] {
            let expected = if path == "channels" { Some(4) } else { Some(0) };
            let ran = home.run(&["ingest", "nixpkgs", path]);
            assert_eq!(ran.code(), expected, "{name} {path}\n{}", ran.all());
        }
        assert_eq!(attrs(&home), ["hello", "jq"], "{name}");
    }
    let home = Home::new();
    for (name, bytes) in [("empty.json", ""), ("garbage.json", "garbage"), ("other.json", "{}")] {
        made::write(&home.path(name), bytes);
        let ran = home.run(&["ingest", "nixpkgs", "--channel", "test", name]);
        assert_eq!(ran.code(), Some(3), "{}", ran.all());
        assert!(ran.stderr().contains(name), "{}", ran.all());
    }
    assert_eq!(count(&home, "taken"), 0);
}
