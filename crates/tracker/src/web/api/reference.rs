//! The OpenAPI document, and the page to browse it.

use std::sync::{Arc, LazyLock};

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use serde::Serialize;
use serde_json::{Value, json};

use super::ask::Query;
use super::operation::{self, Answer, LINES, Operation, Parameter};
use super::problem::Kind;
use super::shape::{Book, Shape};
use super::{Route, answer, routes};
use crate::web::address::Format;
use crate::web::error::Error;
use crate::web::layout::{Frame, Section};
use crate::web::page::Page;
use crate::web::respond::{self, Asked, Loaded};
use crate::web::site::Site;

/// The document: the same as long as the program runs.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| operation::document(&operations()));

fn operations() -> Vec<Operation> {
    routes().into_iter().map(|route| route.operation).collect()
}

/// An OpenAPI document.
struct Anything;

impl Shape for Anything {
    fn schema(_: &mut Book) -> Value {
        json!({"type": "object"})
    }
}

/// `GET /api/v1/openapi.json`
pub fn document() -> Route {
    let operation = Operation {
        method: "get",
        path: "/api/v1/openapi.json",
        id: "openapi",
        group: "Data",
        summary: "This document",
        words: "OpenAPI 3.1.",
        parameters: vec![],
        body: None,
        answer: Answer::json::<Anything>("The document."),
        problems: &[],
    };
    Route::get(operation, |State(site): State<Arc<Site>>, asked: Asked| async move {
        Query::of(asked.uri(), &[])?;
        match site.base() {
            None => answer::json(&*DOCUMENT),
            Some(base) => {
                let mut document = DOCUMENT.clone();
                document["servers"] = json!([{"url": base.as_ref()}]);
                answer::json(&document)
            }
        }
    })
}

/// `GET /api`
pub async fn page(State(site): State<Arc<Site>>, asked: Asked) -> Result<Response, Error> {
    respond::page(site, asked, Format::Html, |_, _| {
        Ok(Loaded::Page(Reference { operations: operations() }))
    })
    .await
}

/// The page about the API.
#[derive(Serialize)]
struct Reference {
    #[serde(skip)]
    operations: Vec<Operation>,
}

impl Page for Reference {
    fn title(&self) -> String {
        "API".to_owned()
    }

    fn section(&self) -> Section {
        Section::None
    }

    fn formats(&self) -> &'static [Format] {
        &[]
    }

    fn body(&self, _: &Frame) -> Markup {
        let mut groups: Vec<&str> = Vec::new();
        for operation in &self.operations {
            if !groups.contains(&operation.group) {
                groups.push(operation.group);
            }
        }
        html! {
            div.wrap.prose {
                h1 { "API" }
                p.lede { "The same findings for programs, as JSON. The description below is made from the program itself; it is here as an " a href="/api/v1/openapi.json" { "OpenAPI 3.1 document" } " too." }
                p { "No account is needed. Answers carry an " code { "ETag" } ": send it back as " code { "If-None-Match" } ", and what has not changed is not sent again. Bulk answers are JSON Lines, one object a line. What comes compressed is for " code { "Accept-Encoding" } " to say: zstd, br or gzip." }
                p { "Within " code { "v1" } " members may be added to answers, and routes to this list: leave aside what you do not know. Nothing goes away or changes its meaning but in a " code { "v2" } " beside it." }
                nav aria-label="Routes" {
                    ul {
                        @for operation in &self.operations {
                            li { a href=(format!("#{}", operation.id)) { code { (operation.method.to_uppercase()) " " (operation.path) } } " " span.soft { (operation.summary) } }
                        }
                    }
                }
                @for group in groups {
                    h2 { (group) }
                    @for operation in self.operations.iter().filter(|operation| operation.group == group) { (route(operation)) }
                }
                h2 #schemas { "Schemas" }
                @for (name, schema) in DOCUMENT["components"]["schemas"].as_object().into_iter().flatten() {
                    section aria-labelledby=(format!("schema-{name}")) {
                        h3 id=(format!("schema-{name}")) { (name) }
                        (described(schema))
                    }
                }
                h2 #problems { "Failures" }
                p { "Every failure is a problem as RFC 9457 has it, with one of these types." }
                dl {
                    @for kind in Kind::ALL {
                        dt id=(kind.name()) { code { (kind.name()) } " " span.soft { (kind.status().as_u16()) } }
                        dd { (kind.title()) "." }
                    }
                }
            }
        }
    }
}

