use std::path::PathBuf;

use boot_formats::authenticode::{digest, has_right_checksum};
use boot_formats::authvar::KeyVariable;
use boot_formats::pe::Pe;
use boot_formats::siglist::SignatureList;
use boot_formats::trust::{Hex, Judgement, Keyring, Verdict, judge};
use boot_formats::{Guid, sbat};
use cli_kit::{Exit, Failure, Format, Table, escape};
use serde::Serialize;

use super::Voice;
use crate::files;
use crate::firmware::Firmware;
use crate::keys::{KeyFolder, read_lists};
use crate::signer::SignerError;

/// Whom to trust.
pub struct Trust {
    pub keys: Option<PathBuf>,
    pub db: Vec<PathBuf>,
    pub dbx: Vec<PathBuf>,
    /// Folder of the firmware's variables.
    pub firmware: Option<PathBuf>,
}

impl Trust {
    /// db and dbx.
    fn lists(&self) -> Result<(Vec<SignatureList>, Vec<SignatureList>), Failure> {
        if let Some(keys) = &self.keys {
            let folder = KeyFolder::new(keys.clone(), None);
            return Ok((folder.lists(KeyVariable::Db)?, folder.lists(KeyVariable::Dbx)?));
        }
        if let Some(efivars) = &self.firmware {
            let firmware = Firmware::at(efivars)?;
            return Ok((firmware.lists(KeyVariable::Db)?, firmware.lists(KeyVariable::Dbx)?));
        }
        if self.db.is_empty() {
            return Err(Failure::usage("nobody to trust").hint("give --keys DIR, --db FILE or --firmware"));
        }
        let all = |paths: &[PathBuf]| -> Result<Vec<SignatureList>, Failure> {
            let mut lists = Vec::new();
            for path in paths {
                lists.extend(read_lists(path, Guid([0; 16]))?);
            }
            Ok(lists)
        };
        Ok((all(&self.db)?, all(&self.dbx)?))
    }
}

#[derive(Serialize)]
struct Verified<'a> {
    version: u32,
    images: Vec<Image<'a>>,
}

#[derive(Serialize)]
struct Image<'a> {
    file: &'a str,
    starts: bool,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    signatures: Vec<SignatureOf>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
pub struct SignatureOf {
    chain: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl SignatureOf {
    /// Common names from the signer upwards.
    pub fn chain(&self) -> &[String] {
        &self.chain
    }

    /// What is wrong with it.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }
}

/// Each signature as it is printed.
pub fn reports(judged: &Judgement) -> Vec<SignatureOf> {
    let report = |r: &boot_formats::trust::SignatureReport| SignatureOf {
        chain: r.chain.clone(),
        fingerprint: r.fingerprint.map(|f| Hex(&f).to_string()),
        valid: r.problem.is_none(),
        problem: r.problem.as_ref().map(|p| match std::error::Error::source(p) {
            Some(source) => format!("{p}: {source}"),
            None => p.to_string(),
        }),
    };
    judged.signatures.iter().map(report).collect()
}

/// Whether images start, one line each; exit code 1 if one does not.
pub fn verify(trust: &Trust, paths: &[PathBuf], voice: &mut Voice) -> Result<Exit, Failure> {
    let (db, dbx) = trust.lists()?;
    let (db, dbx) = (Keyring::of(&db), Keyring::of(&dbx));
    let unread: usize = dbx.unusable.iter().map(|(_, count)| count).sum();
    if unread > 0 {
        voice.talk.say(&format!(
            "dbx has {unread} entries that are not understood: firmware may refuse what is said to start here"
        ));
    }
    let mut images = Vec::new();
    for path in paths {
        let bytes = files::read(path)?;
        let file = path.to_str().unwrap_or("?");
        images.push(match Pe::parse(&bytes) {
            Err(error) => Image {
                file,
                starts: false,
                reason: error.to_string(),
                digest: None,
                signatures: Vec::new(),
                warnings: Vec::new(),
            },
            Ok(pe) => {
                let judged = judge(&pe, &db, &dbx);
                let (starts, reason) = match &judged.verdict {
                    Verdict::BySignature(name) => (true, format!("signed, trusted by {name}")),
                    Verdict::ByHash => (true, "its digest stands in db".into()),
                    Verdict::Refused(refusal) => (false, refusal.to_string()),
                };
                let signatures = reports(&judged);
                Image {
                    file,
                    starts,
                    reason,
                    digest: Some(Hex(&judged.digest).to_string()),
                    signatures,
                    warnings: warnings(&pe),
                }
            }
        });
    }
    let all_start = images.iter().all(|i| i.starts);
    match voice.format {
        Format::Json => voice.out.json(&Verified { version: 1, images })?,
        Format::Jsonl => images.iter().try_for_each(|image| voice.out.json_line(image))?,
        Format::Table => {
            for image in &images {
                let word = if image.starts { "starts" } else { "REFUSED" };
                voice
                    .out
                    .line(format!("{}: {word}: {}", escape(image.file), escape(&image.reason)))?;
                for problem in image.signatures.iter().filter_map(|s| s.problem.as_ref()) {
                    voice.out.line(format!("  {}", escape(problem)))?;
                }
                for warning in &image.warnings {
                    voice.talk.say(&format!("{}: {}", escape(image.file), escape(warning)));
                }
            }
        }
    }
    Ok(if all_start { Exit::Clean } else { Exit::Findings })
}

/// What does not keep an image from starting on most machines, but should be known.
fn warnings(pe: &Pe<'_>) -> Vec<String> {
    let mut warnings = pe.headers().strictness_problems();
    match pe.section_data(".sbat").map(sbat::parse) {
        None => warnings.push("there is no .sbat section, so that shim does not start it".into()),
        Some(Err(error)) => warnings.push(format!("{error}, so that shim does not start it")),
        Some(Ok(_)) => {}
    }
    warnings
}

#[derive(Serialize)]
struct Hashes<'a> {
    version: u32,
    images: Vec<HashOf<'a>>,
}

#[derive(Serialize)]
struct HashOf<'a> {
    file: &'a str,
    /// Authenticode digest with SHA-256: what db, dbx and PCR 4 hold.
    authenticode: String,
    /// SHA-256 of the file.
    sha256: String,
    checksum_is_right: bool,
}

/// Digests of images.
pub fn hash(paths: &[PathBuf], voice: &mut Voice) -> Result<Exit, Failure> {
    let mut images = Vec::new();
    for path in paths {
        let bytes = files::read(path)?;
        let pe = Pe::parse(&bytes).map_err(|e| Failure::from(SignerError::Image(e)).while_trying(format!("hash {}", path.display())))?;
        images.push(HashOf {
            file: path.to_str().unwrap_or("?"),
            authenticode: Hex(&digest(&pe)).to_string(),
            sha256: Hex(&boot_formats::sha256(&bytes)).to_string(),
            checksum_is_right: has_right_checksum(&pe),
        });
    }
    match voice.format {
        Format::Json => voice.out.json(&Hashes { version: 1, images })?,
        Format::Jsonl => images.iter().try_for_each(|image| voice.out.json_line(image))?,
        Format::Table => {
            let mut table = Table::new(&["authenticode", "file"]);
            for image in &images {
                table.row([image.authenticode.as_str(), image.file]);
            }
            voice.out.table(&table)?;
        }
    }
    Ok(Exit::Clean)
}
