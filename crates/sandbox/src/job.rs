use std::fs::File;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

/// A program to run, and all it may see.
#[derive(Debug)]
pub struct Job {
    /// The program, as a path inside, and its arguments.
    pub argv: Vec<String>,
    /// The whole environment.
    pub environment: Vec<(String, String)>,
    /// Folders and files that are visible, later ones within earlier ones.
    pub mounts: Vec<Mount>,
    /// An empty folder outside, over which the root is built. Nothing is written into it.
    pub root: PathBuf,
    /// The folder inside that it starts in.
    pub directory: String,
    /// User and group id as it sees them. Not 0, which would keep the rights that building the sandbox needs.
    pub user: NonZeroU32,
    /// User and group that it is outside, from [`other_user`](crate::other_user); none if it is the caller there. What it is to
    /// write must belong to this user.
    pub outside: Option<u32>,
    /// Standard input; empty if there is none.
    pub stdin: Option<File>,
    /// Standard output; thrown away if there is none.
    pub stdout: Option<File>,
    /// Standard error.
    pub stderr: File,
    /// What it may use up.
    pub limits: Limits,
}

/// Something outside that is visible inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it is.
    pub outside: PathBuf,
    /// Where it appears: an absolute path.
    pub inside: String,
    /// Whether it can be changed.
    pub access: Access,
}

/// Whether a mount can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read and execute.
    Read,
    /// Write, too.
    Write,
    /// The device that holds nothing and forgets what is written to it. Another one is refused.
    Null,
}

/// What a job may use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Address space of each process, in bytes.
    pub memory: u64,
    /// Processes at a time. With 1, the system calls that make processes are refused; more are refused to root without an
    /// [`outside`](Job::outside), as the kernel holds root to no number.
    pub processes: u64,
    /// Open files of each process.
    pub files: u64,
    /// Size of each file it writes, in bytes.
    pub file_size: u64,
    /// Size of `/tmp`, in bytes.
    pub scratch: u64,
    /// Time until it is killed.
    pub time: Duration,
}