fn route(operation: &Operation) -> Markup {
    html! {
        section aria-labelledby=(operation.id) {
            h3 id=(operation.id) { (operation.summary) }
            p { code { (operation.method.to_uppercase()) " " (operation.path) } }
            p { (operation.words) }
            @if !operation.parameters.is_empty() {
                dl { @for parameter in &operation.parameters { (named(parameter)) } }
            }
            @if let Some(body) = operation.body {
                p { "Send " code { "application/json" } ": " (schema(&body(&mut Book::default()))) "." }
            }
            @let answer = (operation.answer.schema)(&mut Book::default());
            p {
                "Answers " code { (operation.answer.media) } ": "
                @if operation.answer.media == LINES { "lines of " (schema(&answer["x-line"])) } @else { (schema(&answer)) }
                ". " (operation.answer.words)
            }
        }
    }
}

fn named(parameter: &Parameter) -> Markup {
    html! {
        dt { code { (parameter.name) } " " span.soft { @if parameter.place == "path" { "in the path" } @else { "may be left out" } } }
        dd { (parameter.words) " " (schema(&parameter.schema)) }
    }
}

/// A schema as an object's members, or in one line.
fn described(schema_: &Value) -> Markup {
    html! {
        @if let Some(words) = schema_["description"].as_str() { p { (words) } }
        @if let Some(members) = schema_["properties"].as_object() {
            dl {
                @for (name, member) in members {
                    dt { code { (name) } " " span.soft { (schema(member)) } }
                    dd { (member["description"].as_str().unwrap_or_default()) }
                }
            }
        } @else {
            p { (schema(schema_)) }
        }
    }
}

/// A schema in a few words.
fn schema(schema_: &Value) -> Markup {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    html! {
        @if let Some(reference) = schema_["$ref"].as_str() {
            @let name = reference.rsplit('/').next().unwrap_or_default();
            a href=(format!("#schema-{name}")) { (name) }
        } @else if let Some(choices) = schema_["anyOf"].as_array().filter(|choices| choices.iter().all(|choice| choice["required"].is_null())) {
            @for (index, choice) in choices.iter().enumerate() { @if index > 0 { " or " } (schema(choice)) }
        } @else if let Some(words) = schema_["enum"].as_array() {
            "one of " @for (index, word) in words.iter().enumerate() { @if index > 0 { ", " } code { (text(word)) } }
        } @else if schema_["type"] == "array" {
            "list of " (schema(&schema_["items"]))
        } @else if schema_["type"] == "object" && schema_["additionalProperties"].is_object() {
            "map to " (schema(&schema_["additionalProperties"]))
        } @else {
            (text(&schema_["type"]))
            @if let (Some(least), Some(most)) = (schema_["minimum"].as_u64(), schema_["maximum"].as_u64()) { " from " (least) " to " (most) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The document as it is published: a change of it is a change of the interface, and shows up in a review.
    #[test]
    fn the_document_is_the_one_that_was_agreed_on() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/expected/openapi.json");
        let now = serde_json::to_string_pretty(&*DOCUMENT).unwrap() + "\n";
        if std::env::var_os("FIRN_UPDATE").is_some() {
            std::fs::write(path, &now).unwrap();
        }
        let agreed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            now == agreed,
            "the interface changed; if that is meant, run this test with FIRN_UPDATE=1 and commit {path}"
        );
    }

    #[test]
    fn every_reference_leads_to_a_schema() {
        let text = DOCUMENT.to_string();
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(DOCUMENT["components"]["schemas"][name].is_object(), "{name}");
        }
        let mut ids: Vec<&str> = operations().iter().map(|operation| operation.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), operations().len());
    }
}
