use std::fmt::Display;
use std::io::{self, BufWriter, Write};

use serde::Serialize;

use crate::{Failure, Table};

/// Where data goes: stdout, buffered. Every write can fail and says so as a [`Failure`].
///
/// Text is written as given: foreign text goes through [`escape`](crate::escape) first. JSON needs
/// no escaping for control characters, and tables escape by themselves.
pub struct Output {
    sink: Box<dyn Write>,
    width: Option<usize>,
}

impl Output {
    /// Standard output.
    #[must_use]
    pub fn stdout() -> Self {
        let width = terminal_size::terminal_size_of(io::stdout()).map(|(w, _)| usize::from(w.0));
        Self {
            sink: Box::new(BufWriter::with_capacity(64 * 1024, io::stdout())),
            width,
        }
    }

    /// Another sink (a file, a test's buffer) whose lines are `width` wide, or as long as they get.
    #[must_use]
    pub fn to(sink: impl Write + 'static, width: Option<usize>) -> Self {
        Self {
            sink: Box::new(sink),
            width,
        }
    }

    /// How wide its lines are: as wide as the terminal, or `None` where there is none.
    #[must_use]
    pub fn width(&self) -> Option<usize> {
        self.width
    }

    /// Where bytes go that are formatted elsewhere. What fails there is a [`Failure::output`].
    pub fn sink(&mut self) -> &mut dyn Write {
        &mut self.sink
    }

    /// One line of text.
    pub fn line(&mut self, text: impl Display) -> Result<(), Failure> {
        writeln!(self.sink, "{text}").map_err(Failure::output)
    }

    /// One value as indented JSON.
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        serde_json::to_writer_pretty(&mut self.sink, value).map_err(json_failure)?;
        self.line("")
    }

    /// One value as one line of JSON.
    pub fn json_line(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.sink, value).map_err(json_failure)?;
        self.line("")
    }

    /// A table, fitted to the terminal.
    pub fn table(&mut self, table: &Table) -> Result<(), Failure> {
        self.sink.write_all(table.render(self.width).as_bytes()).map_err(Failure::output)
    }

    /// Hands to the system what was written so far.
    pub fn flush(&mut self) -> Result<(), Failure> {
        self.sink.flush().map_err(Failure::output)
    }

    /// Hands everything to the system. What is not finished may be lost.
    pub fn finish(mut self) -> Result<(), Failure> {
        self.sink.flush().map_err(Failure::output)
    }
}

fn json_failure(error: serde_json::Error) -> Failure {
    match error.io_error_kind() {
        Some(kind) => Failure::output(kind.into()),
        None => Failure::new(crate::Exit::Bug, "write a value as JSON").because(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Exit;

    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_clean() {
        let mut out = Output::to(Gone, None);
        assert_eq!(out.line("x").unwrap_err().exit(), Exit::Clean);
        assert_eq!(out.json_line(&[1]).unwrap_err().exit(), Exit::Clean);
    }
}
