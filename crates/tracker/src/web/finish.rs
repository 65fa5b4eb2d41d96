//! What happens to every answer on its way out: bodies of errors, headers, caches, and the notes for the metrics.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::connect_info::ConnectInfo;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, REFERRER_POLICY, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

use super::address::{self, Format};
use super::api::problem;
use super::error::{Error, Failed};
use super::layout;
use super::limit::{self, Guest, Use};
use super::site::Site;
use crate::serve::Peer;

/// Nothing but our own style sheet and icons, and forms that lead back to us. No scripts at all.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Wraps every request.
pub async fn finish(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", MatchedPath::as_str)
        .to_owned();
    let path = request.uri().path().to_owned();
    let known = request.headers().get(IF_NONE_MATCH).cloned();
    let too_long = request
        .uri()
        .path_and_query()
        .is_some_and(|uri| uri.as_str().len() > address::LIMIT);
    let limits = &site.service().limits;
    let mut response = if too_long {
        Error::TooLong { limit: address::LIMIT }.into_response()
    } else {
        match allowed(&site, &request, &route, begun) {
            Err(error) => error.into_response(),
            // One more of this client, until its answer begins.
            Ok(_guest) => match tokio::time::timeout(limits.answer, next.run(request)).await {
                Ok(response) => response,
                Err(_) => Error::Slow {
                    seconds: limits.answer.as_secs(),
                }
                .into_response(),
            },
        }
    };
    if let Some(failed) = response.extensions_mut().remove::<Failed>() {
        response = explain(&site, &path, response, &failed);
    }
    if known.is_some_and(|known| holds(&known, response.headers())) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = axum::body::Body::empty();
    }
    secure(response.headers_mut());
    site.requests.note(&route, response.status().as_u16(), begun.elapsed());
    response
}

/// Whether the client may ask this now. Supervisors may at any time.
fn allowed(site: &Site, request: &Request, route: &str, now: Instant) -> Result<Option<Guest>, Error> {
    let Some(ConnectInfo(Peer(peer))) = request.extensions().get() else {
        return Ok(None);
    };
    let what = match route {
        "/health" | "/metrics" => return Ok(None),
        "/api/v1/check" | "/api/v1/check/details" => Use::Check,
        _ => Use::Read,
    };
    let service = site.service();
    let client = limit::client(peer.ip(), request.headers(), &service.server);
    site.accounts.take(client, what, &service.limits, now)?;
    if limit::is_exempt(client, &service.server, &service.limits) {
        return Ok(None);
    }
    let most = service.limits.connections_per_client;
    site.crowd.enter(client).map(Some).ok_or(Error::Crowd { most })
}

/// The body of an error: in the language of the one who asked.
fn explain(site: &Site, path: &str, failure: Response, failed: &Failed) -> Response {
    let machine = Format::of(path) != Format::Html || path.starts_with("/api/") || path == "/health";
    let status = failure.status();
    let mut response = if machine {
        ([(CONTENT_TYPE, problem::MEDIA)], problem::body(failed.kind, &failed.message)).into_response()
    } else {
        Html(layout::error(&site.frame_without_store(), status.as_u16(), &failed.message).into_string()).into_response()
    };
    *response.status_mut() = status;
    for name in [RETRY_AFTER, CONTENT_RANGE] {
        if let Some(value) = failure.headers().get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Whether the caller has this very answer already.
fn holds(known: &HeaderValue, headers: &HeaderMap) -> bool {
    let (Ok(known), Some(Ok(tag))) = (known.to_str(), headers.get(ETAG).map(HeaderValue::to_str)) else {
        return false;
    };
    let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known
        .split(',')
        .any(|candidate| candidate.trim() == "*" || plain(candidate) == plain(tag))
}

fn secure(headers: &mut HeaderMap) {
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
