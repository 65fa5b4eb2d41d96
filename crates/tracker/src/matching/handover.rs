//! Outcomes on their way from the threads that match to the one that writes, page by page in the order of vulnerabilities: then most rows are
//! appended to the tables, not inserted.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::vec::IntoIter;

use crate::store::StoreError;
use crate::store::result::OutcomeRow;

/// The pages under way.
pub struct Handover {
    state: Mutex<State>,
    changed: Condvar,
    /// So many pages may wait to be written, the next one included.
    ahead: u64,
}

#[derive(Default)]
struct State {
    /// The page that is to be written next.
    next: u64,
    waiting: BTreeMap<u64, Vec<OutcomeRow>>,
    /// Set when all pages were given, or none will come any more.
    end: Option<Result<(), StoreError>>,
    /// Nobody takes pages any more, or one will never come.
    is_over: bool,
}

impl Handover {
    /// A way for at most `ahead` pages at a time, so that they do not pile up in memory.
    pub fn new(ahead: u64) -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            ahead,
        }
    }

    /// Whoever gives.
    pub fn giver(&self) -> Giver<'_> {
        Giver(self)
    }

    /// The rows, as they come. When they are dropped nobody waits for them.
    pub fn rows(&self) -> Rows<'_> {
        Rows {
            from: self,
            page: Vec::new().into_iter(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

/// All who give.
pub struct Giver<'a>(&'a Handover);

impl<'a> Giver<'a> {
    /// One of the threads that match.
    pub fn worker(&self) -> Worker<'a> {
        Worker {
            to: self.0,
            rows: Vec::new(),
            is_done: false,
        }
    }

    /// All pages were given, or matching failed.
    pub fn end(self, how: Result<Vec<Worker<'a>>, StoreError>) {
        let how = how.map(|workers| workers.into_iter().for_each(|mut worker| worker.is_done = true));
        self.0.lock().end = Some(how);
    }
}

impl Drop for Giver<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if state.end.is_none() {
            state.end = Some(Err(StoreError::new("match", "a fault in this program: its log says where")));
        }
        self.0.changed.notify_all();
    }
}

/// A thread that matches, with the rows of the page that it is at. Where it goes before all is done, its page never comes: then nobody waits for
/// what stands behind it.
pub struct Worker<'a> {
    to: &'a Handover,
    /// The rows of its page.
    pub rows: Vec<OutcomeRow>,
    is_done: bool,
}

impl Worker<'_> {
    /// Gives its page, by its number from 0. Waits while too many are under way. Fails where nobody takes them any more: the one who took them,
    /// or another worker, knows why.
    pub fn give(&mut self, page: u64) -> Result<(), StoreError> {
        let mut state = self.to.lock();
        while !state.is_over && page >= state.next.saturating_add(self.to.ahead) {
            state = self.to.wait(state);
        }
        if state.is_over {
            return Err(StoreError::new("hand over what was matched", "it is not written any more"));
        }
        state.waiting.insert(page, std::mem::take(&mut self.rows));
        self.to.changed.notify_all();
        Ok(())
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.to.lock().is_over = true;
            self.to.changed.notify_all();
        }
    }
}

/// Takes what is handed over.
pub struct Rows<'a> {
    from: &'a Handover,
    page: IntoIter<OutcomeRow>,
}

impl Iterator for Rows<'_> {
    type Item = Result<OutcomeRow, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.page.next() {
                return Some(Ok(row));
            }
            let mut state = self.from.lock();
            let rows = loop {
                let next = state.next;
                if let Some(rows) = state.waiting.remove(&next) {
                    break rows;
                }
                match state.end.take() {
                    None => state = self.from.wait(state),
                    Some(Err(error)) => return Some(Err(error)),
                    Some(Ok(())) => {
                        state.end = Some(Ok(()));
                        return None;
                    }
                }
            };
            state.next += 1;
            self.page = rows.into_iter();
            self.from.changed.notify_all();
        }
    }
}

impl Drop for Rows<'_> {
    fn drop(&mut self) {
        self.from.lock().is_over = true;
        self.from.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use vuln::verdict::Disposition;

    use super::*;

    fn row(vulnerability: u64) -> OutcomeRow {
        OutcomeRow {
            channel: 1,
            vulnerability: vulnerability as i64,
            disposition: Disposition::Matched,
            near_misses: None,
            verdicts: Vec::new(),
        }
    }

    #[test]
    fn pages_of_several_threads_come_in_order() {
        let handover = Handover::new(4);
        let pages = Mutex::new(0..500_u64);
        let taken: Vec<i64> = thread::scope(|scope| {
            scope.spawn(|| {
                let giver = handover.giver();
                let work = || {
                    let mut worker = giver.worker();
                    loop {
                        let page = pages.lock().unwrap().next();
                        let Some(page) = page else { return worker };
                        // Every seventh is empty.
                        if page % 7 != 0 {
                            worker.rows.extend([row(2 * page), row(2 * page + 1)]);
                        }
                        worker.give(page).unwrap();
                    }
                };
                let workers = thread::scope(|scope| {
                    let threads: Vec<_> = (0..3).map(|_| scope.spawn(work)).collect();
                    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
                });
                giver.end(Ok(workers));
            });
            handover.rows().map(|row| row.unwrap().vulnerability).collect()
        });
        let expected: Vec<i64> = (0..1000).filter(|n| (n / 2) % 7 != 0).collect();
        assert_eq!(taken, expected);
    }

    #[test]
    fn a_fault_reaches_the_other_side() {
        let handover = Handover::new(4);
        let giver = handover.giver();
        let mut worker = giver.worker();
        worker.rows.push(row(1));
        worker.give(0).unwrap();
        drop(worker);
        giver.end(Err(StoreError::new("read", "a fault")));
        let mut rows = handover.rows();
        assert_eq!(rows.next().unwrap().unwrap().vulnerability, 1);
        assert_eq!(rows.next().unwrap().unwrap_err().to_string(), "read");
    }

    #[test]
    fn a_panic_reaches_the_other_side() {
        let handover = Handover::new(4);
        let taken = thread::scope(|scope| {
            let giving = scope.spawn(|| {
                let _giver = handover.giver();
                panic!("a fault");
            });
            let taken = handover.rows().next();
            assert!(giving.join().is_err());
            taken
        });
        assert_eq!(taken.unwrap().unwrap_err().to_string(), "match");
    }

    #[test]
    fn nobody_waits_for_a_page_that_never_comes() {
        let handover = Handover::new(4);
        let taken = thread::scope(|scope| {
            scope.spawn(|| {
                let giver = handover.giver();
                let ahead = thread::scope(|scope| {
                    let ahead = scope.spawn(|| {
                        let mut worker = giver.worker();
                        (1..100).try_for_each(|page| worker.give(page))
                    });
                    // The first page fails when the others have no place any more.
                    let worker = giver.worker();
                    thread::sleep(std::time::Duration::from_millis(50));
                    drop(worker);
                    ahead.join().unwrap()
                });
                assert!(ahead.is_err());
                giver.end(Err(StoreError::new("read", "a fault")));
            });
            handover.rows().next()
        });
        assert_eq!(taken.unwrap().unwrap_err().to_string(), "read");
    }

    #[test]
    fn whoever_waits_for_a_place_goes_on_when_nobody_writes() {
        let handover = Handover::new(1);
        let rows = handover.rows();
        thread::scope(|scope| {
            let giving = scope.spawn(|| handover.giver().worker().give(1));
            drop(rows);
            assert!(giving.join().unwrap().is_err());
        });
    }
}
