//! What all requests share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use vuln::snapshot::SnapshotError;

use super::board::people::People;
use super::board::{Board, Boards, ChannelBoard, Comparison, Names, OpenByPackage};
use super::error::Error;
use super::kept::{Kept, Moment};
use super::layout::Frame;
use super::limit::{Accounts, Crowd};
use super::metrics::Requests;
use super::stats::Stats;
use crate::AppState;
use crate::check::CheckError;
use crate::config::now;
use crate::progress::Phase;
use crate::snapshot::{Newest, Shelf, tells_secrets};
use crate::state::Service;
use crate::store::read::{Channel, Counts, OpenHistory, Published, Source};
use crate::store::{Store, StoreError};

/// Counts are taken again after this time while data is coming in, else only when a source changed.
const COUNTS_WHILE_LOADING: Duration = Duration::from_secs(5);

/// Lists of packages that are checked at the same time: each may take all processors and hundreds of megabytes.
const CHECKS_AT_ONCE: usize = 2;

/// How often marks are compared: a few microseconds each.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The store, and caches that can be rebuilt from it.
pub struct Site {
    state: AppState,
    boards: Boards,
    counts: Mutex<Option<KeptCounts>>,
    published: Mutex<Option<KeptMonths>>,
    /// As last seen: pages about errors are written without the database.
    sample: AtomicBool,
    /// When somebody began to look for changes last, and what was seen; nothing where the database did not answer.
    looked: Mutex<Option<(Instant, Option<String>)>>,
    /// Pages that were written already.
    pub kept: Kept,
    /// What was asked of us.
    pub requests: Requests,
    /// What each client has left.
    pub accounts: Accounts,
    checks: Arc<Semaphore>,
    /// Requests under way, by client.
    pub crowd: Arc<Crowd>,
}

/// What was published in each month, with the sources as they were.
type KeptMonths = (Vec<Source>, Arc<Vec<Published>>);

struct KeptCounts {
    counts: Counts,
    /// The sources as they were.
    sources: Vec<Source>,
    taken: Instant,
}

impl Site {
    /// A site over a store.
    pub fn new(state: AppState) -> Self {
        let crowd = Crowd::new(state.service.limits.connections_per_client);
        Self {
            state,
            boards: Boards::default(),
            counts: Mutex::default(),
            published: Mutex::default(),
            sample: AtomicBool::new(false),
            looked: Mutex::default(),
            kept: Kept::default(),
            requests: Requests::default(),
            accounts: Accounts::default(),
            crowd,
            checks: Arc::new(Semaphore::new(CHECKS_AT_ONCE)),
        }
    }

    /// The database.
    pub fn store(&self) -> &dyn Store {
        self.state.store.as_ref()
    }

    /// How we serve.
    pub fn service(&self) -> &Service {
        &self.state.service
    }

    /// Waits for its turn to check a list of packages, which lasts until the place is dropped.
    pub async fn check_place(&self) -> Option<OwnedSemaphorePermit> {
        // Never closed: it fails only where it is.
        Arc::clone(&self.checks).acquire_owned().await.ok()
    }

    /// The snapshot that we publish, where we do.
    pub fn published_snapshot(&self) -> Option<&Shelf> {
        self.state.service.snapshot.as_ref()
    }

    /// The newest snapshot. None where we publish none, where none was made yet, and where it may not be handed out any more: it tells of a
    /// channel that is private by now, or an earlier version of this program made it. Another one takes its place soon.
    pub fn snapshot(&self) -> Result<Option<Arc<Newest>>, Error> {
        let newest = match self.published_snapshot().map(Shelf::newest) {
            None | Some(Err(SnapshotError::Older { .. })) => None,
            Some(newest) => newest.map_err(CheckError::Snapshot)?,
        };
        let Some(newest) = newest else { return Ok(None) };
        Ok((!tells_secrets(&newest, self.store())?).then_some(newest))
    }

    /// What all pages of this moment are made of.
    pub fn moment(&self) -> Result<Moment, StoreError> {
        let progress = self.state.progress.snapshot();
        Ok(Moment {
            change: self.last_change()?,
            boards: self.boards.count(),
            work: (progress.phase, progress.subject),
        })
    }

