//! The house rules that no compiler checks.
//!
//! Each rule is a function that returns what it finds wrong, as `where: what`; a rule in a file of its
//! own is told there what it holds and why.

mod deny;
mod edges;
mod fuzzed;
mod licence;
mod links;
mod manifests;
mod sources;

use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::house::House;

/// Checks every rule and prints what is wrong.
pub fn tidy(house: &House) -> Result<()> {
    let files = Files {
        house,
        names: house.files()?,
    };
    let mut complaints = Vec::new();
    let metadata = house.metadata("Cargo.toml", None)?;
    complaints.extend(edges::check(&metadata));
    complaints.extend(manifests::check(&files)?);
    complaints.extend(sources::check(&files)?);
    complaints.extend(fuzzed::check(&files)?);
    complaints.extend(links::check(&files)?);
    complaints.extend(deny::check(house, &["Cargo.toml", "fuzz/Cargo.toml"])?);
    let (count, ceiling_complaint) = manifests::dependencies(&files)?;
    complaints.extend(ceiling_complaint);
    complaints.sort();
    for complaint in &complaints {
        println!("{complaint}");
    }
    println!(
        "tidy: {} files, {count} dependencies (at most {})",
        files.names.len(),
        manifests::MOST_DEPENDENCIES
    );
    if !complaints.is_empty() {
        bail!("{} house rules broken, see above", complaints.len());
    }
    Ok(())
}

/// The files of the checkout.
struct Files<'a> {
    house: &'a House,
    names: Vec<String>,
}

impl Files<'_> {
    /// Names that end so.
    fn ending(&self, end: &str) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str).filter(move |n| n.ends_with(end))
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|n| n == name)
    }

    /// Whether a folder holds any file.
    fn has_folder(&self, name: &str) -> bool {
        self.names
            .iter()
            .any(|n| n.strip_prefix(name).is_some_and(|rest| rest.starts_with('/')))
    }

    fn read(&self, name: &str) -> Result<String> {
        fs::read_to_string(self.house.at(name)).with_context(|| format!("read {name}"))
    }
}
