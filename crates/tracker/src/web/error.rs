//! Every way a request can fail, and what it answers.

use std::any::Any;

use axum::http::header::{CONTENT_RANGE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};

use crate::store::StoreError;
use crate::web::api::problem::Kind;

/// Handlers fail with this and nothing else. [`finish`](super::finish) writes the answer: HTML for people, a problem (RFC 9457) for
/// addresses of machines.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such address.
    #[error("there is no page at this address")]
    NoPage,
    /// The address names something that does not exist.
    #[error("{what}")]
    NotFound {
        /// A sentence.
        what: String,
    },
    /// Anything but GET and HEAD.
    #[error("this address does not take the method of the request")]
    Method,
    /// An address that is no UTF-8 when its percent signs are decoded, or a query that cannot be read.
    #[error("the address cannot be read: {message}")]
    Address {
        /// What is wrong with it.
        message: String,
    },
    /// A parameter with a value that means nothing.
    #[error("the parameter {name}={value:?} is wrong: {expected}")]
    Parameter {
        /// Which.
        name: &'static str,
        /// As given, cut.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// Longer than any address of ours.
    #[error("the address is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// A body that is no JSON.
    #[error("the body is no JSON: {message}")]
    Json {
        /// What is wrong with it.
        message: String,
    },
    /// A body that is JSON, but not what was asked for.
    #[error("{message}")]
    Content {
        /// What is wrong with it.
        message: String,
    },
    /// A body of another media type.
    #[error("send the body as application/json, not as {given}")]
    Media {
        /// What came; cut.
        given: String,
    },
    /// A longer body than is read.
    #[error("the body is longer than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// A body that does not come.
    #[error("the body did not come within {seconds} seconds")]
    Waiting {
        /// How long we waited.
        seconds: u64,
    },
    /// More requests than one client may send.
    #[error("more than {per_minute} requests a minute from one address: go on in {wait_s} seconds")]
    Rate {
        /// The limit.
        per_minute: u32,
        /// When the next one is answered.
        wait_s: u64,
    },
    /// More requests under way than one client may have.
    #[error("more than {most} requests of one client are under way: wait for their answers")]
    Crowd {
        /// The limit.
        most: usize,
    },
    /// A range that the file does not have.
    #[error("the file has {size} bytes: it has no such range")]
    Range {
        /// Bytes of the file.
        size: u64,
    },
    /// Something that is not made yet.
    #[error("{what}")]
    NotYet {
        /// A sentence.
        what: &'static str,
    },
    /// An answer that takes too long.
    #[error("the answer took longer than {seconds} seconds")]
    Slow {
        /// The limit.
        seconds: u64,
    },
    /// The database failed.
    #[error("the database did not answer")]
    Store {
        /// Why.
        #[source]
        source: StoreError,
    },
    /// A bug.
    #[error("the page could not be made: this is a bug in the tracker")]
    Panic,
}

impl Error {
    /// What kind of failure it is; the status follows from it.
    pub fn kind(&self) -> Kind {
        match self {
            Error::NoPage | Error::NotFound { .. } => Kind::NotFound,
            Error::Method => Kind::Method,
            Error::Address { .. } | Error::Parameter { .. } => Kind::Address,
            Error::TooLong { .. } => Kind::TooLong,
            Error::Json { .. } => Kind::Json,
            Error::Content { .. } => Kind::Content,
            Error::Media { .. } => Kind::Media,
            Error::TooLarge { .. } => Kind::TooLarge,
            Error::Waiting { .. } => Kind::Waiting,
            Error::Rate { .. } | Error::Crowd { .. } => Kind::Rate,
            Error::Range { .. } => Kind::Range,
            Error::Slow { .. } => Kind::Slow,
            Error::NotYet { .. } | Error::Store { .. } => Kind::Unavailable,
            Error::Panic => Kind::Bug,
        }
    }

    /// Seconds after which the same request may be answered.
    fn retry_after(&self) -> Option<u64> {
        match self {
            Error::Rate { wait_s, .. } => Some(*wait_s),
            Error::Crowd { .. } => Some(1),
            Error::NotYet { .. } | Error::Store { .. } | Error::Slow { .. } => Some(10),
            _ => None,
        }
    }

    /// A parameter with a wrong value.
    pub fn parameter(name: &'static str, value: &str, expected: &'static str) -> Self {
        Error::Parameter {
            name,
            value: value.chars().take(40).collect(),
            expected,
        }
    }
}

impl From<StoreError> for Error {
    fn from(source: StoreError) -> Self {
        Error::Store { source }
    }
}

/// What is left of an error in a response, until the body is written.
#[derive(Debug, Clone)]
pub struct Failed {
    /// Of what kind.
    pub kind: Kind,
    /// A sentence.
    pub message: String,
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        if let Error::Store { source } = &self {
            let cause = std::error::Error::source(source).map(ToString::to_string).unwrap_or_default();
            tracing::error!(what = %source, cause, "request failed");
        }
        let kind = self.kind();
        let mut response = kind.status().into_response();
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        if let Error::Range { size } = &self
            && let Ok(range) = format!("bytes */{size}").parse()
        {
            response.headers_mut().insert(CONTENT_RANGE, range);
        }
        let message = self.to_string();
        response.extensions_mut().insert(Failed { kind, message });
        response
    }
}

/// A panic in a handler becomes an answer like any other error. The panic hook has logged it.
pub fn panicked(_: Box<dyn Any + Send>) -> Response {
    Error::Panic.into_response()
}
