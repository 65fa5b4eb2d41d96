//! The same work for many things, on several threads.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The same function for each of some things, on all processors; results in their order.
pub fn in_parallel<T: Sync, R: Send>(things: &[T], each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    all_at_once(things, std::thread::available_parallelism().map_or(1, usize::from), each)
}

/// The same function for each of some things, on this many threads; results in their order.
pub fn all_at_once<T: Sync, R: Send>(things: &[T], threads: usize, each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(thing) = things.get(at) else { return done };
            done.push((at, each(thing)));
        }
    };
    let mut all: Vec<(usize, R)> = std::thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads.min(things.len())).map(|_| scope.spawn(work)).collect();
        let mut all = work();
        for helper in helpers {
            match helper.join() {
                Ok(done) => all.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_the_order_of_things() {
        let things: Vec<u32> = (0..1000).collect();
        assert_eq!(in_parallel(&things, |t| t * 2), (0..1000).map(|t| t * 2).collect::<Vec<_>>());
        assert_eq!(all_at_once(&[1, 2, 3], 16, |t| t + 1), [2, 3, 4]);
        assert_eq!(in_parallel(&[] as &[u32], |t| *t), Vec::<u32>::new());
    }
}
