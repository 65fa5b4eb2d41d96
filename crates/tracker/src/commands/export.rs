//! `export`

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use cli_kit::{Exit, Failure, human};

use super::{Context, known_channel};

/// Writes all verdicts as JSON Lines.
pub fn suggestions(context: &Context, out: &Path, channel: Option<&str>) -> Result<Exit, Failure> {
    known_channel(context, channel)?;
    let mut lines = 0_u64;
    let mut write = |sink: &mut dyn Write| -> Result<(), Failure> {
        context.store.suggestions(channel, &mut |suggestion| {
            serde_json::to_writer(&mut *sink, &suggestion)?;
            lines += 1;
            sink.write_all(b"\n")
        })?;
        sink.flush().map_err(Failure::output)
    };
    if out == Path::new("-") {
        write(&mut BufWriter::with_capacity(256 << 10, io::stdout().lock()))?;
        return Ok(Exit::Clean);
    }
    // Written beside and moved: nobody reads half a file.
    let failed = |e: io::Error| Failure::incomplete(format!("write {}", out.display())).because(e);
    let beside = beside(out);
    let file = File::create(&beside).map_err(failed)?;
    let written = write(&mut BufWriter::with_capacity(256 << 10, file));
    if let Err(failure) = written {
        // What is left of it is of no use; that it cannot be removed adds nothing to the failure.
        let _ = std::fs::remove_file(&beside);
        return Err(failure);
    }
    std::fs::rename(&beside, out).map_err(failed)?;
    context.talk.say(&format!(
        "{}: {} suggestions",
        cli_kit::escape(&out.display().to_string()),
        human::count(lines)
    ));
    Ok(Exit::Clean)
}

fn beside(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    out.with_file_name(name)
}
