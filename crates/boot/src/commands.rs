//! What the commands do.

mod esp;
mod image;
mod install;
mod keys;
mod sign;
mod uki;

use std::path::Path;

use boot_formats::authvar::KeyVariable;
use boot_formats::certificate::OwnedCertificate;
use boot_formats::pem::certificates;
use cli_kit::{Exit, Failure, Format, Output, Talk};

use crate::cli::{Cli, Command, Folder, Key};
use crate::files;
use crate::keys::{KeyError, KeyFolder};
use crate::signer::{CommandSigner, FileSigner, Pkcs11Signer, Pkcs11Uri, Signer, SignerError};
use crate::terminal;

/// Where a command's words go.
pub struct Voice {
    /// Data.
    pub out: Output,
    /// Everything else.
    pub talk: Talk,
    /// How data is printed.
    pub format: Format,
}

/// Runs a command.
pub fn run(cli: Cli) -> Result<Exit, Failure> {
    let mut voice = Voice {
        out: Output::stdout(),
        talk: cli.manners.talk(),
        format: cli.manners.format,
    };
    cli_kit::start_logging(&voice.talk, "warn")?;
    let exit = match cli.command {
        Command::Keys { command } => keys::run(command, &mut voice),
        Command::Sign(arguments) => sign::run(&arguments, &mut voice),
        Command::Verify {
            keys,
            db,
            dbx,
            firmware,
            efivars,
            files,
        } => {
            let trust = image::Trust {
                keys,
                db,
                dbx,
                firmware: firmware.then_some(efivars),
            };
            image::verify(&trust, &files, &mut voice)
        }
        Command::Hash { files } => image::hash(&files, &mut voice),
        Command::Uki { command } => uki::run(command, &mut voice),
        Command::Install { installing, plan } => install::install(&installing, plan, &mut voice),
        Command::Check { installing } => install::check(&installing, &mut voice),
        Command::Repair { installing } => install::repair(&installing, &mut voice),
        Command::Status { place, key } => esp::status(&place, &key, &mut voice),
        Command::Bless { place } => esp::bless(&place, &mut voice),
        Command::Uninstall { place, systemd_boot, plan } => esp::uninstall(&place, &systemd_boot, plan, &mut voice),
    }?;
    voice.out.finish()?;
    Ok(exit)
}

/// The folder that arguments name, with its passphrase.
fn folder(arguments: &Folder) -> Result<KeyFolder, Failure> {
    let passphrase = passphrase(arguments.passphrase_file.as_deref())?;
    Ok(KeyFolder::new(arguments.dir.clone(), passphrase).asking(asked))
}

/// The folder for keys that are about to be made, with the passphrase that they get; asked for on a terminal.
fn folder_for_new_keys(arguments: &Folder) -> Result<(KeyFolder, bool), Failure> {
    let mut passphrase = passphrase(arguments.passphrase_file.as_deref())?;
    if passphrase.is_none() {
        let answer = terminal::ask_new("Passphrase for the new keys (nothing: they are not encrypted)");
        passphrase = match answer.map_err(|e| Failure::incomplete("ask for a passphrase").because(e))? {
            Some(None) => return Err(Failure::usage("the passphrases differ").hint("nothing was made")),
            Some(same) => same,
            None => None,
        };
    }
    let is_encrypted = passphrase.is_some();
    Ok((KeyFolder::new(arguments.dir.clone(), passphrase).asking(asked), is_encrypted))
}

/// Somebody's answer, if there is a terminal.
fn asked(path: &Path) -> Option<Vec<u8>> {
    let question = format!("Passphrase of {}", cli_kit::escape(&path.display().to_string()));
    // A terminal that cannot be read is none.
    terminal::ask(&question).ok().flatten()
}

fn passphrase(file: Option<&Path>) -> Result<Option<Vec<u8>>, Failure> {
    let Some(file) = file else { return Ok(None) };
    let bytes = files::read(file)?;
    let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    if line.is_empty() {
        return Err(Failure::usage(format!("passphrase file {} is empty", file.display())));
    }
    Ok(Some(line.to_vec()))
}

/// Who signs, as the arguments say; `None` if they say nothing.
fn signer(key: &Key) -> Result<Option<Box<dyn Signer>>, Failure> {
    let passphrase = passphrase(key.passphrase_file.as_deref())?;
    if let Some(keys) = &key.keys {
        let folder = KeyFolder::new(keys.clone(), passphrase).asking(asked);
        return Ok(Some(Box::new(folder.signer(KeyVariable::Db)?)));
    }
    let Some(path) = &key.certificate else { return Ok(None) };
    let certificate = certificate(path)?;
    if let Some(file) = &key.key {
        let pem = files::read(file)?;
        let mut signer = FileSigner::new(file, &pem, passphrase.as_deref(), certificate.clone());
        if matches!(signer, Err(SignerError::Encrypted { .. }))
            && let Some(answer) = asked(file)
        {
            signer = FileSigner::new(file, &pem, Some(&answer), certificate);
        }
        return Ok(Some(Box::new(signer?)));
    }
    if let Some(uri) = &key.pkcs11 {
        let uri = Pkcs11Uri::parse(uri)?;
        let pin = uri.pin_source.as_deref().map(files::read).transpose()?;
        let pin = pin.map(|p| String::from_utf8_lossy(&p).trim().to_owned());
        return Ok(Some(Box::new(Pkcs11Signer::open(&uri, pin.as_deref(), certificate)?)));
    }
    match &key.signer_command {
        Some(command) => Ok(Some(Box::new(CommandSigner::new(command.clone(), certificate)))),
        None => Ok(None),
    }
}

/// The first certificate of a file.
fn certificate(path: &Path) -> Result<OwnedCertificate, Failure> {
    let bytes = files::read(path)?;
    let first = certificates(&bytes)
        .into_iter()
        .next()
        .ok_or_else(|| KeyError::Unknown { path: path.into() })?;
    let read = OwnedCertificate::new(&first).map_err(|source| KeyError::Certificate { path: path.into(), source })?;
    Ok(read)
}
