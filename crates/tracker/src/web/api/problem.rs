//! Failures as RFC 9457 has them.

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

/// The media type.
pub const MEDIA: &str = "application/problem+json";

/// The kinds of failures: their names are anchors of the page about the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 400: the address or a parameter.
    Address,
    /// 400: the body is no JSON.
    Json,
    /// 404.
    NotFound,
    /// 405.
    Method,
    /// 408: the body did not come.
    Waiting,
    /// 413.
    TooLarge,
    /// 414.
    TooLong,
    /// 415.
    Media,
    /// 416.
    Range,
    /// 422: JSON, but not what was asked for.
    Content,
    /// 429.
    Rate,
    /// 500.
    Bug,
    /// 503: the database or the snapshot.
    Unavailable,
    /// 503: it takes too long.
    Slow,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 14] = [
        Self::Address,
        Self::Json,
        Self::NotFound,
        Self::Method,
        Self::Waiting,
        Self::TooLarge,
        Self::TooLong,
        Self::Media,
        Self::Range,
        Self::Content,
        Self::Rate,
        Self::Bug,
        Self::Unavailable,
        Self::Slow,
    ];

    /// The status of the answer.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Address | Self::Json => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Waiting => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooLong => StatusCode::URI_TOO_LONG,
            Self::Media => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Range => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Content => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Rate => StatusCode::TOO_MANY_REQUESTS,
            Self::Bug => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable | Self::Slow => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The name in addresses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Address => "bad-address",
            Self::Json => "no-json",
            Self::NotFound => "not-found",
            Self::Method => "wrong-method",
            Self::Waiting => "body-too-slow",
            Self::TooLarge => "body-too-large",
            Self::TooLong => "address-too-long",
            Self::Media => "wrong-media-type",
            Self::Range => "bad-range",
            Self::Content => "wrong-content",
            Self::Rate => "too-many-requests",
            Self::Bug => "bug",
            Self::Unavailable => "unavailable",
            Self::Slow => "too-slow",
        }
    }

    /// The same in every answer of the kind.
    pub fn title(self) -> &'static str {
        match self {
            Self::Address => "The address or one of its parameters means nothing",
            Self::Json => "The body is no JSON",
            Self::NotFound => "There is no such thing",
            Self::Method => "The method does not fit the address",
            Self::Waiting => "The body did not come in time",
            Self::TooLarge => "The body is too large",
            Self::TooLong => "The address is too long",
            Self::Media => "The body is of another media type than application/json",
            Self::Range => "The file has no such range",
            Self::Content => "The body is JSON, but not what was asked for",
            Self::Rate => "Too many requests: Retry-After says when to go on",
            Self::Bug => "The tracker failed: this is a bug in it",
            Self::Unavailable => "The data is not there now: try again later",
            Self::Slow => "The answer took too long",
        }
    }

    /// The address that names the kind, and leads to a word about it.
    pub fn address(self) -> String {
        format!("/api#{}", self.name())
    }
}

/// A failure's body.
#[derive(Debug, Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
}

/// Writes the body.
pub fn body(kind: Kind, detail: &str) -> String {
    let problem = Problem {
        r#type: kind.address(),
        title: kind.title(),
        status: kind.status().as_u16(),
        detail,
    };
    // Texts and a number: nothing in it can fail to be written.
    serde_json::to_string(&problem).unwrap_or_default()
}

/// Its schema.
pub fn schema() -> Value {
    json!({
        "type": "object",
        "description": "A failure, as RFC 9457 has it.",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string", "description": "Names the kind of failure.", "enum": Kind::ALL.map(Kind::address)},
            "title": {"type": "string", "description": "The same for all failures of the kind."},
            "status": {"type": "integer", "description": "The status of the answer."},
            "detail": {"type": "string", "description": "What is wrong here."},
        },
    })
}
