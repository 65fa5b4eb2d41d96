//! The pages: each is loaded as a struct, then written as HTML or as JSON.

pub mod about;
pub mod channel;
pub mod compare;
pub mod cve;
pub mod findings;
pub mod legend;
pub mod overview;
pub mod package;
pub mod parameters;
pub mod people;
pub mod problems;
pub mod queue;
pub mod search;
pub mod sources;
pub mod trends;

use axum::http::StatusCode;
use maud::Markup;
use serde::Serialize;

use super::address::Format;
use super::feed::Entry;
use super::layout::{Frame, Section};
use super::sheet::Sheet;

/// A list that goes to spreadsheets and feed readers too.
pub const LIST: &[Format] = &[Format::Json, Format::Csv, Format::Atom];

/// A list of things that nobody waits for news of.
pub const TABLE: &[Format] = &[Format::Json, Format::Csv];

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

    /// The formats that it has beside the one for people.
    fn formats(&self) -> &'static [Format] {
        &[Format::Json]
    }

    /// Its list as rows, where [`formats`](Self::formats) has [`Format::Csv`].
    fn sheet(&self) -> Sheet {
        Sheet::new(&[])
    }

    /// Its list as entries of a feed, where [`formats`](Self::formats) has [`Format::Atom`].
    fn entries(&self) -> Vec<Entry> {
        Vec::new()
    }

    /// The content.
    fn body(&self, frame: &Frame) -> Markup;
}
