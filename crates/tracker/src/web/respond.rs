//! A page becomes an answer: HTML or JSON, with its tag for caches.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{FromRequestParts, Path};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::address::{self, Format};
use super::error::Error;
use super::feed;
use super::kept::Written;
use super::layout::{Frame, Layout};
use super::page::Page;
use super::site::Site;

/// What was asked for, beside the address itself.
#[derive(Debug, Clone)]
pub struct Asked {
    uri: Uri,
}

/// What a page's loader found.
pub enum Loaded<P> {
    /// The page.
    Page(P),
    /// It is at another address of ours.
    Elsewhere(String),
}

impl Asked {
    /// What the ending of the address asks for.
    pub fn format(&self) -> Format {
        Format::of(self.uri.path())
    }

    /// The address.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The address, with its query.
    fn whole(&self) -> String {
        self.uri.path_and_query().map_or_else(String::new, ToString::to_string)
    }

    /// The address of this page in another format.
    fn twin(&self, format: Format) -> String {
        address::twin(self.uri.path(), self.uri.query(), format)
    }

    /// The address of the page for people, where this one is in another format.
    fn page(&self) -> String {
        let path = address::split_twin(self.uri.path()).map_or(self.uri.path(), |(path, _)| path);
        let path = if path == "/index" { "/" } else { path };
        match self.uri.query().filter(|query| !query.is_empty()) {
            None => path.to_owned(),
            Some(query) => format!("{path}?{query}"),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        Ok(Self { uri: parts.uri.clone() })
    }
}

/// The variable segments of the address, decoded.
pub struct Segments<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segments<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(segments)) => Ok(Self(segments)),
            Err(rejection) => Err(Error::Address {
                message: rejection.body_text(),
            }),
        }
    }
}

/// Loads and writes a page in a thread that may block.
pub async fn page<P: Page + 'static>(
    site: Arc<Site>,
    asked: Asked,
    format: Format,
    load: impl FnOnce(&Site, &Frame) -> Result<Loaded<P>, Error> + Send + 'static,
) -> Result<Response, Error> {
    blocking(move || {
        let (moment, asked_for) = (site.moment()?, asked.whole());
        if let Some(written) = site.kept.get(&asked_for, &moment, Instant::now()) {
            return Ok(written.into_response());
        }
        let frame = site.frame()?;
        Ok(match load(&site, &frame)? {
            Loaded::Page(page) => {
                let written = write(&page, &frame, &asked, format)?;
                site.kept.put(asked_for, moment, written.clone(), frame.is_timely(), Instant::now());
                written.into_response()
            }
            Loaded::Elsewhere(address) => (StatusCode::SEE_OTHER, [(LOCATION, address)]).into_response(),
        })
    })
    .await
}

/// Runs work that asks the store. A panic in it is an error like any other.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Error::Panic))
}

/// JSON that is not a page's.
pub fn json(value: &impl Serialize) -> Response {
    ([(CACHE_CONTROL, "no-cache")], Json(value)).into_response()
}

/// The twin of a page: the page itself with the version of this format in front.
#[derive(Serialize)]
struct Twin<'a, P> {
    version: u32,
    sample: bool,
    #[serde(flatten)]
    page: &'a P,
}

/// The version of the twins. It grows when a member goes away or changes its meaning.
const TWIN_VERSION: u32 = 1;

fn write<P: Page>(page: &P, frame: &Frame, asked: &Asked, format: Format) -> Result<Written, Error> {
    if format != Format::Html && !page.formats().contains(&format) {
        return Err(Error::NoPage);
    }
    let body = match format {
        Format::Json => {
            let twin = Twin {
                version: TWIN_VERSION,
                sample: frame.sample,
                page,
            };
            // Our own structs: only a map with keys that are no text could fail.
            serde_json::to_string(&twin).map_err(|_| Error::Panic)?
        }
        Format::Csv => page.sheet().into_text(),
        Format::Atom => {
            let head = feed::Head {
                title: &format!("{} · Firn tracker", page.title()),
                page: &asked.page(),
                base: frame.base.as_deref().unwrap_or_default(),
                own: &asked.whole(),
            };
            feed::document(head, &page.entries())
        }
        Format::Html => {
            let twins: Vec<(Format, String)> = page.formats().iter().map(|&format| (format, asked.twin(format))).collect();
            let own = asked.page();
            let layout = Layout {
                title: &page.title(),
                section: page.section(),
                asked: page.asked(),
                twins: &twins,
                own: page.status().is_success().then_some(&own),
            };
            layout.document(frame, &page.body(frame)).into_string()
        }
    };
    Ok(Written {
        status: page.status(),
        media_type: format.media_type(),
        tag: tag(body.as_bytes()),
        body: body.into(),
    })
}

impl IntoResponse for Written {
    fn into_response(self) -> Response {
        let headers = [
            (CONTENT_TYPE, self.media_type),
            (CACHE_CONTROL, "no-cache"),
            (ETAG, self.tag.as_str()),
        ];
        (self.status, headers, self.body).into_response()
    }
}

/// The tag of a body for `If-None-Match`. Weak: what is sent may be compressed in several ways.
pub fn tag(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let hash: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("W/\"{hash}\"")
}
