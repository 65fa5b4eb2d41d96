//! Statements about what was made: in-toto Statement v1, with the predicate SLSA Provenance v1
//! (<https://github.com/in-toto/attestation/tree/main/spec/v1>, <https://slsa.dev/spec/v1.0/provenance>).
//!
//! What a reader does not know stays out of its way: members may be added to both formats. What is known must have its type.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::document::{ReadError, parse as document};

/// The media type that envelopes around statements have.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The statement's own type.
pub const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// The type of the predicate.
pub const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
/// The most subjects or dependencies that one statement may have.
pub const MAX_RESOURCES: usize = 100_000;

/// That some things were made, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// Always [`STATEMENT`].
    #[serde(rename = "_type")]
    pub kind: String,
    /// What was made.
    pub subject: Vec<Resource>,
    /// Always [`PROVENANCE`].
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// How.
    pub predicate: Provenance,
}

/// A thing with its digests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// What it is called where it is spoken of.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What it is called everywhere.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uri: String,
    /// Digests in lowercase digits, by algorithm.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub digest: BTreeMap<String, String>,
    /// What its bytes are.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub media_type: String,
    /// More about it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub annotations: Map<String, Value>,
}

impl Resource {
    /// A thing with a name and a SHA-256 digest.
    pub fn new(name: impl Into<String>, sha256: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            digest: BTreeMap::from([("sha256".to_owned(), sha256.into())]),
            ..Self::default()
        }
    }

    /// Its SHA-256 digest; empty if there is none.
    pub fn sha256(&self) -> &str {
        self.digest.get("sha256").map_or("", String::as_str)
    }
}

/// How something was made: SLSA Provenance v1.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// From what.
    pub build_definition: BuildDefinition,
    /// By whom and when.
    pub run_details: RunDetails,
}

/// What was to be done.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildDefinition {
    /// A URI that says what the rest means.
    pub build_type: String,
    /// What the builder was asked for.
    pub external_parameters: Map<String, Value>,
    /// What the builder added itself.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub internal_parameters: Map<String, Value>,
    /// What went into it.
    #[serde(default)]
    pub resolved_dependencies: Vec<Resource>,
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunDetails {
    /// Who did it.
    pub builder: Builder,
    /// When.
    #[serde(default)]
    pub metadata: Metadata,
    /// What else came of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub byproducts: Vec<Resource>,
}

/// Who built.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Builder {
    /// A URI.
    pub id: String,
    /// Versions of its parts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub version: BTreeMap<String, String>,
    /// Its parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub builder_dependencies: Vec<Resource>,
}

/// When it was built.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// RFC 3339, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_on: Option<String>,
    /// RFC 3339, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_on: Option<String>,
}

/// Why a statement is not read.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// It is no JSON of this shape.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It says something else.
    #[error("read a statement: its {member} is {found:?}, not {wanted}")]
    Other {
        /// Which member.
        member: &'static str,
        /// What it is, shortened.
        found: String,
        /// What is read.
        wanted: &'static str,
    },
    /// More subjects or dependencies than [`MAX_RESOURCES`].
    #[error("read a statement: it speaks of more than {MAX_RESOURCES} things")]
    Size,
    /// A subject has no digest.
    #[error("read a statement: a subject has no digest, or is there twice: {0:?}")]
    Subject(String),
}

impl Statement {
    /// That these things were made so.
    pub fn new(subject: Vec<Resource>, predicate: Provenance) -> Self {
        Self {
            kind: STATEMENT.into(),
            subject,
            predicate_type: PROVENANCE.into(),
            predicate,
        }
    }

    /// The statement as JSON, the same bytes for the same statement.
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// Reads a statement of this version with this predicate.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        // The types first: a statement about something else is no broken one.
        #[derive(Deserialize)]
        struct Types {
            #[serde(rename = "_type")]
            kind: String,
            #[serde(rename = "predicateType")]
            predicate: String,
        }
        let types: Types = document(bytes, "in-toto statement")?;
        for (member, found, wanted) in [("_type", types.kind, STATEMENT), ("predicateType", types.predicate, PROVENANCE)] {
            if found != wanted {
                return Err(StatementError::Other {
                    member,
                    found: crate::document::shortened(&found),
                    wanted,
                });
            }
        }
        let statement: Self = document(bytes, "in-toto statement")?;
        let dependencies = &statement.predicate.build_definition.resolved_dependencies;
        if statement.subject.len() > MAX_RESOURCES || dependencies.len() > MAX_RESOURCES {
            return Err(StatementError::Size);
        }
        let mut names = std::collections::BTreeSet::new();
        for subject in &statement.subject {
            if subject.digest.is_empty() || !names.insert(subject.name.as_str()) {
                return Err(StatementError::Subject(crate::document::shortened(&subject.name)));
            }
        }
        Ok(statement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> Statement {
        Statement::new(vec![Resource::new("tcc/tcc", "ab")], Provenance::default())
    }

    #[test]
    fn what_is_written_is_read() {
        let mut statement = statement();
        statement.predicate.run_details.metadata.finished_on = Some("2026-11-28T16:00:00Z".into());
        statement
            .predicate
            .build_definition
            .external_parameters
            .insert("step".into(), "tcc".into());
        let json = statement.to_json();
        assert_eq!(Statement::parse(json.as_bytes()).unwrap(), statement);
        assert!(json.contains(r#""_type":"https://in-toto.io/Statement/v1""#), "{json}");
        assert!(json.contains(r#""predicateType":"https://slsa.dev/provenance/v1""#), "{json}");
        // What others add is no reason to refuse it.
        let more = json
            .replacen('{', r#"{"more":[1],"#, 1)
            .replace(r#""name":"tcc/tcc""#, r#""name":"tcc/tcc","new":{}"#);
        assert_eq!(Statement::parse(more.as_bytes()).unwrap(), statement);
    }

    #[test]
    fn other_documents_are_refused_by_name() {
        let said = |change: &dyn Fn(&mut Statement)| {
            let mut other = statement();
            change(&mut other);
            Statement::parse(other.to_json().as_bytes()).unwrap_err().to_string()
        };
        assert_eq!(
            said(&|s| s.kind = "https://in-toto.io/Statement/v0.1".into()),
            "read a statement: its _type is \"https://in-toto.io/Statement/v0.1\", not https://in-toto.io/Statement/v1"
        );
        assert!(said(&|s| s.predicate_type = "x".into()).contains("its predicateType is \"x\""));
        assert!(said(&|s| s.subject.push(Resource::new("tcc/tcc", "cd"))).contains("is there twice: \"tcc/tcc\""));
        assert!(said(&|s| s.subject[0].digest.clear()).contains("no digest"));
        assert!(Statement::parse(b"[]").is_err());
        assert!(Statement::parse(&statement().to_json().as_bytes()[..40]).is_err());
    }
}
