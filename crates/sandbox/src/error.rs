use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::stage::Stage;

/// Why a job could not be run. That it ran and failed is no error of the sandbox.
#[derive(Debug, Error)]
pub enum SandboxError {
    /// The system does not let us make namespaces.
    #[error("the system does not allow user namespaces, without which nothing is run")]
    NotAllowed(#[source] io::Error),
    /// A step of building the sandbox failed.
    #[error("build the sandbox: {stage}")]
    Build {
        /// What was tried.
        stage: &'static str,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The program inside could not be started.
    #[error("start {program} in the sandbox")]
    Start {
        /// Path inside.
        program: String,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// Waiting for it failed.
    #[error("wait for {program}")]
    Wait {
        /// Path inside.
        program: String,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// Something outside cannot be looked at.
    #[error("look at {path}, which the sandbox is to show")]
    Look {
        /// Path outside.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// What is to be shown as the null device is something else.
    #[error("{0} is not the null device")]
    NotNull(PathBuf),
    /// A path or argument holds a zero byte, or a path inside is not plain and absolute.
    #[error("{0:?} cannot be passed into a sandbox")]
    Text(String),
    /// The kernel does not hold root to a number of processes.
    #[error("limit a job of several processes: the kernel does not hold root to a limit, and no other user can be had")]
    Root,
    /// The list of allowed system calls is written for other processors.
    #[error("no sandbox for this processor")]
    Processor,
}

impl SandboxError {
    /// What [`child`](crate::child) packed into an error number.
    pub(crate) fn unpack(error: &io::Error, program: &str) -> Self {
        let number = error.raw_os_error().unwrap_or(0);
        let source = io::Error::from_raw_os_error(Stage::errno(number));
        match Stage::of(number) {
            Some(Stage::Namespaces | Stage::Map) => Self::NotAllowed(source),
            Some(stage) => Self::Build {
                stage: stage.text(),
                source,
            },
            None => Self::Start {
                program: program.to_owned(),
                source,
            },
        }
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotAllowed(_) => Some(
                "allow them: sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces above 0, and on Ubuntu \
                 kernel.apparmor_restrict_unprivileged_userns=0; in a container, run it with its own user namespaces allowed",
            ),
            Self::Root => Some("run it as a user that is not root, or where user ids up to 1879048194 exist (/proc/self/uid_map)"),
            _ => None,
        }
    }
}
