//! The suite on PostgreSQL, and what is its alone.

use tracker::config::Database;
use tracker::store::postgres::{Address, Postgres};
use tracker::store::{self, Read as _, Store};

use super::conformance;
use crate::cluster;

fn open(address: &str) -> Postgres {
    Postgres::open(&Address::parse(address).unwrap()).unwrap()
}

macro_rules! suite {
    ($($name:ident),* $(,)?) => {
        $(#[test] fn $name() {
            let Some(address) = cluster::fresh() else { return };
            conformance::$name(&open(&address));
        })*

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
    let Some(address) = cluster::fresh() else { return };
    let store = open(&address);
    conformance::fill(&store);
    assert_eq!(store.check(&|_| {}).unwrap(), Vec::<String>::new());
    let name = address.split(['/', '?']).nth(3).unwrap();
    let sql = |sql: &str| cluster::shared().unwrap().sql(name, sql);
    sql("UPDATE document SET sha256 = decode(repeat('00', 32), 'hex') WHERE source = 'cve' AND key = 'CVE-2024-0001'");
    sql("UPDATE document SET bytes = '\\x00' WHERE key = 'CVE-2024-0002'");
    sql("UPDATE vulnerability SET title = 'something else' WHERE name = 'CVE-2024-0001'");
    sql(
        "INSERT INTO verdict (vulnerability_id, cluster_id, channel_id, verdict, confidence, evidence_id)
         VALUES (777, 778, 779, 'affected', 1, 780)",
    );
    let mut findings = store.check(&|_| {}).unwrap();
    findings.sort();
    assert_eq!(findings.len(), 7, "{findings:?}");
    assert_eq!(findings[0], "document cve CVE-2024-0001: its bytes do not have its digest");
    assert!(
        findings[1].starts_with("document cve CVE-2024-0002: its bytes cannot be unpacked"),
        "{findings:?}"
    );
    assert_eq!(findings[2], "table verdict: a row points at a row of channel that is not there");
    assert_eq!(findings[4], "table verdict: a row points at a row of evidence that is not there");
    assert_eq!(
        findings[6],
        "text index: the words of 1 vulnerabilities are not those of their texts"
    );
}

#[test]
fn two_processes_can_write() {
    let Some(address) = cluster::fresh() else { return };
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let address = &address;
            // Each makes the schema, if it is the first.
            scope.spawn(move || {
                let store = open(address);
                for n in 0..25 {
                    store.put_setting(&format!("{writer}/{n}"), Some("x")).unwrap();
                }
            });
        }
    });
    let store = open(&address);
    for writer in 0..4 {
        assert_eq!(store.setting(&format!("{writer}/24")).unwrap().as_deref(), Some("x"));
    }
}

#[test]
fn a_newer_schema_is_refused() {
    let Some(address) = cluster::fresh() else { return };
    drop(open(&address));
    let name = address.split(['/', '?']).nth(3).unwrap();
    cluster::shared().unwrap().sql(name, "UPDATE schema_version SET version = 1000");
    let error = store::open(&Database::from_url(&address).unwrap()).err().unwrap();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("the schema is version 1000"), "{cause}");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let address = "postgres:///x?host=/nowhere";
    let error = store::open(&Database::from_url(address).unwrap()).err().unwrap();
    assert!(error.to_string().contains("/nowhere"), "{error}");
}

#[test]
fn a_text_with_a_zero_character_is_kept_without_it() {
    let Some(address) = cluster::fresh() else { return };
    let store = open(&address);
    store.put_setting("a\0b", Some("c\0d")).unwrap();
    assert_eq!(store.setting("a\u{fffd}b").unwrap().as_deref(), Some("c\u{fffd}d"));
}

#[test]
fn connections_outlive_a_server_that_was_restarted() {
    let Some(cluster) = cluster::Cluster::start() else { return };
    let store = open(&cluster.database());
    conformance::fill(&store);
    cluster.crash();
    assert_eq!(store.counts().unwrap().vulnerabilities, 2);
    cluster.crash();
    store.put_setting("a", Some("b")).unwrap();
    assert_eq!(store.setting("a").unwrap().as_deref(), Some("b"));
}
