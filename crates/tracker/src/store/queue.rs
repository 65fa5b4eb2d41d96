//! Jobs: work that processes on one database share. Each is done under a lease; one that runs out makes the job anybody's again.
//!
//! A job is named by its kind and subject: what is asked for twice is done once. Nothing here says what a job does ([`crate::jobs`]).

use serde::Serialize;

use super::StoreError;

/// The jobs of a database. Times are unix seconds.
pub trait Queue: Send + Sync {
    /// Asks for a job at `at`, or earlier where it was asked for earlier. One that is being done is done once more, one that was given
    /// up is tried again.
    fn ask(&self, ask: Ask<'_>, now: i64) -> Result<(), StoreError>;

    /// Takes the lease of the job of these kinds that is due and goes first; nobody else gets it before `until`. One whose lease ran out
    /// counts as failed once more.
    fn claim(&self, kinds: &[&str], holder: &str, now: i64, until: i64) -> Result<Option<Claimed>, StoreError>;

    /// Makes a lease longer. Whether it was still held.
    fn renew(&self, job: &Claimed, holder: &str, until: i64) -> Result<bool, StoreError>;

    /// Ends a job. Whether the lease was still held: else nothing is changed.
    fn finish(&self, job: &Claimed, holder: &str, end: &End, now: i64) -> Result<bool, StoreError>;

    /// Gives back all that somebody holds, for others to do at once. How many there were.
    fn give_back(&self, holder: &str, now: i64) -> Result<u64, StoreError>;

    /// All jobs, those given up first, then by kind and subject.
    fn jobs(&self) -> Result<Vec<JobRow>, StoreError>;
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// What to do.
    pub kind: &'a str,
    /// What with; may be empty.
    pub subject: &'a str,
    /// Lower goes first.
    pub priority: i64,
    /// Not before.
    pub at: i64,
}

/// A job that somebody does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// What to do.
    pub kind: String,
    /// What with.
    pub subject: String,
    /// How often in a row it failed before.
    pub failures: u32,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It is done and forgotten.
    Done,
    /// It is done for now.
    Again {
        /// When it is due next.
        at: i64,
    },
    /// It failed and is tried again.
    Failed {
        /// When.
        at: i64,
        /// Why it failed.
        error: String,
    },
    /// It was given up.
    Dead {
        /// Why.
        error: String,
    },
}

impl End {
    /// What it writes: state, next time, failures added (`None`: back to none), why.
    pub(super) fn parts(&self, now: i64) -> Option<(State, i64, Option<i64>, Option<&str>)> {
        match self {
            Self::Done => None,
            Self::Again { at } => Some((State::Waiting, *at, None, None)),
            Self::Failed { at, error } => Some((State::Waiting, *at, Some(1), Some(error))),
            Self::Dead { error } => Some((State::Dead, now, Some(1), Some(error))),
        }
    }
}

/// What became of a job so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It waits for its time.
    Waiting,
    /// Somebody does it.
    Running,
    /// It failed too often.
    Dead,
}

impl State {
    /// As stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Dead => "dead",
        }
    }

    /// As stored.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Waiting, Self::Running, Self::Dead]
            .into_iter()
            .find(|state| state.name() == name)
    }
}

/// A job as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobRow {
    /// What to do.
    pub kind: String,
    /// What with.
    pub subject: String,
    /// What became of it.
    pub state: State,
    /// When it is due.
    pub run_at: i64,
    /// How often in a row it failed.
    pub failures: u32,
    /// Why it failed last; `None` where it did not.
    pub last_error: Option<String>,
    /// When this changed last.
    pub changed_at: i64,
}

/// What is noted about a job whose holder went away in the middle of it.
pub(super) const ABANDONED: &str = "the process that did it went away";
