//! What values look like as JSON: the schemas of the OpenAPI document, made from the very structs that are written and read.
//!
//! [`shape!`] declares a struct and describes it in one go: its fields are the members, its comments their descriptions.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use vuln::score::Severity;
use vuln::verdict::{Disposition, Evidence, Verdict};

/// The schemas that have a name, as they are found.
#[derive(Debug, Default)]
pub struct Book {
    /// By name.
    pub schemas: BTreeMap<&'static str, Value>,
}

impl Book {
    /// A reference to a named schema, which is made at its first use.
    pub fn named(&mut self, name: &'static str, make: impl FnOnce(&mut Self) -> Value) -> Value {
        if !self.schemas.contains_key(name) {
            // Known before it is made, so that one that holds itself comes to an end.
            self.schemas.insert(name, Value::Null);
            let schema = make(self);
            self.schemas.insert(name, schema);
        }
        json!({"$ref": format!("#/components/schemas/{name}")})
    }
}

/// A type that has a JSON schema (2020-12).
pub trait Shape {
    /// The schema.
    fn schema(book: &mut Book) -> Value;
}

/// An object of members, all of which are always there; more of them may come in later versions.
pub fn object(words: &str, members: Vec<(&'static str, String, Value)>) -> Value {
    let required: Vec<&str> = members.iter().map(|(name, ..)| *name).collect();
    let properties: Map<String, Value> = members
        .iter()
        .map(|(name, words, schema)| ((*name).to_owned(), described(schema.clone(), words)))
        .collect();
    json!({"type": "object", "description": words, "required": required, "properties": properties})
}

fn described(mut schema: Value, words: &str) -> Value {
    if let Some(schema) = schema.as_object_mut().filter(|_| !words.is_empty()) {
        schema.insert("description".to_owned(), words.into());
    }
    schema
}

/// The words of a comment, out of attributes: `[doc = " .."]`, and others that say nothing.
macro_rules! words {
    ($($attribute:tt)*) => {{
        let lines: &[&str] = &[$($crate::web::api::shape::words_of!($attribute)),*];
        lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
    }};
}
pub(crate) use words;

macro_rules! words_of {
    ([doc = $text:literal]) => {
        $text
    };
    ($other:tt) => {
        ""
    };
}
pub(crate) use words_of;

/// Declares a struct that is written as JSON, with its schema.
macro_rules! shape {
    ($(#[$($about:tt)*])* $vis:vis struct $name:ident {
        $($(#[$($about_field:tt)*])* $field_vis:vis $field:ident: $type:ty),* $(,)?
    }) => {
        $(#[$($about)*])*
        #[derive(serde::Serialize)]
        $vis struct $name {
            $($(#[$($about_field)*])* $field_vis $field: $type),*
        }

        impl $crate::web::api::shape::Shape for $name {
            fn schema(book: &mut $crate::web::api::shape::Book) -> serde_json::Value {
                book.named(stringify!($name), |book| {
                    $crate::web::api::shape::object(
                        &$crate::web::api::shape::words!($([$($about)*])*),
                        vec![$((stringify!($field), $crate::web::api::shape::words!($([$($about_field)*])*), <$type>::schema(book))),*],
                    )
                })
            }
        }
    };
}
pub(crate) use shape;

macro_rules! plain {
    ($($type:ty => $schema:tt),* $(,)?) => {
        $(impl Shape for $type {
            fn schema(_: &mut Book) -> Value {
                json!($schema)
            }
        })*
    };
}

plain! {
    String => {"type": "string"},
    &'static str => {"type": "string"},
    bool => {"type": "boolean"},
    u32 => {"type": "integer", "minimum": 0},
    u64 => {"type": "integer", "minimum": 0},
    usize => {"type": "integer", "minimum": 0},
    i64 => {"type": "integer"},
    f32 => {"type": "number"},
    f64 => {"type": "number"},
}

impl<T: Shape> Shape for Option<T> {
    fn schema(book: &mut Book) -> Value {
        json!({"anyOf": [T::schema(book), {"type": "null"}]})
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn schema(book: &mut Book) -> Value {
        json!({"type": "array", "items": T::schema(book)})
    }
}

impl<T: Shape> Shape for BTreeMap<String, T> {
    fn schema(book: &mut Book) -> Value {
        json!({"type": "object", "additionalProperties": T::schema(book)})
    }
}

/// One of several words.
pub fn choice(words: impl IntoIterator<Item = &'static str>) -> Value {
    json!({"type": "string", "enum": words.into_iter().collect::<Vec<_>>()})
}

impl Shape for Verdict {
    fn schema(book: &mut Book) -> Value {
        book.named("Verdict", |_| {
            described(choice(Verdict::ALL.map(Verdict::name)), "What was found about a package.")
        })
    }
}

impl Shape for Severity {
    fn schema(book: &mut Book) -> Value {
        let names = Severity::ALL.map(crate::web::part::severity_name);
        book.named("Severity", |_| {
            described(choice(names), "By the CVSS base score; unknown where there is none.")
        })
    }
}

impl Shape for Disposition {
    fn schema(book: &mut Book) -> Value {
        let names = Disposition::ALL.map(Disposition::name);
        book.named("Disposition", |_| {
            described(choice(names), "What became of a vulnerability in a channel.")
        })
    }
}

impl Shape for Evidence {
    fn schema(book: &mut Book) -> Value {
        let text = || json!({"type": "string"});
        book.named("Evidence", |_| {
            let members = vec![
                ("rule", "The rule that held; /legend explains each.".to_owned(), text()),
                ("detail", "What it held about.".to_owned(), text()),
            ];
            object("One reason for a verdict.", members)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    shape! {
        /// A thing
        /// of two lines.
        #[derive(Debug)]
        struct Thing {
            /// How many.
            count: u64,
            name: Option<String>,
            parts: Vec<Thing>,
        }
    }

    #[test]
    fn structs_describe_themselves() {
        let mut book = Book::default();
        assert_eq!(Thing::schema(&mut book), json!({"$ref": "#/components/schemas/Thing"}));
        let schema = &book.schemas["Thing"];
        assert_eq!(schema["description"], "A thing of two lines.");
        assert_eq!(schema["required"], json!(["count", "name", "parts"]));
        assert_eq!(
            schema["properties"]["count"],
            json!({"type": "integer", "minimum": 0, "description": "How many."})
        );
        assert_eq!(schema["properties"]["name"]["anyOf"][1], json!({"type": "null"}));
        assert_eq!(
            schema["properties"]["parts"]["items"],
            json!({"$ref": "#/components/schemas/Thing"})
        );
        let thing = Thing {
            count: 1,
            name: None,
            parts: vec![],
        };
        assert_eq!(
            serde_json::to_value(&thing).unwrap(),
            json!({"count": 1, "name": null, "parts": []})
        );
    }
}
