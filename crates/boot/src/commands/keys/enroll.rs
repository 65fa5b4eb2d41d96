use std::path::Path;

use boot_formats::authvar::KeyVariable;
use boot_formats::siglist::{self, SignatureList};
use cli_kit::{Exit, Failure};

use super::{signed_value, timestamp};
use crate::commands::Voice;
use crate::firmware::Firmware;
use crate::keys::KeyFolder;
use crate::signer::Signer;

/// How to enrol.
pub struct Choice {
    pub keep_firmware: bool,
    pub only_ours: bool,
    pub plan: bool,
}

pub fn run(folder: &KeyFolder, efivars: &Path, choice: Choice, voice: &mut Voice) -> Result<Exit, Failure> {
    let firmware = Firmware::at(efivars)?;
    let setup_mode = firmware.state()?.1 == Some(true);
    let mut changes = Vec::new();
    let mut foreign = 0;
    for variable in KeyVariable::ALL {
        let there = firmware.lists(variable)?;
        let mut wanted = folder.lists(variable)?;
        if choice.keep_firmware && variable != KeyVariable::Pk {
            siglist::merge(&mut wanted, there.clone());
            siglist::merge(&mut wanted, firmware.default_lists(variable)?);
        }
        foreign += if variable == KeyVariable::Db {
            entries(&wanted).saturating_sub(ours(folder, &wanted)?)
        } else {
            0
        };
        if variable == KeyVariable::Dbx && !lacks(&there, &wanted) {
            // Revocations are added, never taken back.
            continue;
        }
        if siglist::write(&there) != siglist::write(&wanted) && !wanted.is_empty() {
            changes.push((variable, wanted));
        }
    }
    if changes.is_empty() {
        voice.talk.say("the firmware holds these keys already");
        return Ok(Exit::NothingToDo);
    }
    if setup_mode && foreign == 0 && !choice.only_ours {
        return Err(Failure::usage(
            "no certificate of a vendor would be trusted any more, and option ROMs of graphics and network cards may need one",
        )
        .hint("keep what the firmware has with --keep-firmware, or import certificates with `keys import`")
        .hint("if you know that this machine needs none, say --only-ours"));
    }
    let at = timestamp(None)?;
    for (variable, wanted) in changes {
        voice.out.line(format!("{}: {} entries", variable.name(), entries(&wanted)))?;
        if choice.plan {
            continue;
        }
        let signer = signer(folder, &firmware, variable, setup_mode)?;
        let append = variable == KeyVariable::Dbx && !setup_mode;
        let signed = signed_value(variable, &siglist::write(&wanted), append, at, &signer)?;
        firmware.set(variable, &signed, append)?;
    }
    Ok(Exit::Clean)
}

/// The key that the firmware takes this change from: the one before, if a rotation has not reached the firmware yet.
fn signer(folder: &KeyFolder, firmware: &Firmware, variable: KeyVariable, setup_mode: bool) -> Result<impl Signer + use<>, Failure> {
    let by = variable.signed_by();
    if !setup_mode {
        let known = |der: &[u8], lists: &[SignatureList]| lists.iter().any(|l| l.signatures.iter().any(|s| s.data == der));
        let there = firmware.lists(by)?;
        if !known(folder.certificate(by)?.der(), &there)
            && let Some(previous) = folder.previous_signer(by)?
        {
            return Ok(previous);
        }
    }
    Ok(folder.signer(by)?)
}

fn entries(lists: &[SignatureList]) -> usize {
    lists.iter().map(|l| l.signatures.len()).sum()
}

fn ours(folder: &KeyFolder, lists: &[SignatureList]) -> Result<usize, Failure> {
    let owner = folder.owner()?;
    Ok(lists.iter().flat_map(|l| &l.signatures).filter(|s| s.owner == owner).count())
}

/// Whether an entry of `wanted` is not in `there`.
fn lacks(there: &[SignatureList], wanted: &[SignatureList]) -> bool {
    let mut all = there.to_vec();
    siglist::merge(&mut all, wanted.to_vec());
    entries(&all) > entries(there)
}
