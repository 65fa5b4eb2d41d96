//! A run that is killed anywhere goes on where it was, and the result is that of a run that was not.

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::made;
use crate::program::Home;

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

#[test]
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
    assert!(killed >= 2, "killed {killed} times");
    let ran = home.run(&["ingest", "cve", "feed"]);
    assert!(matches!(ran.code(), Some(0 | 4)), "{}", ran.all());
    kill_after(&home, &["ingest", "nixpkgs", "channels"], takes.mul_f64(0.02));
    home.run(&["ingest", "nixpkgs", "channels"]);
    for part in [0.3, 0.6, 0.9] {
        kill_after(&home, &["match"], matches.mul_f64(part));
    }
    let ran = home.run(&["match"]);
    assert!(matches!(ran.code(), Some(0 | 4)), "{}", ran.all());
    let found = home.content();
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
    assert_eq!(home.done(&["check"]).stdout(), "the database is whole\n");
    assert_eq!(home.run(&["ingest", "cve", "feed"]).code(), Some(4));
}
