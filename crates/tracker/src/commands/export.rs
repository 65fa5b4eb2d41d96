//! `export`

pub mod snapshot;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use cli_kit::{Exit, Failure, human};

use super::{Context, known_channel};

/// Writes all verdicts as JSON Lines.
pub fn suggestions(context: &Context, out: &Path, channel: Option<&str>) -> Result<Exit, Failure> {
    known_channel(context, channel)?;
    if out == Path::new("-") {
        write(context, channel, io::stdout().lock(), &Failure::output)?;
        return Ok(Exit::Clean);
    }
    // Written beside and moved: nobody reads half a file.
    let failed = |e: io::Error| Failure::incomplete(format!("write {}", out.display())).because(e);
    let beside = beside(out);
    let file = File::create(&beside).map_err(failed)?;
    // What is left of half a file is of no use; that it cannot be removed adds nothing to the failure.
    let lines = write(context, channel, file, &failed).inspect_err(|_| drop(std::fs::remove_file(&beside)))?;
    std::fs::rename(&beside, out).map_err(failed)?;
    context.talk.say(&format!(
        "{}: {} suggestions",
        cli_kit::escape(&out.display().to_string()),
        human::count(lines)
    ));
    Ok(Exit::Clean)
}

/// Writes a line for each; answers how many. `failed` says what becomes of an error of the sink, which is none of the database's.
fn write(context: &Context, channel: Option<&str>, sink: impl Write, failed: &dyn Fn(io::Error) -> Failure) -> Result<u64, Failure> {
    let mut sink = BufWriter::with_capacity(256 << 10, sink);
    let (mut lines, mut unwritten) = (0, None);
    let read = context.store.suggestions(channel, &mut |suggestion| {
        let written = serde_json::to_writer(&mut sink, &suggestion)
            .map_err(io::Error::from)
            .and_then(|()| sink.write_all(b"\n"));
        lines += 1;
        written.map_err(|e| {
            let kind = e.kind();
            unwritten = Some(e);
            kind.into()
        })
    });
    if let Some(error) = unwritten {
        return Err(failed(error));
    }
    read?;
    sink.flush().map_err(failed)?;
    Ok(lines)
}

fn beside(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    out.with_file_name(name)
}
