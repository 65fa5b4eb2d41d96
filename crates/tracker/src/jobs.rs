//! The work of a running server: jobs in the database, shared by all processes on it. One file a job.
//!
//! Each job can be done twice without harm: what was taken is known by its digest, and a match writes what the last one wrote. So a job whose
//! process was killed is simply done again.

mod evaluate;
mod matching;
mod sync;
mod worker;

use std::sync::Arc;

use crate::config::{self, now};
use crate::feeds::{Feed, Origin};
use crate::progress::Progress;
use crate::store::queue::{Ask, Claimed, End, State};
use crate::store::{Store, StoreError, hidden};
use crate::sync::Supply;
pub use worker::{Crew, WorkerError};

/// What jobs are done with.
#[derive(Clone)]
pub struct Shop {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Shown to people.
    pub progress: Arc<Progress>,
    /// Where feeds come from.
    pub supply: Supply,
    /// And how often.
    pub feeds: config::Feeds,
    /// What is evaluated here.
    pub evaluation: config::Evaluation,
    /// How jobs are shared.
    pub jobs: config::Jobs,
}

impl Shop {
    /// Sees to it that everything that is done again and again is asked for. A mirror is looked at right away: it is our own. Upstream servers
    /// are asked when they are due, however often we are started.
    pub fn open(&self) -> Result<(), StoreError> {
        let private = |name: &str| self.evaluation.private.iter().any(|private| private == name);
        hidden::note(
            &*self.store,
            // Also names of sets that are taken in by hand.
            self.evaluation
                .sets
                .iter()
                .map(|set| (set.name.as_str(), private(&set.name)))
                .chain(self.evaluation.private.iter().map(|name| (name.as_str(), true))),
        )?;
        let jobs = self.store.jobs()?;
        let is_known = |kind: &str, subject: &str| {
            let mut same = jobs.iter().filter(|job| job.kind == kind && job.subject == subject);
            same.any(|job| job.state != State::Dead)
        };
        for feed in Feed::ALL {
            let is_due = !matches!(self.supply.origin, Origin::Upstream(_));
            if is_due || !is_known(sync::KIND, feed.name()) {
                self.ask(sync::KIND, feed.name(), sync::PRIORITY)?;
            }
        }
        for set in &self.evaluation.sets {
            if !is_known(evaluate::KIND, &set.name) {
                self.ask(evaluate::KIND, &set.name, evaluate::PRIORITY)?;
            }
        }
        // This program may have other rules than the last one.
        self.ask(matching::KIND, "", matching::PRIORITY)
    }

    fn ask(&self, kind: &str, subject: &str, priority: i64) -> Result<(), StoreError> {
        let ask = Ask {
            kind,
            subject,
            priority,
            at: now(),
        };
        self.store.ask(ask, now())
    }

    /// Does a job.
    fn work(&self, job: &Claimed) -> End {
        match job.kind.as_str() {
            sync::KIND => sync::run(self, job),
            matching::KIND => matching::run(self, job),
            evaluate::KIND => evaluate::run(self, job),
            // Only the kinds above are asked for.
            _ => End::Done,
        }
    }
}

/// What one thread does, one thing after the other.
const USUAL: [&str; 2] = [sync::KIND, matching::KIND];

/// What another one does, as it may take hours.
const LONG: [&str; 1] = [evaluate::KIND];

/// Where a job of this kind stands among others: lower goes first.
pub fn priority(kind: &str) -> i64 {
    match kind {
        sync::KIND => sync::PRIORITY,
        evaluate::KIND => evaluate::PRIORITY,
        _ => matching::PRIORITY,
    }
}

/// Whether all jobs of a kind but one failed when they were last tried.
fn all_others_failed(store: &dyn Store, job: &Claimed) -> Result<bool, StoreError> {
    let jobs = store.jobs()?;
    let mut others = jobs.iter().filter(|other| other.kind == job.kind && other.subject != job.subject);
    Ok(others.all(|other| other.state != State::Running && other.failures > 0))
}
