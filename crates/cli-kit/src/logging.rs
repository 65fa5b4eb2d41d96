use std::io::{self, IsTerminal, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::{Failure, Talk};

/// The environment variable that chooses what is logged, as in `FIRN_LOG=info,tracker::ingest=debug`.
const VARIABLE: &str = "FIRN_LOG";

/// Sends log lines to stderr, between the bars of `talk`. `default` holds while `FIRN_LOG` is unset.
pub fn start_logging(talk: &Talk, default: &str) -> Result<(), Failure> {
    let wanted = std::env::var(VARIABLE).ok().filter(|v| !v.is_empty());
    let filter = EnvFilter::try_new(wanted.as_deref().unwrap_or(default)).map_err(|source| {
        Failure::usage(format!("read the log filter in {VARIABLE}"))
            .because(source)
            .hint(format!("for example {VARIABLE}=info,tracker=debug"))
    })?;
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colour)
        .with_writer(LogLines(talk.clone()))
        .finish();
    tracing::subscriber::set_global_default(subscriber)
        .map_err(|source| Failure::new(crate::Exit::Bug, "start logging a second time").because(source))
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
