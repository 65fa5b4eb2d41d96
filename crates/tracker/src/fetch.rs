//! Files from servers: streamed to disk, bounded, not sent again while they are the same, and gone on with where a connection broke.

mod part;
mod roots;
mod wait;

use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::http::Response;
use ureq::tls::TlsConfig;

use crate::config;
use crate::ingest::bounds::{Exceeded, Limited};
use crate::progress::{Phase, Progress};
use part::Part;
pub use roots::RootsError;

/// The largest page (listing, answer of an interface) that is read into memory.
const MAX_PAGE: u64 = 64 << 20;

/// How long such a page may take.
const PAGE_TIME: Duration = Duration::from_secs(300);

/// Fetches files.
#[derive(Debug, Clone)]
pub struct Fetcher {
    agent: Agent,
    max_file: u64,
    max_time: Duration,
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
        /// How long the server asks to be left alone.
        wait: Option<Duration>,
    },
    /// The answer broke off, or could not be written.
    #[error("fetch {url} to its end")]
    Copy {
        /// What was asked for.
        url: String,
        /// Why.
        source: io::Error,
    },
    /// The answer has another length than the server said.
    #[error("fetch {url} to its end: {came} of {said} bytes came")]
    Short {
        /// What was asked for.
        url: String,
        /// Bytes that came.
        came: u64,
        /// Bytes that the server announced.
        said: u64,
    },
    /// Larger than any file may be.
    #[error("fetch {url}: the server announces {said} bytes, at most {limit} are taken")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// Bytes that the server announced.
        said: u64,
        /// `feeds.max_file`
        limit: u64,
    },
    /// The server goes on somewhere else than it was asked to.
    #[error("fetch {url}: the server goes on with another part of the file than was asked for")]
    WrongPart {
        /// What was asked for.
        url: String,
    },
    /// The certificates to trust.
    #[error("read the certificates of this system")]
    Roots(#[source] RootsError),
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

    /// How long the server asks to be left alone.
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::Status { wait, .. } => *wait,
            _ => None,
        }
    }
}

impl Fetcher {
    /// With the system's certificates, and a proxy where `ALL_PROXY`, `HTTPS_PROXY` or `HTTP_PROXY` name one and `NO_PROXY` does not exempt.
    pub fn new(config: &config::Feeds) -> Result<Self, FetchError> {
        let tls = TlsConfig::builder().root_certs(roots::system().map_err(FetchError::Roots)?).build();
        let agent = Agent::config_builder()
            .user_agent(concat!(
                "firn-tracker/",
                env!("CARGO_PKG_VERSION"),
                " (+https://github.com/firn-nix/firn)"
            ))
            .http_status_as_error(false)
            .tls_config(tls)
            .timeout_connect(Some(Duration::from_secs(15)))
            .timeout_recv_response(Some(config.silence.saturating_mul(2)))
            // No limit for a whole file here, but one for silence.
            .timeout_per_read(Some(config.silence))
            .build();
        Ok(Self {
            agent: agent.into(),
            max_file: config.max_file,
            max_time: config.max_time,
        })
    }

    /// Writes a file to `to`, unless the server says that it is the one with `tag`. What came of a file whose connection broke stays
    /// beside `to`; the next call goes on there, if the server still has the same file.
    pub fn file(&self, url: &str, tag: Option<&str>, to: &Path, progress: &Progress) -> Result<Fetched, FetchError> {
        let copy = |source| FetchError::Copy {
            url: url.to_owned(),
            source,
        };
        let mut part = Part::open(to, url).map_err(copy)?;
        let mut response = self.ask(url, tag, part.resumable())?;
        if response.status() == 416 {
            // What we have is not the start of what the server has.
            part.restart().map_err(copy)?;
            response = self.ask(url, tag, None)?;
        }
        if response.status() == 304 {
            part.remove().map_err(copy)?;
            return Ok(Fetched::Same);
        }
        let is_part = response.status() == 206;
        if is_part {
            let start = header(&response, "content-range").and_then(|range| part::start(&range));
            if start.is_none() || start != part.resumable().map(|(len, _)| len) {
                part.remove().map_err(copy)?;
                return Err(FetchError::WrongPart { url: url.to_owned() });
            }
        } else {
            response = good(url, response)?;
            part.restart().map_err(copy)?;
        }
        let tag = header(&response, "etag").or_else(|| header(&response, "last-modified"));
        let is_packed = header(&response, "content-encoding").is_some_and(|coding| coding != "identity");
        let announced = header(&response, "content-length").and_then(|len| len.parse::<u64>().ok());
        let said = announced.filter(|_| !is_packed).map(|len| len.saturating_add(part.len()));
        if let Some(said) = said.filter(|said| *said > self.max_file) {
            part.remove().map_err(copy)?;
            return Err(FetchError::TooLarge {
                url: url.to_owned(),
                said,
                limit: self.max_file,
            });
        }
        // A file that is packed on its way cannot be gone on with: its bytes are not those that are counted.
        part.known_as(tag.as_deref().filter(|_| !is_packed)).map_err(copy)?;
        progress.begin(
            Phase::Fetching,
            url.rsplit('/').next().unwrap_or(url),
            said.map(|bytes| bytes >> 10),
        );
        progress.add(part.len() >> 10);
        let limit = self.max_file.saturating_sub(part.len());
        let mut body = Watched {
            inner: Timely {
                inner: Limited::new(response.into_body().into_reader(), limit, Exceeded::Size { limit: self.max_file }),
                until: Instant::now() + self.max_time,
            },
            progress,
            odd: 0,
        };
        let written = part.append(&mut body);
        progress.abandon();
        if let Err(source) = written {
            part.keep().map_err(copy)?;
            return Err(copy(source));
        }
        if let Some(said) = said.filter(|said| *said != part.len()) {
            let came = part.len();
            part.keep().map_err(copy)?;
            return Err(FetchError::Short {
                url: url.to_owned(),
                came,
                said,
            });
        }
        part.finish(to).map_err(copy)?;
        Ok(Fetched::New { tag })
    }

