//! Time and memory of another program.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::shell::describe;

/// What one run took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    pub time: Duration,
    /// The most memory it ever held, in bytes; 0 where the system does not tell.
    pub peak: u64,
}

impl Cost {
    /// One run after the other.
    pub fn then(self, next: Self) -> Self {
        Self {
            time: self.time + next.time,
            peak: self.peak.max(next.peak),
        }
    }
}

/// Runs a command to its end. Findings (exit code 1) and nothing to do (4) are fine.
pub fn measure(command: &mut Command) -> Result<Cost> {
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("start {}", describe(command)))?;
    let mut peak = 0;
    loop {
        peak = peak.max(peak_of(&child));
        if let Some(status) = child.try_wait().with_context(|| format!("wait for {}", describe(command)))? {
            if !matches!(status.code(), Some(0 | 1 | 4)) {
                bail!("{} ended with {status}", describe(command));
            }
            return Ok(Cost {
                time: started.elapsed(),
                peak,
            });
        }
        // The system keeps the peak, so that looking now and then misses only what the last moments added.
        thread::sleep(Duration::from_millis(10));
    }
}

/// The most memory a running process ever held, from Linux's /proc.
pub fn peak_of(child: &Child) -> u64 {
    told(child, "VmHWM:")
}

/// The memory that a running process holds now.
pub fn memory_of(child: &Child) -> u64 {
    told(child, "VmRSS:")
}

fn told(child: &Child, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix(name));
    line.and_then(|l| l.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}

/// A server that is asked to end when this is dropped, so that it leaves its database in order.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Each of these fails only if it has ended by itself.
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let patience = Instant::now() + Duration::from_secs(10);
        while Instant::now() < patience {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_memory_are_seen() {
        let cost = measure(Command::new("sleep").arg("0.05")).unwrap();
        assert!(cost.time >= Duration::from_millis(50), "{cost:?}");
        assert!(cfg!(not(target_os = "linux")) || cost.peak > 100_000, "{cost:?}");
        assert!(measure(&mut Command::new("false")).is_ok());
        assert!(measure(Command::new("sh").args(["-c", "exit 3"])).is_err());
    }
}
