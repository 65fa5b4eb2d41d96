use clap::{Args, ValueEnum};

use crate::Talk;

/// The options every program has. Put them into a program's arguments with `#[command(flatten)]`.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Manners")]
pub struct Manners {
    /// How to print data on stdout
    #[arg(long, global = true, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    pub format: Format,

    /// Print data and errors only: no progress, no notes
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// One versioned JSON object
    Json,
    /// One JSON object a line
    Jsonl,
}

impl Manners {
    /// The talk that fits these options and the terminal.
    #[must_use]
    pub fn talk(self) -> Talk {
        Talk::new(self.quiet)
    }
}
