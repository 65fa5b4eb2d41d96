//! What tests of the boot chain need beside programs: the stub, a kernel, and Python's readers of images.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::house::House;
use crate::shell::{self, capture};
use crate::stub;

/// Debian's kernel for virtual machines: small, signed, with TPM drivers built in.
const KERNEL_PACKAGE: &str = "linux-image-cloud-amd64";
/// Independent readers of signed images.
const PYTHON_PACKAGES: [&str; 2] = ["pefile==2024.8.26", "signify==0.9.3"];

/// Builds the stub and fetches the rest; what cannot be fetched is said, and the tests that need it say that they skip.
pub fn prepare(house: &House) -> Result<()> {
    stub::stub(house)?;
    for (what, outcome) in [("a kernel", kernel(house)), ("pefile and signify", python(house))] {
        if let Err(error) = outcome {
            println!("SKIPPED: tests with {what}, because it could not be fetched: {error:#}");
        }
    }
    Ok(())
}

/// Where the tests find all of it.
pub fn environment(house: &House) -> Vec<(&'static str, PathBuf)> {
    let folder = folder(house);
    vec![
        ("FIRN_TEST_STUB", house.target.join("firn-stub/firn-stub.efi")),
        ("FIRN_TEST_KERNEL", folder.join("kernel")),
        ("FIRN_TEST_PYTHON", folder.join("venv/bin/python3")),
    ]
}

fn folder(house: &House) -> PathBuf {
    house.target.join("boot-tests")
}

/// Unpacks the kernel's package without installing it: a test machine's own boot is none of our business.
fn kernel(house: &House) -> Result<()> {
    let folder = folder(house);
    if folder.join("kernel/boot").exists() {
        return Ok(());
    }
    let depends = capture(Command::new("apt-cache").args(["depends", KERNEL_PACKAGE]))?;
    let package = depends
        .lines()
        .find_map(|l| l.trim().strip_prefix("Depends: "))
        .context("find the kernel's package")?;
    let fetched = folder.join("packages");
    fs::create_dir_all(&fetched).with_context(|| format!("make {}", fetched.display()))?;
    shell::run(Command::new("apt-get").current_dir(&fetched).args(["-q", "download", package]))?;
    let file = fs::read_dir(&fetched).context("list packages")?.flatten().map(|e| e.path());
    let file = file
        .filter(|p| p.extension().is_some_and(|e| e == "deb"))
        .max()
        .context("find the package that was fetched")?;
    shell::run(Command::new("dpkg-deb").arg("-x").arg(file).arg(folder.join("kernel")))
}

fn python(house: &House) -> Result<()> {
    let venv = folder(house).join("venv");
    let python = venv.join("bin/python3");
    if works(&python) {
        return Ok(());
    }
    shell::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    shell::run(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet"])
            .args(PYTHON_PACKAGES),
    )
}

fn works(python: &Path) -> bool {
    shell::works(Command::new(python).args(["-c", "import pefile, signify"]))
}
