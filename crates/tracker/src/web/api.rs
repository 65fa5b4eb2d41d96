//! `/api/v1`: the interface for programs, described by the document at `/api/v1/openapi.json`.
//!
//! A [`Route`] is a handler with its description; the router and the document are made from one list of them. Answers are structs that
//! describe themselves ([`shape`]); failures are problems ([`problem`]). Within v1 members may be added; nothing goes away.

mod answer;
pub(crate) mod ask;
mod channels;
mod check;
mod details;
mod operation;
mod packages;
pub mod problem;
mod reference;
mod research;
pub mod shape;
mod statistics;
mod suggestions;
mod vulnerabilities;

pub(crate) use check::question as check_asked;
pub(crate) use details::question as details_asked;
pub(crate) use suggestions::rewritten as place_again;
pub(crate) use vulnerabilities::rewritten as moment_again;

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodRouter, get};

use super::site::Site;
use operation::Operation;

/// A handler with its description.
struct Route {
    operation: Operation,
    handler: MethodRouter<Arc<Site>>,
}

impl Route {
    fn get<H: Handler<T, Arc<Site>>, T: 'static>(operation: Operation, handler: H) -> Self {
        Self {
            operation,
            handler: get(handler),
        }
    }
}

/// All routes.
fn routes() -> Vec<Route> {
    vec![
        statistics::stats(),
        research::published(),
        research::published_csv(),
        research::fixes(),
        research::fixes_csv(),
        channels::list(),
        channels::one(),
        channels::revisions(),
        packages::list(),
        packages::one(),
        vulnerabilities::list(),
        vulnerabilities::one(),
        vulnerabilities::explain(),
        suggestions::list(),
        check::check(),
        details::details(),
        vulnerabilities::changes(),
        vulnerabilities::bulk(),
        packages::bulk(),
        suggestions::bulk(),
        reference::document(),
    ]
}

/// The routes with the document about them.
pub fn router() -> Router<Arc<Site>> {
    let add = |router: Router<_>, route: Route| router.route(route.operation.path, route.handler);
    routes().into_iter().fold(Router::new(), add).route("/api", get(reference::page))
}
