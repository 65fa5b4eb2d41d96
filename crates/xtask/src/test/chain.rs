//! What tests of the chain need beside programs: readers of provenance, written by others.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::house::House;
use crate::shell;

/// in-toto's own library, and the one that checks the signatures of its tools.
const PYTHON_PACKAGES: [&str; 2] = ["in-toto-attestation==0.9.3", "securesystemslib[crypto]==1.6.0"];
/// Written last: holds what is installed.
const DONE: &str = "installed";

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
    let done = folder.join(DONE);
    let wanted = PYTHON_PACKAGES.join("\n");
    if fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let venv = folder.join("venv");
    shell::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    shell::run(
        Command::new(venv.join("bin/python3"))
            .args(["-m", "pip", "install", "--quiet"])
            .args(PYTHON_PACKAGES),
    )?;
    fs::write(&done, wanted).with_context(|| format!("write {}", done.display()))
}
