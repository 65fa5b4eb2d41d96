//! `copy`, `backup` and `restore`

use std::io;
use std::path::Path;

use cli_kit::{Exit, Failure, Talk, human};

use super::{Context, there};
use crate::config::Database;
use crate::store::{self, Store, StoreError, transfer};

/// Moves everything from one database into another.
pub fn copy(talk: &Talk, from: &str, to: &str, replace: bool) -> Result<Exit, Failure> {
    let (from, to) = (Database::from_url(from)?, Database::from_url(to)?);
    if from == to {
        return Err(Failure::usage("copy a database into itself"));
    }
    there(&from)?;
    moved(talk, &*store::open(&from)?, &*store::open(&to)?, replace)
}

/// Writes one state of the database to a file, while others work on it.
pub fn backup(context: &Context, out: &Path) -> Result<Exit, Failure> {
    let tried = || format!("write the backup {}", out.display());
    if out.exists() {
        return Err(Failure::usage(tried()).hint("the file is there already: name another, or remove it"));
    }
    let folder = out.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Under its name it stands whole or not at all.
    let part = tempfile::Builder::new()
        .prefix(".backup")
        .tempdir_in(folder)
        .map_err(|e| Failure::incomplete(tried()).because(e))?;
    let file = part.path().join("tracker.sqlite");
    context.store.backup(&file)?;
    let done = || -> io::Result<()> {
        std::fs::File::open(&file)?.sync_all()?;
        std::fs::rename(&file, out)?;
        std::fs::File::open(folder)?.sync_all()
    };
    done().map_err(|e| Failure::incomplete(tried()).because(e))?;
    context.talk.say(&format!("backup written to {}", out.display()));
    Ok(Exit::Clean)
}

/// Puts a backup in the place of what the database holds.
pub fn restore(context: &Context, file: &Path, replace: bool) -> Result<Exit, Failure> {
    let database = Database::Sqlite(file.to_owned());
    there(&database)?;
    // A backup is not to be changed, and one of an older program has to be brought up to date: a copy of it is read.
    let tried = || format!("read the backup {}", file.display());
    let dir = tempfile::tempdir().map_err(|e| Failure::incomplete(tried()).because(e))?;
    let copy = dir.path().join("tracker.sqlite");
    std::fs::copy(file, &copy).map_err(|e| Failure::incomplete(tried()).because(e))?;
    moved(&context.talk, &*store::open(&Database::Sqlite(copy))?, &*context.store, replace)
}

fn moved(talk: &Talk, from: &dyn Store, to: &dyn Store, replace: bool) -> Result<Exit, Failure> {
    let task = talk.task("copy", "rows", None);
    let written = std::sync::atomic::AtomicU64::new(0);
    let done = transfer::copy(from, to, replace, &|rows| {
        written.fetch_add(rows, std::sync::atomic::Ordering::Relaxed);
        task.inc(rows);
    });
    task.finish();
    done.map_err(|error: StoreError| {
        let is_full = std::iter::successors(std::error::Error::source(&error), |e| e.source()).any(|e| e.to_string() == transfer::FULL);
        let failure = Failure::from(error);
        if is_full {
            failure.hint("--replace empties it first")
        } else {
            failure
        }
    })?;
    talk.say(&format!("{} rows written", human::count(written.into_inner())));
    Ok(Exit::Clean)
}
