//! The key variables of this machine, through efivarfs.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use boot_formats::Guid;
use boot_formats::authvar::{APPEND, KEY_ATTRIBUTES, KeyVariable};
use boot_formats::siglist::{self, ListError, SignatureList};
use cli_kit::{Exit, Explained};
use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

use crate::files::{self, FileError};

/// Where the kernel shows the firmware's variables.
pub const EFIVARS: &str = "/sys/firmware/efi/efivars";
const ATTRIBUTES: usize = 4;

/// The firmware, or a folder that looks like it.
#[derive(Debug, Clone)]
pub struct Firmware {
    folder: PathBuf,
}

/// Why a variable was not read or set.
#[derive(Debug, thiserror::Error)]
pub enum FirmwareError {
    /// There is no such folder.
    #[error("no variables of the firmware in {folder}")]
    NotThere {
        /// The folder.
        folder: PathBuf,
    },
    /// Reading.
    #[error(transparent)]
    File(#[from] FileError),
    /// Content.
    #[error("variable {name} of the firmware cannot be read")]
    Lists {
        /// Its name.
        name: &'static str,
        /// What is wrong.
        #[source]
        source: ListError,
    },
    /// Writing.
    #[error("set variable {name} of the firmware")]
    Set {
        /// Its name.
        name: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl Explained for FirmwareError {
    fn exit(&self) -> Exit {
        match self {
            Self::NotThere { .. } => Exit::Usage,
            Self::File(error) => error.exit(),
            Self::Lists { .. } | Self::Set { .. } => Exit::Incomplete,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotThere { .. } => Some("was this machine booted by UEFI, and is efivarfs mounted?".into()),
            // What firmware calls a violation of security comes as one of these, depending on the kernel.
            Self::Set { source, .. } if matches!(source.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidInput) => Some(
                "run as root; if that is so, the firmware is not in setup mode and does not know the key that signed, \
                 or the clock is behind the last change"
                    .into(),
            ),
            _ => None,
        }
    }
}

impl Firmware {
    /// In a folder with efivarfs' layout.
    pub fn at(folder: &Path) -> Result<Self, FirmwareError> {
        if !folder.is_dir() {
            return Err(FirmwareError::NotThere { folder: folder.into() });
        }
        Ok(Self { folder: folder.into() })
    }

    /// Whether it checks signatures, and whether it takes keys from anybody; `None` if it does not say.
    pub fn state(&self) -> Result<(Option<bool>, Option<bool>), FirmwareError> {
        let flag = |name: &str| -> Result<Option<bool>, FirmwareError> {
            Ok(self.value(name, Guid::GLOBAL)?.and_then(|v| v.first().map(|b| *b == 1)))
        };
        Ok((flag("SecureBoot")?, flag("SetupMode")?))
    }

    /// What a key variable holds; empty if it is not set.
    pub fn lists(&self, variable: KeyVariable) -> Result<Vec<SignatureList>, FirmwareError> {
        let value = self.value(variable.name(), variable.vendor())?.unwrap_or_default();
        siglist::parse(&value).map_err(|source| FirmwareError::Lists {
            name: variable.name(),
            source,
        })
    }

    /// What the vendor has for a variable that was reset.
    pub fn default_lists(&self, variable: KeyVariable) -> Result<Vec<SignatureList>, FirmwareError> {
        let value = self
            .value(&format!("{}Default", variable.name()), Guid::GLOBAL)?
            .unwrap_or_default();
        siglist::parse(&value).map_err(|source| FirmwareError::Lists {
            name: variable.name(),
            source,
        })
    }

    /// Sets a key variable to a signed value, or adds to it.
    pub fn set(&self, variable: KeyVariable, signed: &[u8], append: bool) -> Result<(), FirmwareError> {
        let path = self.path(variable.name(), variable.vendor());
        let failed = |source| FirmwareError::Set {
            name: variable.name(),
            source,
        };
        let attributes = KEY_ATTRIBUTES | if append { APPEND } else { 0 };
        unlock(&path).map_err(failed)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        // The firmware takes the whole in one write or not at all.
        let bytes = [attributes.to_le_bytes().as_slice(), signed].concat();
        let written = file.write(&bytes).map_err(failed)?;
        if written != bytes.len() {
            return Err(failed(io::Error::other("the kernel took a part only")));
        }
        Ok(())
    }

    /// A text in UTF-16, as loaders leave them; `None` if it is not set.
    pub fn text(&self, name: &str, vendor: Guid) -> Result<Option<String>, FirmwareError> {
        let Some(value) = self.value(name, vendor)? else { return Ok(None) };
        let wide = value.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let text: Vec<u16> = wide.take_while(|c| *c != 0).collect();
        Ok(Some(String::from_utf16_lossy(&text)))
    }

    fn value(&self, name: &str, vendor: Guid) -> Result<Option<Vec<u8>>, FirmwareError> {
        let bytes = files::read_if_there(&self.path(name, vendor))?;
        Ok(bytes.map(|b| b.get(ATTRIBUTES..).unwrap_or_default().to_vec()))
    }

    fn path(&self, name: &str, vendor: Guid) -> PathBuf {
        self.folder.join(format!("{name}-{vendor}"))
    }
}

/// The kernel protects variables against `rm -rf`; who sets one lifts that first. Other file systems have no such flag.
fn unlock(path: &Path) -> io::Result<()> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let Ok(flags) = ioctl_getflags(&file) else { return Ok(()) };
    if flags.contains(IFlags::IMMUTABLE) {
        ioctl_setflags(&file, flags - IFlags::IMMUTABLE)?;
    }
    Ok(())
}
