//! Files that people name: read whole, within a bound.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use cli_kit::{Exit, Explained};

/// The path-info JSON of a closure of 100,000 paths is 70 MB, an SBOM with all its files a few hundred.
const LARGEST: u64 = 1 << 30;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be opened or read.
    #[error("read {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It is too large.
    #[error("read {path}: it is larger than 1 GiB")]
    TooLarge {
        /// Which file.
        path: PathBuf,
    },
}

impl Explained for FileError {
    fn exit(&self) -> Exit {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => Exit::Usage,
            _ => Exit::Incomplete,
        }
    }
}

/// A whole file; `-` is standard input.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let failed = |source| FileError::Read { path: path.into(), source };
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        let file = File::open(path).map_err(failed)?;
        // What says itself that it is too large need not be read to find out.
        if file.metadata().map_err(failed)?.len() > LARGEST {
            return Err(FileError::TooLarge { path: path.into() });
        }
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    }
    if bytes.len() as u64 > LARGEST {
        return Err(FileError::TooLarge { path: path.into() });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_which_file_and_why_not() {
        let error = read(Path::new("/nonexistent/x.json")).unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.exit()),
            ("read /nonexistent/x.json", Exit::Usage)
        );
        let sparse = tempfile::NamedTempFile::new().unwrap();
        sparse.as_file().set_len(LARGEST + 1).unwrap();
        let large = read(sparse.path()).unwrap_err();
        assert_eq!(
            large.to_string(),
            format!("read {}: it is larger than 1 GiB", sparse.path().display())
        );
        let folder = read(Path::new("/")).unwrap_err();
        assert_eq!(folder.exit(), Exit::Incomplete);
    }
}
