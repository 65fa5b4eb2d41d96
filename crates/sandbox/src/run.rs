use std::fs;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::child::Plan;
use crate::{Job, SandboxError};

/// How a job went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// How long it took.
    pub time: Duration,
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

/// How often a running job is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Runs a job to its end.
///
/// The thread that calls this must stay until the job has ended: the system kills the job with it.
pub fn run(job: Job) -> Result<Outcome, SandboxError> {
    let program = job.argv.first().cloned().unwrap_or_default();
    for mount in &job.mounts {
        fs::metadata(&mount.outside).map_err(|source| SandboxError::Look {
            path: mount.outside.clone(),
            source,
        })?;
    }
    let plan = Plan::new(&job)?;
    let limit = job.limits.time;
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
    let ending = wait(&mut child, started, limit).map_err(|source| SandboxError::Wait { program, source })?;
    Ok(Outcome {
        ending,
        time: started.elapsed(),
    })
}

fn wait(child: &mut Child, started: Instant, limit: Duration) -> std::io::Result<Ending> {
    loop {
        if let Some(status) = child.try_wait()? {
            // The process in between hands on a signal as a code above 128, as shells do.
            return Ok(match (status.code(), status.signal()) {
                (Some(code), _) if code > 128 => Ending::Signal(code - 128),
                (Some(code), _) => Ending::Code(code),
                (None, signal) => Ending::Signal(signal.unwrap_or_default()),
            });
        }
        if started.elapsed() > limit {
            // Its death is the death of the first process inside, and that one's of all others.
            child.kill()?;
            child.wait()?;
            return Ok(Ending::TimedOut);
        }
        thread::sleep(LOOK_EVERY);
    }
}
