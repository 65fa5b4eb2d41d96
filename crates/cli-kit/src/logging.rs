use std::fmt;
use std::io::{self, IsTerminal, Write};

use serde_json::{Map, Value};
use tracing::Event;
use tracing::field::{Field, Visit};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

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
        LogFormat::Json => tracing::subscriber::set_global_default(builder.event_format(JsonLines).finish()),
    };
    set.map_err(|source| Failure::new(crate::Exit::Bug, "start logging a second time").because(source))
}

/// One object a line: `at` (RFC 3339), `level`, `target`, `message`, and the fields under their names.
struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut at = String::new();
        SystemTime.format_time(&mut Writer::new(&mut at))?;
        let mut line = Map::new();
        line.insert("at".into(), at.into());
        line.insert("level".into(), event.metadata().level().as_str().into());
        line.insert("target".into(), event.metadata().target().into());
        event.record(&mut Fields(&mut line));
        writeln!(writer, "{}", Value::Object(line))
    }
}

struct Fields<'a>(&'a mut Map<String, Value>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().into(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().into(), value.into());
    }
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_json_line_is_one_object_whatever_it_says() {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt()
            .event_format(JsonLines)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(source = "a\n\"b\"", count = 3_u64, share = 0.5, is_new = true, "said");
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        let line: Value = serde_json::from_str(&text).unwrap();
        assert!(line["at"].as_str().unwrap().ends_with('Z'), "{text}");
        let rest = ["level", "message", "source", "count", "share", "is_new"].map(|name| line[name].clone());
        assert_eq!(
            Value::from(rest.to_vec()),
            serde_json::json!(["WARN", "said", "a\n\"b\"", 3, 0.5, true])
        );
    }
}
