//! Paths and what is known of their packages, put together into an inventory.

use std::collections::HashMap;

use nix_model::derivation::Derivation;
use nix_model::path_info::PathInfo;
use nix_model::{StorePath, output_name::OutputName};
use vuln::package::{Package, derivation::enrich};

use super::package;
use super::store::Derivations;
use super::vendored;
use crate::inventory::{Inventory, Part, Scanned, Seen};

/// Of many problems of a kind the first few say enough.
const MOST_PROBLEMS: usize = 50;

/// The inventory of a closure. Without `roots` they are the paths that no other refers to, and one of each cycle that none
/// of these leads to.
pub fn closure(infos: Vec<PathInfo>, roots: Option<&[StorePath]>, targets: Vec<String>, derivations: &Derivations) -> Inventory {
    let mut assembly = Assembly::new(derivations, targets);
    assembly.paths(infos);
    match roots {
        Some(roots) => assembly.set_roots(roots),
        None => assembly.find_roots(),
    }
    assembly.inventory
}

/// The inventory of what builds need: derivations, each with what it was read to be, and files.
pub(super) struct Assembly<'d> {
    pub inventory: Inventory,
    derivations: &'d Derivations,
    index: HashMap<StorePath, u32>,
    /// The package that each derivation makes; `None` where it makes none.
    made: HashMap<StorePath, Option<u32>>,
    /// Packages by all that tells them apart.
    packages: HashMap<Facts, u32>,
    problems: usize,
}

/// What tells packages apart: the same name and version with other patches, or for another processor, is another package.
#[derive(PartialEq, Eq, Hash)]
struct Facts {
    pname: String,
    version: String,
    system: String,
    seen: Seen,
    patches: Vec<String>,
    scripts: Vec<vuln::package::ScriptId>,
    /// Wrappers and collections have none.
    has_source: bool,
    vendored: Vec<String>,
}

impl<'d> Assembly<'d> {
    pub fn new(derivations: &'d Derivations, targets: Vec<String>) -> Self {
        Self {
            inventory: Inventory {
                targets,
                ..Inventory::default()
            },
            derivations,
            index: HashMap::new(),
            made: HashMap::new(),
            packages: HashMap::new(),
            problems: 0,
        }
    }

    /// The number of a path, which becomes a part if it is none yet.
    pub fn part(&mut self, path: &StorePath) -> u32 {
        if let Some(known) = self.index.get(path) {
            return *known;
        }
        // More parts than this do not fit into memory.
        let number = u32::try_from(self.inventory.parts.len()).unwrap_or(u32::MAX);
        self.inventory.parts.push(Part {
            name: path.to_string(),
            ..Part::default()
        });
        self.index.insert(path.clone(), number);
        number
    }

    /// Sets what a part refers to, itself left out.
    pub fn refer(&mut self, from: u32, to: impl IntoIterator<Item = u32>) {
        let mut references: Vec<u32> = to.into_iter().filter(|to| *to != from).collect();
        references.sort_unstable();
        references.dedup();
        if let Some(part) = self.inventory.parts.get_mut(from as usize) {
            part.references = references;
        }
    }

    /// Says of a part which package it is.
    pub fn belongs(&mut self, part: u32, package: Option<u32>) {
        if let Some(part) = self.inventory.parts.get_mut(part as usize) {
            part.package = package;
        }
    }

    /// Keeps a problem, if there are not too many.
    pub fn problem(&mut self, text: String) {
        self.problems += 1;
        if self.problems < MOST_PROBLEMS {
            self.inventory.problems.push(text);
        } else if self.problems == MOST_PROBLEMS {
            self.inventory.problems.push("more problems of this kind are not listed".to_owned());
        }
    }

    /// The roots, where they were asked for; those that are no part are left out.
    pub fn set_roots(&mut self, roots: &[StorePath]) {
        self.inventory.roots = roots.iter().filter_map(|root| self.index.get(root).copied()).collect();
        self.inventory.roots.sort_unstable();
        self.inventory.roots.dedup();
    }

