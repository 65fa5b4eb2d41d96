//! How fast a closure of 100,000 paths is read, put together and asked for the way to its last path.

use std::fmt::Write as _;

use divan::Bencher;
use scan::input::closure;
use scan::input::store::Store;
use scan::why::Ways;

const PATHS: usize = 100_000;

fn main() {
    divan::main();
}

/// What `nix path-info --json` would print: each path refers to the one before it and to some others.
fn path_info() -> String {
    let path = |n: usize| format!("/nix/store/{n:032}-package{n}-1.{n}");
    let mut json = String::from("[");
    for n in 0..PATHS {
        let references: Vec<String> = [n.wrapping_sub(1), n / 2, n / 3, n / 7]
            .iter()
            .filter(|to| **to < n)
            .map(|to| format!("\"{}\"", path(*to)))
            .collect();
        let comma = if n == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(
            json,
            "{comma}{{\"path\":\"{0}\",\"narHash\":\"sha256-hFdouOoocaKSm/xL+/uEGL1GcdFwluv6/bT3Jq+u6rc=\",\"narSize\":648,\"references\":[{1}],\"deriver\":\"{0}.drv\"}}",
            path(n),
            references.join(",")
        );
    }
    json.push(']');
    json
}

#[divan::bench(sample_count = 5)]
fn read_path_info(bencher: Bencher<'_, '_>) {
    let json = path_info();
    let store = Store::below("/nonexistent");
    bencher.bench(|| {
        closure::from_file("bench", json.as_bytes(), &store)
            .map(|inventory| inventory.packages.len())
            .ok()
    });
}

#[divan::bench(sample_count = 5)]
fn ways_to_one(bencher: Bencher<'_, '_>) {
    let json = path_info();
    let Ok(inventory) = closure::from_file("bench", json.as_bytes(), &Store::below("/nonexistent")) else {
        return;
    };
    bencher.bench(|| Ways::from_roots(&inventory).all_to(&inventory, &[0], 10));
}
