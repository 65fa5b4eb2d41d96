//! `watch` as it runs: a process that looks again and again, and says only what is new.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{self, Place};

/// A watch that runs; ended when the value is dropped.
struct Watch<'a> {
    place: &'a Place,
    child: Child,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl<'a> Watch<'a> {
    fn start(place: &'a Place, target: &str, root: &str) -> Self {
        let end = |name: &str| Stdio::from(File::options().create(true).append(true).open(place.at(name)).unwrap());
        let child = place
            .command(&[
                "watch",
                target,
                "--store",
                root,
                "--interval",
                "1",
                "--format",
                "jsonl",
                "--state",
                "watch.json",
            ])
            .stdin(Stdio::null())
            .stdout(end("said"))
            .stderr(end("talk"))
            .spawn()
            .unwrap();
        Self { place, child }
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.place.at(name)).unwrap_or_default()
    }

    /// Waits until so many findings were told of, all in all; the ids of all.
    fn told(&self, count: usize) -> Vec<String> {
        self.until(|| self.text("said").lines().count() >= count);
        self.text("said")
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// What it last looked at.
    fn seen(&self) -> String {
        let state: Value = serde_json::from_str(&self.text("watch.json")).unwrap_or_default();
        state["seen"].as_str().unwrap_or_default().to_owned()
    }

    fn until(&self, done: impl Fn() -> bool) {
        let started = Instant::now();
        while !done() {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "{}\n{}",
                self.text("said"),
                self.text("talk")
            );
            thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn a_watch_that_runs_notices_systems_and_snapshots_and_outlives_broken_ones() {
    let place = Place::new();
    let Some((root, old)) = place.store("1.1.1g") else { return };
    let (_, new) = place.store("1.1.1k").unwrap();
    let profile = place.at("profile");
    let switch = |to: &str| {
        symlink(to, place.at("profile.new")).unwrap();
        fs::rename(place.at("profile.new"), &profile).unwrap();
    };
    switch(&old);
    let mut watch = Watch::start(&place, &profile.display().to_string(), &root);
    assert_eq!(watch.told(2), ["CVE-2024-1001", "CVE-2024-1002"]);
    // Another system: what is mended is no news, and what stays is none.
    let before = watch.seen();
    switch(&new);
    watch.until(|| watch.seen() != before);
    assert_eq!(watch.told(2).len(), 2);
    // A snapshot that knows more: only that.
    let mut world = program::world(2, program::now());
    world
        .records
        .push(program::record("CVE-2024-1005", "curl", "8.0.0", program::WORST, ""));
    place.hold(&world);
    assert_eq!(watch.told(3)[2], "CVE-2024-1005");
    // One that is broken is told once, though it is looked at each second, and is no end.
    let good = fs::read(place.at("snapshot")).unwrap();
    fs::write(place.at("snapshot"), &good[..good.len() / 2]).unwrap();
    watch.until(|| watch.text("talk").contains("error: "));
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(watch.text("talk").matches("error: ").count(), 1, "{}", watch.text("talk"));
    fs::write(place.at("snapshot"), &good).unwrap();
    // Back to the old system: what comes back is news.
    switch(&old);
    assert_eq!(watch.told(4)[3], "CVE-2024-1001");
    assert!(watch.child.try_wait().unwrap().is_none(), "it still runs");
    // Another process goes on where this one was.
    drop(watch);
    let watch = Watch::start(&place, &profile.display().to_string(), &root);
    let before = watch.seen();
    world.serial = 3;
    place.hold(&world);
    watch.until(|| watch.seen() != before);
    assert_eq!(watch.told(4).len(), 4, "nothing is told twice");
}
