//! Everything of a mirror that the labels speak of.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use vuln::Advisory;
use vuln::package::{Package, derivation, eval, join, list};
use vuln::record::{cve, nvd, osv};

/// The channel that `labels/dev.csv` speaks of.
pub const LABELLED: &str = "nixos-20.09pre";
/// The channel that `labels-2024.csv` speaks of.
pub const LISTED: &str = "nixos-unstable-2023-01";

/// Records by vulnerability, and the labelled package sets.
pub struct Feeds {
    pub vulnerabilities: BTreeMap<String, Vec<Advisory>>,
    /// With derivations.
    pub packages: Vec<Package>,
    /// Names and versions only.
    pub listed: Vec<Package>,
}

/// Reads NVD, the CVE snapshot, OSV and the channels.
pub fn load(mirror: &Path) -> Result<Feeds, Box<dyn Error>> {
    let mut vulnerabilities: BTreeMap<String, Vec<Advisory>> = BTreeMap::new();
    for path in sorted(&mirror.join("nvd"))? {
        let reader = flate2::read::GzDecoder::new(File::open(path)?);
        nvd::split(reader, |entry| {
            if let Ok((advisory, _)) = nvd::parse_entry(entry.raw) {
                vulnerabilities.entry(advisory.id.clone()).or_default().push(advisory);
            }
            Ok::<(), std::io::Error>(())
        })?;
    }
    for path in sorted(&mirror.join("cvelistV5"))?
        .into_iter()
        .filter(|p| p.to_string_lossy().ends_with(".zip.zip"))
    {
        let mut inner = Vec::new();
        zip::ZipArchive::new(File::open(path)?)?.by_index(0)?.read_to_end(&mut inner)?;
        each_entry(inner, |bytes| {
            if let Ok((advisory, _)) = cve::parse(bytes) {
                vulnerabilities.entry(advisory.id.clone()).or_default().push(advisory);
            }
        })?;
    }
    for ecosystem in sorted(&mirror.join("osv"))? {
        each_entry(std::fs::read(ecosystem.join("all.zip"))?, |bytes| {
            if let Ok((advisory, _)) = osv::parse(bytes) {
                let cves: Vec<String> = advisory.aliases.iter().filter(|a| a.starts_with("CVE-")).cloned().collect();
                let ids = if cves.is_empty() { vec![advisory.id.clone()] } else { cves };
                for id in ids {
                    vulnerabilities.entry(id).or_default().push(advisory.clone());
                }
            }
        })?;
    }
    Ok(Feeds {
        vulnerabilities,
        packages: packages(&mirror.join("channels").join(LABELLED))?,
        listed: list_of(&mirror.join("channels").join(LISTED))?.into_values().collect(),
    })
}

fn each_entry(archive: Vec<u8>, mut each: impl FnMut(&[u8])) -> Result<(), Box<dyn Error>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive))?;
    let mut bytes = Vec::new();
    for n in 0..archive.len() {
        bytes.clear();
        archive.by_index(n)?.read_to_end(&mut bytes)?;
        each(&bytes);
    }
    Ok(())
}

fn list_of(channel: &Path) -> Result<BTreeMap<String, Package>, Box<dyn Error>> {
    let mut json = Vec::new();
    brotli_decompressor::Decompressor::new(File::open(channel.join("packages.json.br"))?, 1 << 16).read_to_end(&mut json)?;
    let mut all: BTreeMap<String, Package> = BTreeMap::new();
    list::read(&json, |package| drop(all.insert(package.attr.clone(), package)));
    Ok(all)
}

fn packages(channel: &Path) -> Result<Vec<Package>, Box<dyn Error>> {
    let mut all = list_of(channel)?;
    for line in std::fs::read_to_string(channel.join("eval-jobs.jsonl"))?.lines() {
        let Ok((mut package, _)) = eval::read(line) else { continue };
        let name = package
            .drv_path
            .as_deref()
            .and_then(|drv| drv.rsplit('/').next())
            .map(str::to_string);
        if let Some(bytes) = name.and_then(|name| std::fs::read(channel.join("drvs").join(name)).ok()) {
            let drv = nix_model::Derivation::parse(&bytes)?;
            derivation::enrich(&mut package, &drv, &mut |_| None);
        }
        let joined = match all.remove(&package.attr) {
            Some(listed) => join(listed, package),
            None => package,
        };
        all.insert(joined.attr.clone(), joined);
    }
    Ok(all.into_values().collect())
}

fn sorted(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = std::fs::read_dir(folder)?
        .map(|e| e.map(|e| e.path()))
        .collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}
