//! The attributes a derivation was made from, wherever they are kept.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::Derivation;

/// The attributes of one derivation: those of the environment, and before them those of the structured attributes where there
/// are any. With structured attributes the environment holds little more than the output paths.
#[derive(Debug)]
pub struct Attributes<'d> {
    drv: &'d Derivation<'d>,
    structured: Option<Map<String, Value>>,
}

/// Why structured attributes cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("parse structured attributes (__json)")]
pub struct AttributesError {
    #[source]
    source: serde_json::Error,
}

impl Derivation<'_> {
    /// The attributes; fails where `__json` is not a JSON object.
    pub fn attributes(&self) -> Result<Attributes<'_>, AttributesError> {
        let structured = match self.env("__json") {
            Some(json) => Some(serde_json::from_slice(json.as_bytes()).map_err(|source| AttributesError { source })?),
            None => None,
        };
        Ok(Attributes { drv: self, structured })
    }

    /// The attributes of the environment alone.
    pub fn env_attributes(&self) -> Attributes<'_> {
        Attributes {
            drv: self,
            structured: None,
        }
    }
}

impl<'d> Attributes<'d> {
    /// An attribute as one text. `None` where it is absent, or a list or a set of structured attributes.
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        match self.structured(name) {
            Some(value) => scalar(value),
            None => self.drv.env(name).map(|value| value.to_str()),
        }
    }

    /// An attribute as a list of texts: a list of structured attributes as it is (lists in it flattened), a text split at white
    /// space, as the builder's shell does it.
    pub fn list(&self, name: &str) -> Vec<Cow<'_, str>> {
        match self.structured(name) {
            Some(value) => {
                let mut texts = Vec::new();
                flatten(value, &mut texts);
                texts.into_iter().flat_map(words).collect()
            }
            None => self.drv.env(name).map(|value| words(value.to_str())).unwrap_or_default(),
        }
    }

    /// Every attribute with its texts: one of the environment has one text, one of the structured attributes as many as lie in
    /// it. Sets are gone through, so that `env.NIX_CFLAGS` comes under `env`.
    pub fn iter(&self) -> impl Iterator<Item = (Cow<'_, str>, Vec<Cow<'_, str>>)> {
        let structured = self.structured.iter().flatten().map(|(key, value)| {
            let mut texts = Vec::new();
            flatten(value, &mut texts);
            (Cow::Borrowed(key.as_str()), texts)
        });
        let env = self.drv.env.iter().filter(|(key, _)| *key != "__json");
        structured.chain(env.map(|(key, value)| (key.to_str(), vec![value.to_str()])))
    }

    /// A structured attribute, or an attribute of the set `env` in them, which becomes the builder's environment.
    fn structured(&self, name: &str) -> Option<&Value> {
        let structured = self.structured.as_ref()?;
        structured.get(name).or_else(|| structured.get("env")?.as_object()?.get(name))
    }
}

/// As Nix turns values into environment variables.
fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(true) => Some(Cow::Borrowed("1")),
        Value::Bool(false) | Value::Null => Some(Cow::Borrowed("")),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// The depth is bounded by the JSON parser's own limit.
fn flatten<'v>(value: &'v Value, texts: &mut Vec<Cow<'v, str>>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| flatten(item, texts)),
        Value::Object(members) => members.values().for_each(|member| flatten(member, texts)),
        other => texts.extend(scalar(other).filter(|text| !text.is_empty())),
    }
}

fn words(text: Cow<'_, str>) -> Vec<Cow<'_, str>> {
    match text {
        Cow::Borrowed(text) => text.split_ascii_whitespace().map(Cow::Borrowed).collect(),
        Cow::Owned(text) => text.split_ascii_whitespace().map(|word| Cow::Owned(word.to_owned())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_env(env: &[(&'static str, &str)]) -> Derivation<'static> {
        let env = env.iter().map(|(key, value)| ((*key).into(), (*value).to_owned().into())).collect();
        Derivation {
            env,
            ..Derivation::default()
        }
    }

    #[test]
    fn reads_the_environment() {
        let drv = with_env(&[("patches", "/a/x.patch  /a/y.patch\n/a/z.patch "), ("version", "1 2")]);
        let attributes = drv.attributes().unwrap();
        assert_eq!(attributes.list("patches"), ["/a/x.patch", "/a/y.patch", "/a/z.patch"]);
        assert_eq!(attributes.text("version").unwrap(), "1 2");
        assert_eq!(attributes.text("pname"), None);
        assert_eq!(attributes.iter().count(), 2);
    }

    #[test]
    fn reads_structured_attributes_first() {
        let json = r#"{"patches":["/a/x.patch",["/a/y.patch"],null],"version":2,"env":{"CFLAGS":"-O2"},"doCheck":false}"#;
        let drv = with_env(&[("__json", json), ("out", "/nix/store/x"), ("version", "1")]);
        let attributes = drv.attributes().unwrap();
        assert_eq!(attributes.list("patches"), ["/a/x.patch", "/a/y.patch"]);
        assert_eq!(attributes.text("version").unwrap(), "2");
        assert_eq!(attributes.text("doCheck").unwrap(), "");
        assert_eq!(attributes.text("CFLAGS").unwrap(), "-O2");
        assert_eq!(attributes.text("patches"), None);
        assert_eq!(attributes.text("out").unwrap(), "/nix/store/x");
        let keys: Vec<_> = attributes.iter().map(|(key, _)| key.into_owned()).collect();
        assert_eq!(keys, ["doCheck", "env", "patches", "version", "out", "version"]);
    }

    #[test]
    fn refuses_structured_attributes_that_are_no_object() {
        assert!(with_env(&[("__json", "[]")]).attributes().is_err());
        assert!(with_env(&[("__json", &"[".repeat(100_000))]).attributes().is_err());
        assert_eq!(
            with_env(&[("__json", "{"), ("version", "1")])
                .env_attributes()
                .text("version")
                .unwrap(),
            "1"
        );
    }
}
