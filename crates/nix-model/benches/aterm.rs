//! How fast derivations are read. With `FIRN_MIRROR` on the real ones, else on one made up of the same size.

use std::path::Path;

use divan::Bencher;
use divan::counter::BytesCount;
use nix_model::Derivation;

fn main() {
    divan::main();
}

#[divan::bench]
fn parse(bencher: Bencher<'_, '_>) {
    let files = files();
    let bytes: usize = files.iter().map(Vec::len).sum();
    bencher.counter(BytesCount::new(bytes)).bench(|| {
        files
            .iter()
            .filter_map(|file| Derivation::parse(file).ok())
            .map(|drv| drv.env.len())
            .sum::<usize>()
    });
}

#[divan::bench]
fn parse_and_write(bencher: Bencher<'_, '_>) {
    let files = files();
    let bytes: usize = files.iter().map(Vec::len).sum();
    bencher.counter(BytesCount::new(bytes)).bench(|| {
        files
            .iter()
            .filter_map(|file| Derivation::parse(file).ok())
            .map(|drv| drv.to_aterm().len())
            .sum::<usize>()
    });
}

/// A hundred derivations: enough to be out of the first caches, few enough to load at once.
fn files() -> Vec<Vec<u8>> {
    let mirror = std::env::var_os("FIRN_MIRROR").map(|mirror| Path::new(&mirror).join("channels/nixos-20.09pre/drvs"));
    let real = mirror
        .and_then(|folder| std::fs::read_dir(folder).ok())
        .into_iter()
        .flatten()
        .take(100);
    let real: Vec<_> = real.filter_map(|entry| std::fs::read(entry.ok()?.path()).ok()).collect();
    if real.is_empty() { vec![made_up(); 100] } else { real }
}

fn made_up() -> Vec<u8> {
    let path = |n: usize| format!("/nix/store/{n:032}-input-{n}.0");
    let inputs: Vec<_> = (0..20).map(|n| format!("(\"{}.drv\",[\"dev\",\"out\"])", path(n))).collect();
    let env: Vec<_> = (0..40).map(|n| format!("(\"variable{n}\",\"{} \\\"x\\\"\")", path(n))).collect();
    format!(
        "Derive([(\"out\",\"{}\",\"\",\"\")],[{}],[],\"x86_64-linux\",\"/bin/sh\",[\"-e\"],[{}])",
        path(0),
        inputs.join(","),
        env.join(",")
    )
    .into_bytes()
}
