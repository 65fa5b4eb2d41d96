//! What a build took, step by step: kept beside the steps, so that the next build can say how far it is, and the book how long it takes.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::store::Record;

/// The last recorded build.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// When: `2026-11-28`.
    pub date: String,
    /// Processors of the machine.
    pub processors: usize,
    /// What each step took, by name.
    pub step: BTreeMap<String, Taken>,
}

/// What one step took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    /// Seconds by the clock.
    pub seconds: f64,
    /// Seconds on processors, of its programs together.
    pub cpu_seconds: f64,
    /// Bytes of memory of its largest process.
    pub max_rss: u64,
    /// Bytes on disk of all it had made when its programs had ended.
    pub disk: u64,
    /// Bytes of its output, which is what is kept.
    pub bytes: u64,
}

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Its file cannot be read or written.
    #[error("use {path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Its file holds something else.
    #[error("read {path}")]
    Parse {
        /// Which.
        path: PathBuf,
        /// Where it is wrong.
        #[source]
        source: Box<toml::de::Error>,
    },
}

impl Profile {
    /// Reads `FOLDER/profile.toml`; an empty profile if it is not there.
    pub fn load(folder: &Path) -> Result<Self, ProfileError> {
        let path = place(folder);
        match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|source| ProfileError::Parse {
                path,
                source: Box::new(source),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(ProfileError::Io { path, source }),
        }
    }

    /// Notes what a step took.
    pub fn note(&mut self, record: &Record) {
        let round = |seconds: f64| (seconds * 100.0).round() / 100.0;
        let taken = Taken {
            seconds: round(record.seconds),
            cpu_seconds: round(record.cpu_seconds),
            max_rss: record.max_rss,
            disk: record.disk,
            bytes: record.bytes,
        };
        self.step.insert(record.step.clone(), taken);
    }

    /// Writes `FOLDER/profile.toml`, whole or not at all.
    pub fn save(&self, folder: &Path) -> Result<(), ProfileError> {
        let path = place(folder);
        let mut text = format!(
            "# What the last recorded build took: written by `firn-chain build --record`.\ndate = {:?}\nprocessors = {}\n",
            self.date, self.processors
        );
        for (name, taken) in &self.step {
            text += &format!(
                "\n[step.{name:?}]\nseconds = {:.2}\ncpu_seconds = {:.2}\nmax_rss = {}\ndisk = {}\nbytes = {}\n",
                taken.seconds, taken.cpu_seconds, taken.max_rss, taken.disk, taken.bytes
            );
        }
        let beside = path.with_extension("new");
        let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, &path));
        written.map_err(|source| ProfileError::Io { path, source })
    }

    /// How much of a build a step is, in seconds; a step that was never recorded is as one of a second.
    pub fn weight(&self, step: &str) -> f64 {
        // What runs no program for long still unpacks and hashes.
        self.step.get(step).map_or(1.0, |t| t.cpu_seconds.max(t.seconds / 4.0))
    }
}

fn place(folder: &Path) -> PathBuf {
    folder.join("profile.toml")
}

/// How far a build is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Weight of all steps that have to be built.
    pub all: f64,
    /// Weight of those that are.
    pub done: f64,
    /// Time since the first one was started.
    pub since: Duration,
}

impl Progress {
    /// How much of it is done, from 0 to 100.
    pub fn percent(&self) -> f64 {
        if self.all > 0.0 {
            (self.done / self.all * 100.0).clamp(0.0, 100.0)
        } else {
            100.0
        }
    }

    /// The time that is left if the rest goes as what is done went. None before anything is.
    pub fn left(&self) -> Option<Duration> {
        let rest = (self.all - self.done).max(0.0);
        (self.done > 0.0).then(|| self.since.mul_f64(rest / self.done))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Profile::load(dir.path()).unwrap(), Profile::default());
        let mut profile = Profile {
            date: "2026-11-28".into(),
            processors: 2,
            step: BTreeMap::new(),
        };
        profile.note(&Record {
            step: "gcc-3.4.6".into(),
            key: String::new(),
            nar_sha256: String::new(),
            bytes: 7,
            seconds: 100.123,
            cpu_seconds: 150.0,
            max_rss: 9,
            disk: 11,
            finished: 0,
            outputs: Vec::new(),
        });
        profile.save(dir.path()).unwrap();
        assert_eq!(Profile::load(dir.path()).unwrap(), profile);
        assert_eq!(profile.step["gcc-3.4.6"].seconds, 100.12);
        assert_eq!((profile.weight("gcc-3.4.6"), profile.weight("new")), (150.0, 1.0));
        fs::write(place(dir.path()), "date = 3").unwrap();
        assert!(Profile::load(dir.path()).unwrap_err().to_string().ends_with("profile.toml"));
    }

    #[test]
    fn the_rest_takes_as_long_as_what_is_done_took() {
        let progress = Progress {
            all: 200.0,
            done: 50.0,
            since: Duration::from_secs(30),
        };
        assert_eq!(progress.percent(), 25.0);
        assert_eq!(progress.left(), Some(Duration::from_secs(90)));
        let none = Progress { done: 0.0, ..progress };
        assert_eq!((none.percent(), none.left()), (0.0, None));
        assert_eq!(Progress { all: 0.0, ..none }.percent(), 100.0);
    }
}
