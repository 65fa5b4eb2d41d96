//! Files from servers: streamed to disk, bounded, not sent again while they are the same, and gone on with where a connection broke.

mod part;

use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

pub use fetch::FetchError;
use fetch::{Patience, Timely, condition, good, header, sent};
use ureq::Agent;
use ureq::http::Response;

use crate::config;
use crate::ingest::bounds::{Exceeded, Limited};
use crate::progress::{Phase, Progress};
use part::Part;

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

impl Fetcher {
    /// With the system's certificates, and a proxy where `ALL_PROXY`, `HTTPS_PROXY` or `HTTP_PROXY` name one and `NO_PROXY` does not exempt.
    pub fn new(config: &config::Feeds) -> Result<Self, FetchError> {
        let patience = Patience {
            answer: config.silence.saturating_mul(2),
            silence: config.silence,
        };
        Ok(Self {
            agent: fetch::agent(concat!("firn-tracker/", env!("CARGO_PKG_VERSION")), patience)?,
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
            inner: Timely::new(
                Limited::new(response.into_body().into_reader(), limit, Exceeded::Size { limit: self.max_file }),
                self.max_time,
            ),
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
        let response = sent(url, request.call())?;
        self.text(url, good(url, response)?)
    }

    fn text(&self, url: &str, response: Response<ureq::Body>) -> Result<String, FetchError> {
        let mut bytes = Vec::new();
        let body = response.into_body().into_reader();
        let body = Limited::new(body, MAX_PAGE, Exceeded::Size { limit: MAX_PAGE });
        let mut timely = Timely::new(body, self.max_time.min(PAGE_TIME));
        timely.read_to_end(&mut bytes).map_err(|source| FetchError::Copy {
            url: url.to_owned(),
            source,
        })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn ask(&self, url: &str, tag: Option<&str>, part: Option<(u64, &str)>) -> Result<Response<ureq::Body>, FetchError> {
        let mut request = self.agent.get(url).header("Accept-Encoding", "identity");
        if let Some(tag) = tag {
            request = request.header(condition(tag), tag);
        }
        if let Some((len, tag)) = part {
            request = request.header("Range", format!("bytes={len}-")).header("If-Range", tag);
        }
        sent(url, fetch::ask(url, request).call())
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
