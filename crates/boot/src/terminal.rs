//! Passphrases from a terminal, where somebody sits at one.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

/// Asks, without showing what is typed. `None` if standard input is no terminal: programs and services are not asked.
pub fn ask(question: &str) -> io::Result<Option<Vec<u8>>> {
    let input = io::stdin();
    if !input.is_terminal() {
        return Ok(None);
    }
    let mut talk = io::stderr();
    write!(talk, "{question}: ")?;
    talk.flush()?;
    let shown = tcgetattr(&input)?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    hidden.local_modes.insert(LocalModes::ECHONL);
    tcsetattr(&input, OptionalActions::Now, &hidden)?;
    let mut line = Vec::new();
    let read = input.lock().read_until(b'\n', &mut line);
    tcsetattr(&input, OptionalActions::Now, &shown)?;
    read?;
    while line.last().is_some_and(|b| matches!(b, b'\n' | b'\r')) {
        line.pop();
    }
    Ok(Some(line))
}

/// Asks for a new passphrase, twice. `None` without a terminal, or if nothing is typed: no passphrase is wanted. The inner
/// `None`: the answers differ.
pub fn ask_new(question: &str) -> io::Result<Option<Option<Vec<u8>>>> {
    let Some(first) = ask(question)?.filter(|line| !line.is_empty()) else {
        return Ok(None);
    };
    let second = ask("The same again")?;
    Ok(Some((second.as_ref() == Some(&first)).then_some(first)))
}
