use std::fs;
use std::io::{self, Read as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::child::Plan;
use crate::report::{LENGTH, Report};
use crate::{Access, Job, SandboxError};

/// How a job went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// How long it took.
    pub time: Duration,
    /// How long its processes ran, together.
    pub cpu: Duration,
    /// Memory of its largest process at its largest, in bytes. At least what the caller had when it started the job, as each
    /// process begins as a copy of the one that starts it.
    pub memory: u64,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this code.
    Code(i32),
    /// By a signal.
    Signal(i32),
    /// It took too long and was killed.
    TimedOut,
}

/// Runs a job to its end. When this returns, no process of it is left.
///
/// The thread that calls this must stay until the job has ended: the system kills the job with it.
pub fn run(job: Job) -> Result<Outcome, SandboxError> {
    let program = job.argv.first().cloned().unwrap_or_default();
    for mount in &job.mounts {
        let data = fs::metadata(&mount.outside).map_err(|source| SandboxError::Look {
            path: mount.outside.clone(),
            source,
        })?;
        // Programs that root ran have replaced it by a file before.
        if mount.access == Access::Null && !(data.file_type().is_char_device() && data.rdev() == libc::makedev(1, 3)) {
            return Err(SandboxError::NotNull(mount.outside.clone()));
        }
    }
    let lost = |source| SandboxError::Wait {
        program: program.clone(),
        source,
    };
    let (mut reports, report) = io::pipe().map_err(lost)?;
    let plan = Plan::new(&job, report.as_raw_fd())?;
    let mut command = Command::new(&program);
    command
        .args(job.argv.iter().skip(1))
        .env_clear()
        .envs(job.environment)
        .stdin(job.stdin.map_or_else(Stdio::null, Stdio::from))
        .stdout(job.stdout.map_or_else(Stdio::null, Stdio::from))
        .stderr(Stdio::from(job.stderr));
    let enter = move || plan.enter();
    #[expect(unsafe_code, reason = "the sandbox is built between fork and exec")]
    // SAFETY: `enter` makes system calls on memory that was prepared before the fork; it neither allocates nor takes locks,
    // so it may run in the child of a process with several threads.
    unsafe {
        command.pre_exec(enter);
    }
    let started = Instant::now();
    let mut child = command.spawn().map_err(|error| SandboxError::unpack(&error, &program))?;
    drop(report);
    let mut bytes = [0; LENGTH];
    let read = reports.read_exact(&mut bytes);
    child.wait().map_err(lost)?;
    read.map_err(lost)?;
    Ok(Report::from_bytes(&bytes).outcome(started.elapsed()))
}
