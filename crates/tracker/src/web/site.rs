//! What all requests share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::board::{Board, Boards, Names};
use super::error::Error;
use super::layout::Frame;
use super::metrics::Requests;
use crate::AppState;
use crate::config::now;
use crate::progress::Phase;
use crate::store::read::{Counts, Source};
use crate::store::{Store, StoreError};

/// Counts are taken again after this time while data is coming in, else only when a source changed.
const COUNTS_WHILE_LOADING: Duration = Duration::from_secs(5);

/// How often marks are compared: a few microseconds each.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The store, and caches that can be rebuilt from it.
pub struct Site {
    state: AppState,
    boards: Boards,
    counts: Mutex<Option<KeptCounts>>,
    /// As last seen: pages about errors are written without the database.
    sample: AtomicBool,
    /// What was asked of us.
    pub requests: Requests,
}

struct KeptCounts {
    counts: Counts,
    /// The sources as they were.
    sources: Vec<Source>,
    taken: Instant,
}

impl Site {
    /// A site over a store.
    pub fn new(state: AppState) -> Self {
        Self {
            state,
            boards: Boards::default(),
            counts: Mutex::default(),
            sample: AtomicBool::new(false),
            requests: Requests::default(),
        }
    }

    /// The database.
    pub fn store(&self) -> &dyn Store {
        self.state.store.as_ref()
    }

    /// The findings as of now.
    pub fn board(&self) -> Result<Arc<Board>, StoreError> {
        self.boards.current(self.store())
    }

    /// The names of all packages as of now.
    pub fn names(&self) -> Result<Arc<Names>, StoreError> {
        self.boards.names(self.store())
    }

    /// Reads what lists and counts are made of as soon as it changed, so that no page has to. Ends with the site.
    pub async fn keep_warm(site: Weak<Self>) {
        let mut failing = false;
        while let Some(site) = site.upgrade() {
            let read = tokio::task::spawn_blocking(move || site.warm()).await;
            match read {
                // Said once: requests that fail for the same reason say it again.
                Ok(Err(error)) if !failing => {
                    tracing::warn!(%error, "read ahead of the next page");
                    failing = true;
                }
                Ok(Ok(())) => failing = false,
                _ => {}
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn warm(&self) -> Result<(), StoreError> {
        self.board()?;
        self.counts(&self.store().sources()?)?;
        self.names().map(drop)
    }

    /// What every page shows around its content.
    pub fn frame(&self) -> Result<Frame, Error> {
        let sample = self.store().is_sample()?;
        self.sample.store(sample, Ordering::Relaxed);
        Ok(Frame {
            sample,
            progress: self.state.progress.snapshot(),
            now: now(),
        })
    }

    /// The frame of pages that are written when the database may be out of reach.
    pub fn frame_without_store(&self) -> Frame {
        Frame {
            sample: self.sample.load(Ordering::Relaxed),
            progress: self.state.progress.snapshot(),
            now: now(),
        }
    }

    /// Numbers of records; kept, as counting them takes long.
    pub fn counts(&self, sources: &[Source]) -> Result<Counts, StoreError> {
        let loading = self.state.progress.snapshot().phase != Phase::Idle;
        let mut kept = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.as_ref() {
            let old = loading && kept.taken.elapsed() > COUNTS_WHILE_LOADING;
            if kept.sources == sources && !old {
                return Ok(kept.counts);
            }
        }
        let counts = self.store().counts()?;
        *kept = Some(KeptCounts {
            counts,
            sources: sources.to_vec(),
            taken: Instant::now(),
        });
        Ok(counts)
    }
}
