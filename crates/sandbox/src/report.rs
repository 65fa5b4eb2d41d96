//! What the process that stands by tells the caller, in bytes that fit into one write.

use std::time::Duration;

use crate::{Ending, Outcome};

/// How a job went, as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// As `wait` gives it.
    status: i64,
    /// Whether it ended by itself.
    in_time: i64,
    /// Time on processors in microseconds.
    cpu: i64,
    /// Kilobytes of the largest process.
    memory: i64,
}

/// Bytes of a report.
pub const LENGTH: usize = 32;

impl Report {
    pub fn new(status: libc::c_int, in_time: bool, used: &libc::rusage) -> Self {
        let micro = |t: libc::timeval| t.tv_sec.saturating_mul(1_000_000).saturating_add(t.tv_usec);
        Self {
            status: i64::from(status),
            in_time: i64::from(in_time),
            cpu: micro(used.ru_utime).saturating_add(micro(used.ru_stime)),
            memory: used.ru_maxrss,
        }
    }

    pub fn to_bytes(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        for (place, number) in bytes.chunks_exact_mut(8).zip([self.status, self.in_time, self.cpu, self.memory]) {
            place.copy_from_slice(&number.to_ne_bytes());
        }
        bytes
    }

    pub fn from_bytes(bytes: &[u8; LENGTH]) -> Self {
        let mut numbers = bytes.chunks_exact(8).map(|b| b.try_into().map_or(0, i64::from_ne_bytes));
        let mut next = || numbers.next().unwrap_or_default();
        Self {
            status: next(),
            in_time: next(),
            cpu: next(),
            memory: next(),
        }
    }

    /// In the caller's words.
    pub fn outcome(self, time: Duration) -> Outcome {
        let status = libc::c_int::try_from(self.status).unwrap_or_default();
        let ending = if self.in_time == 0 {
            Ending::TimedOut
        } else if libc::WIFEXITED(status) {
            Ending::Code(libc::WEXITSTATUS(status))
        } else {
            Ending::Signal(libc::WTERMSIG(status))
        };
        Outcome {
            ending,
            time,
            cpu: Duration::from_micros(u64::try_from(self.cpu).unwrap_or_default()),
            memory: u64::try_from(self.memory).unwrap_or_default().saturating_mul(1024),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_comes_back_as_it_was() {
        let report = Report {
            status: 77 << 8,
            in_time: 1,
            cpu: 1_500_000,
            memory: 2000,
        };
        let read = Report::from_bytes(&report.to_bytes());
        assert_eq!(read, report);
        let outcome = read.outcome(Duration::from_secs(2));
        assert_eq!(outcome.ending, Ending::Code(77));
        assert_eq!((outcome.cpu, outcome.memory), (Duration::from_millis(1500), 2_048_000));
        assert_eq!(Report { status: 9, ..report }.outcome(Duration::ZERO).ending, Ending::Signal(9));
        assert_eq!(Report { in_time: 0, ..report }.outcome(Duration::ZERO).ending, Ending::TimedOut);
    }
}
