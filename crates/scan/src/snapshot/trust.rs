//! Whose snapshots are believed, and where that and what was seen are kept.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use attest::signature::PublicKey;

use super::OpenError;

/// The user's folders, by the XDG specification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// `~/.local/share/firn`
    pub data: PathBuf,
    /// `~/.config/firn`
    pub config: PathBuf,
    /// `~/.local/state/firn`
    pub state: PathBuf,
}

impl Folders {
    /// From the environment.
    pub fn from_environment() -> Result<Self, OpenError> {
        Self::of(&|name| std::env::var_os(name))
    }

    fn of(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, OpenError> {
        let set = |name: &str| variable(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        // The specification asks to ignore a path that is not absolute.
        let folder = |name: &str, below: &str| {
            set(name)
                .filter(|dir| dir.is_absolute())
                .or_else(|| set("HOME").map(|home| home.join(below)))
                .map(|dir| dir.join("firn"))
                .ok_or(OpenError::NoHome)
        };
        Ok(Self {
            data: folder("XDG_DATA_HOME", ".local/share")?,
            config: folder("XDG_CONFIG_HOME", ".config")?,
            state: folder("XDG_STATE_HOME", ".local/state")?,
        })
    }

    /// The snapshot that is used where none is named.
    pub fn snapshot(&self) -> PathBuf {
        self.data.join("firn.snapshot")
    }

    /// The folder with the keys that are trusted where none is named: `*.pub`.
    pub fn keys(&self) -> PathBuf {
        self.config.join("trusted-keys")
    }

    /// Where the highest serial of a key is kept.
    pub(super) fn seen(&self, key: &[u8; 32]) -> PathBuf {
        let name: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        self.state.join("snapshots").join(name)
    }
}

/// Longer files are no keys.
const MAX_FILE: u64 = 64 << 10;

/// The keys of these files, or those of the configuration folder where none is named. A file has one key a line; empty lines and those
/// that begin with `#` are left out.
pub fn trusted_keys(files: &[PathBuf], folders: &Folders) -> Result<Vec<PublicKey>, OpenError> {
    let mut all = files.to_vec();
    if files.is_empty() {
        // A folder that is not there holds no keys.
        let entries = fs::read_dir(folders.keys()).into_iter().flatten().flatten();
        all.extend(
            entries
                .map(|e| e.path())
                .filter(|path| path.extension().is_some_and(|e| e == "pub")),
        );
        all.sort();
    }
    let mut keys = Vec::new();
    for path in all {
        let fail = |source| OpenError::Key {
            path: path.clone(),
            source,
        };
        let len = fs::metadata(&path).map_err(fail)?.len();
        if len > MAX_FILE {
            return Err(fail(std::io::Error::other(format!("{len} bytes are no key"))));
        }
        let text = fs::read_to_string(&path).map_err(fail)?;
        for line in text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            keys.push(line.parse().map_err(|source| OpenError::NoKey {
                path: path.clone(),
                source,
            })?);
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_follow_the_environment() {
        let of = |set: &[(&str, &str)]| {
            let set: Vec<(String, OsString)> = set.iter().map(|(n, v)| ((*n).to_owned(), OsString::from(v))).collect();
            Folders::of(&move |name| set.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()))
        };
        let home = of(&[("HOME", "/home/a"), ("XDG_STATE_HOME", "/var/b"), ("XDG_DATA_HOME", "relative")]).unwrap();
        assert_eq!(home.data, PathBuf::from("/home/a/.local/share/firn"));
        assert_eq!(home.config, PathBuf::from("/home/a/.config/firn"));
        assert_eq!(home.state, PathBuf::from("/var/b/firn"));
        assert!(matches!(of(&[]), Err(OpenError::NoHome)));
    }
}
