//! Work on all processors, or behind those who wait for an answer.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Steps of niceness that pages are ahead of the work in the background: on a busy machine they get three times as much of it. More would let
/// whoever holds a lock that pages wait for too come to nothing.
const BEHIND: i32 = 5;

/// From now on this thread, and those that it starts, get processors that answers do not need. The process goes on as it was.
pub fn in_the_background() {
    // Linux keeps niceness by thread, and the number of a thread is taken where that of a process is.
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), BEHIND) {
        tracing::warn!(error = %error, "background.priority_stays");
    }
}

/// Rests after work that another program did for this thread, as long as that took, where this thread is in the background: the other program knows nothing
/// of its niceness. All of them together are bounded, since others wait for a lock meanwhile.
#[derive(Debug)]
pub struct Rests {
    left: Duration,
}

impl Default for Rests {
    fn default() -> Self {
        Self {
            left: Duration::from_mins(2),
        }
    }
}

impl Rests {
    /// One of them.
    pub fn rest(&mut self, worked: Duration) {
        if is_in_the_background() {
            let rest = worked.min(self.left);
            self.left -= rest;
            thread::sleep(rest);
        }
    }
}

/// Whether this thread lets others go first.
pub fn is_in_the_background() -> bool {
    rustix::process::getpriority_process(Some(rustix::thread::gettid())).is_ok_and(|niceness| niceness > 0)
}

/// Maps on all processors, in order.
pub fn parallel<T: Send, U: Send>(items: Vec<T>, work: impl Fn(T) -> U + Sync) -> Vec<U> {
    let items = Mutex::new(items.into_iter().enumerate());
    let mut done: Vec<(usize, U)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..processors())
            .map(|_| {
                scope.spawn(|| {
                    let mut done = Vec::new();
                    loop {
                        let next = items.lock().unwrap_or_else(PoisonError::into_inner).next();
                        let Some((number, item)) = next else { return done };
                        done.push((number, work(item)));
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

/// How many threads keep this machine busy.
pub fn processors() -> usize {
    thread::available_parallelism().map_or(2, usize::from).clamp(1, 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a thread, as the kernel tells it.
    fn niceness() -> i32 {
        rustix::process::getpriority_process(Some(rustix::thread::gettid())).unwrap()
    }

    #[test]
    fn rests_are_bounded_together_and_only_in_the_background() {
        let hour = Duration::from_secs(3600);
        let mut rests = Rests {
            left: Duration::from_millis(3),
        };
        if niceness() == 0 {
            rests.rest(hour);
            assert_eq!(rests.left, Duration::from_millis(3));
        }
        let after = thread::spawn(move || {
            in_the_background();
            rests.rest(Duration::from_millis(1));
            let after_one = rests.left;
            rests.rest(hour);
            rests.rest(hour);
            (after_one, rests.left)
        });
        assert_eq!(after.join().unwrap(), (Duration::from_millis(2), Duration::ZERO));
    }

    #[test]
    fn what_is_in_the_background_is_there_with_all_that_it_starts() {
        let before = niceness();
        thread::spawn(move || {
            in_the_background();
            assert_eq!(niceness(), BEHIND.max(before));
            assert_eq!(parallel(vec![(), ()], |()| niceness()), [BEHIND.max(before); 2]);
        })
        .join()
        .unwrap();
        assert_eq!(niceness(), before);
    }
}
