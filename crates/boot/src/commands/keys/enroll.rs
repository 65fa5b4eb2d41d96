use std::path::Path;

use boot_formats::authvar::KeyVariable;
use boot_formats::siglist::{self, SignatureList};
use cli_kit::{Exit, Failure, escape};
use time::OffsetDateTime;

use super::{moment, signed_value, status};
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

/// What others have in the firmware is kept under this name.
const KEPT: &str = "kept-from-firmware";

/// One variable, before and after.
struct Change {
    variable: KeyVariable,
    /// What is written: the whole value, or what is appended to dbx.
    value: Vec<SignatureList>,
    added: Vec<SignatureList>,
    dropped: Vec<SignatureList>,
    /// Entries of others that the folder does not know yet.
    kept: Vec<SignatureList>,
}

impl Change {
    fn is_one(&self) -> bool {
        !(self.added.is_empty() && self.dropped.is_empty())
    }
}

pub fn run(folder: &KeyFolder, efivars: &Path, choice: Choice, voice: &mut Voice) -> Result<Exit, Failure> {
    let firmware = Firmware::at(efivars)?;
    let setup_mode = firmware.state()?.1 == Some(true);
    let mut changes = Vec::new();
    for variable in KeyVariable::ALL {
        changes.push(change(folder, &firmware, variable, choice.keep_firmware)?);
    }
    if !choice.only_ours {
        ask_for_others(folder, &changes, setup_mode)?;
    }
    // Later changes, and images that are built elsewhere, have to know of what others have, too.
    for change in changes.iter().filter(|c| !choice.plan && !c.kept.is_empty()) {
        folder.keep(change.variable, KEPT, &change.kept)?;
    }
    changes.retain(Change::is_one);
    if changes.is_empty() {
        voice.talk.say("the firmware holds these keys already");
        return Ok(Exit::NothingToDo);
    }
    let at = moment(OffsetDateTime::now_utc());
    for change in changes {
        print(&change, voice)?;
        if choice.plan {
            continue;
        }
        let signer = signer(folder, &firmware, change.variable, setup_mode)?;
        let append = change.variable == KeyVariable::Dbx;
        let signed = signed_value(change.variable, &siglist::write(&change.value), append, at, &signer)?;
        firmware.set(change.variable, &signed, append)?;
    }
    Ok(Exit::Clean)
}

/// What has to change so that the variable holds what it should.
fn change(folder: &KeyFolder, firmware: &Firmware, variable: KeyVariable, keep: bool) -> Result<Change, Failure> {
    let owner = folder.owner()?;
    let there = firmware.lists(variable)?;
    let mut wanted = folder.lists(variable)?;
    let mut kept = Vec::new();
    if keep && variable != KeyVariable::Pk {
        let mut others = there.clone();
        siglist::merge(&mut others, firmware.default_lists(variable)?);
        for list in &mut others {
            // What bears our name and is not in the folder any more has been replaced.
            list.signatures.retain(|s| s.owner != owner);
        }
        kept = siglist::missing(&wanted, &others);
        wanted.extend(kept.iter().cloned());
    }
    let added = siglist::missing(&there, &wanted);
    let dropped = siglist::missing(&wanted, &there);
    // Revocations are added, never taken back.
    let (value, dropped) = if variable == KeyVariable::Dbx {
        (added.clone(), Vec::new())
    } else {
        (wanted, dropped)
    };
    Ok(Change {
        variable,
        value,
        added,
        dropped,
        kept,
    })
}

/// Fails if a machine could be left without certificates of others that it needs, and nobody said so.
fn ask_for_others(folder: &KeyFolder, changes: &[Change], setup_mode: bool) -> Result<(), Failure> {
    let owner = folder.owner()?;
    let hints = |failure: Failure| {
        failure
            .hint("keep what the firmware has with --keep-firmware, or import certificates with `keys import`")
            .hint("if you know that this machine needs none, say --only-ours")
    };
    for change in changes.iter().filter(|c| c.variable != KeyVariable::Pk) {
        let foreign = change
            .dropped
            .iter()
            .flat_map(|l| &l.signatures)
            .filter(|s| s.owner != owner)
            .count();
        if foreign > 0 {
            return Err(hints(Failure::usage(format!(
                "{} would lose {foreign} of its entries, which are not ours",
                change.variable.name()
            ))));
        }
    }
    let ours = folder.own_certificates(KeyVariable::Db)?;
    let db = changes.iter().find(|c| c.variable == KeyVariable::Db);
    let others = db.is_none_or(|c| c.value.iter().flat_map(|l| &l.signatures).any(|s| !ours.contains(&s.data)));
    if setup_mode && !others {
        return Err(hints(Failure::usage(
            "no certificate of a vendor would be trusted any more, and option ROMs of graphics and network cards may need one",
        )));
    }
    Ok(())
}

fn print(change: &Change, voice: &mut Voice) -> Result<(), Failure> {
    let append = change.variable == KeyVariable::Dbx;
    let verb = if append { "append" } else { "set" };
    let entries: usize = change.value.iter().map(|l| l.signatures.len()).sum();
    voice.out.line(format!("{verb} {}: {entries} entries", change.variable.name()))?;
    for (sign, lists) in [("+", &change.added), ("-", &change.dropped)] {
        for list in lists {
            for signature in &list.signatures {
                voice
                    .out
                    .line(format!("  {sign} {}", escape(&status::what(signature.entry(list.kind)))))?;
            }
        }
    }
    Ok(())
}

/// The key that the firmware takes this change from: the one before, if a rotation has not reached the firmware yet.
fn signer(folder: &KeyFolder, firmware: &Firmware, variable: KeyVariable, setup_mode: bool) -> Result<impl Signer + use<>, Failure> {
    let by = variable.signed_by();
    if !setup_mode {
        let there = firmware.lists(by)?;
        if !siglist::holds(&there, folder.certificate(by)?.der())
            && let Some(previous) = folder.previous_signer(by)?
        {
            return Ok(previous);
        }
    }
    Ok(folder.signer(by)?)
}
