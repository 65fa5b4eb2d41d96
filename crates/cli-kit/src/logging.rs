use std::io::{self, IsTerminal, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::{Failure, Talk};

/// The environment variable that chooses what is logged, as in `FIRN_LOG=info,tracker::ingest=debug`.
const VARIABLE: &str = "FIRN_LOG";

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// Sends log lines for people to stderr, between the bars of `talk`. `default` holds while `FIRN_LOG` is unset.
pub fn start_logging(talk: &Talk, default: &str) -> Result<(), Failure> {
    let wanted = std::env::var(VARIABLE).ok().filter(|v| !v.is_empty());
    start_logging_as(talk, wanted.as_deref().unwrap_or(default), LogFormat::Text)
}

/// Sends the log lines that `filter` lets through to stderr, between the bars of `talk`.
pub fn start_logging_as(talk: &Talk, filter: &str, format: LogFormat) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(filter).map_err(|source| {
        Failure::usage(format!("read the log filter in {VARIABLE}"))
            .because(source)
            .hint(format!("for example {VARIABLE}=info,tracker=debug"))
    })?;
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(LogLines(talk.clone()));
    let set = match format {
        LogFormat::Text => tracing::subscriber::set_global_default(builder.with_ansi(colour).finish()),
        LogFormat::Json => tracing::subscriber::set_global_default(builder.json().flatten_event(true).finish()),
    };
    set.map_err(|source| Failure::new(crate::Exit::Bug, "start logging a second time").because(source))
}

struct LogLines(Talk);

/// One log line, collected so that it is written in one piece.
struct LogLine<'a> {
    talk: &'a Talk,
    bytes: Vec<u8>,
}

impl<'a> MakeWriter<'a> for LogLines {
    type Writer = LogLine<'a>;

    fn make_writer(&'a self) -> LogLine<'a> {
        LogLine {
            talk: &self.0,
            bytes: Vec::new(),
        }
    }
}

impl Write for LogLine<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LogLine<'_> {
    fn drop(&mut self) {
        if !self.bytes.is_empty() {
            self.talk.write(&self.bytes);
        }
    }
}
