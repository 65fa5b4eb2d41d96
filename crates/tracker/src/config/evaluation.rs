//! Package sets that are evaluated here.

use std::path::PathBuf;
use std::time::Duration;

use super::{ConfigError, Given, Key, Section, Setting, Size, Span, data_dir};

/// The keys of this concern.
pub const KEYS: Section = Section {
    name: "evaluation",
    about: "Package sets that are evaluated here: published package lists carry no patches, and private sets have no list. Needs `nix-eval-jobs` and `nix-instantiate`",
    keys: &[
        Key::new(
            "evaluation.sets",
            "",
            "The sets, each as `NAME=PATH`: a Nix file or a folder with a `default.nix`, such as a checkout of Nixpkgs; an overlay is a file that imports Nixpkgs with it. NAME becomes a channel",
        ),
        Key::new(
            "evaluation.private",
            "",
            "Names of sets that no page, export or snapshot shows, but for exports that ask for it",
        ),
        Key::new("evaluation.every", "6 h", "How often a set is evaluated anew"),
        Key::new("evaluation.program", "nix-eval-jobs", "The program that evaluates"),
        Key::new(
            "evaluation.names_program",
            "nix-instantiate",
            "The program that lists the attributes of a set",
        ),
        Key::new("evaluation.workers", "1", "Processes that evaluate at the same time"),
        Key::new(
            "evaluation.memory",
            "6 GiB",
            "Memory of each of them; one that needs more is killed",
        ),
        Key::new("evaluation.time", "1 h", "How long one portion of a set may take"),
        Key::new(
            "evaluation.portion",
            "2000",
            "Attributes evaluated in one go; what was evaluated is kept when a process is killed",
        ),
        Key::new(
            "evaluation.folder",
            "",
            "Where a store of its own is made for each evaluation, and removed after it; without it `evaluation` in the data folder",
        ),
    ],
};

/// Package sets that are evaluated here.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// The sets.
    pub sets: Vec<SourceSet>,
    /// Names of those that nobody else sees.
    pub private: Vec<String>,
    /// How often.
    pub every: Duration,
    /// `nix-eval-jobs`
    pub program: PathBuf,
    /// `nix-instantiate`
    pub names_program: PathBuf,
    /// Processes at the same time.
    pub workers: u32,
    /// Bytes for each process.
    pub memory: u64,
    /// How long a portion may take.
    pub time: Duration,
    /// Attributes in one go.
    pub portion: usize,
    /// Where; `None` where there is no data folder.
    pub folder: Option<PathBuf>,
}

/// A set to evaluate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSet {
    /// The channel that it becomes.
    pub name: String,
    /// A Nix file, or a folder with a `default.nix`.
    pub path: PathBuf,
}

impl Evaluation {
    /// Reads its keys.
    pub fn read(given: &Given) -> Result<Self, ConfigError> {
        Ok(Self {
            sets: given.list("evaluation.sets")?,
            private: given.list("evaluation.private")?,
            every: given.value::<Span>("evaluation.every")?.0,
            program: given.value("evaluation.program")?,
            names_program: given.value("evaluation.names_program")?,
            workers: given.value::<u32>("evaluation.workers")?.max(1),
            memory: given.value::<Size>("evaluation.memory")?.0,
            time: given.value::<Span>("evaluation.time")?.0,
            portion: given.value::<usize>("evaluation.portion")?.max(1),
            folder: match given.optional("evaluation.folder")? {
                Some(folder) => Some(folder),
                None => data_dir().ok().map(|folder| folder.join("evaluation")),
            },
        })
    }
}

impl Setting for SourceSet {
    fn parse(text: &str) -> Result<Self, String> {
        let set = text.split_once('=').map(|(name, path)| Self {
            name: name.trim().to_owned(),
            path: PathBuf::from(path.trim()),
        });
        let is_name = |name: &str| crate::ingest::nixpkgs::is_name(name);
        set.filter(|set| is_name(&set.name) && set.path.is_absolute())
            .ok_or_else(|| "a set is NAME=/absolute/path, and letters, digits, '.', '_' and '-' make a name".to_owned())
    }
}
