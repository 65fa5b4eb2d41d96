//! Asking Nix itself, where its database cannot be read: `nix path-info --json --recursive`.

use std::io::{self, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix_model::StorePath;
use nix_model::path_info::{Entry, PathInfo, PathInfoError, read_json};

use super::store::Store;

/// The closure of 100,000 paths makes 70 MB.
const LARGEST_ANSWER: u64 = 1 << 30;
/// What Nix complains of is shown, but not at any length.
const LONGEST_COMPLAINT: u64 = 2000;
/// A closure of 100,000 paths takes Nix some 20 s.
const PATIENCE: Duration = Duration::from_secs(180);

/// Why Nix gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum NixError {
    /// It is not there, or cannot be run.
    #[error("run `nix path-info`")]
    Run {
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It ended with an error.
    #[error("`nix path-info` failed: {complaint}")]
    Failed {
        /// What it wrote last.
        complaint: String,
    },
    /// It did not end.
    #[error("`nix path-info` did not answer within {} s", .0.as_secs())]
    Slow(Duration),
    /// It wrote too much.
    #[error("`nix path-info` wrote more than {} MiB", LARGEST_ANSWER >> 20)]
    Long,
    /// Its answer cannot be understood.
    #[error("understand what `nix path-info` wrote")]
    Answer {
        /// Where and why.
        #[source]
        source: PathInfoError,
    },
    /// The store does not have what was asked for.
    #[error("{0} is not in the store")]
    Invalid(StorePath),
}

/// Everything that the roots refer to, and themselves.
pub fn closure(store: &Store, roots: &[StorePath]) -> Result<Vec<PathInfo>, NixError> {
    let mut command = Command::new("nix");
    command.args(["--extra-experimental-features", "nix-command", "path-info", "--json", "--recursive"]);
    if !store.is_own() {
        command.arg("--store").arg(store.root());
    }
    command.arg("--").args(roots.iter().map(ToString::to_string));
    let answer = run(command, PATIENCE)?;
    let mut infos = Vec::new();
    let mut wrong = None;
    read_json(&answer, |entry| match entry {
        Ok(Entry::Valid(info)) => infos.push(info),
        Ok(Entry::Invalid(path)) => wrong = Some(NixError::Invalid(path)),
        Err(source) => wrong = Some(NixError::Answer { source }),
    })
    .map_err(|source| NixError::Answer { source })?;
    match wrong {
        Some(wrong) => Err(wrong),
        None => Ok(infos),
    }
}

/// Runs a command to its end, and gives back what it wrote. It is killed if it takes too long or writes too much.
fn run(mut command: Command, patience: Duration) -> Result<Vec<u8>, NixError> {
    let failed = |source| NixError::Run { source };
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = Killed(child.map_err(failed)?);
    let (answered, answer) = mpsc::channel();
    let stdout = child.0.stdout.take();
    let stderr = child.0.stderr.take();
    thread::spawn(move || {
        // Nobody waits for the answer any more once patience is at its end.
        let _ = answered.send(stdout.map_or(Ok(Vec::new()), read_bounded));
    });
    let complaint = thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(mut stderr) = stderr {
            // A complaint that cannot be read is no complaint; the exit status decides.
            let _ = stderr.by_ref().take(LONGEST_COMPLAINT).read_to_end(&mut text);
            let _ = io::copy(&mut stderr, &mut io::sink());
        }
        String::from_utf8_lossy(&text).trim().to_owned()
    });
    let bytes = match answer.recv_timeout(patience) {
        Ok(bytes) => bytes.map_err(failed)?,
        Err(_) => return Err(NixError::Slow(patience)),
    };
    if bytes.len() as u64 > LARGEST_ANSWER {
        return Err(NixError::Long);
    }
    let status = child.0.wait().map_err(failed)?;
    if status.success() {
        return Ok(bytes);
    }
    let said = complaint.join().unwrap_or_default();
    Err(NixError::Failed {
        complaint: if said.is_empty() { status.to_string() } else { said },
    })
}

fn read_bounded(stdout: ChildStdout) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stdout.take(LARGEST_ANSWER + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A child that does not outlive us.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself: then there is nothing to kill, and waiting takes what is left of it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn shell(script: &str, patience: Duration) -> Result<Vec<u8>, NixError> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        run(command, patience)
    }

    #[test]
    fn an_answer_is_taken_and_a_failure_explained() {
        let patience = Duration::from_secs(20);
        assert_eq!(shell("echo '[]'; echo noise >&2", patience).unwrap(), b"[]\n");
        let failed = shell("echo 'error: no such path' >&2; exit 1", patience).unwrap_err();
        assert_eq!(failed.to_string(), "`nix path-info` failed: error: no such path");
        // More complaints than a pipe holds do not stop the answer.
        assert_eq!(shell("head -c 300000 /dev/zero >&2; echo ok", patience).unwrap(), b"ok\n");
    }

    #[test]
    fn a_child_that_does_not_answer_is_ended() {
        let started = Instant::now();
        let slow = shell("exec sleep 60", Duration::from_millis(200)).unwrap_err();
        assert_eq!(slow.to_string(), "`nix path-info` did not answer within 0 s");
        assert!(started.elapsed() < Duration::from_secs(30));
    }
}
