//! Builds the tracker and serves it.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::house::House;
use crate::shell;

/// Builds the tracker and becomes `firn-tracker serve`, which takes in the feeds, matches and serves.
pub fn run(house: &House, arguments: &[&str]) -> Result<()> {
    shell::run(shell::cargo(house, "build").args(["--release", "--locked", "--package", "tracker", "--bin", "firn-tracker"]))?;
    let program = house.target.join("release/firn-tracker");
    // Becoming the server rather than its parent: signals and the exit code are its own.
    let error = Command::new(&program).arg("serve").args(arguments).exec();
    Err(error).with_context(|| format!("start {}", program.display()))
}
