//! Matching what changed.

use std::time::Duration;

use super::Shop;
use crate::config::now;
use crate::ingest::records::chain;
use crate::schedule::{self, Chance};
use crate::store::queue::{Claimed, End};

/// Its name.
pub const KIND: &str = "match";

/// After all feeds that are due: then there is one match instead of six.
pub const PRIORITY: i64 = 10;

/// Without being asked: what commands took in is matched too.
const EVERY: Duration = Duration::from_secs(3600);

/// Matches; that nothing changed costs nothing.
pub fn run(shop: &Shop, job: &Claimed) -> End {
    match crate::matching::run(&*shop.store, &shop.progress, false) {
        Ok(matched) => {
            if !matched.is_nothing_new() {
                shop.progress.say(&format!("matched: {} verdicts written", matched.verdicts));
            }
            End::Again {
                at: schedule::after_success(now(), EVERY, Chance::now()),
            }
        }
        Err(e) => End::Failed {
            at: schedule::after_failure(now(), job.failures.saturating_add(1), EVERY, None, Chance::now()),
            error: chain(&e),
        },
    }
}
