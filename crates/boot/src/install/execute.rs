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

    fn make(&mut self, wanted: &Wanted) -> Result<Vec<u8>, ForgeError> {
        let forge = match (&wanted.supply, self.forge) {
            (Supply::Bytes(bytes), _) => return Ok(bytes.clone()),
            (_, Some(forge)) => forge,
            (_, None) => return Err(ForgeError::NoKey),
        };
        // Images with a kernel inside are too large to keep, and the same key gives the same bytes again.
        let (Supply::ToSign(_), Expect::Signed { digest, .. }) = (&wanted.supply, &wanted.expect) else {
            return forge.make(&wanted.supply);
        };
        if let Some(bytes) = self.made.get(digest) {
            return Ok(bytes.clone());
        }
        let bytes = forge.make(&wanted.supply)?;
        self.made.insert(*digest, bytes.clone());
        Ok(bytes)
    }
}

/// Carries out a plan.
pub fn execute(plan: &Plan, wanted: &[Wanted], workshop: &mut Workshop<'_>, disk: &mut dyn Disk) -> Result<(), ExecuteError> {
    for step in &plan.steps {
        match step {
            Step::Folder { file } => {
                let failed = EspError::io(disk, "make folder", file);
                disk.create_folder(file).map_err(failed)?;
            }
            Step::Settle { file } => {
                let failed = EspError::io(disk, "sync folder", file);
                disk.sync_folder(file).map_err(failed)?;
            }
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
                write(file, *bytes, wanted, workshop, disk)?;
            }
        }
    }
    Ok(())
}

fn write(path: &str, planned: u64, wanted: &Wanted, workshop: &mut Workshop<'_>, disk: &mut dyn Disk) -> Result<(), ExecuteError> {
    let unfinished = format!("{path}{UNFINISHED}");
    let outcome = match &wanted.supply {
        Supply::File(source) => {
            let failed = |error| ExecuteError::Source {
                path: source.clone(),
                source: error,
            };
            let mut file = File::open(source).map_err(failed)?;
            fill(&unfinished, planned, &mut file, disk)
        }
        _ => {
            let bytes = workshop
                .make(wanted)
                .map_err(|source| ExecuteError::Forge { path: path.into(), source })?;
            fill(&unfinished, planned, &mut bytes.as_slice(), disk)
        }
    };
    if let Err(error) = outcome {
        // On a partition that is full this makes room for the next try; if it fails too, the next run does it.
        let _ = disk.remove(&unfinished);
        return Err(error);
    }
    let failed = EspError::io(disk, "rename to", path);
    disk.rename(&unfinished, path).map_err(failed)?;
    Ok(())
}

fn fill(unfinished: &str, planned: u64, from: &mut dyn Read, disk: &mut dyn Disk) -> Result<(), ExecuteError> {
    let failed = EspError::io(disk, "write", unfinished);
    let written = disk.write(unfinished, from).map_err(failed)?;
    if written != planned {
        return Err(ExecuteError::Size {
            path: unfinished.into(),
            planned,
            written,
        });
    }
    let failed = EspError::io(disk, "sync", unfinished);
    Ok(disk.sync(unfinished).map_err(failed)?)
}
