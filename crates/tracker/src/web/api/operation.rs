//! What a route of the API does, in the words of OpenAPI 3.1. Each handler has its description beside it; the router and the document are
//! made from the same list, so that neither has what the other lacks.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::problem::{self, Kind};
use super::shape::{Book, Shape};

/// One route.
pub struct Operation {
    /// `get` or `post`.
    pub method: &'static str,
    /// With segments in braces, as the router and OpenAPI both have them.
    pub path: &'static str,
    /// Its name for generated clients.
    pub id: &'static str,
    /// The group that it is listed under.
    pub group: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The rest.
    pub words: &'static str,
    /// Segments and query.
    pub parameters: Vec<Parameter>,
    /// What has to be sent, as JSON.
    pub body: Option<fn(&mut Book) -> Value>,
    /// What a good answer holds.
    pub answer: Answer,
    /// How it can fail, beside [`ALWAYS`].
    pub problems: &'static [Kind],
}

/// How every route can fail.
pub const ALWAYS: [Kind; 6] = [Kind::Address, Kind::TooLong, Kind::Rate, Kind::Bug, Kind::Unavailable, Kind::Slow];

/// A good answer.
pub struct Answer {
    /// Its media type.
    pub media: &'static str,
    /// One line.
    pub words: &'static str,
    /// What it holds; of JSON Lines what each line holds.
    pub schema: fn(&mut Book) -> Value,
}

impl Answer {
    /// A JSON document.
    pub fn json<T: Shape>(words: &'static str) -> Self {
        Self {
            media: "application/json",
            words,
            schema: T::schema,
        }
    }

    /// One JSON document a line.
    pub fn lines<T: Shape>(words: &'static str) -> Self {
        Self {
            media: LINES,
            words,
            schema: |book| json!({"type": "string", "description": "One object a line.", "x-line": T::schema(book)}),
        }
    }
}

/// The media type of JSON Lines.
pub const LINES: &str = "application/jsonl";

/// A part of an address.
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// `path` or `query`.
    pub place: &'static str,
    /// One line.
    pub words: &'static str,
    /// What it may be.
    pub schema: Value,
}

impl Parameter {
    /// A segment of the path.
    pub fn segment(name: &'static str, words: &'static str) -> Self {
        Self {
            name,
            place: "path",
            words,
            schema: json!({"type": "string", "minLength": 1, "maxLength": 200}),
        }
    }

    /// A value of the query, which may be left out.
    pub fn query(name: &'static str, words: &'static str, schema: Value) -> Self {
        Self {
            name,
            place: "query",
            words,
            schema,
        }
    }
}

/// The whole document.
pub fn document(operations: &[Operation]) -> Value {
    let mut book = Book::default();
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations {
        let described = describe(operation, &mut book);
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(operation.method.to_owned(), described);
        }
    }
    let problem = problem::schema();
    let mut schemas: Map<String, Value> = book.schemas.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    schemas.insert("Problem".to_owned(), problem);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Firn tracker",
            "version": "1",
            "summary": "What is vulnerable in Nixpkgs, with the reasons.",
            "description": "Members may be added within v1; clients ignore those that they do not know. Nothing goes away or changes its meaning but in a v2 beside it.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

fn describe(operation: &Operation, book: &mut Book) -> Value {
    let parameters: Vec<Value> = operation.parameters.iter().map(parameter).collect();
    let mut answers: Map<String, Value> = Map::new();
    let schema = (operation.answer.schema)(book);
    answers.insert(
        "200".to_owned(),
        json!({"description": operation.answer.words, "content": {operation.answer.media: {"schema": schema}}}),
    );
    if operation.method == "get" {
        answers.insert("304".to_owned(), json!({"description": "It is what If-None-Match names."}));
    }
    for kind in ALWAYS.iter().chain(operation.problems) {
        answers.entry(kind.status().as_str()).or_insert_with(|| failure(kind.status()));
    }
    let mut described = json!({
        "operationId": operation.id,
        "tags": [operation.group],
        "summary": operation.summary,
        "description": operation.words,
        "responses": answers,
    });
    if let Some(described) = described.as_object_mut() {
        if !parameters.is_empty() {
            described.insert("parameters".to_owned(), parameters.into());
        }
        if let Some(body) = operation.body {
            let body = json!({"required": true, "content": {"application/json": {"schema": body(book)}}});
            described.insert("requestBody".to_owned(), body);
        }
    }
    described
}

fn parameter(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.words,
        "schema": parameter.schema,
    })
}

fn failure(status: StatusCode) -> Value {
    json!({
        "description": status.canonical_reason().unwrap_or("Failed"),
        "content": {problem::MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    })
}
