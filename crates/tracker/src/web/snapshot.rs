//! `/snapshot/`: the newest snapshot and its key, as any file server would hand them out, in ranges too.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE, RANGE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::error::Error;
use super::respond::blocking;
use super::site::Site;
use super::stream;
use crate::snapshot::Shelf;

/// Bytes that are read at a time.
const PIECE: u64 = 256 << 10;

/// `GET /snapshot/{file}`
pub async fn file(State(site): State<Arc<Site>>, Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Error> {
    let Some(published) = site.published_snapshot() else {
        return Err(Error::NoPage);
    };
    let path = published.path();
    if name == format!("{}.pub", Shelf::NAME) {
        let path = path.with_file_name(name);
        let key = blocking(move || fs::read(path).map_err(|_| NOT_YET)).await?;
        let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-cache")];
        return Ok((headers, key).into_response());
    }
    if name != Shelf::NAME {
        return Err(Error::NoPage);
    }
    let (tag, size, file) = blocking(move || {
        site.snapshot()?.ok_or(NOT_YET)?;
        // Opened once: a newer one that takes its place changes nothing for this answer.
        let file = File::open(&path).map_err(|_| NOT_YET)?;
        let metadata = file.metadata().map_err(|_| NOT_YET)?;
        Ok((tag(&metadata), metadata.len(), file))
    })
    .await?;
    let is_same = headers.get(IF_RANGE).is_none_or(|wanted| wanted.as_bytes() == tag.as_bytes());
    let asked = headers.get(RANGE).filter(|_| is_same).and_then(|range| range.to_str().ok());
    let (status, from, to) = match asked.and_then(|text| range(text, size)) {
        None => (StatusCode::OK, 0, size),
        Some(None) => return Err(Error::Range { size }),
        Some(Some((from, to))) => (StatusCode::PARTIAL_CONTENT, from, to),
    };
    let file = Arc::new(file);
    let body = stream::body(from, move |at| {
        let mut bytes = vec![0; usize::try_from((to - at).min(PIECE)).unwrap_or(0)];
        file.read_exact_at(&mut bytes, at).map_err(|_| Error::Panic)?;
        let next = at + bytes.len() as u64;
        Ok((Bytes::from(bytes), (next < to).then_some(next)))
    });
    let headers = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (CACHE_CONTROL, "no-cache".to_owned()),
        (ACCEPT_RANGES, "bytes".to_owned()),
        (CONTENT_LENGTH, (to - from).to_string()),
        (ETAG, tag),
    ];
    let mut response = (status, headers, body).into_response();
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(range) = format!("bytes {from}-{}/{size}", to - 1).parse()
    {
        response.headers_mut().insert(CONTENT_RANGE, range);
    }
    Ok(response)
}

const NOT_YET: Error = Error::NotYet {
    what: "no snapshot has been made yet: one is made after each match",
};

/// Another file has another tag.
fn tag(metadata: &fs::Metadata) -> String {
    use std::os::unix::fs::MetadataExt as _;
    format!(
        "\"{:x}-{:x}-{:x}{:09}\"",
        metadata.ino(),
        metadata.len(),
        metadata.mtime(),
        metadata.mtime_nsec()
    )
}

/// The first byte and the one behind the last of a `Range` header; `None` where it is to be ignored, as several ranges at once are;
/// `Some(None)` where there are no such bytes.
fn range(text: &str, size: u64) -> Option<Option<(u64, u64)>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse::<u64>().ok())
            .flatten()
    };
    if first.is_empty() {
        let count = number(last)?;
        let from = size.saturating_sub(count);
        return Some((count > 0 && size > 0).then_some((from, size)));
    }
    let from = number(first)?;
    let to = if last.is_empty() {
        size
    } else {
        number(last)?.saturating_add(1).min(size)
    };
    if !last.is_empty() && number(last)? < from {
        return None;
    }
    Some((from < size).then_some((from, to)))
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn ranges() {
        assert_eq!(range("bytes=0-0", 10), Some(Some((0, 1))));
        assert_eq!(range("bytes=2-5", 10), Some(Some((2, 6))));
        assert_eq!(range("bytes=2-", 10), Some(Some((2, 10))));
        assert_eq!(range("bytes=2-999", 10), Some(Some((2, 10))));
        assert_eq!(range("bytes=-3", 10), Some(Some((7, 10))));
        assert_eq!(range("bytes=-99", 10), Some(Some((0, 10))));
        for none in ["bytes=10-", "bytes=10-11", "bytes=-0"] {
            assert_eq!(range(none, 10), Some(None), "{none}");
        }
        for ignored in [
            "",
            "bytes=",
            "bytes=-",
            "bytes=5-2",
            "bytes=0-1,3-4",
            "lines=0-1",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=99999999999999999999-",
        ] {
            assert_eq!(range(ignored, 10), None, "{ignored}");
        }
    }
}
