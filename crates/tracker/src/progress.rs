//! What the background work is doing, for terminals and pages.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use cli_kit::{Talk, Task};

use crate::config::now;

/// Written by the work, read by whoever shows it. One piece of work at a time.
pub struct Progress {
    talk: Talk,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    snapshot: Snapshot,
    began: Option<Instant>,
    task: Option<Task>,
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

    fn unit(self) -> &'static str {
        match self {
            Phase::Fetching => "KiB",
            Phase::Idle | Phase::Ingesting => "records",
            Phase::Matching => "vulnerabilities",
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new(Talk::silent())
    }
}

impl Progress {
    /// Progress that is also shown where `talk` goes.
    pub fn new(talk: Talk) -> Self {
        Self {
            talk,
            state: Mutex::default(),
        }
    }

    /// Starts a piece of work.
    pub fn begin(&self, phase: Phase, subject: &str, total: Option<u64>) {
        let mut state = self.lock();
        state.snapshot = Snapshot {
            phase,
            subject: subject.to_owned(),
            done: 0,
            total,
            started: now(),
        };
        state.began = Some(Instant::now());
        state.task = Some(self.talk.task(subject, phase.unit(), total));
    }

    /// The number of steps became known, or grew.
    pub fn set_total(&self, total: u64) {
        let mut state = self.lock();
        state.snapshot.total = Some(total);
        if let Some(task) = &state.task {
            task.set_total(total);
        }
    }

    /// Adds finished steps.
    pub fn add(&self, steps: u64) {
        let mut state = self.lock();
        state.snapshot.done += steps;
        if let Some(task) = &state.task {
            task.inc(steps);
        }
    }

    /// Milliseconds since the work began.
    pub fn elapsed_ms(&self) -> u64 {
        let began = self.lock().began;
        began.map_or(0, |began| u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// The work is done.
    pub fn finish(&self) {
        let mut state = self.lock();
        if let Some(task) = state.task.take() {
            task.finish();
        }
        state.snapshot = Snapshot::default();
    }

    /// The work was given up.
    pub fn abandon(&self) {
        *self.lock() = State::default();
    }

    /// A note for the terminal.
    pub fn say(&self, text: &str) {
        self.talk.say(&cli_kit::escape(text));
    }

    /// The state now.
    pub fn snapshot(&self) -> Snapshot {
        self.lock().snapshot.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere cannot leave a snapshot half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_see_what_is_going_on() {
        let progress = Progress::default();
        assert_eq!(progress.snapshot().phase, Phase::Idle);
        progress.begin(Phase::Ingesting, "cve", None);
        progress.set_total(10);
        progress.add(3);
        let seen = progress.snapshot();
        assert_eq!(
            (seen.phase, seen.subject.as_str(), seen.done, seen.total),
            (Phase::Ingesting, "cve", 3, Some(10))
        );
        progress.finish();
        assert_eq!(progress.snapshot(), Snapshot::default());
    }
}
