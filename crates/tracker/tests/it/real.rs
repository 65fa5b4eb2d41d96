//! A part of the real feeds, where a mirror is at hand: one year of NVD, a delta, one channel.

use std::path::PathBuf;

use tracker::Progress;
use tracker::ingest::Ingest;
use tracker::ingest::lists::List;
use tracker::store::sqlite::Sqlite;
use tracker::store::{Read, Store};
use vuln::advisory::Source;

#[test]
fn a_year_and_a_channel() {
    let Some(mirror) = std::env::var_os("FIRN_MIRROR")
        .map(PathBuf::from)
        .filter(|dir| dir.join("nvd").is_dir())
    else {
        eprintln!("SKIPPED a_year_and_a_channel: set FIRN_MIRROR to a mirror of the feeds");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(&dir.path().join("t.sqlite")).unwrap();
    let ingest = Ingest {
        store: &store,
        progress: &Progress::default(),
        is_sample: false,
    };
    let nvd = ingest.records(Source::Nvd, &mirror.join("nvd/nvdcve-2.0-2020.json.gz")).unwrap();
    assert_eq!((nvd.seen, nvd.changed, nvd.problems), (1378, 1378, 0));
    let delta = ingest
        .records(Source::Cve, &mirror.join("cvelistV5/2024-10-25_delta_CVEs_at_end_of_day.zip"))
        .unwrap();
    assert_eq!((delta.seen, delta.failures.len()), (579, 0));
    ingest.list(List::Kev, &mirror.join("kev"), None).unwrap();
    let channel = ingest.nixpkgs(&mirror.join("channels/nixos-20.09pre"), None, None).unwrap();
    assert_eq!(channel.seen, 29_591);
    let report = tracker::matching::run(&store, &Progress::default(), false).unwrap();
    assert_eq!(report.vulnerabilities, store.counts().unwrap().vulnerabilities);
    assert!(report.verdicts > 500, "{report:?}");
    let channels = Read::channels(&store).unwrap();
    assert_eq!(channels[0].with_derivation, 28_676);
    assert!(!channels[0].stale);
    assert!(
        ingest
            .nixpkgs(&mirror.join("channels/nixos-20.09pre"), None, None)
            .unwrap()
            .is_nothing_new()
    );
    assert!(
        tracker::matching::run(&store, &Progress::default(), false)
            .unwrap()
            .is_nothing_new()
    );
    assert_eq!(store.check(&|_| {}).unwrap(), Vec::<String>::new());
}
