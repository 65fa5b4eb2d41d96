//! Running other programs.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context as _, Result, bail};

use crate::house::House;

/// The Cargo that runs us, for one of its commands.
pub fn cargo(house: &House, command: &str) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(&house.root).arg(command).env("CARGO_TARGET_DIR", &house.target);
    // What `cargo run` set for this process is about xtask, and would make Cargo rebuild what reads it.
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("CARGO_PKG_") || matches!(&*name_text, "CARGO_MANIFEST_DIR" | "CARGO_MANIFEST_PATH") {
            cargo.env_remove(name);
        }
    }
    if std::env::var_os("CI").is_some() {
        // Incremental files only help the second build of a tree; a CI run builds once.
        cargo.env("CARGO_INCREMENTAL", "0");
    }
    cargo
}

/// Runs a command with our own stdout and stderr.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("start {}", describe(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", describe(command));
    }
    Ok(())
}

/// Runs a command and returns its stdout.
pub fn capture(command: &mut Command) -> Result<String> {
    let done = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("start {}", describe(command)))?;
    if !done.status.success() {
        bail!("{} ended with {}", describe(command), done.status);
    }
    String::from_utf8(done.stdout).with_context(|| format!("read the output of {}", describe(command)))
}

/// Whether a command can be started and succeeds, without its output.
pub fn works(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

/// Runs a command and hands each line it prints to `look`, which says whether to show it.
pub fn watch(command: &mut Command, mut look: impl FnMut(&str) -> bool) -> Result<()> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {}", describe(command)))?;
    let (send, lines) = std::sync::mpsc::channel::<(bool, String)>();
    let stdout = child.stdout.take().map(|pipe| forward(pipe, true, send.clone()));
    let stderr = child.stderr.take().map(|pipe| forward(pipe, false, send));
    for (is_data, line) in lines {
        match (look(&line), is_data) {
            (false, _) => {}
            (true, true) => println!("{line}"),
            (true, false) => eprintln!("{line}"),
        }
    }
    for reader in [stdout, stderr].into_iter().flatten() {
        // A reader that panicked has shown so; what counts is how the command ended.
        let _ = reader.join();
    }
    let status = child.wait().with_context(|| format!("wait for {}", describe(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", describe(command));
    }
    Ok(())
}

fn forward(pipe: impl Read + Send + 'static, is_data: bool, send: std::sync::mpsc::Sender<(bool, String)>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            if send.send((is_data, String::from_utf8_lossy(&line).into_owned())).is_err() {
                return;
            }
        }
    })
}

/// A command as a person would type it.
pub fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
