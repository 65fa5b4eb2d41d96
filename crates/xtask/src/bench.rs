//! Measures against the targets.

use anyhow::{Result, bail};

use crate::Unready;
use crate::house::House;

/// Measures the programs with the real feeds and prints measured against target.
pub fn bench(_house: &House, _words: &[&str]) -> Result<()> {
    bail!(Unready("nothing to measure yet: this task comes with the tracker".into()))
}
