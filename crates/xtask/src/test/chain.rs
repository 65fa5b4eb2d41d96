//! What tests of the chain need beside programs: readers of provenance, written by others.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::installed::{self, DONE};
use crate::house::House;

/// in-toto's own library, and the one that checks the signatures of its tools.
const PYTHON_PACKAGES: [&str; 2] = ["in-toto-attestation==0.9.3", "securesystemslib[crypto]==1.6.0"];

/// Fetches them; what cannot be fetched is said, and the test says that it skips.
pub fn prepare(house: &House) -> Result<()> {
    if let Err(error) = fetch(&folder(house)) {
        println!("SKIPPED: libraries that read provenance, because they could not be fetched: {error:#}");
    }
    Ok(())
}

/// Where the test finds them, if they are there.
pub fn environment(house: &House) -> Vec<(&'static str, PathBuf)> {
    let folder = folder(house);
    if folder.join(DONE).exists() {
        vec![("FIRN_TEST_CHAIN", folder)]
    } else {
        Vec::new()
    }
}

fn folder(house: &House) -> PathBuf {
    house.target.join("chain-tests")
}

fn fetch(folder: &Path) -> Result<()> {
    let wanted = PYTHON_PACKAGES.join("\n");
    if installed::is_current(folder, &wanted) {
        return Ok(());
    }
    installed::venv(folder, &PYTHON_PACKAGES)?;
    installed::note(folder, &wanted)
}
