use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::Unready;
use crate::shell::{capture, cargo};

/// Where things are.
pub struct House {
    /// The checkout.
    pub root: PathBuf,
    /// Where Cargo builds.
    pub target: PathBuf,
}

impl House {
    /// The checkout this program was built from, and its target folder.
    pub fn find() -> Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest
            .ancestors()
            .nth(2)
            .context("find the checkout above crates/xtask")?
            .to_path_buf();
        if !root.join("Cargo.lock").exists() {
            bail!(Unready(format!("{} is no checkout any more: build xtask again", root.display())));
        }
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        Ok(Self { root, target })
    }

    /// A path below the checkout.
    pub fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The files git knows or would add, relative to the checkout.
    pub fn files(&self) -> Result<Vec<String>> {
        let listing = capture(std::process::Command::new("git").current_dir(&self.root).args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ]))?;
        let mut files: Vec<String> = listing.split('\0').filter(|f| !f.is_empty()).map(str::to_owned).collect();
        // A file that was deleted but not yet committed is still listed.
        files.retain(|f| self.at(f).exists());
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// What Cargo knows of a workspace (`manifest` relative to the checkout), for one platform if given.
    pub fn metadata(&self, manifest: &str, platform: Option<&str>) -> Result<Value> {
        let mut command = cargo(self, "metadata");
        command
            .args(["--format-version", "1", "--locked", "--manifest-path"])
            .arg(self.at(manifest));
        if let Some(platform) = platform {
            command.args(["--filter-platform", platform]);
        }
        serde_json::from_str(&capture(&mut command)?).context("read what cargo metadata printed")
    }

    /// The folder with the real feeds, if the environment names one.
    pub fn mirror(&self) -> Option<PathBuf> {
        std::env::var_os("FIRN_MIRROR").filter(|v| !v.is_empty()).map(PathBuf::from)
    }
}
