//! Who does the jobs.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{LONG, Shop, USUAL};
use crate::config::now;
use crate::ingest::records::chain;
use crate::parallel::in_the_background;
use crate::schedule::Chance;
use crate::store::queue::{Claimed, End};

/// Between two looks for a job.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long a job waits in which this program failed, in seconds.
const AFTER_FAULT: i64 = 3600;

/// How long jobs may go on when the process is to end. What is not done then is given back.
const GRACE: Duration = Duration::from_secs(3);

/// Why nobody does the jobs.
#[derive(Debug, thiserror::Error)]
#[error("start the thread that does the jobs")]
pub struct WorkerError(#[source] io::Error);

/// The threads of this process that do jobs.
pub struct Crew {
    shop: Shop,
    holder: String,
    stop: Arc<Stop>,
    threads: Vec<JoinHandle<()>>,
}

impl Crew {
    /// Starts to work.
    pub fn start(shop: Shop) -> Result<Self, WorkerError> {
        let holder = format!("{}-{:x}", std::process::id(), (Chance::now().0 * (1_u64 << 52) as f64) as u64);
        let mut crew = Self {
            shop,
            holder,
            stop: Arc::default(),
            threads: Vec::new(),
        };
        crew.hire("jobs", &USUAL)?;
        if !crew.shop.evaluation.sets.is_empty() {
            crew.hire("evaluations", &LONG)?;
        }
        Ok(crew)
    }

    fn hire(&mut self, name: &str, kinds: &'static [&'static str]) -> Result<(), WorkerError> {
        let (shop, holder, stop) = (self.shop.clone(), self.holder.clone(), Arc::clone(&self.stop));
        let thread = thread::Builder::new()
            .name(name.into())
            .spawn(move || {
                in_the_background();
                Worker {
                    shop: &shop,
                    holder: &holder,
                    kinds,
                }
                .run(&stop);
            })
            .map_err(WorkerError)?;
        self.threads.push(thread);
        Ok(())
    }

    /// Takes no more jobs, waits a little for those under way, and gives the others back: another process does them at once, or the next one.
    pub fn disband(self) {
        self.stop.now();
        let since = Instant::now();
        while since.elapsed() < GRACE && !self.threads.iter().all(JoinHandle::is_finished) {
            thread::sleep(Duration::from_millis(20));
        }
        if self.threads.iter().all(JoinHandle::is_finished) {
            return;
        }
        // Where even this has to wait for the database, the lease runs out by itself.
        let (done, wait) = channel();
        let (store, holder) = (self.shop.store, self.holder);
        thread::spawn(move || {
            let _ = done.send(store.give_back(&holder, now()));
        });
        match wait.recv_timeout(GRACE) {
            Ok(Ok(given_back)) => tracing::info!(jobs = given_back, "jobs.given_back"),
            Ok(Err(e)) => tracing::error!(error = chain(&e), "jobs.give_back_failed"),
            Err(_) => tracing::warn!("jobs.give_back_timed_out"),
        }
    }
}

/// One thread's view.
struct Worker<'a> {
    shop: &'a Shop,
    holder: &'a str,
    kinds: &'static [&'static str],
}

impl Worker<'_> {
    fn run(&self, stop: &Stop) {
        let mut is_failing = false;
        while !stop.is_set() {
            let claimed = self.shop.store.claim(self.kinds, self.holder, now(), self.until());
            match claimed {
                Ok(Some(job)) => {
                    is_failing = false;
                    self.work(&job);
                }
                Ok(None) => {
                    is_failing = false;
                    stop.wait(LOOK_EVERY);
                }
                Err(e) => {
                    // Said once, not twice a second.
                    if !is_failing {
                        tracing::error!(error = chain(&e), "jobs.look_failed");
                    }
                    is_failing = true;
                    stop.wait(LOOK_EVERY * 10);
                }
            }
        }
    }

    /// Does a job, giving signs of life meanwhile.
    fn work(&self, job: &Claimed) {
        let started = Instant::now();
        tracing::info!(
            job.kind = job.kind,
            job.subject = job.subject,
            job.failures = job.failures,
            "job.started"
        );
        let end = thread::scope(|scope| {
            let (done, working) = channel::<()>();
            scope.spawn(move || {
                while working.recv_timeout(self.shop.jobs.lease / 4) == Err(RecvTimeoutError::Timeout) {
                    match self.shop.store.renew(job, self.holder, self.until()) {
                        Ok(true) => {}
                        // Another one does it too. Both write the same.
                        Ok(false) => tracing::warn!(job.kind = job.kind, job.subject = job.subject, "job.lease_lost"),
                        Err(e) => tracing::warn!(error = chain(&e), "job.renew_failed"),
                    }
                }
            });
            let end = guarded(|| self.shop.work(job));
            drop(done);
            end
        });
        let seconds = started.elapsed().as_secs_f64();
        match &end {
            End::Done | End::Again { .. } => {
                tracing::info!(job.kind = job.kind, job.subject = job.subject, job.seconds = seconds, "job.done");
            }
            End::Failed { error, at } => {
                let wait = at - now();
                tracing::warn!(
                    job.kind = job.kind,
                    job.subject = job.subject,
                    job.wait_s = wait,
                    error,
                    "job.failed"
                );
            }
            End::Dead { error } => tracing::error!(job.kind = job.kind, job.subject = job.subject, error, "job.given_up"),
        }
        if let Err(e) = self.shop.store.finish(job, self.holder, &end, now()) {
            // Its lease runs out, and it is done again.
            tracing::error!(job.kind = job.kind, job.subject = job.subject, error = chain(&e), "job.end_failed");
        }
    }

    fn until(&self) -> i64 {
        now().saturating_add(i64::try_from(self.shop.jobs.lease.as_secs()).unwrap_or(i64::MAX))
    }
}

/// Does something in which a fault of ours must not end all other jobs.
fn guarded(work: impl FnOnce() -> End) -> End {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| End::Failed {
        error: "a fault in this program: its log says where".to_owned(),
        at: now().saturating_add(AFTER_FAULT),
    })
}

/// Tells threads to end.
#[derive(Default)]
struct Stop {
    is_set: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    fn now(&self) {
        *self.is_set.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    fn is_set(&self) -> bool {
        *self.is_set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits, but not for longer than until it is set.
    fn wait(&self, at_most: Duration) {
        let is_set = self.is_set.lock().unwrap_or_else(PoisonError::into_inner);
        let _waited = self.changed.wait_timeout_while(is_set, at_most, |is_set| !*is_set);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_in_one_job_is_a_failure_of_that_job() {
        let end = guarded(|| panic!("a fault"));
        assert!(
            matches!(&end, End::Failed { error, at } if error.contains("a fault in this program") && *at > now() + 3000),
            "{end:?}"
        );
        assert_eq!(guarded(|| End::Done), End::Done);
    }
}
