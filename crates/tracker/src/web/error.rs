//! Every way a request can fail, and what it answers.

use std::any::Any;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::store::StoreError;

/// Handlers fail with this and nothing else. [`finish`](super::finish) writes the answer: HTML for people, JSON for addresses of machines.
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
    #[error("pages can only be read: use GET")]
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
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Error::NoPage | Error::NotFound { .. } => StatusCode::NOT_FOUND,
            Error::Method => StatusCode::METHOD_NOT_ALLOWED,
            Error::Address { .. } | Error::Parameter { .. } => StatusCode::BAD_REQUEST,
            Error::TooLong { .. } => StatusCode::URI_TOO_LONG,
            Error::Store { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Error::Panic => StatusCode::INTERNAL_SERVER_ERROR,
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
    /// A sentence.
    pub message: String,
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        if let Error::Store { source } = &self {
            let cause = std::error::Error::source(source).map(ToString::to_string).unwrap_or_default();
            tracing::error!(what = %source, cause, "request failed");
        }
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Failed { message: self.to_string() });
        response
    }
}

/// A panic in a handler becomes an answer like any other error. The panic hook has logged it.
pub fn panicked(_: Box<dyn Any + Send>) -> Response {
    Error::Panic.into_response()
}
