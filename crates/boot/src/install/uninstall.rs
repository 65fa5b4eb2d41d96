//! Going back to plain systemd-boot: every entry becomes one of text, with the same kernel, initrd and command line.
//!
//! The names are those that nixpkgs' installer gives, so that it takes them over.

use std::io::Read as _;

use boot_formats::pe::Pe;
use boot_formats::uki::{Kind, Profile};
use boot_formats::{Sha256Digest, sha256};
use cli_kit::{Exit, Explained};

use super::ENTRIES;
use super::loader::{CONFIGURATION, FALLBACK, LOADER};
use super::prospect::Role;
use super::survey::Survey;
use super::wanted::{Expect, Supply, Target, Wanted, text};
use crate::assemble::beside;
use crate::esp::{Disk, EntryId, EspError};

/// Why there is no way back.
#[derive(Debug, thiserror::Error)]
pub enum UninstallError {
    /// The partition.
    #[error(transparent)]
    Esp(#[from] EspError),
    /// An entry cannot be read.
    #[error("entry {path} is damaged: {why}")]
    Damaged {
        /// Which one.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// There is nothing to boot.
    #[error("there is no entry of ours")]
    Nothing,
}

impl Explained for UninstallError {
    fn exit(&self) -> Exit {
        match self {
            Self::Esp(error) => error.exit(),
            Self::Damaged { .. } => Exit::Findings,
            Self::Nothing => Exit::NothingToDo,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Esp(error) => error.hint(),
            Self::Damaged { .. } => Some("run `firn-boot repair` first".into()),
            Self::Nothing => None,
        }
    }
}

/// What should be there afterwards: entries of text, what they start, and a loader without our signature.
pub fn wanted(disk: &dyn Disk, survey: &Survey, loader: &[u8], role: Role) -> Result<Vec<Wanted>, UninstallError> {
    let mut all = Vec::new();
    for (path, name, image) in survey.entries() {
        let damaged = |why: String| UninstallError::Damaged { path: path.into(), why };
        for (file, digest) in &image.references {
            if let Some(problem) = survey.reference_problem(file, digest) {
                return Err(damaged(format!("{file} {problem}")));
            }
        }
        let mut bytes = Vec::new();
        disk.open(path)
            .and_then(|mut file| file.read_to_end(&mut bytes))
            .map_err(EspError::io(disk, "read", path))?;
        let pe = Pe::parse(&bytes).map_err(|e| damaged(e.to_string()))?;
        let sections: Vec<(&[u8], &[u8])> = pe
            .headers()
            .sections
            .iter()
            .zip(pe.headers().names(&bytes))
            .map(|(s, n)| (n, pe.data(s)))
            .collect();
        let profile = Profile::select(&sections, 0).map_err(|e| damaged(e.to_string()))?;
        let mut entry = Vec::new();
        let release = image.os_release.as_deref().unwrap_or_default();
        for (key, field) in [("title", "PRETTY_NAME="), ("version", "VERSION_ID="), ("sort-key", "ID=")] {
            let value = release.lines().find_map(|l| l.strip_prefix(field));
            entry.extend(value.map(|v| format!("{key} {}", v.trim_matches('"'))));
        }
        let mut needs = Vec::new();
        for (key, kind) in [("linux", Kind::Linux), ("initrd", Kind::Initrd)] {
            let Some(inside) = profile.get(kind) else { continue };
            let reference = profile.reference(kind).map_err(|e| damaged(e.to_string()))?;
            let (digest, size) = match reference {
                Some(reference) => (reference.digest, None),
                None => (sha256(inside), Some(inside)),
            };
            let file = beside(kind, &digest);
            entry.push(format!("{key} /{file}"));
            if let Some(bytes) = size {
                all.push(content(&file, bytes.to_vec(), digest));
            }
            needs.push(file);
        }
        entry.push(format!("options {}", image.command_line.as_deref().unwrap_or_default()));
        entry.push(String::new());
        let mut entry = text(&format!("{ENTRIES}/{}", type_1_name(&name.id)), entry.join("\n"));
        entry.needs = needs;
        all.push(entry);
    }
    if all.is_empty() && role != Role::Loader {
        return Err(UninstallError::Nothing);
    }
    for path in [LOADER, FALLBACK] {
        if survey.images.get(path).is_some_and(|i| i.loader.is_some() || !i.is_image) {
            all.push(content(path, loader.to_vec(), sha256(loader)));
        }
    }
    if role == Role::Entries {
        return Ok(all);
    }
    all.push(text(CONFIGURATION, "# Written by firn-boot uninstall.\ntimeout 5\n".into()));
    Ok(all)
}

fn content(path: &str, bytes: Vec<u8>, digest: Sha256Digest) -> Wanted {
    Wanted {
        target: Target::Path(path.into()),
        size: bytes.len() as u64,
        expect: Expect::Content(digest),
        supply: Supply::Bytes(bytes),
        needs: Vec::new(),
    }
}

/// As nixpkgs' installer names it.
fn type_1_name(id: &EntryId) -> String {
    let base = EntryId {
        specialisation: None,
        ..id.clone()
    };
    let specialisation = id.specialisation.as_ref().map(|s| format!("-specialisation-{s}"));
    format!("{base}{}.conf", specialisation.unwrap_or_default())
}
