//! A run that is killed anywhere goes on where it was, and the result is that of a run that was not.

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::backend::on_both;
use crate::made;
use crate::program::Home;

on_both! {
    a_killed_run_goes_on,
    killed_at_any_moment,
}

/// Enough records that a run takes a while, in several transactions.
fn large(home: &Home) {
    let texts: Vec<(String, String)> = (1..=9_000)
        .map(|n| {
            let id = format!("CVE-2024-{n:05}");
            (
                format!("cves/{id}.json"),
                made::cve(
                    &id,
                    "2024-05-01T00:00:00.000Z",
                    if n % 3 == 0 { "quuxd" } else { "frobnicate" },
                    &format!("1.{n}"),
                ),
            )
        })
        .collect();
    let entries: Vec<(&str, &[u8])> = texts.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    made::write(
        &home.path("feed/2024-05-02_all_CVEs_at_midnight.zip.zip"),
        made::zip(&[("cves.zip", &made::zip(&entries))]),
    );
    let list = made::packages(&[
        ("frobnicate", "frobnicate", "1.500", "https://frobnicate.example/"),
        ("quuxd", "quuxd", "1.9", "https://quuxd.example/"),
    ]);
    made::write(&home.path("channels/nixos-test/packages.json"), list);
}

/// Starts a command and kills it after a while; whether it was still running then.
fn kill_after(home: &Home, args: &[&str], wait: Duration) -> bool {
    let mut child = home.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    thread::sleep(wait);
    child.kill().unwrap();
    child.wait().unwrap().code().is_none()
}

/// Two databases hold the same. Only what differs is printed.
fn same(found: &[String], expected: &[String]) {
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

fn a_killed_run_goes_on() {
    let whole = Home::new();
    large(&whole);
    let started = Instant::now();
    whole.done(&["ingest", "cve", "feed"]);
    let takes = started.elapsed();
    whole.done(&["ingest", "nixpkgs", "channels"]);
    let started = Instant::now();
    whole.done(&["match"]);
    let matches = started.elapsed();
    let expected = whole.content();
    let verdicts = expected.iter().filter(|line| line.starts_with("verdict ")).count();
    assert!(verdicts > 1000, "{verdicts}");

    let home = Home::new();
    large(&home);
    let mut killed = 0;
    for part in [0.15, 0.35, 0.55, 0.75, 0.9] {
        killed += u32::from(kill_after(&home, &["ingest", "cve", "feed"], takes.mul_f64(part)));
    }
    assert!(killed >= 1, "killed {killed} times");
    let ran = home.run(&["ingest", "cve", "feed"]);
    assert!(matches!(ran.code(), Some(0 | 4)), "{}", ran.all());
    kill_after(&home, &["ingest", "nixpkgs", "channels"], takes.mul_f64(0.02));
    home.run(&["ingest", "nixpkgs", "channels"]);
    for part in [0.3, 0.6, 0.9] {
        kill_after(&home, &["match"], matches.mul_f64(part));
    }
    let ran = home.run(&["match"]);
    assert!(matches!(ran.code(), Some(0 | 4)), "{}", ran.all());
    same(&home.content(), &expected);
    assert_eq!(home.done(&["check"]).stdout(), "the database is whole\n");
    assert_eq!(home.run(&["ingest", "cve", "feed"]).code(), Some(4));
}

/// What a small mirror makes of an empty database, in any number of attempts: each is killed at a moment of its own, the first ones while the
/// schema is made.
fn killed_at_any_moment() {
    let long = std::env::var_os("FIRN_LONG").is_some();
    let moments = if long { 200 } else { 12 };
    let whole = Home::new();
    made::mirror(&whole.path("mirror"));
    let started = Instant::now();
    whole.done(&["sync", "--mirror", "mirror"]);
    let mut takes = started.elapsed();
    let expected = whole.content();
    let (mut home, mut killed) = (Home::new(), 0);
    made::mirror(&home.path("mirror"));
    let mut dice = 0x1234_5678_9abc_def1_u64;
    for _ in 0..moments {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        let part = (dice >> 11) as f64 / (1_u64 << 53) as f64;
        if kill_after(&home, &["sync", "--mirror", "mirror"], takes.mul_f64(part * 1.1)) {
            killed += 1;
            continue;
        }
        // It came to its end: the next one begins with nothing, and is expected to be as quick as this machine is now.
        takes = takes.mul_f64(0.8);
        same(&home.content(), &expected);
        home = Home::new();
        made::mirror(&home.path("mirror"));
    }
    assert!(killed > moments / 4, "{killed} of {moments}");
    let ran = home.run(&["sync", "--mirror", "mirror"]);
    assert!(matches!(ran.code(), Some(0 | 4)), "{}", ran.all());
    same(&home.content(), &expected);
    assert_eq!(home.done(&["check"]).stdout(), "the database is whole\n");
}