    /// A page as text.
    pub fn page(&self, url: &str) -> Result<String, FetchError> {
        let response = good(url, self.ask(url, None, None)?)?;
        self.text(url, response)
    }

    /// A page as text, from an interface that knows us by a key. Nobody that it sends us to gets the key.
    pub fn page_with_key(&self, url: &str, name: &str, key: Option<&str>) -> Result<String, FetchError> {
        let Some(key) = key else { return self.page(url) };
        let request = self.agent.get(url).header(name, key).config().max_redirects(0).build();
        let response = request.call().map_err(|e| asked(url, e))?;
        self.text(url, good(url, response)?)
    }

    fn text(&self, url: &str, response: Response<ureq::Body>) -> Result<String, FetchError> {
        let mut bytes = Vec::new();
        let body = response.into_body().into_reader();
        let mut timely = Timely {
            inner: Limited::new(body, MAX_PAGE, Exceeded::Size { limit: MAX_PAGE }),
            until: Instant::now() + self.max_time.min(PAGE_TIME),
        };
        timely.read_to_end(&mut bytes).map_err(|source| FetchError::Copy {
            url: url.to_owned(),
            source,
        })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn ask(&self, url: &str, tag: Option<&str>, part: Option<(u64, &str)>) -> Result<Response<ureq::Body>, FetchError> {
        let mut request = self.agent.get(url).header("Accept-Encoding", "identity");
        if let Some(tag) = tag {
            request = request.header(condition(tag, "If-None-Match", "If-Modified-Since"), tag);
        }
        if let Some((len, tag)) = part {
            request = request.header("Range", format!("bytes={len}-")).header("If-Range", tag);
        }
        // What is asked for over TLS does not come without.
        let is_safe = url.starts_with("https://");
        request.config().https_only(is_safe).build().call().map_err(|e| asked(url, e))
    }
}

/// A tag is quoted, a date is not.
fn condition(tag: &str, of_tag: &'static str, of_date: &'static str) -> &'static str {
    if tag.ends_with('"') { of_tag } else { of_date }
}

fn asked(url: &str, source: ureq::Error) -> FetchError {
    FetchError::Ask {
        url: url.to_owned(),
        source: Box::new(source),
    }
}

fn header(response: &Response<ureq::Body>, name: &str) -> Option<String> {
    response
        .headers()
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.trim().to_owned())
}

fn good(url: &str, response: Response<ureq::Body>) -> Result<Response<ureq::Body>, FetchError> {
    let status = response.status().as_u16();
    if status == 200 {
        return Ok(response);
    }
    Err(FetchError::Status {
        url: url.to_owned(),
        status,
        wait: wait::asked(status, |name| header(&response, name), config::now()),
    })
}

/// Ends what never ends.
struct Timely<R> {
    inner: R,
    until: Instant,
}

impl<R: Read> Read for Timely<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if Instant::now() > self.until {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the server is too slow"));
        }
        self.inner.read(buffer)
    }
}

/// Shows how much came.
struct Watched<'a, R> {
    inner: R,
    progress: &'a Progress,
    /// Bytes not shown yet: less than the unit that is shown.
    odd: u64,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.odd += n as u64;
        self.progress.add(self.odd >> 10);
        self.odd &= 1023;
        Ok(n)
    }
}
