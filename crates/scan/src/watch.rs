//! What a watch remembers between looks: what it looked at, and what it has said.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use cli_kit::{Exit, Explained};
use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Report};

/// A state is one short text for each open finding.
const LARGEST: u64 = 256 << 20;

/// What is kept in a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Of this format.
    version: u32,
    /// What was looked at last: the snapshot, the target, what each was then.
    pub seen: String,
    /// Fingerprints of the open findings that were told of.
    pub told: BTreeSet<String>,
}

/// Why a state cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It cannot be read.
    #[error("read the watch's state {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It is not what we wrote.
    #[error("parse the watch's state {path}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// A version of the format that came after this program.
    #[error("the watch's state {path} has version {version}; only 1 is known")]
    Version {
        /// The file.
        path: PathBuf,
        /// What it says.
        version: u32,
    },
    /// It cannot be written.
    #[error("write the watch's state {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl Explained for StateError {
    fn exit(&self) -> Exit {
        Exit::Incomplete
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Parse { .. } | Self::Version { .. } => Some("without the file everything is told of once more".into()),
            _ => None,
        }
    }
}

impl State {
    /// The state of a file; a new one if there is none.
    pub fn read(path: &Path) -> Result<Self, StateError> {
        let failed = |source| StateError::Read { path: path.into(), source };
        let new = Self {
            version: 1,
            ..Self::default()
        };
        let length = match fs::metadata(path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(new),
            Err(error) => return Err(failed(error)),
        };
        if length > LARGEST {
            return Err(failed(io::Error::other(format!("{length} bytes are more than a state has"))));
        }
        let bytes = fs::read(path).map_err(failed)?;
        let state: Self = serde_json::from_slice(&bytes).map_err(|source| StateError::Parse { path: path.into(), source })?;
        if state.version != 1 {
            return Err(StateError::Version {
                path: path.into(),
                version: state.version,
            });
        }
        Ok(state)
    }

    /// Writes it, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), StateError> {
        let failed = |source| StateError::Write { path: path.into(), source };
        let bytes = serde_json::to_vec(self).map_err(|error| failed(error.into()))?;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}.part", std::process::id()));
        let beside = PathBuf::from(beside);
        let written = File::create(&beside)
            .and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&beside, path));
        if written.is_err() {
            // What failed is told; half a file beside the state is of no use to anybody.
            let _ = fs::remove_file(&beside);
        }
        written.map_err(failed)
    }

    /// The open findings that were not told of yet. From now on they are, and those that are gone are forgotten: if one comes
    /// back, that is news.
    pub fn news<'r>(&mut self, report: &'r Report) -> Vec<&'r Finding> {
        let open = report.findings.iter().filter(|finding| finding.is_open());
        let mut told = BTreeSet::new();
        let mut news = Vec::new();
        for finding in open {
            let fingerprint = finding.fingerprint(&report.inventory);
            if told.insert(fingerprint.clone()) && !self.told.contains(&fingerprint) {
                news.push(finding);
            }
        }
        self.told = told;
        news
    }
}

/// What a path is now: a symlink by where it leads, a file by its size and time. Changes when the path's content may have.
pub fn mark(path: &Path) -> String {
    use std::os::unix::fs::MetadataExt as _;
    let link = fs::read_link(path).map(|to| to.display().to_string()).unwrap_or_default();
    match fs::metadata(path) {
        Ok(file) if file.is_file() => format!(
            "{} {link} {} {}.{:09} {}",
            path.display(),
            file.len(),
            file.mtime(),
            file.mtime_nsec(),
            file.ino()
        ),
        Ok(_) => format!("{} {link}", path.display()),
        Err(error) => format!("{} {link} {error}", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use vuln::verdict::Verdict;

    use super::*;
    use crate::finding::Knowledge;
    use crate::inventory::{Inventory, Scanned};
    use crate::sample::finding;

    fn report(ids: &[&str]) -> Report {
        Report {
            time: 0,
            inventory: Inventory {
                packages: vec![Scanned::default()],
                ..Inventory::default()
            },
            knowledge: Knowledge::default(),
            findings: ids.iter().map(|id| finding(0, id, Verdict::Affected)).collect(),
        }
    }

    #[test]
    fn only_what_is_new_is_news() {
        let mut state = State::default();
        let ids = |news: Vec<&Finding>| news.into_iter().map(|f| f.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(state.news(&report(&["CVE-1", "CVE-2", "CVE-1"]))), ["CVE-1", "CVE-2"]);
        assert_eq!(ids(state.news(&report(&["CVE-2", "CVE-3"]))), ["CVE-3"]);
        let mut mended = report(&["CVE-2", "CVE-3"]);
        mended.findings[0].verdict = Verdict::Fixed;
        assert_eq!(ids(state.news(&mended)), [""; 0]);
        assert_eq!(ids(state.news(&report(&["CVE-2", "CVE-3"]))), ["CVE-2"], "what comes back is news");
    }

    #[test]
    fn a_state_is_read_back_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/watch.json");
        let mut state = State::read(&path).unwrap();
        state.seen = "x".into();
        state.told.insert("f".into());
        state.write(&path).unwrap();
        assert_eq!(State::read(&path).unwrap(), state);
        assert_eq!(
            fs::read_dir(folder.path().join("below")).unwrap().count(),
            1,
            "nothing is left beside it"
        );
        fs::write(&path, "{").unwrap();
        assert_eq!(
            State::read(&path).unwrap_err().to_string(),
            format!("parse the watch's state {}", path.display())
        );
        fs::write(&path, r#"{"version":2,"seen":"","told":[]}"#).unwrap();
        assert!(
            State::read(&path)
                .unwrap_err()
                .to_string()
                .ends_with("has version 2; only 1 is known")
        );
        let nowhere = Path::new("/proc/nonexistent/watch.json");
        assert_eq!(
            state.write(nowhere).unwrap_err().to_string(),
            "write the watch's state /proc/nonexistent/watch.json"
        );
    }

    #[test]
    fn marks_change_with_links_and_files() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("system");
        std::os::unix::fs::symlink("/nix/store/a", &link).unwrap();
        let first = mark(&link);
        assert_eq!(first, mark(&link));
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink("/nix/store/b", &link).unwrap();
        assert_ne!(first, mark(&link));
        let file = folder.path().join("snapshot");
        let none = mark(&file);
        fs::write(&file, "1").unwrap();
        let one = mark(&file);
        fs::write(&file, "22").unwrap();
        assert!(none != one && one != mark(&file));
    }
}
