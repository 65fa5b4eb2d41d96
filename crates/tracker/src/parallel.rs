//! Work on all processors.

use std::sync::{Mutex, PoisonError};
use std::thread;

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
