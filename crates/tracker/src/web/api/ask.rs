//! Reads the query of an address of the API: strictly, so that a slip of the pen is not an answer to another question.

use std::collections::BTreeMap;

use axum::extract::Query as Pairs;
use axum::http::Uri;
use serde_json::json;

use super::operation::Parameter;
use crate::web::error::Error;

/// The parameters of a query.
#[derive(Debug, Default)]
pub struct Query {
    values: BTreeMap<String, String>,
}

/// Entries of one answer.
const PAGE: usize = 100;
/// The same, at most.
const LARGEST_PAGE: usize = 1000;
/// Characters of a name.
const NAME: usize = 200;

impl Query {
    /// Reads a query that may have these parameters, each once.
    pub fn of(uri: &Uri, parameters: &[Parameter]) -> Result<Self, Error> {
        let Pairs(pairs) = Pairs::<Vec<(String, String)>>::try_from_uri(uri).map_err(|e| Error::Address { message: e.body_text() })?;
        let known = || {
            parameters
                .iter()
                .filter(|parameter| parameter.place == "query")
                .map(|parameter| parameter.name)
        };
        let mut values = BTreeMap::new();
        for (name, value) in pairs {
            let wrong = |what: &str| Error::Address {
                message: format!("the parameter {:?} {what}", name.chars().take(40).collect::<String>()),
            };
            if !known().any(|known| known == name) {
                let names: Vec<&str> = known().collect();
                return Err(wrong(&if names.is_empty() {
                    "is not known: there are none here".to_owned()
                } else {
                    format!("is not known: there are {}", names.join(", "))
                }));
            }
            if values.contains_key(&name) {
                return Err(wrong("is given twice"));
            }
            values.insert(name, value);
        }
        Ok(Self { values })
    }

    /// The name of something.
    pub fn name(&self, name: &'static str) -> Result<Option<String>, Error> {
        self.text(name, NAME)
    }

    /// A text of 1 to `most` characters.
    pub fn text(&self, name: &'static str, most: usize) -> Result<Option<String>, Error> {
        let Some(value) = self.values.get(name) else { return Ok(None) };
        if value.is_empty() {
            return Err(Error::parameter(name, value, "it is empty"));
        }
        if value.chars().count() > most {
            return Err(Error::parameter(name, value, "it is too long"));
        }
        Ok(Some(value.clone()))
    }

    /// One of ours by its name.
    pub fn choice<T: Copy>(&self, name: &'static str, all: &[T], named: impl Fn(T) -> &'static str) -> Result<Option<T>, Error> {
        let Some(value) = self.values.get(name) else { return Ok(None) };
        let found = all.iter().copied().find(|&choice| named(choice) == value);
        found
            .map(Some)
            .ok_or_else(|| Error::parameter(name, value, "the document at /api/v1/openapi.json lists what it may be"))
    }

    /// How many entries an answer may have.
    pub fn limit(&self) -> Result<usize, Error> {
        let Some(value) = self.values.get("limit") else { return Ok(PAGE) };
        let plain = value.bytes().all(|byte| byte.is_ascii_digit());
        let number = value.parse().ok().filter(|number| plain && (1..=LARGEST_PAGE).contains(number));
        number.ok_or_else(|| Error::parameter("limit", value, "expected a number from 1 to 1000"))
    }

    /// A place in a list by keys; the beginning where there is none.
    pub fn after_key(&self) -> Result<i64, Error> {
        let Some(value) = self.values.get("after") else { return Ok(0) };
        key(value).ok_or_else(|| Error::parameter("after", value, "expected what `next` of an earlier answer holds"))
    }
}

/// A key, as we write it.
pub fn key(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// `limit`.
pub fn limit() -> Parameter {
    let schema = json!({"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE});
    Parameter::query("limit", "Entries of one answer.", schema)
}

/// `after`, where it is a key.
pub fn after_key() -> Parameter {
    let schema = json!({"type": "string", "pattern": "^[0-9]{1,18}$"});
    Parameter::query("after", "Where to go on: `next` of an earlier answer.", schema)
}

/// `after`, where it is a name.
pub fn after_name() -> Parameter {
    Parameter::query("after", "Where to go on: `next` of an earlier answer.", name_schema())
}

/// A name in the query.
pub fn name(name: &'static str, words: &'static str) -> Parameter {
    Parameter::query(name, words, name_schema())
}

fn name_schema() -> serde_json::Value {
    json!({"type": "string", "minLength": 1, "maxLength": NAME})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> Result<Query, Error> {
        let parameters = [limit(), after_key(), name("channel", "")];
        Query::of(&format!("/api/v1/x?{query}").parse().unwrap(), &parameters)
    }

    #[test]
    fn only_what_is_known_is_read() {
        let query = of("limit=7&after=12&channel=a%20b").unwrap();
        assert_eq!((query.limit().unwrap(), query.after_key().unwrap()), (7, 12));
        assert_eq!(query.name("channel").unwrap().as_deref(), Some("a b"));
        assert_eq!(of("").unwrap().limit().unwrap(), 100);
        for bad in ["chanel=x", "limit=1&limit=1", "=", "limit"] {
            assert!(of(bad).is_err() || of(bad).unwrap().limit().is_err(), "{bad}");
        }
        for bad in ["0", "1001", "+1", "-1", "1e2", "", "%20", "99999999999999999999"] {
            assert!(of(&format!("limit={bad}")).unwrap().limit().is_err(), "{bad}");
        }
        for bad in ["", "-1", "x", "9999999999999999999", "%D9%A1"] {
            assert!(of(&format!("after={bad}")).unwrap().after_key().is_err(), "{bad}");
        }
        assert!(of("channel=").unwrap().name("channel").is_err());
        assert!(of(&format!("channel={}", "a".repeat(201))).unwrap().name("channel").is_err());
    }
}
