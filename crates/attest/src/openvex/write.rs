//! OpenVEX 0.2.0. Serialise a [`Document`] with any serializer of JSON.

use std::borrow::Cow;

use serde::Serialize;

use crate::vex::{Justification, Status};

/// A text that may belong to somebody else.
pub type Text<'a> = Cow<'a, str>;

/// A whole document. It must have a statement.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    #[serde(rename = "@context")]
    context: &'static str,
    /// An IRI.
    #[serde(rename = "@id")]
    pub id: String,
    /// A person or an organisation.
    pub author: Text<'a>,
    /// What they are.
    pub role: &'static str,
    /// RFC 3339.
    pub timestamp: String,
    version: u32,
    /// What made it.
    pub tooling: String,
    /// Each different from the others.
    pub statements: Vec<Statement<'a>>,
}

impl<'a> Document<'a> {
    /// A document with nothing in it yet.
    pub fn new(id: String, author: Text<'a>, role: &'static str, timestamp: String, tooling: String) -> Self {
        Self {
            context: "https://openvex.dev/ns/v0.2.0",
            id,
            author,
            role,
            timestamp,
            version: 1,
            tooling,
            statements: Vec::new(),
        }
    }
}

/// What is said about a vulnerability in some products.
#[derive(Debug, Serialize)]
pub struct Statement<'a> {
    /// Which vulnerability.
    pub vulnerability: Vulnerability<'a>,
    /// In what.
    pub products: Vec<Product<'a>>,
    #[serde(serialize_with = "name_of_status")]
    status: Status,
    /// How the status was found.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status_notes: String,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "name_of_justification")]
    justification: Option<Justification>,
    #[serde(skip_serializing_if = "Option::is_none")]
    impact_statement: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action_statement: Option<String>,
}

/// What a vulnerability comes to, with the words that the format wants beside it.
#[derive(Debug)]
pub enum Outcome {
    /// For one of the five reasons.
    Justified(Justification),
    /// For a reason in words.
    NotAffected(String),
    /// And what to do.
    Affected(String),
    /// It was mended.
    Fixed,
    /// Somebody is looking.
    UnderInvestigation,
}

impl<'a> Statement<'a> {
    /// A statement. The schema allows a justification or an impact statement, not both.
    pub fn new(vulnerability: Vulnerability<'a>, products: Vec<Product<'a>>, outcome: Outcome, status_notes: String) -> Self {
        let (status, justification, impact_statement, action_statement) = match outcome {
            Outcome::Justified(justification) => (Status::NotAffected, Some(justification), None, None),
            Outcome::NotAffected(impact) => (Status::NotAffected, None, Some(impact), None),
            Outcome::Affected(action) => (Status::Affected, None, None, Some(action)),
            Outcome::Fixed => (Status::Fixed, None, None, None),
            Outcome::UnderInvestigation => (Status::UnderInvestigation, None, None, None),
        };
        Self {
            vulnerability,
            products,
            status,
            status_notes,
            justification,
            impact_statement,
            action_statement,
        }
    }
}

/// A vulnerability by its names.
#[derive(Debug, Serialize)]
pub struct Vulnerability<'a> {
    /// Its page.
    #[serde(rename = "@id", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `CVE-2018-25032`.
    pub name: Text<'a>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Text<'a>>,
    /// Other names, each once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Text<'a>>,
}

/// A product, each different from the others.
#[derive(Debug, Serialize)]
pub struct Product<'a> {
    /// An IRI: a package URL.
    #[serde(rename = "@id")]
    pub id: Text<'a>,
    /// Names.
    pub identifiers: Identifiers<'a>,
}

/// Names of a product. The specification and its schema spell the one for CPE names differently, so that it is not written.
#[derive(Debug, Serialize)]
pub struct Identifiers<'a> {
    /// Package URL.
    pub purl: Text<'a>,
}

fn name_of_status<S: serde::Serializer>(status: &Status, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(status.name())
}

fn name_of_justification<S: serde::Serializer>(justification: &Option<Justification>, serializer: S) -> Result<S::Ok, S::Error> {
    justification.map(Justification::name).serialize(serializer)
}
