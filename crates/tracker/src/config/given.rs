//! What was given where: the file, then the environment, then flags; the last one holds.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use super::register::{self, Key};
use super::{ConfigError, Setting};

/// Where a value was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: the default.
    Default,
    /// In the file.
    File(PathBuf),
    /// By an environment variable.
    Variable(String),
    /// By a flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Variable(name) => write!(f, "the environment variable {name}"),
            Self::Flag(name) => write!(f, "the flag {name}"),
        }
    }
}

/// Values as they were given. `Debug` shows no values: some are secrets.
#[derive(Default)]
pub struct Given {
    /// By the name of the key: a list where the file has one, else one text.
    values: BTreeMap<&'static str, (Vec<String>, Origin)>,
    read: RefCell<BTreeSet<&'static str>>,
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl Given {
    /// Takes what a file says.
    pub fn file(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        let table: toml::Table = text.parse().map_err(|e: toml::de::Error| {
            let line = e
                .span()
                .map(|span| text.bytes().take(span.start).filter(|b| *b == b'\n').count() + 1);
            ConfigError::Toml {
                path: path.to_owned(),
                message: match line {
                    Some(line) => format!("line {line}: {}", e.message()),
                    None => e.message().to_owned(),
                },
            }
        })?;
        let place = format!("the file {}", path.display());
        for (section, value) in table {
            let toml::Value::Table(keys) = value else {
                return Err(unknown(&place, &section));
            };
            for (key, value) in keys {
                let name = format!("{section}.{key}");
                let origin = Origin::File(path.to_owned());
                let texts = match value {
                    toml::Value::Array(items) => items.iter().map(text_of).collect(),
                    other => text_of(&other).map(|text| vec![text]),
                };
                let texts = texts.ok_or_else(|| ConfigError::Value {
                    origin: origin.clone(),
                    key: name.clone(),
                    value: "a table".to_owned(),
                    wrong: "a text, a number, true or false, or a list of these is expected".to_owned(),
                })?;
                self.put(&place, &name, texts, origin)?;
            }
        }
        Ok(())
    }

    /// Takes the variables that are ours. One that begins like a section of ours and is no key is a mistake.
    pub fn environment(&mut self, variables: impl Iterator<Item = (String, String)>) -> Result<(), ConfigError> {
        for (variable, value) in variables.filter(|(name, value)| name.starts_with("FIRN_") && !value.is_empty()) {
            let origin = Origin::Variable(variable.clone());
            if let Some(key) = register::keys().find(|key| key.variable() == variable) {
                self.values.insert(key.name, (vec![value], origin));
            } else if let Some(key) = register::keys().find(|key| key.is_secret && key.file_variable() == variable) {
                self.secret(key, Path::new(&value), origin)?;
            } else if register::KEYS
                .iter()
                .any(|section| variable.starts_with(&format!("FIRN_{}_", section.name.to_ascii_uppercase())))
            {
                return Err(ConfigError::Unknown {
                    place: "the environment".to_owned(),
                    meant: register::nearest(&variable, register::keys().map(Key::variable)),
                    name: variable,
                });
            }
        }
        Ok(())
    }

    /// Takes what a flag of its own says.
    pub fn flag(&mut self, flag: &str, key: &str, value: &str) -> Result<(), ConfigError> {
        self.put("the command line", key, vec![value.to_owned()], Origin::Flag(flag.to_owned()))
    }

    /// Takes `--set KEY=VALUE`.
    pub fn set(&mut self, assignment: &str) -> Result<(), ConfigError> {
        let (name, value) = assignment.split_once('=').unwrap_or((assignment, ""));
        if let Some(key) = register::find(name).filter(|key| key.is_secret) {
            return Err(ConfigError::Exposed {
                key: key.name,
                env: key.variable(),
            });
        }
        self.flag("--set", name, value)
    }

    /// The value of a key, which has a default or was given.
    pub fn value<T: Setting>(&self, name: &'static str) -> Result<T, ConfigError> {
        let (texts, origin) = self.find(name);
        let joined = texts.join(",");
        T::parse(&joined).map_err(|wrong| self.wrong(name, &joined, origin, wrong))
    }

    /// The value of a key, if it was given and is not empty.
    pub fn optional<T: Setting>(&self, name: &'static str) -> Result<Option<T>, ConfigError> {
        let (texts, _) = self.find(name);
        if texts.iter().all(String::is_empty) {
            return Ok(None);
        }
        self.value(name).map(Some)
    }

    /// The values of a key; of a text those between commas.
    pub fn list<T: Setting>(&self, name: &'static str) -> Result<Vec<T>, ConfigError> {
        let (texts, origin) = self.find(name);
        let parts = texts.iter().flat_map(|text| text.split(',')).map(str::trim);
        parts
            .filter(|part| !part.is_empty())
            .map(|part| T::parse(part).map_err(|wrong| self.wrong(name, part, origin.clone(), wrong)))
            .collect()
    }

    /// What holds for a key, as text for people, and where it was set. A secret is not shown.
    pub fn shown(&self, key: &Key) -> (String, Origin) {
        let (texts, origin) = self.find(key.name);
        let text = texts.join(", ");
        (
            if key.is_secret && !text.is_empty() {
                REDACTED.to_owned()
            } else {
                text
            },
            origin,
        )
    }

    /// Keys that no concern has read.
    pub fn unread(&self) -> Vec<&'static str> {
        let read = self.read.borrow();
        register::keys().map(|key| key.name).filter(|name| !read.contains(name)).collect()
    }

    fn find(&self, name: &'static str) -> (Vec<String>, Origin) {
        self.read.borrow_mut().insert(name);
        match self.values.get(name) {
            Some(found) => found.clone(),
            None => {
                let default = register::find(name).map_or("", |key| key.default);
                (vec![default.to_owned()], Origin::Default)
            }
        }
    }

    fn put(&mut self, place: &str, name: &str, texts: Vec<String>, origin: Origin) -> Result<(), ConfigError> {
        if let Some(key) = register::find(name) {
            self.values.insert(key.name, (texts, origin));
            return Ok(());
        }
        match register::find_file(name) {
            Some(key) => self.secret(key, Path::new(&texts.concat()), origin),
            None => Err(unknown(place, name)),
        }
    }

    /// Takes a secret from a file, without the end of its line.
    fn secret(&mut self, key: &'static Key, path: &Path, origin: Origin) -> Result<(), ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Secret {
            key: key.name,
            path: path.to_owned(),
            source,
        })?;
        self.values.insert(key.name, (vec![text.trim_end().to_owned()], origin));
        Ok(())
    }

    fn wrong(&self, name: &'static str, value: &str, origin: Origin, wrong: String) -> ConfigError {
        let is_secret = register::find(name).is_some_and(|key| key.is_secret);
        ConfigError::Value {
            origin,
            key: name.to_owned(),
            value: if is_secret { REDACTED.to_owned() } else { format!("{value:?}") },
            wrong,
        }
    }
}

/// Stands for a secret.
const REDACTED: &str = "(a secret)";

fn unknown(place: &str, name: &str) -> ConfigError {
    ConfigError::Unknown {
        place: place.to_owned(),
        name: name.to_owned(),
        meant: register::nearest(name, register::keys().map(|key| key.name.to_owned())),
    }
}

fn text_of(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(truth) => Some(truth.to_string()),
        toml::Value::Datetime(_) | toml::Value::Array(_) | toml::Value::Table(_) => None,
    }
}
