//! How much there is, and how old it is.

use std::sync::Arc;

use axum::extract::State;

use super::ask::Query;
use super::operation::{Answer, Operation};
use super::{Route, answer};
use crate::web::respond::{Asked, blocking};
use crate::web::site::Site;
use crate::web::stats::Stats;

/// `GET /api/v1/stats`
pub fn stats() -> Route {
    let operation = Operation {
        method: "get",
        path: "/api/v1/stats",
        id: "stats",
        group: "Data",
        summary: "What there is, and how old it is",
        words: "As `firn-tracker stats --format json` prints it.",
        parameters: vec![],
        body: None,
        answer: Answer::json::<Stats>("The statistics."),
        problems: &[],
    };
    Route::get(operation, |State(site): State<Arc<Site>>, asked: Asked| async move {
        Query::of(asked.uri(), &[])?;
        answer::json(&blocking(move || Ok(site.statistics()?.0)).await?)
    })
}
