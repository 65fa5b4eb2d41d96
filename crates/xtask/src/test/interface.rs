//! What the tests of the tracker's API need: schemathesis, which asks everything that its document allows, and much that it does not.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::house::House;
use crate::shell;

const PACKAGE: &str = "schemathesis==4.32.5";

/// Fetches it; where that fails, it is said, and the test that needs it says that it skips.
pub fn prepare(house: &House) -> Result<()> {
    if let Err(error) = fetch(house) {
        println!("SKIPPED: the test of the API by schemathesis, because it could not be fetched: {error:#}");
    }
    Ok(())
}

/// Where the test finds it.
pub fn environment(house: &House) -> Vec<(&'static str, PathBuf)> {
    if is_current(house) {
        vec![("FIRN_TEST_API", folder(house).join("venv/bin/st"))]
    } else {
        Vec::new()
    }
}

fn folder(house: &House) -> PathBuf {
    house.target.join("api-tests")
}

/// Written last: holds what is installed.
fn done(house: &House) -> PathBuf {
    folder(house).join("installed")
}

fn is_current(house: &House) -> bool {
    fs::read_to_string(done(house)).is_ok_and(|installed| installed == PACKAGE)
}

fn fetch(house: &House) -> Result<()> {
    if is_current(house) {
        return Ok(());
    }
    let venv = folder(house).join("venv");
    shell::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    shell::run(Command::new(venv.join("bin/python3")).args(["-m", "pip", "install", "--quiet", PACKAGE]))?;
    let done = done(house);
    fs::write(&done, PACKAGE).with_context(|| format!("write {}", done.display()))
}