    /// The roots, where nobody said: what nothing refers to, then one of whatever those do not lead to.
    pub fn find_roots(&mut self) {
        let parts = &self.inventory.parts;
        let mut referred = vec![false; parts.len()];
        for part in parts {
            for to in &part.references {
                if let Some(flag) = referred.get_mut(*to as usize) {
                    *flag = true;
                }
            }
        }
        let mut roots = Vec::new();
        let mut reached = vec![false; parts.len()];
        let first = referred.iter().enumerate().filter(|(_, referred)| !**referred).map(|(at, _)| at);
        for start in first.chain(0..parts.len()) {
            if reached.get(start).copied().unwrap_or(true) {
                continue;
            }
            roots.push(u32::try_from(start).unwrap_or(u32::MAX));
            let mut pending = vec![start];
            while let Some(at) = pending.pop() {
                match reached.get_mut(at) {
                    Some(flag) if !*flag => *flag = true,
                    _ => continue,
                }
                if let Some(part) = parts.get(at) {
                    pending.extend(part.references.iter().map(|to| *to as usize));
                }
            }
        }
        self.inventory.roots = roots;
    }

    fn paths(&mut self, infos: Vec<PathInfo>) {
        for info in &infos {
            self.part(&info.path);
        }
        let mut outside = 0_usize;
        let mut example = None;
        for info in infos {
            let Some(number) = self.index.get(&info.path).copied() else {
                continue;
            };
            let mut to = Vec::with_capacity(info.references.len());
            for reference in &info.references {
                match self.index.get(reference) {
                    Some(known) => to.push(*known),
                    None => {
                        outside += 1;
                        example.get_or_insert_with(|| reference.to_string());
                    }
                }
            }
            self.refer(number, to);
            let package = if info.path.is_derivation() {
                self.made_by(&info.path, None)
            } else {
                match &info.deriver {
                    Some(deriver) => self.made_by(deriver, Some(&info.path)),
                    None => self.named(info.path.name(), None, Some(&info.path)),
                }
            };
            self.belongs(number, package);
            if let Some(part) = self.inventory.parts.get_mut(number as usize) {
                part.nar_size = info.nar_size;
                part.nar_hash = info.nar_hash;
            }
        }
        if let Some(example) = example {
            self.problem(format!(
                "{outside} references lead to paths that are not among those given, the first to {example}"
            ));
        }
    }

    /// The package that a derivation makes, read from its file or told by its name.
    pub fn made_by(&mut self, drv: &StorePath, output: Option<&StorePath>) -> Option<u32> {
        if let Some(known) = self.made.get(drv) {
            let known = *known;
            self.add_output(known, drv, output);
            return known;
        }
        let read = match self.derivations.get(drv) {
            Ok(read) => read,
            Err(error) => {
                let cause = std::error::Error::source(&error)
                    .map(|cause| format!(": {cause}"))
                    .unwrap_or_default();
                self.problem(format!("{error}{cause}"));
                None
            }
        };
        // A deriver that does not make the path is no help: what Nix has noted there is only a name.
        let read = read.filter(|drv| output.is_none_or(|output| makes(drv, output)));
        let package = match read {
            Some(read) => self.described(drv, &read),
            None => match output {
                Some(output) => self.named(output.name(), Some(drv), Some(output)),
                None => self.named(drv.name(), Some(drv), None),
            },
        };
        self.made.insert(drv.clone(), package);
        package
    }

    /// The package that a derivation describes; `None` for downloads, scripts and whatever has no version.
    pub fn described(&mut self, path: &StorePath, drv: &Derivation<'_>) -> Option<u32> {
        let package = self.scan(path, drv).map(|scanned| self.keep(scanned));
        self.made.insert(path.clone(), package);
        package
    }

