//! What is logged.

use super::{ConfigError, Given, Key, Section, Setting};

/// The keys of this concern.
pub const KEYS: Section = Section {
    name: "log",
    about: "What is logged, on stderr",
    keys: &[
        Key::new("log.filter", "warn", "What is logged, as in `info,tracker=debug`").env("FIRN_LOG"),
        Key::new("log.format", "text", "`text` for people, `json` for programs: one object a line").flag("--log-format"),
    ],
};

/// What is logged.
#[derive(Debug, Clone)]
pub struct Log {
    /// As tracing-subscriber's `EnvFilter` reads it.
    pub filter: String,
    /// How lines look.
    pub format: cli_kit::LogFormat,
}

impl Log {
    /// Reads its keys.
    pub fn read(given: &Given) -> Result<Self, ConfigError> {
        Ok(Self {
            filter: given.value("log.filter")?,
            format: given.value("log.format")?,
        })
    }
}

impl Setting for cli_kit::LogFormat {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("text and json are known".to_owned()),
        }
    }
}
