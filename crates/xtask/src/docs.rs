//! The generated pages of the book.

use std::path::PathBuf;
use std::process::Command;
use std::{fs, io};

use anyhow::{Context as _, Result, bail};

use crate::house::House;
use crate::shell::{self, capture};

/// Packages with a program whose command line has a page in the book.
const PROGRAMS: [(&str, &str); 4] = [
    ("boot", "firn-boot"),
    ("chain", "firn-chain"),
    ("scan", "firn-scan"),
    ("tracker", "firn-tracker"),
];

const NOTE: &str = "<!-- Generated from the program by `cargo xtask docs`: edit its help texts instead. -->\n\n";

/// Writes the generated pages.
pub fn write(house: &House) -> Result<()> {
    for (path, page) in pages(house)? {
        if read(&path)? != page {
            fs::write(&path, page).with_context(|| format!("write {}", path.display()))?;
            println!("wrote {}", path.display());
        }
    }
    Ok(())
}

/// Fails if a generated page is not what the programs say of themselves now.
pub fn check(house: &House) -> Result<()> {
    let mut stale = Vec::new();
    for (path, page) in pages(house)? {
        if read(&path)? != page {
            stale.push(path.display().to_string());
        }
    }
    if !stale.is_empty() {
        bail!("not current: {} (run `cargo xtask docs`)", stale.join(", "));
    }
    Ok(())
}

/// Draws the pictures of the tracker's pages anew. Not part of what is checked: letters look a little different on each machine.
pub fn screenshots(house: &House) -> Result<()> {
    let folder = house.at("docs/src/img");
    let mut command = shell::cargo(house, "test");
    command
        .args([
            "--quiet",
            "--locked",
            "--package",
            "tracker",
            "--test",
            "it",
            "--",
            "browser_shows_every_page",
        ])
        .env("FIRN_REQUIRE_BROWSER", "1")
        .env("FIRN_SCREENSHOTS", &folder)
        .envs(crate::test::pages_environment(house));
    shell::run(&mut command)?;
    println!("wrote the pictures in {}", folder.display());
    Ok(())
}

fn pages(house: &House) -> Result<Vec<(PathBuf, String)>> {
    let mut pages = Vec::new();
    for (package, program) in PROGRAMS {
        shell::run(shell::cargo(house, "build").args(["--quiet", "--locked", "--package", package, "--bin", program]))?;
        let page = capture(Command::new(house.target.join("debug").join(program)).arg("help-markdown"))?;
        pages.push((house.at(&format!("docs/src/reference/{program}.md")), format!("{NOTE}{page}")));
    }
    let configuration = capture(Command::new(house.target.join("debug/firn-tracker")).arg("config-markdown"))?;
    pages.push((
        house.at("docs/src/reference/tracker-configuration.md"),
        format!("{}{configuration}", NOTE.replace("help texts", "register of keys")),
    ));
    pages.extend(steps_of_the_chain(house)?);
    Ok(pages)
}

/// One page a step of the chain; `pages` has built the program.
fn steps_of_the_chain(house: &House) -> Result<Vec<(PathBuf, String)>> {
    let written = house.target.join("book-chain");
    if written.exists() {
        fs::remove_dir_all(&written).with_context(|| format!("remove {}", written.display()))?;
    }
    let program = house.target.join("debug/firn-chain");
    capture(
        Command::new(program)
            .args(["book", "--bootstrap", "bootstrap", "--out"])
            .arg(&written)
            .current_dir(house.at(".")),
    )?;
    let mut pages = Vec::new();
    for entry in fs::read_dir(&written).with_context(|| format!("read {}", written.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        pages.push((house.at(&format!("docs/src/chain/steps/{name}")), read(&path)?));
    }
    pages.sort();
    Ok(pages)
}

/// The page as it is, empty if there is none.
fn read(path: &PathBuf) -> Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        other => other.with_context(|| format!("read {}", path.display())),
    }
}
