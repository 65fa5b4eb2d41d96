//! Looking at one feed.

use super::{Shop, all_others_failed, matching};
use crate::config::now;
use crate::feeds::Feed;
use crate::ingest::records::chain;
use crate::ingest::{Ingest, Report};
use crate::schedule::{self, Chance};
use crate::store::StoreError;
use crate::store::queue::{Claimed, End};

/// Its name.
pub const KIND: &str = "sync";

/// Before everything that rests on it.
pub const PRIORITY: i64 = 0;

/// What is kept of what failed: of many files the first.
const SHOWN: usize = 3;

/// Takes in what is new, and asks for a match where that was anything.
pub fn run(shop: &Shop, job: &Claimed) -> End {
    let Some(feed) = Feed::from_name(&job.subject) else {
        return End::Done;
    };
    let every = shop.feeds.every(feed);
    let ingest = Ingest {
        store: &*shop.store,
        progress: &shop.progress,
        is_sample: false,
    };
    let done = crate::sync::one(ingest, feed, &shop.supply).and_then(|report| {
        let sample = instead(shop, job, ingest, &report)?;
        if report.files + sample.files > 0 {
            shop.ask(matching::KIND, "", matching::PRIORITY)?;
        }
        Ok(report)
    });
    let failed = |error: String, wait| End::Failed {
        at: schedule::after_failure(now(), job.failures.saturating_add(1), every, wait, Chance::now()),
        error,
    };
    match done {
        Ok(report) if report.failures.is_empty() => End::Again {
            at: schedule::after_success(now(), every, Chance::now()),
        },
        Ok(report) => {
            let mut why = report.failures.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
            if let Some(more) = report.failures.len().checked_sub(SHOWN).filter(|more| *more > 0) {
                why.push_str(&format!("; and {more} more"));
            }
            failed(why, report.wait)
        }
        Err(e) => failed(chain(&e), None),
    }
}

/// The sample set, once no feed could be reached.
fn instead(shop: &Shop, job: &Claimed, ingest: Ingest<'_>, report: &Report) -> Result<Report, StoreError> {
    if report.failures.is_empty() || !all_others_failed(&*shop.store, job)? {
        return Ok(Report::default());
    }
    crate::sync::sample_for_want_of_better(ingest, &shop.supply)
}
