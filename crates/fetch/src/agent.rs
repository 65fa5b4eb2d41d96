//! One agent for a program, and how it asks.

use std::io::{self, Read};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ureq::http::Response;
use ureq::tls::TlsConfig;
use ureq::{Agent, Body, RequestBuilder};

use crate::{FetchError, roots, wait};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(15);

/// How long a server may be silent.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Before it answers.
    pub answer: Duration,
    /// In the middle of an answer.
    pub silence: Duration,
}

/// An agent that says which program asks (`firn-scan/0.1.0`). It trusts the system's certificates and goes through a proxy where
/// `ALL_PROXY`, `HTTPS_PROXY` or `HTTP_PROXY` name one and `NO_PROXY` does not exempt.
pub fn agent(program: &str, patience: Patience) -> Result<Agent, FetchError> {
    let tls = TlsConfig::builder().root_certs(roots::system().map_err(FetchError::Roots)?).build();
    Ok(Agent::config_builder()
        .user_agent(format!("{program} (+https://github.com/firn-nix/firn)"))
        .http_status_as_error(false)
        .tls_config(tls)
        .timeout_connect(Some(CONNECT))
        .timeout_send_request(Some(patience.answer))
        .timeout_send_body(Some(patience.answer))
        .timeout_recv_response(Some(patience.answer))
        // No limit for a whole file here, but one for silence.
        .timeout_per_read(Some(patience.silence))
        .build()
        .into())
}

/// Sends a request without a body. What is asked for over TLS does not come without.
pub fn ask<B>(url: &str, request: RequestBuilder<B>) -> RequestBuilder<B> {
    let is_safe = url.starts_with("https://");
    request.config().https_only(is_safe).build()
}

/// What came of a request, with its address where nothing did.
pub fn sent(url: &str, result: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>, FetchError> {
    result.map_err(|source| FetchError::Ask {
        url: url.to_owned(),
        source: Box::new(source),
    })
}

/// A tag is quoted, a date is not: the header that says which one is here.
pub fn condition(tag: &str) -> &'static str {
    if tag.ends_with('"') { "If-None-Match" } else { "If-Modified-Since" }
}

/// A header's text.
pub fn header(response: &Response<Body>, name: &str) -> Option<String> {
    response
        .headers()
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.trim().to_owned())
}

/// The answer, if it is a 200.
pub fn good(url: &str, response: Response<Body>) -> Result<Response<Body>, FetchError> {
    let status = response.status().as_u16();
    if status == 200 {
        return Ok(response);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    Err(FetchError::Status {
        url: url.to_owned(),
        status,
        wait: wait::asked(status, |name| header(&response, name), now),
    })
}

/// Ends what never ends.
#[derive(Debug)]
pub struct Timely<R> {
    inner: R,
    until: Instant,
}

impl<R> Timely<R> {
    /// Reads for so long.
    pub fn new(inner: R, time: Duration) -> Self {
        Self {
            inner,
            until: Instant::now() + time,
        }
    }
}

impl<R: Read> Read for Timely<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if Instant::now() > self.until {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the server is too slow"));
        }
        self.inner.read(buffer)
    }
}
