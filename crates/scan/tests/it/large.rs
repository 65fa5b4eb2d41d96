//! As many paths as a whole build farm has, told by somebody who means no good: a chain without end, and a circle.

use std::fs::{self, File};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::program::Place;

const PATHS: usize = 100_000;

/// What `nix path-info --json` would print: each path needs the next one, the last one the first, and some a hundred others.
fn told() -> String {
    const DIGITS: &[u8] = b"0123456789abcdfghijklmnpqrsvwxyz";
    let name = |n: usize| {
        let hash: String = (0..32).map(|place| DIGITS[(n >> (5 * (place % 4))) % 32] as char).collect();
        match n {
            50_000 => format!("/nix/store/{hash}-openssl-1.1.1g"),
            99_999 => format!("/nix/store/{hash}-zlib-1.2.11"),
            _ => format!("/nix/store/{hash}-package{}-1.{}", n / 10, n % 10),
        }
    };
    let mut text = String::from("[");
    for n in 0..PATHS {
        let others = if n % 100 == 0 { 100 } else { 1 };
        let references: Vec<String> = (1..=others).map(|k| format!("{:?}", name((n + k * k) % PATHS))).collect();
        let comma = if n == 0 { "" } else { "," };
        text += &format!(
            "{comma}{{\"path\":{:?},\"references\":[{}],\"narSize\":1}}",
            name(n),
            references.join(",")
        );
    }
    text + "]"
}

#[test]
fn a_hundred_thousand_paths_are_judged_in_bounded_memory() {
    let place = Place::new();
    let list = place.file("paths.json", &told());
    let out = place.at("out.json");
    let mut child = place
        .command(&["closure", "--from", &list, "--format", "json"])
        .stdin(Stdio::null())
        .stdout(Stdio::from(File::create(&out).unwrap()))
        .stderr(Stdio::from(File::create(place.at("err")).unwrap()))
        .spawn()
        .unwrap();
    let mut most = 0_u64;
    let code = loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let peak = status
            .lines()
            .find_map(|l| l.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        most = most.max(peak.unwrap_or_default() * 1024);
        match child.try_wait().unwrap() {
            Some(status) => break status.code(),
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    assert_eq!(code, Some(0), "{}", fs::read_to_string(place.at("err")).unwrap());
    let report: Value = serde_json::from_slice(&fs::read(&out).unwrap()).unwrap();
    assert_eq!(report["summary"]["parts"], PATHS);
    assert!(report["packages"].as_array().unwrap().len() > 90_000);
    let found: Vec<(&str, &str)> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["verdict"] == "affected" || f["verdict"] == "known_vulnerable" || f["verdict"] == "unknown")
        .map(|f| (f["id"].as_str().unwrap(), f["package_version"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(found.len(), 2, "{found:?}");
    println!("{PATHS} paths: {} MB at most", most / 1_000_000);
    assert!((10_000_000..1_000_000_000).contains(&most), "{most}");
    // Ways through it end as well.
    let why = place.run(&["why", "CVE-2024-1002", "--in", &list, "--format", "json"]);
    let why: Value = serde_json::from_str(&why.out).unwrap();
    assert!(!why["paths"][0].as_array().unwrap().is_empty());
}