    fn scan(&mut self, path: &StorePath, drv: &Derivation<'_>) -> Option<Scanned> {
        if drv.outputs.iter().any(|output| output.is_fixed()) {
            return None;
        }
        package::of_derivation(path.name())?;
        let mut found = Package {
            drv_path: Some(path.to_string()),
            ..Package::default()
        };
        let derivations = self.derivations;
        // One that cannot be read is told of when its own turn comes.
        let mut input = |path: &StorePath| derivations.get(path).ok().flatten();
        let problems = enrich(&mut found, drv, &mut input);
        let carried = vendored::of(drv, &found.source_names, &mut input);
        for problem in problems {
            self.problem(format!("{path}: {}: {}", problem.at, problem.message));
        }
        (!found.pname.is_empty() && package::is_version(&found.version)).then_some(Scanned {
            package: found,
            seen: Seen::Derivation,
            vendored: carried.known,
            sealed: carried.sealed,
            inside: Vec::new(),
        })
    }

    /// The package that names alone tell.
    fn named(&mut self, name: &str, drv: Option<&StorePath>, output: Option<&StorePath>) -> Option<u32> {
        let split: OutputName<'_> = match output {
            Some(_) => package::of_output(name, drv.map(StorePath::name))?,
            None => package::of_derivation(name)?,
        };
        let scanned = Scanned {
            package: Package {
                pname: split.pname.to_owned(),
                version: split.version.to_owned(),
                outputs: output.map(|path| (split.output.to_owned(), path.to_string())).into_iter().collect(),
                drv_path: drv.map(ToString::to_string),
                ..Package::default()
            },
            ..Scanned::default()
        };
        Some(self.keep(scanned))
    }

    /// The package that a derivation's name tells of.
    pub fn named_derivation(&mut self, path: &StorePath) -> Option<u32> {
        self.named(path.name(), Some(path), None)
    }

    /// Adds an output to a package that only names told of: more of them were not known before.
    fn add_output(&mut self, package: Option<u32>, drv: &StorePath, output: Option<&StorePath>) {
        let (Some(package), Some(output)) = (package, output) else { return };
        let Some(scanned) = self.inventory.packages.get_mut(package as usize) else {
            return;
        };
        if scanned.seen == Seen::StorePath
            && let Some(split) = package::of_output(output.name(), Some(drv.name()))
        {
            add_outputs(&mut scanned.package, [(split.output.to_owned(), output.to_string())]);
        }
    }

    fn keep(&mut self, scanned: Scanned) -> u32 {
        let facts = Facts {
            pname: scanned.package.pname.clone(),
            version: scanned.package.version.clone(),
            system: scanned.package.system.clone(),
            seen: scanned.seen,
            patches: scanned.package.patches.clone(),
            scripts: scanned.package.script_ids.clone(),
            has_source: !scanned.package.source_names.is_empty(),
            vendored: scanned.vendored.clone(),
        };
        if let Some(known) = self.packages.get(&facts) {
            let known = *known;
            if let Some(same) = self.inventory.packages.get_mut(known as usize) {
                add_outputs(&mut same.package, scanned.package.outputs);
            }
            return known;
        }
        let number = u32::try_from(self.inventory.packages.len()).unwrap_or(u32::MAX);
        self.inventory.packages.push(scanned);
        self.packages.insert(facts, number);
        number
    }
}

fn add_outputs(package: &mut Package, outputs: impl IntoIterator<Item = (String, String)>) {
    for output in outputs {
        if !package.outputs.contains(&output) {
            package.outputs.push(output);
        }
    }
}

/// Whether a derivation makes a path, as far as it says: outputs that are known only after the build are not named in it.
fn makes(drv: &Derivation<'_>, path: &StorePath) -> bool {
    drv.outputs
        .iter()
        .any(|output| output.path.as_ref().is_none_or(|made| made == path))
}

#[cfg(test)]
mod tests;
