//! The suite on SQLite, and its files.

use rusqlite::Connection;
use tracker::store::Store;
use tracker::store::sqlite::Sqlite;

use super::conformance;

/// A store in a folder of its own.
struct Fresh {
    store: Sqlite,
    dir: tempfile::TempDir,
}

fn fresh() -> Fresh {
    let dir = tempfile::tempdir().unwrap();
    Fresh {
        store: Sqlite::open(&dir.path().join("t.sqlite")).unwrap(),
        dir,
    }
}

macro_rules! suite {
    ($($name:ident),* $(,)?) => {
        $(#[test] fn $name() { conformance::$name(&fresh().store); })*

        /// A test that is added to the suite and not named here would never run.
        #[test]
        fn the_suite_is_run_as_a_whole() {
            assert_eq!(conformance::names(), [$(stringify!($name)),*]);
        }
    };
}

conformance::suite!(suite);

#[test]
fn a_tampered_document_is_found() {
    let fresh = fresh();
    conformance::fill(&fresh.store);
    assert_eq!(fresh.store.check(&|_| {}).unwrap(), Vec::<String>::new());
    let db = Connection::open(fresh.dir.path().join("t.sqlite")).unwrap();
    db.execute(
        "UPDATE document SET sha256 = zeroblob(32) WHERE source = 'cve' AND key = 'CVE-2024-0001'",
        [],
    )
    .unwrap();
    db.execute("UPDATE document SET bytes = x'00' WHERE key = 'CVE-2024-0002'", [])
        .unwrap();
    let findings = fresh.store.check(&|_| {}).unwrap();
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert_eq!(findings[0], "document cve CVE-2024-0001: its bytes do not have its digest");
    assert!(
        findings[1].starts_with("document cve CVE-2024-0002: its bytes cannot be unpacked"),
        "{findings:?}"
    );
}

#[test]
fn a_text_index_that_fell_behind_is_found() {
    let fresh = fresh();
    conformance::fill(&fresh.store);
    let db = Connection::open(fresh.dir.path().join("t.sqlite")).unwrap();
    db.execute("UPDATE vulnerability SET title = 'something else' WHERE name = 'CVE-2024-0001'", [])
        .unwrap();
    let findings = fresh.store.check(&|_| {}).unwrap();
    assert!(findings.len() == 1 && findings[0].starts_with("text index: "), "{findings:?}");
}

#[test]
fn two_processes_can_write() {
    let fresh = fresh();
    let path = fresh.dir.path().join("t.sqlite");
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = &path;
            scope.spawn(move || {
                let store = Sqlite::open(path).unwrap();
                for n in 0..25 {
                    store.put_setting(&format!("{writer}/{n}"), Some("x")).unwrap();
                }
            });
        }
    });
    for writer in 0..4 {
        assert_eq!(fresh.store.setting(&format!("{writer}/24")).unwrap().as_deref(), Some("x"));
    }
}

#[test]
fn many_can_make_one_new_database() {
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.sqlite");
        std::thread::scope(|scope| {
            for n in 0..6 {
                let path = &path;
                scope.spawn(move || Sqlite::open(path).unwrap().put_setting(&n.to_string(), Some("x")).unwrap());
            }
        });
        assert_eq!(Sqlite::open(&path).unwrap().setting("5").unwrap().as_deref(), Some("x"));
    }
}
