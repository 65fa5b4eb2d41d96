//! A small set of vulnerabilities and packages for a first look without a network. Marked as a sample wherever it is shown; anything
//! real replaces it.

use std::io;
use std::path::Path;

use vuln::advisory::Source;

use crate::ingest::lists::List;
use crate::ingest::{Ingest, IngestError, Report, SAMPLE};
use crate::progress::Progress;
use crate::store::{Store, StoreError};

const FILES: [(&str, &[u8]); 5] = [
    ("cve.jsonl", include_bytes!("../sample/cve.jsonl")),
    ("nvd.json", include_bytes!("../sample/nvd.json")),
    (
        "known_exploited_vulnerabilities.json",
        include_bytes!("../sample/known_exploited_vulnerabilities.json"),
    ),
    ("epss.csv", include_bytes!("../sample/epss.csv")),
    ("packages.json", include_bytes!("../sample/packages.json")),
];

/// The channel of the sample's packages, and the folder of its files.
pub const CHANNEL: &str = "sample";

/// Takes the sample set into an empty database.
pub fn take(store: &dyn Store, progress: &Progress) -> Result<Report, StoreError> {
    let write = |e: io::Error| StoreError::new("write the sample set to a temporary folder", e);
    let dir = tempfile::tempdir().map_err(write)?;
    // Named so in the addresses of its documents.
    let folder = dir.path().join(CHANNEL);
    std::fs::create_dir(&folder).map_err(write)?;
    for (name, bytes) in FILES {
        std::fs::write(folder.join(name), bytes).map_err(write)?;
    }
    store.put_setting(SAMPLE, Some("1"))?;
    take_files(
        Ingest {
            store,
            progress,
            is_sample: true,
        },
        &folder,
    )
    .map_err(|e| StoreError::new("take in the sample set", e))
}

fn take_files(ingest: Ingest<'_>, dir: &Path) -> Result<Report, IngestError> {
    let mut report = ingest.records(Source::Cve, &dir.join("cve.jsonl"))?;
    report.merge(ingest.records(Source::Nvd, &dir.join("nvd.json"))?);
    report.merge(ingest.list(List::Kev, &dir.join("known_exploited_vulnerabilities.json"), None)?);
    report.merge(ingest.list(List::Epss, &dir.join("epss.csv"), None)?);
    report.merge(ingest.nixpkgs(&dir.join("packages.json"), Some(CHANNEL), None)?);
    Ok(report)
}
