//! What tests of the scanner need beside programs: validators and readers of the formats that it writes, written by others.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::installed::{self, DONE};
use crate::house::House;
use crate::shell;

/// CycloneDX and SPDX: their own libraries, with schemas. OpenVEX has no validator: a library checks its members, and jsonschema what its published schema says. Markdown is rendered.
const PYTHON_PACKAGES: [&str; 4] = [
    "cyclonedx-python-lib[json-validation]==11.12.0",
    "spdx-tools==0.8.5",
    "vexipy==0.3.0",
    "markdown-it-py==4.3.0",
];
/// CSAF: the tests of the standard. SARIF: the tool of its authors. HTML: the checker of the W3C.
const NODE_PACKAGES: [&str; 3] = [
    "@secvisogram/csaf-validator-lib@2.0.10",
    "@microsoft/sarif-multitool-linux@5.7.0",
    "vnu-jar@26.9.27",
];

/// Fetches them; what cannot be fetched is said, and the tests say that they skip.
pub fn prepare(house: &House) -> Result<()> {
    let outcome = python(&folder(house)).and_then(|()| node(&folder(house)));
    if let Err(error) = outcome {
        println!("SKIPPED: validators of reports, because they could not be fetched: {error:#}");
    }
    Ok(())
}

/// Where the tests find them, if they are there.
pub fn environment(house: &House) -> Vec<(&'static str, PathBuf)> {
    let folder = folder(house);
    if folder.join(DONE).exists() {
        vec![("FIRN_TEST_SCAN", folder)]
    } else {
        Vec::new()
    }
}

fn folder(house: &House) -> PathBuf {
    house.target.join("scan-tests")
}

fn python(folder: &Path) -> Result<()> {
    if is_current(folder) {
        return Ok(());
    }
    installed::venv(folder, &PYTHON_PACKAGES)
}

fn node(folder: &Path) -> Result<()> {
    if is_current(folder) {
        return Ok(());
    }
    let install = [
        "install",
        "--no-save",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--loglevel=error",
    ];
    shell::run(
        Command::new("npm")
            .current_dir(folder)
            .args(install)
            .arg("--prefix=.")
            .args(NODE_PACKAGES),
    )?;
    // What its install script would do.
    let program = folder.join("node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool");
    shell::run(Command::new("chmod").arg("u+x").arg(program))?;
    installed::note(folder, &wanted())
}

fn is_current(folder: &Path) -> bool {
    installed::is_current(folder, &wanted())
}

fn wanted() -> String {
    PYTHON_PACKAGES.iter().chain(&NODE_PACKAGES).map(|p| format!("{p}\n")).collect()
}
