//! Carries out steps: finds what is there already, runs the rest, and takes nothing that does not hold its pins.

mod carry;
mod pins;
mod schedule;

use std::io;
use std::path::PathBuf;

use sandbox::SandboxError;

use crate::step::{Source, StepError};
use crate::store::StoreError;
use crate::tree::TreeError;
use crate::unpack::UnpackError;

pub use carry::{Builder, Built, key_of};
pub use pins::{PinChange, update_pins};
pub use schedule::build_all;

/// An output that is not what is pinned.
#[derive(Debug)]
pub struct Mismatch {
    /// Which output.
    pub path: String,
    /// Its digest.
    pub found: String,
    /// The pinned digest.
    pub pinned: String,
    /// Where the tree is.
    pub kept: PathBuf,
    /// How it differs from a tree that holds the pin, if there is one.
    pub difference: String,
}

/// Why a step was not built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The steps are wrong.
    #[error(transparent)]
    Step(#[from] StepError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What it made is refused.
    #[error("step {step}: take its output")]
    Tree {
        /// Which step.
        step: String,
        /// Why.
        #[source]
        source: TreeError,
    },
    /// An archive is not there.
    #[error(
        "step {step}: {} {} of {} is missing: {}, sha256 {}",
        archive.package, archive.version, archive.suite, archive.file, archive.sha256
    )]
    Missing {
        /// Which step.
        step: String,
        /// What it needs.
        archive: Box<Source>,
    },
    /// An archive is there, but is another one.
    #[error("step {step}: {path} has sha256 {found}, not {wanted}")]
    Damaged {
        /// Which step.
        step: String,
        /// The file.
        path: PathBuf,
        /// Its digest.
        found: String,
        /// The digest it must have.
        wanted: String,
    },
    /// An archive cannot be unpacked or edited.
    #[error("step {step}: unpack its source")]
    Unpack {
        /// Which step.
        step: String,
        /// Why.
        #[source]
        source: UnpackError,
    },
    /// The sandbox cannot be built.
    #[error("step {step}: run {program}")]
    Sandbox {
        /// Which step.
        step: String,
        /// What was to run.
        program: String,
        /// Why.
        #[source]
        source: SandboxError,
    },
    /// A program failed.
    #[error("step {step}: {program} {ending}{said}")]
    Failed {
        /// Which step.
        step: String,
        /// Which program.
        program: String,
        /// How it ended.
        ending: String,
        /// What it said, if anything.
        said: String,
    },
    /// The digits of the seed are none.
    #[error("step {step}: {file}: line {line} holds something else than pairs of hexadecimal digits")]
    Digits {
        /// Which step.
        step: String,
        /// The file.
        file: String,
        /// The line.
        line: usize,
    },
    /// A file of the step cannot be read or written.
    #[error("step {step}: use {path}")]
    File {
        /// Which step.
        step: String,
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It did not make what it must.
    #[error("step {step}: {what}")]
    Output {
        /// Which step.
        step: String,
        /// What is wrong.
        what: String,
    },
    /// It made something else than what is pinned.
    #[error(
        "step {step}: {} came out as {}, but {} is pinned; it is kept in {}{}",
        mismatch.path, mismatch.found, mismatch.pinned, mismatch.kept.display(), mismatch.difference
    )]
    Pin {
        /// Which step.
        step: String,
        /// How.
        mismatch: Box<Mismatch>,
    },
    /// Another step failed first.
    #[error("step {0} was not started, because another one failed")]
    Skipped(String),
}

impl BuildError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } | Self::Damaged { .. } => Some("firn-chain fetch gets it from Debian, or from --mirror".into()),
            Self::Pin { .. } => Some("if the change is meant: firn-chain build --update-pins".into()),
            Self::Sandbox { source, .. } => source.hint().map(str::to_owned),
            _ => None,
        }
    }
}
