//! From one database into another and back.

use std::collections::BTreeMap;

use rusqlite::Connection;
use tracker::store::postgres::{Address, Postgres};
use tracker::store::sqlite::Sqlite;
use tracker::store::{Store, transfer};

use super::conformance;
use crate::cluster;

/// Tables and columns that both databases have.
fn described() -> BTreeMap<String, Vec<String>> {
    let columns = |table: &transfer::Table| {
        let mut columns: Vec<String> = table.columns.iter().map(|c| (*c).to_owned()).collect();
        columns.sort();
        (table.name.to_owned(), columns)
    };
    transfer::tables().chain(&transfer::WORK).map(columns).collect()
}

#[test]
fn sqlite_has_these_tables_and_columns() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.sqlite");
    drop(Sqlite::open(&path).unwrap());
    let db = Connection::open(&path).unwrap();
    let mut statement = db
        .prepare(
            "SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'
             AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE 'vulnerability_text%' ORDER BY 1, 2",
        )
        .unwrap();
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?))).unwrap();
    for row in rows {
        let (table, column) = row.unwrap();
        found.entry(table).or_default().push(column);
    }
    assert_eq!(found, described());
}

#[test]
fn postgresql_has_these_tables_and_columns() {
    let Some(address) = cluster::fresh() else { return };
    drop(Postgres::open(&Address::parse(&address).unwrap()).unwrap());
    let name = address.split(['/', '?']).nth(3).unwrap();
    let listed = cluster::shared().unwrap().sql(
        name,
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'
         AND table_name NOT IN ('vulnerability_text', 'schema_version') ORDER BY table_name COLLATE \"C\", column_name COLLATE \"C\"",
    );
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (table, column) in listed.lines().filter_map(|line| line.split_once('|')) {
        found.entry(table.to_owned()).or_default().push(column.to_owned());
    }
    assert_eq!(found, described());
}

#[test]
fn there_and_back_nothing_is_lost() {
    let Some(address) = cluster::fresh() else { return };
    let dir = tempfile::tempdir().unwrap();
    let open = |name: &str| Sqlite::open(&dir.path().join(name)).unwrap();
    let (first, last) = (open("first"), open("last"));
    conformance::verdicts_say_since_when_and_until_when(&first);
    conformance::derived_things_and_settings_are_kept(&first);
    let middle = Postgres::open(&Address::parse(&address).unwrap()).unwrap();
    let written = std::sync::atomic::AtomicU64::new(0);
    let seen = |n| {
        written.fetch_add(n, std::sync::atomic::Ordering::Relaxed);
    };
    transfer::copy(&first, &middle, false, &seen).unwrap();
    transfer::copy(&middle, &last, false, &|_| {}).unwrap();
    let rows = |name: &str| {
        let db = Connection::open(dir.path().join(name)).unwrap();
        let mut rows = Vec::new();
        for table in transfer::tables() {
            let mut statement = db.prepare(&table.select()).unwrap();
            let mut found = statement.query([]).unwrap();
            while let Some(row) = found.next().unwrap() {
                let values: Vec<rusqlite::types::Value> = (0..table.columns.len()).map(|c| row.get(c).unwrap()).collect();
                rows.push((table.name, values));
            }
        }
        rows
    };
    let expected = rows("first");
    assert!(expected.len() > 30, "{}", expected.len());
    assert_eq!(rows("last"), expected);
    assert_eq!(written.into_inner(), expected.len() as u64);
    for store in [&middle as &dyn Store, &last] {
        assert_eq!(store.check(&|_| {}).unwrap(), Vec::<String>::new());
        assert_eq!(store.search_text(&["frobnic".into()], 10).unwrap().hits.len(), 1);
        // What is full is not written over, unless it is to be replaced.
        assert!(transfer::copy(&first, store, false, &|_| {}).is_err());
        transfer::copy(&first, store, true, &|_| {}).unwrap();
        // New rows get new numbers.
        conformance::files_and_sources_are_remembered(store);
        store.clear().unwrap();
        conformance::fill(store);
    }
    assert_eq!(rows("first"), expected);
}
