use std::path::{Path, PathBuf};

use boot_formats::Guid;
use boot_formats::authvar::KeyVariable;
use boot_formats::certificate::Certificate;
use boot_formats::siglist::Entry;
use cli_kit::{Exit, Failure, escape};
use time::OffsetDateTime;

use crate::commands::{Voice, certificate};
use crate::files;
use crate::keys::{KeyFolder, OWN, adopt, at, read_lists};

/// Makes a key that exists, with its certificate, the folder's own.
pub fn own(
    folder: &KeyFolder,
    variable: KeyVariable,
    key: &Path,
    owner: Option<Guid>,
    paths: &[PathBuf],
    voice: &mut Voice,
) -> Result<Exit, Failure> {
    if !OWN.contains(&variable) {
        return Err(Failure::usage("dbx has no key of its own").hint("changes of dbx are signed by KEK"));
    }
    let [path] = paths else {
        return Err(Failure::usage("one key has one certificate").hint("import the keys one after the other"));
    };
    let certificate = certificate(path)?;
    adopt(folder, variable, (key, &files::read(key)?), &certificate, owner)?;
    let name = variable.name();
    voice
        .talk
        .say(&format!("{} is the {name} key of {} now", key.display(), folder.path().display()));
    warn_if_expired(certificate.der(), voice);
    if let Some(missing) = OWN.iter().find(|v| folder.certificate(**v).is_err()) {
        voice.talk.say(&format!("the folder has no {} yet", missing.name()));
    }
    Ok(Exit::Clean)
}

/// Keeps certificates or lists of others.
pub fn others(
    folder: &KeyFolder,
    variable: KeyVariable,
    owner: Option<Guid>,
    paths: &[PathBuf],
    voice: &mut Voice,
) -> Result<Exit, Failure> {
    if variable == KeyVariable::Pk {
        return Err(Failure::usage("firmware takes one platform key only, and the folder has its own")
            .hint("to use another one instead, import it with its key: --key FILE"));
    }
    let owner = owner.map_or_else(|| folder.owner(), Ok)?;
    for path in paths {
        let lists = read_lists(path, owner)?;
        let name = path.file_stem().and_then(|s| s.to_str()).unwrap_or("imported");
        let kept = folder.keep(variable, name, &lists)?;
        let count: usize = lists.iter().map(|l| l.signatures.len()).sum();
        voice
            .talk
            .say(&format!("kept {count} entries of {} as {}", path.display(), kept.display()));
        for list in &lists {
            for signature in &list.signatures {
                if let Entry::Certificate(der) = signature.entry(list.kind) {
                    warn_if_expired(der, voice);
                }
            }
        }
    }
    Ok(Exit::Clean)
}

/// Firmware does not look at dates, so that this is no reason to refuse.
fn warn_if_expired(der: &[u8], voice: &mut Voice) {
    let Ok(certificate) = Certificate::parse(der) else { return };
    let end = certificate.validity.1;
    if end < at(OffsetDateTime::now_utc()) {
        voice.talk.say(&format!(
            "{} has expired ({end}); firmware does not look at that",
            escape(&certificate.common_name())
        ));
    }
}
