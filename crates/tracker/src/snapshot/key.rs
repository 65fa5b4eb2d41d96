//! The key that snapshots are signed with.

use std::path::{Path, PathBuf};
use std::{fs, io};

use attest::signature::{SecretKey, SignatureError};

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file.
    #[error("read the key {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is in it.
    #[error("read the key {}", path.display())]
    Malformed {
        /// Which.
        path: PathBuf,
        /// Why.
        source: SignatureError,
    },
    /// A new one.
    #[error("make the key {}", path.display())]
    Make {
        /// Where.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The key in a file.
pub fn read_key(path: &Path) -> Result<SecretKey, KeyError> {
    let text = fs::read_to_string(path).map_err(|source| KeyError::Read { path: path.into(), source })?;
    SecretKey::from_pem(&text).map_err(|source| KeyError::Malformed { path: path.into(), source })
}

/// The key in a file, made when there is none yet, readable by its owner alone; whether it was made now.
pub fn own_key(path: &Path) -> Result<(SecretKey, bool), KeyError> {
    if path.exists() {
        return Ok((read_key(path)?, false));
    }
    let failed = |source| KeyError::Make { path: path.into(), source };
    let (key, text) = SecretKey::generate().map_err(|e| failed(e.into()))?;
    // Two that make one at a time must not make two keys.
    if cli_kit::write_secret(path, &text).map_err(|e| failed(e.into()))? {
        Ok((key, true))
    } else {
        Ok((read_key(path)?, false))
    }
}
