//! `export snapshot`

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use attest::signature::SecretKey;
use cli_kit::{Exit, Explained, Failure, human};

use super::super::Context;
use super::beside;
use crate::config::data_dir;
use crate::snapshot::{self, MakeError};

/// Writes the snapshot and its public key.
pub fn run(context: &Context, out: &Path, key: Option<&Path>) -> Result<Exit, Failure> {
    if out == Path::new("-") || out.file_name().is_none() {
        return Err(Failure::usage(format!("write a snapshot to {}: it must be a file", out.display()))
            .hint("its public key is written beside it, as F.pub"));
    }
    // A key that cannot be used is said before minutes of work.
    let key = match key {
        Some(path) => read_key(path)?,
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

/// Writes a file beside its place, makes sure that it is on the disk, and moves it: nobody reads half a file, and no power cut leaves one.
fn replace(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), Failure> {
    let beside = beside(path);
    let work = || {
        let mut file = BufWriter::new(File::create(&beside)?);
        write(&mut file)?;
        file.flush()?;
        file.get_ref().sync_all()?;
        fs::rename(&beside, path)
    };
    work().map_err(|error| {
        // What is left of half a file is of no use; that it cannot be removed adds nothing to the failure.
        let _ = fs::remove_file(&beside);
        Failure::incomplete(format!("write {}", path.display())).because(error)
    })
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

fn read_key(path: &Path) -> Result<SecretKey, Failure> {
    let text = fs::read_to_string(path).map_err(|e| Failure::usage(format!("read the key {}", path.display())).because(e))?;
    SecretKey::from_pem(&text).map_err(|e| {
        Failure::usage(format!("read the key {}", path.display()))
            .because(e)
            .hint("`openssl genpkey -algorithm ed25519 -out K` makes one")
    })
}

/// The key in the data folder; made when there is none yet.
fn own_key(context: &Context) -> Result<SecretKey, Failure> {
    let path: PathBuf = data_dir()?.join("snapshot.key");
    let failed = |e: io::Error| Failure::incomplete(format!("make the key {}", path.display())).because(e);
    if path.exists() {
        return read_key(&path);
    }
    let (key, text) = SecretKey::generate().map_err(|e| Failure::incomplete(format!("make the key {}", path.display())).because(e))?;
    // Two exports at a time must not make two keys.
    if !cli_kit::write_secret(&path, &text).map_err(failed)? {
        return read_key(&path);
    }
    context.talk.say(&format!(
        "{}: made a key to sign snapshots with; scanners that trust it know it as {}",
        cli_kit::escape(&path.display().to_string()),
        key.public()
    ));
    Ok(key)
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
            MakeError::Store(_) | MakeError::Channels(_) | MakeError::Compress(_) => None,
        }
    }
}
