//! `export snapshot`

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use attest::signature::SecretKey;
use cli_kit::{Exit, Explained, Failure, human};

use super::super::Context;
use crate::config::data_dir;
use crate::snapshot::{self, KeyError, MakeError};

/// Writes the snapshot and its public key.
pub fn run(context: &Context, out: &Path, key: Option<&Path>) -> Result<Exit, Failure> {
    if out == Path::new("-") || out.file_name().is_none() {
        return Err(Failure::usage(format!("write a snapshot to {}: it must be a file", out.display()))
            .hint("its public key is written beside it, as F.pub"));
    }
    // A key that cannot be used is said before minutes of work.
    let key = match key {
        Some(path) => snapshot::read_key(path)?,
        None => own_key(context)?,
    };
    let (header, sealed) = snapshot::make(&*context.store, &context.progress)?;
    let (serial, records, packages) = (header.serial, header.records, header.packages);
    for (table, bytes, blocks) in sealed.sizes() {
        tracing::debug!(
            snapshot.table = table.name(),
            snapshot.bytes = bytes,
            snapshot.blocks = blocks,
            "snapshot"
        );
    }
    let public = key.public();
    let sign = |message: &[u8]| (*public.as_bytes(), key.sign(message));
    let mut written = 0;
    replace(out, |file| {
        let mut sink = Counted { sink: file, bytes: 0 };
        sealed.write(header, sign, &mut sink)?;
        written = sink.bytes;
        Ok(())
    })?;
    let mut beside = out.as_os_str().to_owned();
    beside.push(".pub");
    replace(Path::new(&beside), |file| writeln!(file, "{public}"))?;
    context.talk.say(&format!(
        "{}: snapshot {serial}, {} records, {} packages, {} bytes, signed by {public}",
        cli_kit::escape(&out.display().to_string()),
        human::count(records),
        human::count(packages),
        human::count(written),
    ));
    Ok(Exit::Clean)
}

/// Writes a file whole or not at all.
fn replace(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), Failure> {
    snapshot::replace(path, write).map_err(|error| Failure::incomplete(format!("write {}", path.display())).because(error))
}

/// Counts what goes through.
struct Counted<W> {
    sink: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.sink.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// The key in the data folder; made when there is none yet.
fn own_key(context: &Context) -> Result<SecretKey, Failure> {
    let path: PathBuf = data_dir()?.join("snapshot.key");
    let (key, is_new) = snapshot::own_key(&path)?;
    if is_new {
        context.talk.say(&format!(
            "{}: made a key to sign snapshots with; scanners that trust it know it as {}",
            cli_kit::escape(&path.display().to_string()),
            key.public()
        ));
    }
    Ok(key)
}

impl Explained for KeyError {
    fn exit(&self) -> Exit {
        match self {
            KeyError::Read { .. } | KeyError::Malformed { .. } => Exit::Usage,
            KeyError::Make { .. } => Exit::Incomplete,
        }
    }

    fn hint(&self) -> Option<String> {
        matches!(self, KeyError::Malformed { .. }).then(|| "`openssl genpkey -algorithm ed25519 -out K` makes one".into())
    }
}

impl Explained for MakeError {
    fn exit(&self) -> Exit {
        Exit::Incomplete
    }

    fn hint(&self) -> Option<String> {
        match self {
            MakeError::Unmatched => {
                Some("`firn-tracker match` matches what is new; `firn-tracker sync` takes in everything and matches".into())
            }
            MakeError::Changed => Some("start again when sync and match are done".into()),
            MakeError::Store(_) | MakeError::Channels(_) | MakeError::Compress(_) => None,
        }
    }
}
