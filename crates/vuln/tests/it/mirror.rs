//! Reads the mirror of the feeds that `FIRN_MIRROR` names, into memory. Shared with the benchmarks.

use std::fs::{self, File};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

/// The mirror, or `None` with a line on stderr that no one can overlook.
#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
pub fn find() -> Option<Mirror> {
    let root = std::env::var_os("FIRN_MIRROR").map(PathBuf::from).filter(|root| root.is_dir());
    if root.is_none() {
        eprintln!("SKIPPED: FIRN_MIRROR names no folder, so nothing was checked on real data");
    }
    root.map(|root| Mirror { root })
}

/// A mirror as `make-mirror` writes it.
pub struct Mirror {
    root: PathBuf,
}

impl Mirror {
    /// The records of the snapshot, a zip in a zip.
    pub fn cve_snapshot(&self) -> Vec<Vec<u8>> {
        let outer = self.files("cvelistV5", "_all_CVEs_at_midnight.zip.zip").pop().expect("a snapshot");
        let mut outer = zip::ZipArchive::new(File::open(outer).unwrap()).unwrap();
        let mut inner = Vec::new();
        outer.by_index(0).unwrap().read_to_end(&mut inner).unwrap();
        unzip(Cursor::new(inner))
    }

    /// The records of each daily delta.
    pub fn cve_deltas(&self) -> Vec<Vec<Vec<u8>>> {
        self.files("cvelistV5", "_delta_CVEs_at_end_of_day.zip")
            .iter()
            .map(|file| unzip(File::open(file).unwrap()))
            .collect()
    }

    /// The feed files, uncompressed, one at a time.
    pub fn nvd_feeds(&self) -> impl Iterator<Item = Vec<u8>> {
        self.files("nvd", ".json.gz").into_iter().map(|file| gunzip(&file))
    }

    /// The records of each ecosystem.
    pub fn osv(&self) -> Vec<Vec<u8>> {
        let mut folders: Vec<PathBuf> = fs::read_dir(self.root.join("osv"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        folders.sort();
        folders
            .iter()
            .flat_map(|folder| unzip(File::open(folder.join("all.zip")).unwrap()))
            .collect()
    }

    /// CISA's catalogue.
    pub fn kev(&self) -> Vec<u8> {
        fs::read(self.root.join("kev/known_exploited_vulnerabilities.json")).unwrap()
    }

    /// The scores of one day.
    pub fn epss(&self) -> Vec<u8> {
        gunzip(&self.files("epss", ".csv.gz").pop().expect("an EPSS file"))
    }

    fn files(&self, folder: &str, suffix: &str) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = fs::read_dir(self.root.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.retain(|file| file.to_string_lossy().ends_with(suffix));
        files.sort();
        files
    }
}

fn unzip(archive: impl Read + std::io::Seek) -> Vec<Vec<u8>> {
    let mut archive = zip::ZipArchive::new(archive).unwrap();
    let mut records = Vec::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        if file.name().unwrap().ends_with(".json") {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            records.push(bytes);
        }
    }
    records
}

fn gunzip(file: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(File::open(file).unwrap())
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}
