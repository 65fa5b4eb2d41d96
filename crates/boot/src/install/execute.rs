//! Going the way of a [`Plan`].

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};

use boot_formats::Sha256Digest;
use cli_kit::{Exit, Explained};

use super::UNFINISHED;
use super::plan::{Plan, Step};
use super::wanted::{Expect, Forge, ForgeError, Supply, Wanted};
use crate::esp::{Disk, EspError};
use crate::parallel::in_parallel;

/// Why a run was not finished. Whatever it is, what is listed still boots.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// The partition.
    #[error(transparent)]
    Esp(#[from] EspError),
    /// An image was not made.
    #[error("make {path}")]
    Forge {
        /// Which file.
        path: String,
        /// Why not.
        #[source]
        source: ForgeError,
    },
    /// Where the bytes come from.
    #[error("read {}", path.display())]
    Source {
        /// Which file.
        path: std::path::PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Other bytes came than those that were planned.
    #[error("{path} was to be {planned} bytes and became {written}")]
    Size {
        /// Which file.
        path: String,
        /// As planned.
        planned: u64,
        /// As written.
        written: u64,
    },
}

impl Explained for ExecuteError {
    fn exit(&self) -> Exit {
        match self {
            Self::Esp(error) => error.exit(),
            Self::Forge { source, .. } => source.exit(),
            Self::Source { .. } | Self::Size { .. } => Exit::Incomplete,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Esp(error) => error.hint(),
            Self::Forge { source, .. } => source.hint(),
            Self::Source { .. } => Some("the generation was removed meanwhile? What is listed still boots; run this again".into()),
            Self::Size { .. } => Some("a file changed while it was copied; what is listed still boots; run this again".into()),
        }
    }
}

/// Makes what has to be made; signs once what several partitions want.
pub struct Workshop<'a> {
    forge: Option<&'a Forge<'a>>,
    made: BTreeMap<Sha256Digest, Vec<u8>>,
}

impl<'a> Workshop<'a> {
    /// With a key, or without one for files that need none.
    #[must_use]
    pub const fn new(forge: Option<&'a Forge<'a>>) -> Self {
        Self {
            forge,
            made: BTreeMap::new(),
        }
    }

    /// Signs on all processors what a plan is going to write.
    fn sign_ahead(&mut self, plan: &Plan, wanted: &[Wanted]) -> Result<(), ExecuteError> {
        let Some(forge) = self.forge else { return Ok(()) };
        let written = plan.steps.iter().filter_map(|step| match step {
            Step::Write { file, wanted: at, .. } => Some((file, wanted.get(*at)?)),
            _ => None,
        });
        let to_sign: Vec<(&String, &Wanted, Sha256Digest)> = written
            .filter_map(|(file, wanted)| match (&wanted.supply, &wanted.expect) {
                (Supply::ToSign(_), Expect::Signed { digest, .. }) => Some((file, wanted, *digest)),
                _ => None,
            })
            .filter(|(_, _, digest)| !self.made.contains_key(digest))
            .collect();
        let signed = in_parallel(&to_sign, |(_, wanted, _)| forge.make(&wanted.supply));
        for ((file, _, digest), signed) in to_sign.into_iter().zip(signed) {
            let signed = signed.map_err(|source| ExecuteError::Forge {
                path: file.clone(),
                source,
            })?;
            self.made.insert(digest, signed);
        }
        Ok(())
    }

    /// The bytes of what is not copied from a file.
    fn make(&self, wanted: &Wanted) -> Result<Vec<u8>, ForgeError> {
        if let (Supply::ToSign(_), Expect::Signed { digest, .. }) = (&wanted.supply, &wanted.expect)
            && let Some(bytes) = self.made.get(digest)
        {
            return Ok(bytes.clone());
        }
        match (&wanted.supply, self.forge) {
            (Supply::Bytes(bytes), _) => Ok(bytes.clone()),
            // Images with a kernel inside are too large to keep, and the same key gives the same bytes again.
            (_, Some(forge)) => forge.make(&wanted.supply),
            (_, None) => Err(ForgeError::NoKey),
        }
    }
}

/// Carries out a plan.
pub fn execute(plan: &Plan, wanted: &[Wanted], workshop: &mut Workshop<'_>, disk: &mut dyn Disk) -> Result<(), ExecuteError> {
    workshop.sign_ahead(plan, wanted)?;
    let mut beside: Vec<&str> = Vec::new();
    for step in &plan.steps {
        match step {
            Step::Folder { file } => {
                let failed = EspError::io(disk, "make folder", file);
                disk.create_folder(file).map_err(failed)?;
            }
            Step::Settle { file } => settle(file, &mut beside, disk)?,
            Step::Remove { file, .. } => {
                let failed = EspError::io(disk, "remove", file);
                match disk.remove(file) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    other => other.map_err(failed)?,
                }
            }
            Step::Write {
                file, bytes, wanted: at, ..
            } => {
                let Some(wanted) = wanted.get(*at) else { continue };
                beside.push(file);
                if let Err(error) = fill(file, *bytes, wanted, workshop, disk) {
                    // On a partition that is full this makes room for the next try; if it fails too, the next run does it.
                    for file in beside {
                        let _ = disk.remove(&unfinished(file));
                    }
                    return Err(error);
                }
            }
        }
    }
    Ok(())
}

/// Where a file is until it gets its name.
fn unfinished(path: &str) -> String {
    format!("{path}{UNFINISHED}")
}

/// Gives the files of a folder that are beside their places their names, once their bytes are on the medium.
fn settle(folder: &str, beside: &mut Vec<&str>, disk: &mut dyn Disk) -> Result<(), ExecuteError> {
    let is_here = |path: &&str| path.rsplit_once('/').map_or("", |(above, _)| above) == folder;
    let here: Vec<&str> = beside.iter().copied().filter(|p| is_here(p)).collect();
    beside.retain(|path| !is_here(path));
    if !here.is_empty() {
        let failed = EspError::io(disk, "sync files in", folder);
        let files: Vec<String> = here.iter().map(|path| unfinished(path)).collect();
        disk.sync(&files).map_err(failed)?;
    }
    for path in here {
        let failed = EspError::io(disk, "rename to", path);
        disk.rename(&unfinished(path), path).map_err(failed)?;
    }
    let failed = EspError::io(disk, "sync folder", folder);
    Ok(disk.sync_folder(folder).map_err(failed)?)
}

/// Writes a file beside its place.
fn fill(path: &str, planned: u64, wanted: &Wanted, workshop: &Workshop<'_>, disk: &mut dyn Disk) -> Result<(), ExecuteError> {
    let beside = unfinished(path);
    let made;
    let mut source;
    let from: &mut dyn Read = match &wanted.supply {
        Supply::File(path) => {
            source = File::open(path).map_err(|source| ExecuteError::Source {
                path: path.clone(),
                source,
            })?;
            &mut source
        }
        _ => {
            made = workshop
                .make(wanted)
                .map_err(|source| ExecuteError::Forge { path: path.into(), source })?;
            &mut made.as_slice()
        }
    };
    let failed = EspError::io(disk, "write", &beside);
    let written = disk.write(&beside, from).map_err(failed)?;
    if written != planned {
        return Err(ExecuteError::Size {
            path: beside,
            planned,
            written,
        });
    }
    Ok(())
}
