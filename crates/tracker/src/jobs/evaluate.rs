//! Evaluating a package set.

use super::{Shop, matching};
use crate::config::now;
use crate::evaluate;
use crate::ingest::Ingest;
use crate::ingest::records::chain;
use crate::progress::Progress;
use crate::schedule::{self, Chance};
use crate::store::queue::{Claimed, End};

/// Its name.
pub const KIND: &str = "evaluate";

/// Nothing waits for it.
pub const PRIORITY: i64 = 20;

/// After so many failures in a row it is given up: what does not evaluate today does not tomorrow. A server that starts asks again.
const ATTEMPTS: u32 = 5;

/// Evaluates the set, and asks for a match where it changed. What was evaluated before a failure is not evaluated again.
pub fn run(shop: &Shop, job: &Claimed) -> End {
    let Some(set) = shop.evaluation.sets.iter().find(|set| set.name == job.subject) else {
        // It was taken out of the configuration.
        return End::Done;
    };
    let every = shop.evaluation.every;
    // The feeds go on meanwhile, and are what people see.
    let progress = Progress::default();
    let ingest = Ingest {
        store: &*shop.store,
        progress: &progress,
        is_sample: false,
    };
    let done = evaluate::run(ingest, &shop.evaluation, set)
        .map_err(|e| chain(&e))
        .and_then(|report| {
            if let Some(why) = report.failures.first() {
                return Err(why.clone());
            }
            if report.files > 0 {
                shop.ask(matching::KIND, "", matching::PRIORITY).map_err(|e| chain(&e))?;
            }
            Ok(())
        });
    let failures = job.failures.saturating_add(1);
    match done {
        Ok(()) => End::Again {
            at: schedule::after_success(now(), every, Chance::now()),
        },
        Err(error) if failures >= ATTEMPTS => End::Dead { error },
        Err(error) => End::Failed {
            at: schedule::after_failure(now(), failures, every, None, Chance::now()),
            error,
        },
    }
}
