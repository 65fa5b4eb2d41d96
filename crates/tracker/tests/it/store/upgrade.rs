//! Databases of every schema that was released open with all that they hold.
//!
//! Each is made by the migrations of its time and filled with the rows of `upgrade/*.sql`, which both databases understand.

use std::path::Path;

use rusqlite::Connection;
use tracker::store::Store;
use tracker::store::postgres::{Address, Postgres};
use tracker::store::sqlite::Sqlite;
use vuln::verdict::Disposition;

use crate::cluster;

/// The migrations of a database, in order.
fn migrations(database: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

/// Rows as a tracker of this version left them.
fn rows(version: usize) -> String {
    let rows = match version {
        // Sets were lists of members.
        1..=3 => include_str!("upgrade/members.sql"),
        // They are spans of time since.
        _ => include_str!("upgrade/spans.sql"),
    };
    let verdict = match version {
        // Each verdict had its evidence.
        1..=5 => {
            "INSERT INTO verdict (vulnerability_id, cluster_id, channel_id, verdict, confidence, fixed_in, evidence)
             VALUES (1001, 1001, 1001, 'affected', 0.75, NULL, '[{\"rule\":\"r\",\"detail\":\"d\"}]');
             INSERT INTO disposition (vulnerability_id, channel_id, disposition, near_misses)
             VALUES (1002, 1001, 'nothing_in_nixpkgs', NULL);"
        }
        // It is written once since.
        _ => {
            "INSERT INTO evidence (id, digest, lines) VALUES (1001, NULL, '[{\"rule\":\"r\",\"detail\":\"d\"}]');
             INSERT INTO verdict (vulnerability_id, cluster_id, channel_id, verdict, confidence, fixed_in, evidence_id)
             VALUES (1001, 1001, 1001, 'affected', 0.75, NULL, 1001);"
        }
    };
    format!("{rows}{verdict}")
}

fn holds_everything(store: &dyn Store, version: usize) {
    let found = store.vulnerability("CVE-2024-0001").unwrap().unwrap();
    assert_eq!(
        (found.title.as_str(), found.aliases.as_slice()),
        ("A flaw", &["GO-2024-0001".to_owned()][..]),
        "{version}"
    );
    assert_eq!(found.verdicts.len(), 1, "{version}");
    assert_eq!(found.verdicts[0].package, "frobnicate");
    assert_eq!(found.verdicts[0].evidence[0].detail, "d");
    let nothing = store.vulnerability("CVE-2024-0002").unwrap().unwrap().dispositions;
    assert_eq!(
        nothing.iter().map(|row| row.disposition).collect::<Vec<_>>(),
        [Disposition::NothingInNixpkgs],
        "{version}"
    );
    assert_eq!(found.records.len(), 1);
    let sources = store.sources().unwrap();
    assert_eq!((sources[0].name.as_str(), sources[0].last_success), ("cve", Some(1_700_000_000)));
    let taken = store.taken_file("cve", "cvelistV5/x.zip").unwrap().unwrap();
    assert_eq!((taken.records, taken.etag.as_deref(), taken.took_ms), (5, Some("\"tag\""), None));
    let revisions = store.revisions("nixos-unstable").unwrap();
    assert_eq!(
        revisions.iter().map(|set| set.revision.as_str()).collect::<Vec<_>>(),
        ["rev-2", "rev-1"],
        "{version}"
    );
    let names = |set: i64| {
        let mut names: Vec<String> = store.package_set(set).unwrap().into_iter().map(|p| p.package.attr).collect();
        names.sort();
        names
    };
    assert_eq!(names(revisions[0].set), ["frobnicate", "hello"], "{version}");
    let mut paths = Vec::new();
    store
        .package_paths(revisions[0].set, &mut |row, name, path| {
            paths.push((row, name.to_owned(), path.to_owned()))
        })
        .unwrap();
    assert_eq!(paths, [(1001, "out".to_owned(), "x-frobnicate".to_owned())], "{version}");
    assert_eq!(store.setting("a").unwrap().as_deref(), Some("b"));
    assert_eq!(store.jobs().unwrap(), []);
    // And it is worked on.
    super::conformance::fill(store);
    let taken = store.vulnerability("CVE-2024-0001").unwrap().unwrap();
    assert_eq!(taken.title, "frobnicate has a flaw", "{version}");
    assert_eq!(store.check(&|_| {}).unwrap(), Vec::<String>::new(), "{version}");
}

#[test]
fn sqlite_of_every_released_schema() {
    let migrations = migrations("sqlite");
    for version in 1..=migrations.len() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.sqlite");
        let db = Connection::open(&path).unwrap();
        for sql in &migrations[..version] {
            db.execute_batch(sql).unwrap();
        }
        db.execute_batch(&rows(version).replace('<', "x'").replace('>', "'")).unwrap();
        db.execute_batch("INSERT INTO vulnerability_text (vulnerability_text) VALUES ('rebuild')")
            .unwrap();
        db.pragma_update(None, "user_version", version as u32).unwrap();
        drop(db);
        holds_everything(&Sqlite::open(&path).unwrap(), version);
    }
}

#[test]
fn postgresql_of_every_released_schema() {
    let migrations = migrations("postgres");
    for version in 1..=migrations.len() {
        let Some(address) = cluster::fresh() else { return };
        let name = address.split(['/', '?']).nth(3).unwrap();
        let sql = |sql: &str| cluster::shared().unwrap().sql(name, sql);
        for migration in &migrations[..version] {
            sql(migration);
        }
        sql(&rows(version).replace('<', "'\\x").replace('>', "'"));
        sql("INSERT INTO vulnerability_text (id, words) VALUES (1001, 'a flaw'::tsvector),
             (1002, '''cve'':1 ''2024'':2 ''0002'':3 ''another'':14 ''a'':25 ''leak'':26'::tsvector)");
        sql("CREATE TABLE schema_version (version BIGINT NOT NULL)");
        sql(&format!("INSERT INTO schema_version VALUES ({version})"));
        holds_everything(&Postgres::open(&Address::parse(&address).unwrap()).unwrap(), version);
    }
}

#[test]
fn a_sqlite_file_of_a_newer_schema_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.sqlite");
    drop(Sqlite::open(&path).unwrap());
    let db = Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 1000).unwrap();
    let error = Sqlite::open(&path).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("the schema is version 1000"), "{cause}");
    let version: u32 = db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 1000);
}
