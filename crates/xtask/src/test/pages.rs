//! What the tests of the tracker's pages need beside a browser: axe-core, in the version and with the digest that the lock file states.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::house::House;
use crate::shell;

/// Where the manifest and the lock file are.
const MANIFEST: &str = "crates/tracker/tests/it/web/browser/axe";

/// Fetches it; where that fails, it is said, and the tests that need it say that they skip.
pub fn prepare(house: &House) -> Result<()> {
    if let Err(error) = axe(house) {
        println!("SKIPPED: tests with axe-core, because it could not be fetched: {error:#}");
    }
    Ok(())
}

/// Where the tests find it.
pub fn environment(house: &House) -> Vec<(&'static str, PathBuf)> {
    let script = script(house);
    if script.is_file() {
        vec![("FIRN_TEST_AXE", script)]
    } else {
        Vec::new()
    }
}

fn folder(house: &House) -> PathBuf {
    house.target.join("axe")
}

fn script(house: &House) -> PathBuf {
    folder(house).join("node_modules/axe-core/axe.min.js")
}

fn axe(house: &House) -> Result<()> {
    let folder = folder(house);
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let mut same = script(house).is_file();
    for name in ["package.json", "package-lock.json"] {
        let (from, to) = (house.at(MANIFEST).join(name), folder.join(name));
        let text = fs::read(&from).with_context(|| format!("read {}", from.display()))?;
        same &= fs::read(&to).is_ok_and(|known| known == text);
        fs::write(&to, text).with_context(|| format!("write {}", to.display()))?;
    }
    if same {
        return Ok(());
    }
    // `ci` takes what the lock file says and checks its digest.
    shell::run(
        Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"])
            .current_dir(&folder),
    )
}
