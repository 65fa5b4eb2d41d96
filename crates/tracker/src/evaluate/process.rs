//! A foreign program with limits: memory, time, and how much it may say.

use std::io::{self, Read};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// What is kept of what a program says on stderr: its end, in bytes.
const SAID: usize = 2000;

/// Why a program gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It is not there.
    #[error("start {program}")]
    Start {
        /// Which.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It said too much or could not be listened to.
    #[error("listen to {program}")]
    Listen {
        /// Which.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It took too long.
    #[error("wait for {program}: it was ended after {} seconds", limit.as_secs())]
    Time {
        /// Which.
        program: String,
        /// The limit.
        limit: Duration,
    },
    /// It failed.
    #[error("{program} ended with {status}: {said}")]
    Failed {
        /// Which.
        program: String,
        /// Exit code or signal.
        status: String,
        /// The end of what it said on stderr.
        said: String,
    },
}

/// Runs a program (`$@`) with a limit of memory (`$0`, in KiB). The shell's stdin is held open by us: when it ends, because we do, however that
/// happens, the shell kills everything that it started.
const KEEPER: &str = r#"
exec 3<&0 </dev/null
{ cat <&3; kill -KILL -$$; } >/dev/null 2>&1 &
keeper=$!
(ulimit -v "$0" && exec "$@") 3<&- &
wait $!
status=$?
kill -KILL $keeper
exit $status
"#;

/// A program that may have so many bytes of memory in each of its processes, and that does not outlive this one.
pub fn limited(program: &Path, memory: u64) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", KEEPER]).arg((memory >> 10).to_string()).arg(program);
    command
}

/// What a program says on stdout. It and all its children are ended when it takes too long or says too much.
pub fn output(mut command: Command, limit: Duration, max: u64) -> Result<Vec<u8>, ProcessError> {
    let program = command
        .get_args()
        .nth(3)
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|source| ProcessError::Start {
            program: program.clone(),
            source,
        })?;
    let listen = |source| ProcessError::Listen {
        program: program.clone(),
        source,
    };
    let (done, wait) = channel();
    // Waiting would close it, and the shell take that for our end.
    let held = child.stdin.take();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let said = thread::spawn(move || stderr.map_or_else(String::new, end_of));
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stdout.map_or(Ok(0), |pipe| pipe.take(max.saturating_add(1)).read_to_end(&mut bytes));
        // Nobody waits any more where the time was up.
        let _ = done.send(read.map(|_| bytes));
    });
    let read = match wait.recv_timeout(limit) {
        Ok(read) => read.and_then(|bytes| {
            if bytes.len() as u64 > max {
                return Err(io::Error::new(
                    io::ErrorKind::FileTooLarge,
                    format!("it says more than {max} bytes"),
                ));
            }
            Ok(bytes)
        }),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            end(&mut child).map_err(listen)?;
            return Err(ProcessError::Time { program, limit });
        }
    };
    if read.is_err() {
        end(&mut child).map_err(listen)?;
    }
    let bytes = read.map_err(listen)?;
    let status = child.wait().map_err(listen)?;
    drop(held);
    if status.success() {
        return Ok(bytes);
    }
    Err(ProcessError::Failed {
        program,
        status: status.to_string(),
        said: said.join().unwrap_or_default(),
    })
}

/// Ends a program and its children.
fn end(child: &mut Child) -> io::Result<()> {
    // Its process group has its number.
    let group = format!("kill -KILL -{}", child.id());
    Command::new("/bin/sh").args(["-c", &group]).stderr(Stdio::null()).status()?;
    child.kill()?;
    child.wait().map(drop)
}

/// The end of what comes.
fn end_of(mut pipe: impl Read) -> String {
    let (mut kept, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(n @ 1..) = pipe.read(&mut buffer) {
        kept.extend_from_slice(buffer.get(..n).unwrap_or_default());
        let too_many = kept.len().saturating_sub(SAID);
        kept.drain(..too_many);
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn shell(script: &str, memory: u64, limit: Duration) -> Result<Vec<u8>, ProcessError> {
        let mut command = limited(Path::new("/bin/sh"), memory);
        command.args(["-c", script]);
        output(command, limit, 1000)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn what_was_started_ends_with_who_started_it() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("mark");
        let mut command = limited(Path::new("/bin/sh"), 1 << 30);
        command.args(["-c", "sleep 3; echo late > \"$0\""]).arg(&mark);
        let mut child = command.stdin(Stdio::piped()).process_group(0).spawn().unwrap();
        thread::sleep(Duration::from_millis(300));
        // As when we are killed.
        drop(child.stdin.take());
        assert!(!child.wait().unwrap().success());
        thread::sleep(Duration::from_secs(4));
        assert!(!mark.exists());
    }

    #[test]
    fn limits_hold() {
        assert_eq!(shell("echo hello", 1 << 30, LONG).unwrap(), b"hello\n");
        let failed = shell("echo this went wrong >&2; exit 3", 1 << 30, LONG).unwrap_err().to_string();
        assert!(failed.contains("this went wrong") && failed.contains('3'), "{failed}");
        let started = Instant::now();
        // Its child holds the pipe open, too.
        let late = shell("sleep 50 & sleep 50", 1 << 30, Duration::from_millis(300)).unwrap_err();
        assert!(
            matches!(late, ProcessError::Time { .. }) && started.elapsed() < Duration::from_secs(20),
            "{late:?}"
        );
        let much = shell("yes", 1 << 30, LONG).unwrap_err();
        assert!(matches!(much, ProcessError::Listen { .. }), "{much:?}");
        let large = shell("x=a; while :; do x=$x$x$x$x; done", 64 << 20, LONG).unwrap_err();
        assert!(matches!(large, ProcessError::Failed { .. }), "{large:?}");
        assert!(matches!(
            output(limited(Path::new("/nowhere/at/all"), 1 << 30), LONG, 10),
            Err(ProcessError::Failed { .. })
        ));
    }
}
