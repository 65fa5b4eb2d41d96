//! What the tests of the tracker's API need: schemathesis, which asks everything that its document allows, and much that it does not.

use std::path::PathBuf;

use anyhow::Result;

use super::installed;
use crate::house::House;

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

fn is_current(house: &House) -> bool {
    installed::is_current(&folder(house), PACKAGE)
}

fn fetch(house: &House) -> Result<()> {
    if is_current(house) {
        return Ok(());
    }
    installed::venv(&folder(house), &[PACKAGE])?;
    installed::note(&folder(house), PACKAGE)
}
