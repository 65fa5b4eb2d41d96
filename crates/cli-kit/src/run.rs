use std::io::{self, Write as _};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::process::ExitCode;

use clap::Parser;

use crate::{Exit, Failure, escape, pages};

/// A program from its command line to its exit code: parses the arguments, runs `body`, reports what
/// failed. A panic anywhere is reported as the bug it is.
pub fn run<C: Parser>(body: impl FnOnce(C) -> Result<Exit, Failure>) -> ExitCode {
    panic::set_hook(Box::new(report_panic));
    // Nothing is looked at after a panic but the exit code.
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| parse_and_run(body)));
    outcome.unwrap_or(Exit::Bug).into()
}

fn parse_and_run<C: Parser>(body: impl FnOnce(C) -> Result<Exit, Failure>) -> Exit {
    let mut command = pages::furnish(C::command());
    let parsed = command.try_get_matches_from_mut(std::env::args_os());
    let matches = match parsed {
        Ok(matches) => matches,
        Err(refusal) => return refuse(&refusal),
    };
    let result = match pages::answer(pages::furnish(C::command()), &matches) {
        Some(answer) => answer,
        None => match C::from_arg_matches(&matches) {
            Ok(arguments) => body(arguments),
            Err(refusal) => return refuse(&refusal.format(&mut command)),
        },
    };
    result.unwrap_or_else(|failure| failure.report())
}

/// Help and version are data on stdout; a refusal is talk on stderr.
fn refuse(refusal: &clap::Error) -> Exit {
    let printed = refusal.print();
    if refusal.use_stderr() {
        // With the stream closed there is nobody left to tell.
        return Exit::Usage;
    }
    match printed.and_then(|()| io::stdout().flush()) {
        Ok(()) => Exit::Clean,
        Err(e) => Failure::output(e).report(),
    }
}

fn report_panic(info: &PanicHookInfo<'_>) {
    let place = info
        .location()
        .map(|l| format!(" at {}:{}", l.file(), l.line()))
        .unwrap_or_default();
    let text = info.payload_as_str().unwrap_or("no message");
    let failure = Failure::new(Exit::Bug, format!("this is a bug: {}{place}", escape(text)));
    let _ = failure.hint("please report it with the command line and the lines above").report();
}
