//! Answers of the API: one JSON document, or lines of them without end.

use axum::body::Bytes;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::operation::LINES;
use crate::web::error::Error;
use crate::web::{respond, stream};

/// A JSON document with its tag.
pub fn json(value: &impl Serialize) -> Result<Response, Error> {
    // Our own structs: only a map with keys that are no text could fail.
    let body = serde_json::to_vec(value).map_err(|_| Error::Panic)?;
    let tag = respond::tag(&body);
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-cache"),
        (ETAG, tag.as_str()),
    ];
    Ok((headers, body).into_response())
}

/// JSON Lines. `next` makes a piece of them and says where to go on.
pub fn lines<P: Send + 'static, T: Serialize>(
    tag: &str,
    first: P,
    next: impl Fn(P) -> Result<(Vec<T>, Option<P>), Error> + Clone + Send + 'static,
) -> Result<Response, Error> {
    let body = stream::body(first, move |at| {
        let (items, place) = next(at)?;
        let mut bytes = Vec::new();
        for item in items {
            serde_json::to_writer(&mut bytes, &item).map_err(|_| Error::Panic)?;
            bytes.push(b'\n');
        }
        Ok((Bytes::from(bytes), place))
    });
    Ok(([(CONTENT_TYPE, LINES), (CACHE_CONTROL, "no-cache"), (ETAG, tag)], body).into_response())
}
