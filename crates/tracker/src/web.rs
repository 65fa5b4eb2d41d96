//! Pages, their JSON twins, and what machines ask: health, metrics, statistics.
//!
//! A page is a struct (`page::Page`) that is loaded from the store and from the [`board`] of findings, and then written as HTML
//! or as JSON. Requests are answered in a blocking thread each; nothing here keeps state but caches that any replica can rebuild.
//! Pages work without scripts: all state is in the address, forms are GET forms.

mod address;
pub(crate) mod api;
mod asset;
pub mod board;
mod cve;
mod error;
mod feed;
mod finish;
mod kept;
mod layout;
pub(crate) mod limit;
mod metrics;
pub(crate) mod page;
mod part;
mod plot;
mod respond;
mod route;
mod rules;
mod sheet;
mod site;
mod snapshot;
mod stats;
mod stream;
mod time;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate as _};

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
    // A page and its other formats: which of them it has is the page's own affair.
    let mut router = Router::new().route("/.json", get(route::overview));
    let pages = [
        ("/", "/index", get(route::overview)),
        ("/channels", "/channels", get(route::channels)),
        ("/compare", "/compare", get(route::compare)),
        ("/queue", "/queue", get(route::queue)),
        ("/search", "/search", get(route::search)),
        ("/problems", "/problems", get(route::problems)),
        ("/sources", "/sources", get(route::sources)),
        ("/about", "/about", get(route::about)),
        ("/legend", "/legend", get(route::legend)),
        ("/maintainers", "/maintainers", get(route::maintainers)),
        ("/teams", "/teams", get(route::teams)),
        ("/trends", "/trends", get(route::trends)),
    ];
    for (path, stem, method) in pages {
        router = router.route(path, method.clone());
        for ending in [".json", ".csv", ".atom"] {
            router = router.route(&format!("{stem}{ending}"), method.clone());
        }
    }
    router
        .route("/cve/{id}", get(route::cve))
        .route("/cve/{id}/raw/{source}", get(route::raw))
        .route("/package/{attr}", get(route::package))
        .route("/channel/{name}", get(route::channel))
        .route("/maintainer/{name}", get(route::maintainer))
        .route("/team/{name}", get(route::team))
        .route("/health", get(route::health))
        .route("/metrics", get(route::metrics))
        .route("/robots.txt", get(asset::robots))
        .route("/favicon.svg", get(asset::favicon))
        .route("/static/{file}", get(asset::file))
        .route("/snapshot/{file}", get(snapshot::file))
        .merge(api::router())
        .fallback(async || Error::NoPage)
        .method_not_allowed_fallback(async || Error::Method)
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(from_fn_with_state(Arc::clone(&site), finish::finish))
        // What is sent is packed anew for each reader: the lightest levels cost least in all.
        .layer(
            CompressionLayer::new()
                .quality(CompressionLevel::Fastest)
                .compress_when(DefaultPredicate::new().and(NotForContentType::const_new("application/octet-stream"))),
        )
        .with_state(site)
}
