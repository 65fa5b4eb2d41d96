mod enroll;
mod import;
mod status;

use std::path::{Path, PathBuf};

use boot_formats::authenticode::digest;
use boot_formats::authvar::{APPEND, KEY_ATTRIBUTES, KeyVariable, SignedValue, Timestamp, to_sign};
use boot_formats::certificate::OwnedCertificate;
use boot_formats::pe::Pe;
use boot_formats::pkcs7::Draft;
use boot_formats::siglist::{self, SignatureList};
use boot_formats::trust::Hex;
use cli_kit::{Exit, Failure};
use time::OffsetDateTime;

use super::{Voice, certificate, folder, folder_for_new_keys};
use crate::cli::{Fields, Keys};
use crate::files;
use crate::firmware::Firmware;
use crate::keys::{KeyFolder, NewKeys, create, rotate};
use crate::signer::{Signer, SignerError};

pub fn run(command: Keys, voice: &mut Voice) -> Result<Exit, Failure> {
    match command {
        Keys::Create {
            folder: arguments,
            owner,
            fields,
        } => {
            let (folder, is_encrypted) = folder_for_new_keys(&arguments)?;
            create(
                &folder,
                &NewKeys {
                    owner,
                    ..new_keys(&fields)
                },
            )?;
            voice.talk.say(&format!("made PK, KEK and db in {}", folder.path().display()));
            if !is_encrypted {
                voice
                    .talk
                    .say("the keys are not encrypted: whoever reads the folder can sign what this machine boots");
            }
            Ok(Exit::Clean)
        }
        Keys::Import {
            folder: arguments,
            into,
            key,
            owner,
            files,
        } => {
            let folder = folder(&arguments)?;
            match key {
                Some(key) => import::own(&folder, into.into(), &key, owner, &files, voice),
                None => import::others(&folder, into.into(), owner, &files, voice),
            }
        }
        Keys::Rotate {
            folder: arguments,
            variable,
            finish,
            efivars,
            fields,
        } => {
            if variable == crate::cli::Variable::dbx {
                return Err(Failure::usage("dbx has no key of its own").hint("changes of dbx are signed by KEK"));
            }
            if finish {
                finish_rotation(&folder(&arguments)?, variable.into(), &efivars, voice)
            } else {
                start_rotation(&folder_for_new_keys(&arguments)?.0, variable.into(), &fields, voice)
            }
        }
        Keys::Status {
            folder: arguments,
            efivars,
            files,
        } => status::run(&folder(&arguments)?, &efivars, &files, voice),
        Keys::Export {
            folder: arguments,
            out,
            timestamp,
        } => export(&folder(&arguments)?, &out, timestamp, voice),
        Keys::Enroll {
            folder: arguments,
            efivars,
            keep_firmware,
            only_ours,
            plan,
        } => {
            let choice = enroll::Choice {
                keep_firmware,
                only_ours,
                plan,
            };
            enroll::run(&folder(&arguments)?, &efivars, choice, voice)
        }
        Keys::Revoke {
            folder: arguments,
            image,
            certificate,
            certificate_digest,
            out,
        } => {
            let what = Revoked {
                images: image,
                certificates: certificate,
                certificate_digests: certificate_digest,
            };
            revoke(&folder(&arguments)?, &what, out.as_deref(), voice)
        }
    }
}

fn new_keys(fields: &Fields) -> NewKeys {
    NewKeys {
        bits: fields.bits,
        owner: None,
        organization: fields.organization.clone(),
        common_name: fields.common_name.clone(),
        years: fields.years,
        now: OffsetDateTime::now_utc(),
    }
}

fn start_rotation(folder: &KeyFolder, variable: KeyVariable, fields: &Fields, voice: &mut Voice) -> Result<Exit, Failure> {
    folder.certificate(variable)?;
    rotate(folder, variable, &new_keys(fields))?;
    let name = variable.name();
    voice
        .talk
        .say(&format!("made a new {name}; the old one is in previous/ and still valid"));
    voice.talk.say("enrol, sign the images again, boot one, then finish the rotation");
    Ok(Exit::Clean)
}

fn finish_rotation(folder: &KeyFolder, variable: KeyVariable, efivars: &Path, voice: &mut Voice) -> Result<Exit, Failure> {
    if let (Ok(firmware), Some(previous)) = (Firmware::at(efivars), folder.previous_certificate(variable)?)
        && firmware.state()?.1 == Some(false)
    {
        let there = firmware.lists(variable)?;
        if siglist::holds(&there, previous.der()) && !siglist::holds(&there, folder.certificate(variable)?.der()) {
            return Err(Failure::usage(format!(
                "this machine's firmware knows only the old {}, and would not take changes from the new one",
                variable.name()
            ))
            .hint("run `firn-boot keys enroll` first"));
        }
    }
    let mut dropped = 0;
    for end in ["key", "pem"] {
        let path = folder.path().join("previous").join(format!("{}.{end}", variable.name()));
        dropped += usize::from(files::remove(&path)?);
    }
    if dropped == 0 {
        voice.talk.say(&format!("no rotation of {} is under way", variable.name()));
        return Ok(Exit::NothingToDo);
    }
    voice.talk.say(&format!(
        "dropped the old {}; enrol, so that firmware does not trust it any more",
        variable.name()
    ));
    Ok(Exit::Clean)
}

