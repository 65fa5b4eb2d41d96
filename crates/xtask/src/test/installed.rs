//! Libraries of others in a folder of their own, and the note of what was installed there.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::shell;

/// Written last: holds what is installed.
pub const DONE: &str = "installed";

/// Whether that is what is in the folder.
pub fn is_current(folder: &Path, wanted: &str) -> bool {
    fs::read_to_string(folder.join(DONE)).is_ok_and(|installed| installed == wanted)
}

/// Makes a folder `venv` for Python with these packages.
pub fn venv(folder: &Path, packages: &[&str]) -> Result<()> {
    let venv = folder.join("venv");
    shell::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    shell::run(
        Command::new(venv.join("bin/python3"))
            .args(["-m", "pip", "install", "--quiet"])
            .args(packages),
    )
}

/// Notes that all of it is there.
pub fn note(folder: &Path, wanted: &str) -> Result<()> {
    let done = folder.join(DONE);
    fs::write(&done, wanted).with_context(|| format!("write {}", done.display()))
}
