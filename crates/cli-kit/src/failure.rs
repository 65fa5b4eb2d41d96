use std::error::Error;
use std::fmt::Write as _;
use std::io;

use anstyle::{AnsiColor, Style};

use crate::{Exit, escape};

/// An error of a program on its way to the user: what was tried, why it failed, what to do about it.
///
/// Not an [`Error`] itself, so that any [`Explained`] error turns into one with `?`.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
    reader_gone: bool,
}

/// An error that knows how a program ends because of it.
pub trait Explained: Error {
    /// The exit code this error leads to.
    fn exit(&self) -> Exit;

    /// What the user can do about it, if we know.
    fn hint(&self) -> Option<String> {
        None
    }
}

impl Failure {
    /// A failure with a lowercase message that names what was tried.
    #[must_use]
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
            reader_gone: false,
        }
    }

    /// Bad usage or configuration.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Work that could not be finished.
    #[must_use]
    pub fn incomplete(message: impl Into<String>) -> Self {
        Self::new(Exit::Incomplete, message)
    }

    /// Adds an error and everything below it as causes.
    #[must_use]
    pub fn because(mut self, error: impl Error) -> Self {
        self.causes.push(error.to_string());
        self.causes.extend(sources(&error));
        self
    }

    /// Puts this failure under a new message, keeping exit code and hints.
    #[must_use]
    pub fn while_trying(mut self, message: impl Into<String>) -> Self {
        let inner = std::mem::replace(&mut self.message, message.into());
        self.causes.insert(0, inner);
        self
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Writing data failed. If the reader went away (`firn-tracker stats | head`) this is no error.
    #[must_use]
    pub fn output(error: io::Error) -> Self {
        let reader_gone = error.kind() == io::ErrorKind::BrokenPipe;
        Self {
            reader_gone,
            ..Self::incomplete("write to standard output").because(error)
        }
    }

    /// The exit code this failure leads to.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        if self.reader_gone { Exit::Clean } else { self.exit }
    }

    /// The report as the user sees it, with or without colour; empty if there is nothing to report.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let mut text = String::new();
        if self.reader_gone {
            return text;
        }
        let label = |name: &str, colour_of: AnsiColor| {
            let style = if colour {
                Style::new().bold().fg_color(Some(colour_of.into()))
            } else {
                Style::new()
            };
            format!("{style}{name}:{style:#}")
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{} {}", label("error", AnsiColor::Red), escape(&self.message));
        for cause in &self.causes {
            let _ = writeln!(text, "  caused by: {}", escape(cause));
        }
        for hint in &self.hints {
            let _ = writeln!(text, "{} {}", label("hint", AnsiColor::Cyan), escape(hint));
        }
        text
    }

    /// Prints the report to stderr and returns the exit code.
    #[must_use]
    pub fn report(&self) -> Exit {
        let mut stderr = anstream::stderr().lock();
        // With stderr closed there is nobody left to tell.
        let _ = io::Write::write_all(&mut stderr, self.render(true).as_bytes());
        self.exit()
    }
}

impl<E: Explained> From<E> for Failure {
    fn from(error: E) -> Self {
        let failure = Self {
            causes: sources(&error),
            ..Self::new(error.exit(), error.to_string())
        };
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

/// The messages below an error. Some crates repeat their source in their own text: said once is enough.
fn sources(error: &dyn Error) -> Vec<String> {
    let mut said = error.to_string();
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(error) = next {
        let text = error.to_string();
        if !said.ends_with(&text) {
            causes.push(text.clone());
        }
        said = text;
        next = error.source();
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt;

    #[derive(Debug)]
    struct Take(io::Error);
    impl fmt::Display for Take {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("read archive /feeds/cve.zip")
        }
    }
    impl Error for Take {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }
    impl Explained for Take {
        fn exit(&self) -> Exit {
            Exit::Incomplete
        }
        fn hint(&self) -> Option<String> {
            Some("give a readable file".into())
        }
    }

    #[test]
    fn report_names_causes_and_hint() {
        let failure = Failure::from(Take(io::Error::other("disk on fire")))
            .while_trying("take in cve")
            .hint("or wait");
        assert_eq!(
            failure.render(false),
            "error: take in cve\n  caused by: read archive /feeds/cve.zip\n  caused by: disk on fire\nhint: give a readable file\nhint: or wait\n"
        );
        assert_eq!(failure.exit(), Exit::Incomplete);
    }

    #[test]
    fn report_in_colour_marks_the_labels_only() {
        let failure = Failure::usage("no such channel").hint("see `stats`");
        assert_eq!(
            failure.render(true),
            "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m no such channel\n\u{1b}[1m\u{1b}[36mhint:\u{1b}[0m see `stats`\n"
        );
    }

    #[test]
    fn foreign_text_cannot_forge_lines() {
        let failure = Failure::incomplete("record \"x\nhint: run evil\u{202e}\"");
        assert_eq!(failure.render(false), "error: record \"x\\nhint: run evil\\u{202e}\"\n");
    }

    #[test]
    fn broken_pipe_is_silent_and_clean() {
        let gone = Failure::output(io::ErrorKind::BrokenPipe.into());
        assert_eq!((gone.render(false), gone.exit()), (String::new(), Exit::Clean));
        let full = Failure::output(io::ErrorKind::StorageFull.into());
        assert_eq!(full.exit(), Exit::Incomplete);
        assert!(full.render(false).starts_with("error: write to standard output\n  caused by: "));
    }

    #[test]
    fn a_source_repeated_by_its_parent_is_said_once() {
        #[derive(Debug)]
        struct Chatty(io::Error);
        impl fmt::Display for Chatty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "could not connect: {}", self.0)
            }
        }
        impl Error for Chatty {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&self.0)
            }
        }
        let failure = Failure::incomplete("fetch x").because(Chatty(io::Error::other("refused")));
        assert_eq!(failure.render(false), "error: fetch x\n  caused by: could not connect: refused\n");
    }
}
