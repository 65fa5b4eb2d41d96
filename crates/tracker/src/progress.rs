//! What the background work is doing, for terminals and pages.

use std::sync::Mutex;

use crate::config::now;

/// Written by the work, read by whoever shows it. One piece of work at a time.
#[derive(Debug, Default)]
pub struct Progress {
    now: Mutex<Snapshot>,
}

/// The state of the work at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// The kind of work.
    pub phase: Phase,
    /// What is worked on: `cve`, `nvd`, `nixpkgs/nixos-unstable`; empty when idle.
    pub subject: String,
    /// Steps done (records, packages, vulnerabilities).
    pub done: u64,
    /// Steps in all, where known.
    pub total: Option<u64>,
    /// Unix seconds of the start of this phase and subject.
    pub started: i64,
}

/// Kinds of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// Nothing to do.
    #[default]
    Idle,
    /// Fetching a file.
    Fetching,
    /// Taking in a source.
    Ingesting,
    /// Matching vulnerabilities with packages.
    Matching,
}

impl Phase {
    /// The word shown to people.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Idle => "idle",
            Phase::Fetching => "fetching",
            Phase::Ingesting => "taking in",
            Phase::Matching => "matching",
        }
    }
}

impl Progress {
    /// Starts a piece of work.
    pub fn begin(&self, phase: Phase, subject: &str, total: Option<u64>) {
        *self.lock() = Snapshot {
            phase,
            subject: subject.to_owned(),
            done: 0,
            total,
            started: now(),
        };
    }

    /// Adds finished steps.
    pub fn add(&self, steps: u64) {
        self.lock().done += steps;
    }

    /// The work is over.
    pub fn finish(&self) {
        *self.lock() = Snapshot::default();
    }

    /// The state now.
    pub fn snapshot(&self) -> Snapshot {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Snapshot> {
        // A panic elsewhere cannot leave a snapshot half written.
        self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
