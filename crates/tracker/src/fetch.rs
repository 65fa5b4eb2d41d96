//! Files from servers: streamed to disk, bounded, and not sent again while they are the same.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use ureq::Agent;
use ureq::http::Response;

use crate::ingest::bounds::{Exceeded, Limited};
use crate::progress::{Phase, Progress};

/// The largest file that is fetched; the largest real one has about 600 MB.
const MAX_FILE: u64 = 8 << 30;

/// The largest page (listing, answer of an interface) that is read into memory.
const MAX_PAGE: u64 = 64 << 20;

/// Fetches files.
#[derive(Debug, Clone)]
pub struct Fetcher {
    agent: Agent,
}

/// What a server sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The file; with what to show the server the next time.
    New {
        /// `ETag`, else `Last-Modified`.
        tag: Option<String>,
    },
    /// It is still the same.
    Same,
}

/// Why nothing came.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No answer.
    #[error("fetch {url}")]
    Ask {
        /// What was asked for.
        url: String,
        /// Why.
        source: Box<ureq::Error>,
    },
    /// An answer that is no file.
    #[error("fetch {url}: the server answers {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// The answer broke off, or could not be written.
    #[error("fetch {url} to its end")]
    Copy {
        /// What was asked for.
        url: String,
        /// Why.
        source: io::Error,
    },
}

impl FetchError {
    /// Whether there was no answer at all.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Ask { .. })
    }

    /// Whether the server has no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Status { status: 404 | 410, .. })
    }
}

impl Default for Fetcher {
    fn default() -> Self {
        let config = Agent::config_builder()
            .user_agent(concat!(
                "firn-tracker/",
                env!("CARGO_PKG_VERSION"),
                " (+https://github.com/firn-nix/firn)"
            ))
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(15)))
            .timeout_recv_response(Some(Duration::from_secs(120)))
            // No limit for a whole file, but one for silence.
            .timeout_per_read(Some(Duration::from_secs(60)))
            .build();
        Self { agent: config.into() }
    }
}

impl Fetcher {
    /// Writes a file to `to`, unless the server says that it is the one with `tag`.
    pub fn file(&self, url: &str, tag: Option<&str>, to: &Path, progress: &Progress) -> Result<Fetched, FetchError> {
        let response = self.ask(url, tag)?;
        if response.status() == 304 {
            return Ok(Fetched::Same);
        }
        let response = good(url, response)?;
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let tag = header("etag").or_else(|| header("last-modified"));
        let total = header("content-length").and_then(|len| len.parse::<u64>().ok());
        progress.begin(
            Phase::Fetching,
            url.rsplit('/').next().unwrap_or(url),
            total.map(|bytes| bytes >> 10),
        );
        let copy = |e| FetchError::Copy {
            url: url.to_owned(),
            source: e,
        };
        let mut body = Limited::new(response.into_body().into_reader(), MAX_FILE, Exceeded::Size { limit: MAX_FILE });
        let written = File::create(to).and_then(|mut file| {
            io::copy(
                &mut Watched {
                    inner: &mut body,
                    progress,
                },
                &mut file,
            )
        });
        progress.abandon();
        written.map_err(copy)?;
        Ok(Fetched::New { tag })
    }

    /// A page as text.
    pub fn page(&self, url: &str) -> Result<String, FetchError> {
        let response = good(url, self.ask(url, None)?)?;
        let mut bytes = Vec::new();
        Limited::new(response.into_body().into_reader(), MAX_PAGE, Exceeded::Size { limit: MAX_PAGE })
            .read_to_end(&mut bytes)
            .map_err(|source| FetchError::Copy {
                url: url.to_owned(),
                source,
            })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn ask(&self, url: &str, tag: Option<&str>) -> Result<Response<ureq::Body>, FetchError> {
        let mut request = self.agent.get(url);
        if let Some(tag) = tag {
            // A tag is quoted, a date is not.
            let header = if tag.ends_with('"') { "If-None-Match" } else { "If-Modified-Since" };
            request = request.header(header, tag);
        }
        request.call().map_err(|e| FetchError::Ask {
            url: url.to_owned(),
            source: Box::new(e),
        })
    }
}

fn good(url: &str, response: Response<ureq::Body>) -> Result<Response<ureq::Body>, FetchError> {
    let status = response.status().as_u16();
    if status == 200 {
        Ok(response)
    } else {
        Err(FetchError::Status {
            url: url.to_owned(),
            status,
        })
    }
}

/// Shows how much came.
struct Watched<'a, R> {
    inner: R,
    progress: &'a Progress,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.progress.add(n as u64 >> 10);
        Ok(n)
    }
}
