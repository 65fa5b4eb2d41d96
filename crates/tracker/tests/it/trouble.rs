//! What can happen to a database while it is worked on, and copies of it that are made meanwhile.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tracker::config::Database;
use tracker::store;

use crate::backend::on_both;
use crate::cluster::Cluster;
use crate::program::Home;
use crate::{cluster, made};

on_both! {
    a_backup_while_others_write_is_one_state,
    a_backup_of_a_database_is_that_database,
}

fn synced() -> Home {
    let home = Home::new();
    made::mirror(&home.path("mirror"));
    home.done(&["sync", "--mirror", "mirror"]);
    home
}

fn a_backup_of_a_database_is_that_database() {
    let home = synced();
    let expected = home.content();
    home.done(&["backup", "saved"]);
    assert_eq!(home.run(&["backup", "saved"]).code(), Some(2), "a backup is not written over");
    let other = Home::new();
    let saved = home.path("saved").display().to_string();
    other.done(&["restore", &saved]);
    assert_eq!(other.content(), expected);
    assert_eq!(
        other.run(&["sync", "--mirror", &home.path("mirror").display().to_string()]).code(),
        Some(4)
    );
    let full = other.run(&["restore", &saved]);
    assert_eq!(full.code(), Some(3));
    assert!(
        full.stderr().contains("the database holds something already") && full.stderr().contains("--replace"),
        "{}",
        full.all()
    );
    other.done(&["forget", "nixos-test"]);
    other.done(&["restore", "--replace", &saved]);
    assert_eq!(other.content(), expected);
    assert_eq!(other.done(&["check"]).stdout(), "the database is whole\n");
    let strange = home.path("strange");
    std::fs::write(&strange, "no database at all, but long enough to look like one to somebody").unwrap();
    assert_eq!(other.run(&["restore", "--replace", &strange.display().to_string()]).code(), Some(3));
    assert_eq!(other.content(), expected);
}

fn a_backup_while_others_write_is_one_state() {
    let home = synced();
    let store = store::open(&Database::from_url(&home.address()).unwrap()).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Two settings that are equal in every state that anybody may see: both change in one source's note.
        scope.spawn(|| {
            let mut n = 0;
            while !done.load(Ordering::Relaxed) {
                n += 1;
                store.source_begins("nvd", n).unwrap();
                store.source_failed("nvd", n, &format!("attempt {n}")).unwrap();
            }
            assert!(n > 3, "{n}");
        });
        for n in 0..3 {
            let name = format!("saved{n}");
            home.done(&["backup", &name]);
            let db = rusqlite::Connection::open(home.path(&name)).unwrap();
            let (attempt, error): (i64, Option<String>) = db
                .query_row("SELECT last_attempt, last_error FROM source WHERE name = 'nvd'", [], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .unwrap();
            // Events are written with the note: as many as attempts failed.
            let events: i64 = db
                .query_row("SELECT count(*) FROM event WHERE kind = 'failed' AND subject = 'nvd'", [], |row| {
                    row.get(0)
                })
                .unwrap();
            let noted = error.map_or(0, |error| error.trim_start_matches("attempt ").parse().unwrap());
            assert_eq!(events, noted);
            assert!(events == 0 || (events..=events + 1).contains(&attempt), "{attempt} {events}");
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_full_disk_ends_the_run_and_the_next_one_completes() {
    let whole = synced();
    let home = Home::new();
    made::mirror(&home.path("mirror"));
    let mut failed = 0;
    // In blocks of 512 bytes, of some shells of 1024: from too little for the schema to nearly enough.
    for blocks in [20, 150, 300, 500, 700, 900] {
        let program = home.command(&[]);
        let script = "trap '' XFSZ; ulimit -f \"$0\"; exec \"$@\"";
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", script, &blocks.to_string()])
            .arg(program.get_program())
            .args(["sync", "--mirror", "mirror"])
            .env_clear();
        for (name, value) in program.get_envs() {
            shell.env(name, value.unwrap_or_default());
        }
        let ran = shell.current_dir(home.path(".")).stdin(Stdio::null()).output().unwrap();
        let talk = String::from_utf8_lossy(&ran.stderr);
        match ran.status.code() {
            Some(3) => failed += 1,
            Some(0 | 4) => {}
            other => panic!("{other:?}: {talk}"),
        }
    }
    assert!(failed > 1, "{failed}");
    let ran = home.run(&["sync", "--mirror", "mirror"]);
    assert!(matches!(ran.code(), Some(0 | 4)), "{}", ran.all());
    assert_eq!(home.content(), whole.content());
    assert_eq!(home.done(&["check"]).stdout(), "the database is whole\n");
}

#[test]
fn a_database_that_cannot_be_written_can_be_read() {
    let Some(shared) = cluster::shared() else { return };
    let home = Home::on(shared.database());
    made::mirror(&home.path("mirror"));
    home.done(&["sync", "--mirror", "mirror"]);
    let name = home.address().split(['/', '?']).nth(3).unwrap().to_owned();
    shared.sql("postgres", &format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    let ran = home.run(&["ingest", "kev", "mirror/kev"]);
    assert!(matches!(ran.code(), Some(3 | 4)), "{}", ran.all());
    made::write(
        &home.path("new.json"),
        made::cve("CVE-2024-7777", "2024-05-03T00:00:00.000Z", "quuxd", "2"),
    );
    let ran = home.run(&["ingest", "cve", "new.json"]);
    assert_eq!(ran.code(), Some(3), "{}", ran.all());
    assert!(ran.stderr().contains("read-only transaction"), "{}", ran.all());
    home.done(&["stats"]);
    home.done(&["check"]);
}

#[test]
fn a_server_that_is_restarted_in_mid_run_loses_nothing() {
    let Some(server) = Cluster::start() else { return };
    let whole = Home::on(server.database());
    made::mirror(&whole.path("mirror"));
    let started = Instant::now();
    whole.done(&["sync", "--mirror", "mirror"]);
    let takes = started.elapsed();
    let expected = whole.content();
    let home = Home::on(server.database());
    made::mirror(&home.path("mirror"));
    for part in [0.2, 0.5, 0.8] {
        let mut child = home
            .command(&["sync", "--mirror", "mirror"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(takes.mul_f64(part));
        server.crash();
        let code = child.wait().unwrap().code();
        assert!(matches!(code, Some(0 | 3 | 4)), "{code:?}");
    }
    let ran = home.run(&["sync", "--mirror", "mirror"]);
    assert!(matches!(ran.code(), Some(0 | 4)), "{}", ran.all());
    assert_eq!(home.content(), expected);
    assert_eq!(home.done(&["check"]).stdout(), "the database is whole\n");
    assert!(takes < Duration::from_secs(300));
}
