//! The pages: each is loaded as a struct, then written as HTML or as JSON.

pub mod about;
pub mod channel;
pub mod cve;
pub mod findings;
pub mod overview;
pub mod package;
pub mod parameters;
pub mod problems;
pub mod queue;
pub mod search;

use axum::http::StatusCode;
use maud::Markup;
use serde::Serialize;

use super::layout::{Frame, Section};

/// A page. Its serialised form is its JSON twin.
pub trait Page: Serialize {
    /// Title without the name of the site.
    fn title(&self) -> String;

    /// Where it belongs.
    fn section(&self) -> Section;

    /// What was searched for.
    fn asked(&self) -> &str {
        ""
    }

    /// Status of the answer.
    fn status(&self) -> StatusCode {
        StatusCode::OK
    }

    /// The content.
    fn body(&self, frame: &Frame) -> Markup;
}