    /// [`crate::store::Read::last_change`]. Of many who ask at the same time one looks for all who wait meanwhile.
    fn last_change(&self) -> Result<String, StoreError> {
        let arrived = Instant::now();
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        match looked.as_ref() {
            Some((at, Some(change))) if *at >= arrived => Ok(change.clone()),
            Some((at, None)) if *at >= arrived => Err(StoreError::new("look for changes of the database", "it did not answer just now")),
            _ => {
                let at = Instant::now();
                let change = self.store().last_change();
                *looked = Some((at, change.as_ref().ok().cloned()));
                change
            }
        }
    }

    /// The findings as of now.
    pub fn board(&self) -> Result<Arc<Board>, StoreError> {
        self.boards.current(self.store())
    }

    /// Two channels of a board, compared.
    pub fn comparison(&self, board: &Arc<Board>, before: &ChannelBoard, after: &ChannelBoard) -> Arc<Comparison> {
        self.boards.comparison(board, before, after)
    }

    /// The names of all packages as of now.
    pub fn names(&self) -> Result<Arc<Names>, StoreError> {
        self.boards.names(self.store())
    }

    /// Who looks after packages, as of now.
    pub fn people(&self) -> Result<Arc<People>, StoreError> {
        self.boards.people(self.store())
    }

    /// What is open in each package of a channel of a board.
    pub fn open(&self, board: &Arc<Board>, channel: &ChannelBoard) -> Arc<OpenByPackage> {
        self.boards.open(board, channel)
    }

    /// What was open in a channel of a board when.
    pub fn history(&self, board: &Arc<Board>, channel: &str) -> Result<Arc<OpenHistory>, StoreError> {
        self.boards.history(self.store(), board, channel)
    }

    /// A channel as it was at one of its revisions.
    pub fn then(&self, board: &Arc<Board>, channel: &str, revision: &str) -> Result<Option<Arc<ChannelBoard>>, StoreError> {
        self.boards.then(self.store(), board, channel, revision)
    }

    /// How many vulnerabilities were published in each month; kept until a source changes.
    pub fn published(&self, sources: &[Source]) -> Result<Arc<Vec<Published>>, StoreError> {
        let mut kept = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.as_ref() {
            Some((last, published)) if last == sources => Ok(Arc::clone(published)),
            _ => {
                let published = Arc::new(self.store().published()?);
                *kept = Some((sources.to_vec(), Arc::clone(&published)));
                Ok(published)
            }
        }
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
        let board = self.board()?;
        for channel in board.channels() {
            channel.prepare();
            self.history(&board, &channel.name)?;
        }
        let sources = self.store().sources()?;
        self.counts(&sources)?;
        self.published(&sources)?;
        self.people()?;
        self.names().map(drop)
    }

    /// What every page shows around its content.
    pub fn frame(&self) -> Result<Frame, Error> {
        let sample = self.store().is_sample()?;
        self.sample.store(sample, Ordering::Relaxed);
        Ok(Frame::new(sample, self.state.progress.snapshot(), self.base(), now()))
    }

    /// The frame of pages that are written when the database may be out of reach.
    pub fn frame_without_store(&self) -> Frame {
        let sample = self.sample.load(Ordering::Relaxed);
        Frame::new(sample, self.state.progress.snapshot(), self.base(), now())
    }

    /// Under which address readers find us, where that is known.
    pub fn base(&self) -> Option<Arc<str>> {
        let url = self.state.service.server.url.as_ref();
        url.map(|url| url.as_str().into())
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

    /// How much there is and how old it is, with the channels that it was counted in.
    pub fn statistics(&self) -> Result<(Stats, Vec<Channel>), StoreError> {
        let sources = self.store().sources()?;
        let channels = self.store().channels()?;
        let counts = self.counts(&sources)?;
        let stats = Stats::new(&sources, &channels, &counts, now()).with_jobs(&sources, &self.store().jobs()?, now());
        Ok((stats, channels))
    }
}
