//! What is generated from a program's own command line: man pages, completions, its page in the book.

use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use clap::{Arg, ArgMatches, Command, ValueHint, value_parser};
use clap_complete::Shell;

use crate::{Exit, Failure, Output};

/// A program's command with what every program has: hidden commands for its own documentation
/// (`man`, `completions`, `help-markdown`), the exit codes and the shared environment in its long help.
#[must_use]
pub fn furnish(command: Command) -> Command {
    let longer = match command.get_after_long_help().or(command.get_after_help()) {
        Some(text) => format!("{text}\n\n{}", shared_help()),
        None => shared_help(),
    };
    let name = command.get_name().to_owned();
    without_environment(command)
        .after_long_help(longer)
        .subcommand(
            Command::new("man").hide(true).about("Write the manual pages into a folder").arg(
                Arg::new("out")
                    .long("out")
                    .value_name("DIR")
                    .required(true)
                    .value_hint(ValueHint::DirPath)
                    .value_parser(value_parser!(std::path::PathBuf)),
            ),
        )
        .subcommand(
            Command::new("completions")
                .hide(true)
                .about(format!("Print the completions of {name} for a shell"))
                .arg(Arg::new("shell").required(true).value_parser(value_parser!(Shell))),
        )
        .subcommand(
            Command::new("help-markdown")
                .hide(true)
                .about("Print the page about this command line"),
        )
}

/// Does what one of the hidden commands asks for; `None` if another command was given.
pub(crate) fn answer(mut command: Command, matches: &ArgMatches) -> Option<Result<Exit, Failure>> {
    let answer = match matches.subcommand()? {
        ("man", given) => {
            let dir = given.get_one::<std::path::PathBuf>("out")?;
            man_pages(&command, dir).map(|()| Exit::Clean)
        }
        ("completions", given) => print(&completions(&mut command, *given.get_one::<Shell>("shell")?)),
        ("help-markdown", _) => print(&markdown(&command)),
        _ => return None,
    };
    Some(answer)
}

/// A Markdown page about a command line: the help of every visible command, in their order.
#[must_use]
pub fn markdown(command: &Command) -> String {
    let mut command = command.clone().term_width(100).disable_help_subcommand(true);
    command.build();
    let mut page = format!("# {}\n\n", command.get_name());
    push_command(&mut page, &command, 1);
    page
}

/// One manual page for every visible command, written into `dir`.
pub fn man_pages(command: &Command, dir: &Path) -> Result<(), Failure> {
    let at = |source: io::Error| Failure::incomplete(format!("write manual pages into {}", dir.display())).because(source);
    fs::create_dir_all(dir).map_err(at)?;
    clap_mangen::generate_to(command.clone().disable_help_subcommand(true), dir).map_err(at)
}

/// The completion script for a shell.
#[must_use]
pub fn completions(command: &mut Command, shell: Shell) -> String {
    let mut script = Vec::new();
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, command, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

fn push_command(page: &mut String, command: &Command, depth: usize) {
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    if depth > 1 {
        // Writing to a string cannot fail.
        let _ = write!(page, "{} {name}\n\n", "#".repeat(depth.min(4)));
    }
    let help = command.clone().render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _ = write!(page, "```text\n{}\n```\n\n", lines.join("\n").trim_end());
    for sub in command.get_subcommands().filter(|s| !s.is_hide_set() && s.get_name() != "help") {
        // What every command takes is said once, at the top.
        let own = sub.clone().mut_args(|arg| {
            if arg.is_global_set() || arg.get_id() == "help" {
                arg.hide(true)
            } else {
                arg
            }
        });
        push_command(page, &own, depth + 1);
    }
    if depth == 1 {
        page.truncate(page.trim_end().len());
        page.push('\n');
    }
}

/// Help must not depend on the reader's environment: it is compared with what the book shows.
fn without_environment(command: Command) -> Command {
    command
        .mut_args(|arg| arg.hide_env_values(true))
        .mut_subcommands(without_environment)
}

fn shared_help() -> String {
    let mut text = String::from("Exit codes:\n");
    for exit in Exit::ALL {
        let _ = writeln!(text, "  {:>2}  {}", exit.code(), exit.meaning());
    }
    text.push_str(
        "\nEnvironment:\n  FIRN_LOG  what is logged on stderr, as in FIRN_LOG=info,tracker=debug\n  NO_COLOR  if not empty, no colours",
    );
    text
}

fn print(text: &str) -> Result<Exit, Failure> {
    let mut out = Output::stdout();
    out.line(text.trim_end())?;
    out.finish()?;
    Ok(Exit::Clean)
}
