//! Parsing rates over the mirror that `FIRN_MIRROR` names: `FIRN_MIRROR=... cargo bench -p vuln --bench records`.

#[path = "../tests/it/mirror.rs"]
#[expect(
    dead_code,
    clippy::unwrap_used,
    reason = "shared with the tests, which use all of it and may unwrap"
)]
mod mirror;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use vuln::record::{cve, epss, kev, nvd, osv};

fn main() {
    if mirror::find().is_some() {
        divan::main();
    }
}

#[divan::bench(sample_count = 10)]
fn cve_records(bencher: Bencher<'_, '_>) {
    let records = mirror::find().expect("a mirror").cve_snapshot();
    run(bencher, &records, |bytes| cve::parse(bytes).is_ok());
}

#[divan::bench(sample_count = 5)]
fn nvd_entries(bencher: Bencher<'_, '_>) {
    let mut entries = Vec::new();
    for feed in mirror::find().expect("a mirror").nvd_feeds() {
        let _ = nvd::split(&feed[..], |entry| {
            entries.push(entry.raw.to_vec());
            Ok::<(), ()>(())
        });
    }
    run(bencher, &entries, |bytes| nvd::parse_entry(bytes).is_ok());
}

#[divan::bench(sample_count = 5)]
fn nvd_split(bencher: Bencher<'_, '_>) {
    let feeds: Vec<Vec<u8>> = mirror::find().expect("a mirror").nvd_feeds().collect();
    run(bencher, &feeds, |bytes| nvd::split(bytes, |_| Ok::<(), ()>(())).is_ok());
}

#[divan::bench(sample_count = 10)]
fn osv_records(bencher: Bencher<'_, '_>) {
    let records = mirror::find().expect("a mirror").osv();
    run(bencher, &records, |bytes| osv::parse(bytes).is_ok());
}

#[divan::bench(sample_count = 10)]
fn kev_catalogue(bencher: Bencher<'_, '_>) {
    let catalogue = [mirror::find().expect("a mirror").kev()];
    run(bencher, &catalogue, |bytes| kev::parse(bytes).is_ok());
}

#[divan::bench(sample_count = 10)]
fn epss_scores(bencher: Bencher<'_, '_>) {
    let bytes = mirror::find().expect("a mirror").epss();
    bencher
        .counter(ItemsCount::new(360_142_usize))
        .counter(BytesCount::new(bytes.len()))
        .bench(|| epss::parse(&bytes).map(Iterator::count));
}

fn run(bencher: Bencher<'_, '_>, records: &[Vec<u8>], parse: impl Fn(&[u8]) -> bool + Sync) {
    bencher
        .counter(ItemsCount::new(records.len()))
        .counter(BytesCount::new(records.iter().map(Vec::len).sum::<usize>()))
        .bench(|| records.iter().filter(|bytes| parse(bytes)).count());
}