/// A value for a variable, signed by the key that may change it.
pub fn signed_value(variable: KeyVariable, value: &[u8], append: bool, at: Timestamp, signer: &dyn Signer) -> Result<Vec<u8>, SignerError> {
    let attributes = KEY_ATTRIBUTES | if append { APPEND } else { 0 };
    let message = to_sign(variable.name(), variable.vendor(), attributes, at, value);
    let certificate = signer.certificate().parts().map_err(SignerError::Certificate)?;
    let signature = Draft::of_message(certificate, &message)
        .finish(&signer.sign(&message)?)
        .map_err(SignerError::Signature)?;
    Ok(SignedValue {
        timestamp: at,
        signature: &signature,
        value,
    }
    .to_bytes())
}

/// A time for signed values: as given, or the environment's for reproducible builds, or now.
pub fn timestamp(given: Option<i64>) -> Result<Timestamp, Failure> {
    let environment = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|t| t.parse().ok());
    let moment = match given.or(environment) {
        Some(seconds) => OffsetDateTime::from_unix_timestamp(seconds)
            .map_err(|e| Failure::usage(format!("read {seconds} as seconds since 1970")).because(e))?,
        None => OffsetDateTime::now_utc(),
    };
    Ok(self::moment(moment))
}

fn moment(at: OffsetDateTime) -> Timestamp {
    Timestamp {
        year: u16::try_from(at.year()).unwrap_or(1970),
        month: at.month().into(),
        day: at.day(),
        hour: at.hour(),
        minute: at.minute(),
        second: at.second(),
    }
}

/// Writes every variable as lists (.esl) and as signed value (.auth).
fn export(folder: &KeyFolder, out: &Path, given: Option<i64>, voice: &mut Voice) -> Result<Exit, Failure> {
    let at = timestamp(given)?;
    files::create_folder(out)?;
    for variable in KeyVariable::ALL {
        let lists = folder.lists(variable)?;
        if lists.is_empty() {
            continue;
        }
        let value = siglist::write(&lists);
        files::write(&out.join(format!("{}.esl", variable.name())), &value)?;
        let signer = folder.signer(variable.signed_by())?;
        let signed = signed_value(variable, &value, false, at, &signer)?;
        files::write(&out.join(format!("{}.auth", variable.name())), &signed)?;
        voice.talk.say(&format!(
            "wrote {} with {} entries",
            variable.name(),
            lists.iter().map(|l| l.signatures.len()).sum::<usize>()
        ));
    }
    Ok(Exit::Clean)
}

/// Files that name what is revoked.
struct Revoked {
    images: Vec<PathBuf>,
    certificates: Vec<PathBuf>,
    certificate_digests: Vec<PathBuf>,
}

/// Adds revocations to the folder, and writes the value that adds them to dbx.
fn revoke(folder: &KeyFolder, what: &Revoked, out: Option<&Path>, voice: &mut Voice) -> Result<Exit, Failure> {
    let owner = folder.owner()?;
    let mut lists = Vec::new();
    let mut digests = Vec::new();
    for path in &what.images {
        let bytes = files::read(path)?;
        let pe = Pe::parse(&bytes).map_err(|e| Failure::from(SignerError::Image(e)).while_trying(format!("revoke {}", path.display())))?;
        digests.push(digest(&pe));
    }
    if !digests.is_empty() {
        lists.push(SignatureList::of_digests(owner, &digests));
    }
    let revoked = |path: &Path| -> Result<OwnedCertificate, Failure> {
        let certificate = certificate(path)?;
        if folder.certificate(KeyVariable::Db)? == certificate {
            voice
                .talk
                .say("this certificate is that of our db key: nothing that it signed will start any more, the newest image included");
        }
        Ok(certificate)
    };
    for path in &what.certificates {
        lists.push(SignatureList::of_certificate(owner, revoked(path)?.der()));
    }
    let mut tbs_digests = Vec::new();
    for path in &what.certificate_digests {
        tbs_digests.push(revoked(path)?.parts().map_err(SignerError::Certificate)?.tbs_digest());
    }
    if !tbs_digests.is_empty() {
        lists.push(SignatureList::of_tbs_digests(owner, &tbs_digests));
    }
    if lists.is_empty() {
        return Err(
            Failure::usage("nothing to revoke").hint("name images with --image, certificates with --certificate or --certificate-digest")
        );
    }
    let value = siglist::write(&lists);
    let name = Hex(&boot_formats::sha256(&value)).to_string();
    folder.keep(KeyVariable::Dbx, name.get(..16).unwrap_or("revoked"), &lists)?;
    if let Some(out) = out {
        let signer = folder.signer(KeyVariable::Dbx.signed_by())?;
        files::write(out, &signed_value(KeyVariable::Dbx, &value, true, timestamp(None)?, &signer)?)?;
        voice.talk.say(&format!("append {} to dbx", out.display()));
    }
    Ok(Exit::Clean)
}
