//! How fast reports are written: 10,000 findings in 1,000 packages, in each format.

#[path = "../tests/it/samples.rs"]
#[expect(
    dead_code,
    clippy::unwrap_used,
    reason = "shared with the tests, which use all of it and may unwrap"
)]
mod samples;

use divan::Bencher;
use scan::report::{Options, ReportFormat, write};

fn main() {
    divan::main();
}

#[divan::bench(args = ReportFormat::ALL.map(ReportFormat::name), sample_count = 5)]
fn ten_thousand_findings(bencher: Bencher<'_, '_>, name: &str) {
    let report = samples::large(10_000);
    let Some(format) = ReportFormat::ALL.into_iter().find(|f| f.name() == name) else {
        return;
    };
    let options = Options {
        all: true,
        ..Options::default()
    };
    bencher.bench(|| {
        let mut out = Vec::new();
        write(&report, format, &options, &mut out).map(|()| out.len())
    });
}
