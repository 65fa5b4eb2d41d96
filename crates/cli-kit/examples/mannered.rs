//! The smallest program with all manners; the integration tests run it.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cli_kit::{Exit, Failure, Manners, Output, Table};

#[derive(Parser)]
#[command(
    name = "mannered",
    version,
    about = "Shows manners",
    after_help = "Examples:\n  mannered greet world"
)]
struct Cli {
    #[command(flatten)]
    manners: Manners,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print a greeting
    Greet {
        /// Whom to greet
        #[arg(env = "MANNERED_NAME")]
        name: String,
    },
    /// Print lines until the reader goes away
    Forever,
    /// Fail
    Fail,
    /// Panic
    Panic,
}

fn main() -> ExitCode {
    cli_kit::run(|cli: Cli| {
        let talk = cli.manners.talk();
        cli_kit::start_logging(&talk, "warn")?;
        let mut out = Output::stdout();
        match cli.command {
            Command::Greet { name } => {
                let task = talk.task("greet", "people", Some(1));
                match cli.manners.format {
                    cli_kit::Format::Table => {
                        let mut table = Table::new(&["hello"]);
                        table.row([name]);
                        out.table(&table)?;
                    }
                    cli_kit::Format::Json => out.json(&[name])?,
                    cli_kit::Format::Jsonl => out.json_line(&[name])?,
                }
                task.inc(1);
                task.finish();
                out.finish()?;
                Ok(Exit::Clean)
            }
            Command::Forever => loop {
                out.line("still here")?;
            },
            Command::Fail => Err(Failure::incomplete("fetch the moon").hint("try the sun")),
            Command::Panic => panic!("a\nsurprise"),
        }
    })
}
