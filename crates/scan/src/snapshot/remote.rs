//! A snapshot on a server: read in ranges, as if it were a file. Any server of static files will do.

use std::io::{self, Read};
use std::time::Duration;

use fetch::{FetchError, Patience, condition, good, header, sent};
use ureq::Agent;
use ureq::http::Response;
use vuln::snapshot::ReadAt;

/// Larger files are no snapshots.
pub const LARGEST: u64 = 4 << 30;
/// Bytes that are asked for at first: header and directory of a large snapshot.
const FIRST: u64 = 256 << 10;

const PATIENCE: Patience = Patience {
    answer: Duration::from_secs(60),
    silence: Duration::from_secs(60),
};

/// What a server says when it is first asked.
pub enum Found {
    /// It is the one that the tag names.
    Same,
    /// It can be read in ranges.
    Ranges(Remote),
    /// It comes whole: from a server that knows no ranges.
    Whole(Box<dyn Read + Send>, Option<String>),
}

/// A file on a server.
pub struct Remote {
    agent: Agent,
    url: String,
    size: u64,
    /// What tells this file from a later one, where the server says so.
    pub tag: Option<String>,
    first: Vec<u8>,
}

impl Remote {
    /// Asks for a file; `tag` is what the server said of the one that is here.
    pub fn find(url: &str, tag: Option<&str>) -> Result<Found, FetchError> {
        let agent = fetch::agent(concat!("firn-scan/", env!("CARGO_PKG_VERSION")), PATIENCE)?;
        let range = format!("bytes=0-{}", FIRST - 1);
        let mut request = agent.get(url).header("Range", &range).header("Accept-Encoding", "identity");
        if let Some(tag) = tag {
            request = request.header(condition(tag), tag);
        }
        let response = sent(url, fetch::ask(url, request).call())?;
        let tag = header(&response, "etag")
            // A weak tag does not tell one byte from another.
            .filter(|tag| tag.starts_with('"'))
            .or_else(|| header(&response, "last-modified"));
        let nonsense = |what| nonsense(url, what);
        match response.status().as_u16() {
            304 => Ok(Found::Same),
            200 => Ok(Found::Whole(Box::new(response.into_body().into_reader().take(LARGEST)), tag)),
            206 => {
                let (from, to, size) = header(&response, "content-range")
                    .as_deref()
                    .and_then(fetch::content_range)
                    .ok_or_else(|| nonsense("it has no Content-Range"))?;
                if from != 0 || to >= size || to >= FIRST || size > LARGEST {
                    return Err(nonsense("its Content-Range is not what was asked for"));
                }
                let first = body(url, response, to + 1)?;
                Ok(Found::Ranges(Self {
                    agent,
                    url: url.to_owned(),
                    size,
                    tag,
                    first,
                }))
            }
            _ => Err(refused(url, response)),
        }
    }

    /// Bytes of the file. Where it is another file by now, the server answers with all of it, which is an error.
    pub fn range(&self, offset: u64, size: u64) -> Result<Vec<u8>, FetchError> {
        let last = offset.saturating_add(size).saturating_sub(1);
        let range = format!("bytes={offset}-{last}");
        let mut request = self
            .agent
            .get(&self.url)
            .header("Range", &range)
            .header("Accept-Encoding", "identity");
        if let Some(tag) = &self.tag {
            request = request.header("If-Range", tag);
        }
        let response = sent(&self.url, fetch::ask(&self.url, request).call())?;
        let nonsense = |what| nonsense(&self.url, what);
        match response.status().as_u16() {
            206 => {
                let told = header(&response, "content-range").as_deref().and_then(fetch::content_range);
                if told != Some((offset, last, self.size)) {
                    return Err(nonsense("it sends another range, or of another file, than was asked for"));
                }
                body(&self.url, response, size)
            }
            200 => Err(nonsense("the file changed while it was fetched")),
            _ => Err(refused(&self.url, response)),
        }
    }
}

impl ReadAt for Remote {
    fn size(&self) -> io::Result<u64> {
        Ok(self.size)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(offset).ok();
        if let Some(known) = from.and_then(|from| self.first.get(from..)?.get(..buffer.len())) {
            buffer.copy_from_slice(known);
            return Ok(());
        }
        let bytes = self.range(offset, buffer.len() as u64).map_err(io::Error::other)?;
        buffer.copy_from_slice(&bytes);
        Ok(())
    }
}

fn body(url: &str, response: Response<ureq::Body>, size: u64) -> Result<Vec<u8>, FetchError> {
    let broken = |source| FetchError::Copy {
        url: url.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let mut reader = response.into_body().into_reader().take(size.saturating_add(1));
    reader.read_to_end(&mut bytes).map_err(broken)?;
    if bytes.len() as u64 == size {
        Ok(bytes)
    } else {
        Err(broken(io::ErrorKind::UnexpectedEof.into()))
    }
}

/// An answer that is neither the file nor a part of it.
fn refused(url: &str, response: Response<ureq::Body>) -> FetchError {
    match good(url, response) {
        Err(error) => error,
        Ok(_) => nonsense(url, "it is not what was asked for"),
    }
}

/// An answer that says something impossible.
pub fn nonsense(url: &str, what: &str) -> FetchError {
    FetchError::Nonsense {
        url: url.to_owned(),
        what: what.to_owned(),
    }
}
