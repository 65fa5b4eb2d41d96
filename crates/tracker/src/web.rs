//! Pages, their JSON twins, and what machines ask: health, metrics, statistics.
//!
//! A page is a struct (`page::Page`) that is loaded from the store and from the [`board`] of findings, and then written as HTML
//! or as JSON. Requests are answered in a blocking thread each; nothing here keeps state but caches that any replica can rebuild.
//! Pages work without scripts: all state is in the address, forms are GET forms.

mod address;
mod asset;
pub mod board;
mod cve;
mod error;
mod finish;
mod layout;
mod metrics;
mod page;
mod part;
mod respond;
mod route;
mod site;
mod stats;
mod time;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;

pub use stats::Stats;

use crate::AppState;
use error::Error;
use site::Site;

/// The addresses of the tracker. Inside a runtime it also keeps the findings ready for the next page.
pub fn router(state: AppState) -> Router {
    let site = Arc::new(Site::new(state));
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(Site::keep_warm(Arc::downgrade(&site)));
    }
    Router::new()
        .route("/", get(route::overview))
        .route("/index.json", get(route::overview))
        .route("/.json", get(route::overview))
        .route("/cve/{id}", get(route::cve))
        .route("/cve/{id}/raw/{source}", get(route::raw))
        .route("/package/{attr}", get(route::package))
        .route("/channels", get(route::channels))
        .route("/channels.json", get(route::channels))
        .route("/channel/{name}", get(route::channel))
        .route("/queue", get(route::queue))
        .route("/queue.json", get(route::queue))
        .route("/search", get(route::search))
        .route("/search.json", get(route::search))
        .route("/problems", get(route::problems))
        .route("/problems.json", get(route::problems))
        .route("/about", get(route::about))
        .route("/about.json", get(route::about))
        .route("/api/v1/stats", get(route::stats))
        .route("/health", get(route::health))
        .route("/metrics", get(route::metrics))
        .route("/robots.txt", get(asset::robots))
        .route("/favicon.svg", get(asset::favicon))
        .route("/static/{file}", get(asset::file))
        .fallback(async || Error::NoPage)
        .method_not_allowed_fallback(async || Error::Method)
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(from_fn_with_state(Arc::clone(&site), finish::finish))
        .with_state(site)
}
