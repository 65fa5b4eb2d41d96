//! Pages that were written already: most readers ask for what another one has just read.
//!
//! A page is given again only at the very [`Moment`] that it was written at, so that nobody ever reads what the database does not hold any
//! more. One that shows how old something is goes after some seconds too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::StatusCode;
use hashlink::LruCache;

use crate::progress::Phase;

/// Bytes of all pages together.
const ROOM: usize = 48 << 20;

/// Bytes of one page: larger ones are not asked for often.
const LARGEST: usize = 1 << 20;

/// How long a page is kept that shows how old something is.
const TIMELY: Duration = Duration::from_secs(5);

/// A page as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its status.
    pub status: StatusCode,
    /// Its format.
    pub media_type: &'static str,
    /// For `If-None-Match`.
    pub tag: String,
    /// Its bytes.
    pub body: Bytes,
}

/// What pages are made of: two pages with one address are the same where this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// [`crate::store::Read::last_change`].
    pub change: String,
    /// How many boards of findings there have been.
    pub boards: u64,
    /// What the background work does.
    pub work: (Phase, String),
}

/// The pages, those that were asked for last.
pub struct Kept {
    shelf: Mutex<Shelf>,
    long: Mutex<HashMap<&'static str, Arc<Mutex<Option<Long>>>>>,
}

/// A long document, and when somebody began to write it.
struct Long {
    begun: Instant,
    moment: Moment,
    written: Written,
}

struct Shelf {
    /// By address.
    pages: LruCache<String, Page>,
    /// Bytes of all of it.
    size: usize,
}

struct Page {
    written: Written,
    moment: Moment,
    until: Option<Instant>,
}

impl Default for Kept {
    fn default() -> Self {
        let shelf = Shelf {
            pages: LruCache::new_unbounded(),
            size: 0,
        };
        Self {
            shelf: Mutex::new(shelf),
            long: Mutex::default(),
        }
    }
}

impl Kept {
    /// The page at an address, where it was written at this moment.
    pub fn get(&self, address: &str, moment: &Moment, now: Instant) -> Option<Written> {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let page = shelf.pages.get(address)?;
        let is_good = page.moment == *moment && page.until.is_none_or(|until| now < until);
        is_good.then(|| page.written.clone())
    }

    /// A long document that is the same for everybody, by its address: written by one at a time, where anything changed since it was, for all who
    /// wait meanwhile. Those who fetch it, however slowly, share its bytes.
    pub fn long<E>(
        &self,
        address: &'static str,
        moment: impl FnOnce() -> Result<Moment, E>,
        write: impl FnOnce() -> Result<Written, E>,
    ) -> Result<Written, E> {
        let arrived = Instant::now();
        let place = Arc::clone(self.long.lock().unwrap_or_else(PoisonError::into_inner).entry(address).or_default());
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(long) = place.as_ref().filter(|long| long.begun >= arrived) {
            return Ok(long.written.clone());
        }
        let (begun, moment) = (Instant::now(), moment()?);
        if let Some(long) = place.as_ref().filter(|long| long.moment == moment) {
            return Ok(long.written.clone());
        }
        let written = write()?;
        *place = Some(Long {
            begun,
            moment,
            written: written.clone(),
        });
        Ok(written)
    }

    /// Keeps a page that was written at a moment.
    pub fn put(&self, address: String, moment: Moment, written: Written, is_timely: bool, now: Instant) {
        let texts = |page: &Page| page.written.tag.len() + page.moment.change.len() + page.moment.work.1.len();
        let size = |address: &str, page: &Page| address.len() + page.written.body.len() + texts(page) + size_of::<Page>();
        let page = Page {
            written,
            moment,
            until: is_timely.then(|| now + TIMELY),
        };
        let own = size(&address, &page);
        if own > LARGEST {
            return;
        }
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = shelf.pages.remove(&address) {
            shelf.size -= size(&address, &before);
        }
        shelf.size += own;
        shelf.pages.insert(address, page);
        while shelf.size > ROOM {
            let Some((address, page)) = shelf.pages.remove_lru() else { break };
            shelf.size -= size(&address, &page);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(change: &str) -> Moment {
        Moment {
            change: change.to_owned(),
            boards: 1,
            work: (Phase::Idle, String::new()),
        }
    }

    fn page(size: usize) -> Written {
        Written {
            status: StatusCode::OK,
            media_type: "text/html",
            tag: format!("W/\"{size}\""),
            body: vec![b'x'; size].into(),
        }
    }

    #[test]
    fn a_page_is_given_at_its_own_moment_only() {
        let (kept, now) = (Kept::default(), Instant::now());
        kept.put("/".into(), moment("a"), page(3), false, now);
        assert_eq!(kept.get("/", &moment("a"), now + Duration::from_secs(3600)), Some(page(3)));
        assert_eq!(kept.get("/?", &moment("a"), now), None);
        assert_eq!(kept.get("/", &moment("b"), now), None);
        let another_board = Moment { boards: 2, ..moment("a") };
        assert_eq!(kept.get("/", &another_board, now), None);
        let at_work = Moment {
            work: (Phase::Matching, "verdicts".into()),
            ..moment("a")
        };
        assert_eq!(kept.get("/", &at_work, now), None);
    }

    #[test]
    fn what_shows_ages_does_not_grow_old() {
        let (kept, now) = (Kept::default(), Instant::now());
        kept.put("/".into(), moment("a"), page(3), true, now);
        assert_eq!(kept.get("/", &moment("a"), now), Some(page(3)));
        assert_eq!(kept.get("/", &moment("a"), now + TIMELY), None);
    }

    #[test]
    fn long_documents_are_written_once_a_moment() {
        let kept = Kept::default();
        let get = |change: &str, size: Option<usize>| kept.long("/all", || Ok(moment(change)), || size.map(page).ok_or(()));
        assert_eq!(get("a", None), Err(()));
        assert_eq!(get("a", Some(1)), Ok(page(1)));
        assert_eq!(get("a", None), Ok(page(1)));
        assert_eq!(get("b", Some(2)), Ok(page(2)));
        assert_eq!(get("b", None), Ok(page(2)));
    }

    #[test]
    fn there_is_room_for_so_much_and_what_was_asked_for_last_stays() {
        let (kept, now) = (Kept::default(), Instant::now());
        let most = ROOM / LARGEST;
        for n in 0..most {
            kept.put(format!("/{n:03}"), moment("a"), page(LARGEST - 1024), false, now);
        }
        assert!(kept.get("/000", &moment("a"), now).is_some());
        kept.put("/new".into(), moment("a"), page(LARGEST - 1024), false, now);
        assert!(kept.get("/000", &moment("a"), now).is_some());
        assert!(kept.get("/001", &moment("a"), now).is_none());
        kept.put("/large".into(), moment("a"), page(LARGEST), false, now);
        assert!(kept.get("/large", &moment("a"), now).is_none());
        // One that is written again takes its own place.
        for _ in 0..3 * most {
            kept.put("/new".into(), moment("b"), page(LARGEST - 1024), false, now);
        }
        assert!(kept.get("/000", &moment("a"), now).is_some());
    }
}
