//! Scores the matcher on the labels of the mirror: `crates/vuln/examples/quality`.

use anyhow::{Result, bail};

use crate::Unready;
use crate::house::House;

/// Builds and runs the scorer; its tables go to stdout, and with no arguments its plot into the book. `--sample N [--seed S]` prints pairs for a person to judge instead.
pub fn quality(house: &House, arguments: &[&str]) -> Result<()> {
    if std::env::var_os("FIRN_MIRROR").is_none() {
        bail!(Unready(
            "FIRN_MIRROR names no mirror: the labels and the feeds they speak of come from there".into()
        ));
    }
    let plot = arguments
        .is_empty()
        .then(|| ["--plot".into(), house.at("docs/src/img/calibration.svg")]);
    let status = std::process::Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--release", "--package", "vuln", "--example", "quality", "--"])
        .args(arguments)
        .args(plot.iter().flatten())
        .status()?;
    if !status.success() {
        bail!("the scorer failed ({status})");
    }
    Ok(())
}
