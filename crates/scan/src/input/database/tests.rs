use rusqlite::Connection;

use super::*;

const A: &str = "/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1";
const B: &str = "/nix/store/23yc9dd7fzj8n9ffsfap71gv06s0dp0g-zlib-1.2.11";
const D: &str = "/nix/store/7vn1m2c7gwdxrbnkn11rnp0bq467jp59-curl-7.71.1.drv";

/// A database with Nix's tables: `A` refers to itself and to `B`, which refers back.
pub(in crate::input) fn make(folder: &Path) -> Store {
    let store = Store::below(folder);
    fs::create_dir_all(store.database()).unwrap();
    fs::create_dir_all(store.folder()).unwrap();
    fs::write(store.database().join("schema"), "10").unwrap();
    let connection = Connection::open(store.database().join("db.sqlite")).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = wal;
             CREATE TABLE ValidPaths (id integer primary key autoincrement not null, path text unique not null, hash text not null,
               registrationTime integer not null, deriver text, narSize integer, ultimate integer, sigs text, ca text);
             CREATE TABLE Refs (referrer integer not null, reference integer not null, primary key (referrer, reference));
             INSERT INTO ValidPaths (id, path, hash, registrationTime, deriver, narSize) VALUES
               (1, '{A}', 'sha256:00', 1, '{D}', 648), (2, '{B}', 'sha256:11', 1, NULL, NULL);
             INSERT INTO Refs VALUES (1, 1), (1, 2), (2, 1);"
        ))
        .unwrap();
    store
}

fn error(store: &Store) -> String {
    match Database::open(store).and_then(|database| database.closure(&[A.parse().unwrap()])) {
        Ok(infos) => panic!("read {infos:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn cycles_end_and_every_path_comes_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = make(folder.path());
    let database = Database::open(&store).unwrap();
    let infos = database.closure(&[A.parse().unwrap(), A.parse().unwrap()]).unwrap();
    let (a, b) = (A.parse().unwrap(), B.parse().unwrap());
    assert_eq!(
        infos,
        [
            PathInfo {
                path: A.parse().unwrap(),
                references: vec![b, A.parse().unwrap()],
                deriver: Some(D.parse().unwrap()),
                nar_size: Some(648),
                nar_hash: Some("sha256:00".into()),
            },
            PathInfo {
                path: B.parse().unwrap(),
                references: vec![a],
                deriver: None,
                nar_size: None,
                nar_hash: Some("sha256:11".into()),
            },
        ]
    );
}

#[test]
fn read_while_nix_writes() {
    let folder = tempfile::tempdir().unwrap();
    let store = make(folder.path());
    let writer = Connection::open(store.database().join("db.sqlite")).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE; DELETE FROM Refs;").unwrap();
    let infos = Database::open(&store).unwrap().closure(&[A.parse().unwrap()]).unwrap();
    assert_eq!(infos.len(), 2, "what is not committed is not seen");
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(Database::open(&store).unwrap().closure(&[A.parse().unwrap()]).unwrap().len(), 1);
}

#[test]
fn a_database_that_cannot_be_used_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::below(folder.path());
    let file = store.database().join("db.sqlite");
    assert_eq!(error(&store), format!("there is no Nix database at {}", file.display()));
    make(folder.path());
    fs::write(store.database().join("schema"), "11\n").unwrap();
    assert_eq!(
        error(&store),
        format!("the Nix database at {} has schema \"11\"; only 10 is known", file.display())
    );
    fs::write(store.database().join("schema"), "10").unwrap();
    let connection = Connection::open(&file).unwrap();
    connection
        .execute_batch("INSERT INTO ValidPaths VALUES (3, '/etc/passwd', '', 0, NULL, 0, 0, NULL, NULL); INSERT INTO Refs VALUES (2, 3)")
        .unwrap();
    assert_eq!(
        error(&store),
        format!(
            "the Nix database at {} holds \"/etc/passwd\", which is no store path",
            file.display()
        )
    );
    connection.execute_batch("DROP TABLE Refs; CREATE TABLE Refs (a, b)").unwrap();
    assert_eq!(
        error(&store),
        format!("the Nix database at {} lacks Refs(referrer, reference)", file.display())
    );
}

#[test]
fn security_a_broken_database_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let store = make(folder.path());
    let file = store.database().join("db.sqlite");
    let whole = fs::read(&file).unwrap();
    for broken in [
        b"not a database, but long enough to look like one".to_vec(),
        whole[..whole.len() / 2].to_vec(),
    ] {
        fs::write(&file, broken).unwrap();
        assert_eq!(error(&store), format!("read the Nix database at {}", file.display()));
    }
}

#[test]
fn a_lock_that_stays_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = make(folder.path());
    let file = store.database().join("db.sqlite");
    let owner = Connection::open(&file).unwrap();
    // In WAL mode readers are shut out only by who holds the file for himself alone.
    owner
        .execute_batch("PRAGMA locking_mode = exclusive; BEGIN IMMEDIATE; DELETE FROM Refs;")
        .unwrap();
    let message = error(&store);
    assert_eq!(
        message,
        format!("the Nix database at {} is locked, and stayed so for 5 s", file.display())
    );
}

#[test]
fn what_is_not_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = make(folder.path());
    let database = Database::open(&store).unwrap();
    let error = database.closure(&[D.parse().unwrap()]).unwrap_err();
    assert_eq!(error.to_string(), format!("{D} is not in the store"));
}

#[test]
fn file_names_are_not_taken_for_options_of_sqlite() {
    assert_eq!(
        address(Path::new("/a b/db?mode=rw#%.sqlite")),
        "file:/a%20b/db%3fmode%3drw%23%25.sqlite"
    );
}
