//! Files that never change under their address, and the few that machines look for.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::error::Error;

const STYLE: &str = include_str!("style.css");
const FAVICON: &str = include_str!("favicon.svg");
const ROBOTS: &str = "User-agent: *\nDisallow: /queue\nDisallow: /search\nDisallow: /api/\nDisallow: /metrics\n";

/// The address of the style sheet: another content has another address.
pub static STYLE_ADDRESS: LazyLock<String> = LazyLock::new(|| format!("/static/{}", *STYLE_FILE));

static STYLE_FILE: LazyLock<String> = LazyLock::new(|| {
    let digest = Sha256::digest(STYLE);
    let hash: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("firn-{hash}.css")
});

/// A file with the hash of its content in its name.
pub async fn file(Path(file): Path<String>) -> Result<Response, Error> {
    if file != *STYLE_FILE {
        return Err(Error::NoPage);
    }
    let headers = [
        (CONTENT_TYPE, "text/css; charset=utf-8"),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    Ok((headers, STYLE).into_response())
}

/// The icon.
pub async fn favicon() -> impl IntoResponse {
    ([(CONTENT_TYPE, "image/svg+xml"), (CACHE_CONTROL, "public, max-age=86400")], FAVICON)
}

/// What crawlers should leave alone: lists without end.
pub async fn robots() -> impl IntoResponse {
    (
        [
            (CONTENT_TYPE, "text/plain; charset=utf-8"),
            (CACHE_CONTROL, "public, max-age=86400"),
        ],
        ROBOTS,
    )
}
