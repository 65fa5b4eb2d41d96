use std::path::{Path, PathBuf};

use boot_formats::authvar::KeyVariable;
use boot_formats::certificate::Certificate;
use boot_formats::pe::Pe;
use boot_formats::siglist::{Entry, SignatureList};
use boot_formats::trust::{Hex, Keyring, Verdict, judge};
use cli_kit::{Exit, Failure, Format, Table};
use serde::Serialize;

use crate::commands::Voice;
use crate::files;
use crate::firmware::Firmware;
use crate::keys::KeyFolder;
use crate::signer::SignerError;

#[derive(Serialize)]
struct Status {
    version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    secure_boot: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    setup_mode: Option<bool>,
    variables: Vec<VariableStatus>,
    images: Vec<ImageStatus>,
}

#[derive(Serialize)]
struct VariableStatus {
    name: &'static str,
    entries: Vec<EntryStatus>,
}

#[derive(Serialize)]
struct EntryStatus {
    what: String,
    owner: String,
    in_folder: bool,
    in_firmware: bool,
}

#[derive(Serialize)]
struct ImageStatus {
    file: String,
    starts_with_folder: bool,
    /// Not known without firmware.
    #[serde(skip_serializing_if = "Option::is_none")]
    starts_with_firmware: Option<bool>,
}

/// What folder and firmware hold; exit code 1 if they differ.
pub fn run(folder: &KeyFolder, efivars: &Path, images: &[PathBuf], voice: &mut Voice) -> Result<Exit, Failure> {
    // On a machine that only signs there is nothing to compare with.
    let firmware = Firmware::at(efivars).ok();
    let (secure_boot, setup_mode) = match &firmware {
        Some(firmware) => firmware.state()?,
        None => (None, None),
    };
    let mut variables = Vec::new();
    let (mut wanted, mut there) = (Vec::new(), Vec::new());
    for variable in KeyVariable::ALL.into_iter().rev() {
        let in_folder = folder.lists(variable)?;
        let in_firmware = firmware.as_ref().map(|f| f.lists(variable)).transpose()?.unwrap_or_default();
        variables.push(VariableStatus {
            name: variable.name(),
            entries: compare(&in_folder, &in_firmware),
        });
        wanted.push((variable, in_folder));
        there.push((variable, in_firmware));
    }
    let mut states = Vec::new();
    for path in images {
        let bytes = files::read(path)?;
        let pe = Pe::parse(&bytes).map_err(SignerError::Image)?;
        states.push(ImageStatus {
            file: path.display().to_string(),
            starts_with_folder: starts(&pe, &wanted),
            starts_with_firmware: firmware.as_ref().map(|_| starts(&pe, &there)),
        });
    }
    // What others have in the firmware is their business; what bears our name and is not in the folder was replaced.
    let owner = folder.owner()?.to_string();
    let agrees = |e: &EntryStatus| e.in_firmware && (e.in_folder || e.owner != owner);
    let agree = firmware.is_none() || variables.iter().flat_map(|v| &v.entries).all(agrees);
    let agree = agree && states.iter().all(|s| s.starts_with_folder && s.starts_with_firmware != Some(false));
    let status = Status {
        version: 1,
        secure_boot,
        setup_mode,
        variables,
        images: states,
    };
    match voice.format {
        Format::Json => voice.out.json(&status)?,
        Format::Jsonl => voice.out.json_line(&status)?,
        Format::Table => print(&status, firmware.is_some(), voice)?,
    }
    Ok(if agree { Exit::Clean } else { Exit::Findings })
}

fn starts(pe: &Pe<'_>, variables: &[(KeyVariable, Vec<SignatureList>)]) -> bool {
    let ring = |variable| {
        variables
            .iter()
            .find(|(v, _)| *v == variable)
            .map(|(_, lists)| Keyring::of(lists))
            .unwrap_or_default()
    };
    !matches!(
        judge(pe, &ring(KeyVariable::Db), &ring(KeyVariable::Dbx)).verdict,
        Verdict::Refused(_)
    )
}

fn compare(in_folder: &[SignatureList], in_firmware: &[SignatureList]) -> Vec<EntryStatus> {
    let holds = |lists: &[SignatureList], data: &[u8]| lists.iter().any(|l| l.signatures.iter().any(|s| s.data == data));
    let mut entries = Vec::new();
    for (number, lists) in [in_folder, in_firmware].into_iter().enumerate() {
        for list in lists {
            for signature in &list.signatures {
                if number == 1 && holds(in_folder, &signature.data) {
                    continue;
                }
                entries.push(EntryStatus {
                    what: what(signature.entry(list.kind)),
                    owner: signature.owner.to_string(),
                    in_folder: number == 0,
                    in_firmware: number == 1 || holds(in_firmware, &signature.data),
                });
            }
        }
    }
    entries
}

/// An entry in words.
pub fn what(entry: Entry<'_>) -> String {
    match entry {
        Entry::Certificate(der) => match Certificate::parse(der) {
            Ok(certificate) => {
                let fingerprint = Hex(&certificate.fingerprint()).to_string();
                let short = fingerprint.get(..16).unwrap_or_default();
                format!(
                    "{} (RSA-{}, until {}, {short})",
                    certificate.common_name(),
                    certificate.key_bits(),
                    certificate.validity.1
                )
            }
            Err(error) => format!("certificate: {error}"),
        },
        Entry::ImageDigest(digest) => format!("image {}", Hex(&digest)),
        Entry::TbsDigest(digest) => format!("certificate with digest {}", Hex(&digest)),
        Entry::Other => "entry of an unknown type".into(),
    }
}

fn print(status: &Status, has_firmware: bool, voice: &mut Voice) -> Result<(), Failure> {
    let said = |flag: Option<bool>| flag.map_or("not known", |f| if f { "on" } else { "off" });
    if has_firmware {
        voice.out.line(format!(
            "Secure Boot: {}, setup mode: {}",
            said(status.secure_boot),
            said(status.setup_mode)
        ))?;
    } else {
        voice
            .out
            .line("this machine shows no firmware variables: only the folder is listed")?;
    }
    let mut table = Table::new(&["variable", "folder", "firmware", "entry", "owner"]).flow(&["entry"]);
    let mark = |flag: bool| if flag { "yes" } else { "-" }.to_owned();
    for variable in &status.variables {
        for entry in &variable.entries {
            table.row([
                variable.name.to_owned(),
                mark(entry.in_folder),
                mark(entry.in_firmware),
                entry.what.clone(),
                entry.owner.clone(),
            ]);
        }
    }
    voice.out.table(&table)?;
    for image in &status.images {
        let firmware = image.starts_with_firmware.map_or(String::new(), |s| {
            format!(", with the firmware's: {}", if s { "starts" } else { "REFUSED" })
        });
        let folder = if image.starts_with_folder { "starts" } else { "REFUSED" };
        voice.out.line(format!(
            "{}: with the folder's keys: {folder}{firmware}",
            cli_kit::escape(&image.file)
        ))?;
    }
    Ok(())
}
