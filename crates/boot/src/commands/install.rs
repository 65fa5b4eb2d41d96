use std::path::{Path, PathBuf};

use boot_formats::authvar::KeyVariable;
use boot_formats::siglist::SignatureList;
use boot_formats::uki::Policy;
use cli_kit::{Exit, Failure, Format, Table, escape, human};
use serde::Serialize;

use super::{Voice, signer};
use crate::cli::{Installing, Key, Place};
use crate::esp::{Disk, FolderDisk, Lock};
use crate::firmware::Firmware;
use crate::install::booted;
use crate::install::execute::{Workshop, execute};
use crate::install::loader::Menu;
use crate::install::plan::{Order, Plan, Step, Why};
use crate::install::prospect::{Prospect, Request, Role, prospect};
use crate::install::report::{Finding, findings};
use crate::install::wanted::Forge;
use crate::keys::KeyFolder;
use crate::stub;

/// Whether partitions are only looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Look,
    Change,
}

pub fn install(installing: &Installing, plan_only: bool, voice: &mut Voice) -> Result<Exit, Failure> {
    let access = if plan_only { Access::Look } else { Access::Change };
    with_prospect(installing, access, false, voice, |prospect, forge, voice| {
        if plan_only {
            print(prospect, false, voice)?;
            prospect.check_room()?;
            return Ok(Exit::Clean);
        }
        prospect.check_room()?;
        carry_out(prospect, forge)?;
        print(prospect, true, voice)?;
        Ok(Exit::Clean)
    })
}

pub fn repair(installing: &Installing, voice: &mut Voice) -> Result<Exit, Failure> {
    with_prospect(installing, Access::Change, true, voice, |prospect, forge, voice| {
        if prospect.is_done() {
            voice.talk.say("nothing is missing or damaged");
            return Ok(Exit::NothingToDo);
        }
        prospect.check_room()?;
        carry_out(prospect, forge)?;
        print(prospect, true, voice)?;
        Ok(Exit::Clean)
    })
}

#[derive(Serialize)]
struct Checked {
    version: u32,
    healthy: bool,
    findings: Vec<Finding>,
}

pub fn check(installing: &Installing, voice: &mut Voice) -> Result<Exit, Failure> {
    with_prospect(installing, Access::Look, false, voice, |prospect, _, voice| {
        let findings = findings(prospect);
        let healthy = findings.is_empty();
        match voice.format {
            Format::Json => voice.out.json(&Checked {
                version: 1,
                healthy,
                findings,
            })?,
            Format::Jsonl => findings.iter().try_for_each(|f| voice.out.json_line(f))?,
            Format::Table => {
                for finding in &findings {
                    let place = Path::new(&finding.partition).join(&finding.file);
                    voice
                        .out
                        .line(format!("{}: {}", escape(&place.display().to_string()), finding.problem))?;
                    for (label, text) in [("expected", &finding.expected), ("found", &finding.found), ("do", &finding.remedy)] {
                        voice.out.line(format!("  {label}: {}", escape(text)))?;
                    }
                }
                if healthy {
                    voice.talk.say("everything is there, whole and signed");
                }
            }
        }
        Ok(if healthy { Exit::Clean } else { Exit::Findings })
    })
}

/// Everything that is needed to find out what a run would do; locks are held until the end.
fn with_prospect(
    installing: &Installing,
    access: Access,
    no_collection: bool,
    voice: &mut Voice,
    then: impl FnOnce(&mut Prospect, &Forge<'_>, &mut Voice) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let content = &installing.content;
    let signer = signer(&installing.key)?.ok_or_else(|| {
        Failure::usage("nothing to sign with")
            .hint("give --keys DIR, or --certificate FILE with --key, --pkcs11 or --signer-command")
            .hint("make keys with `firn-boot keys create --dir /etc/firn/keys`; signed images boot without Secure Boot too")
    })?;
    let forge = Forge {
        stub: stub::stub(content.stub.as_deref())?,
        signer: signer.as_ref(),
        fat: content.fat,
        policy: content.measure.map(|measure| Policy { measure }),
    };
    let disks = open(&installing.place, voice)?;
    let _locks = match access {
        Access::Look => Vec::new(),
        Access::Change => lock(disks.iter().map(|(disk, _)| disk))?,
    };
    let loader = content
        .systemd_boot
        .clone()
        .or_else(|| loader_of(content.system.as_deref(), &content.profiles));
    if loader.is_none() {
        voice
            .talk
            .say("no systemd-boot was found, so the loader stays as it is; give --systemd-boot FILE");
    }
    let request = Request {
        profiles: content.profiles.clone(),
        system: content.system.clone(),
        limit: content.limit.map(|l| l as usize),
        pinned: content.pin.clone(),
        tries: content.tries,
        loader,
        programs: content.program.clone(),
        menu: Menu {
            timeout: content.timeout,
            editor: content.editor,
            lines: content.loader_line.clone(),
        },
        take_over: content.take_over,
        no_collection,
        booted: booted_entry(&installing.place)?,
    };
    let scratch = scratch()?;
    let disks = disks
        .into_iter()
        .map(|(disk, role)| (Box::new(disk) as Box<dyn Disk>, role))
        .collect();
    let mut prospect = prospect(&request, disks, &trusted(&installing.key)?, &forge, scratch.path())?;
    for note in &prospect.notes {
        voice.talk.say(&escape(note));
    }
    for problem in &prospect.problems {
        voice.talk.say(&format!(
            "{} is left as it is: {}",
            escape(&problem.id.to_string()),
            escape(&problem.why)
        ));
    }
    then(&mut prospect, &forge, voice)
}

/// A folder for initrds with secrets: in memory if there is such a place.
fn scratch() -> Result<tempfile::TempDir, Failure> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("firn-boot-");
    let made = builder.tempdir_in("/run").or_else(|_| builder.tempdir());
    made.map_err(|e| Failure::incomplete("make a folder for initrds with secrets").because(e))
}

/// The partitions: entries first, loaders last.
pub fn open(place: &Place, voice: &mut Voice) -> Result<Vec<(FolderDisk, Role)>, Failure> {
    let mut disks = Vec::new();
    if let Some(path) = &place.xbootldr {
        disks.push((FolderDisk::at(path)?, Role::Entries));
    }
    let role = if disks.is_empty() { Role::Whole } else { Role::Loader };
    for path in &place.esp {
        disks.push((FolderDisk::at(path)?, role));
    }
    for (disk, _) in &disks {
        if !disk.is_mount_point() {
            voice
                .talk
                .say(&format!("nothing is mounted at {}", escape(&disk.place().display().to_string())));
        }
    }
    Ok(disks)
}

/// Keeps others out of all of them, always in the same order.
pub fn lock<'a>(disks: impl Iterator<Item = &'a FolderDisk>) -> Result<Vec<Lock>, Failure> {
    let mut disks: Vec<&FolderDisk> = disks.collect();
    disks.sort_by_key(|d| d.place().to_owned());
    disks.dedup_by_key(|d| d.place().to_owned());
    let mut locks = Vec::new();
    for disk in disks {
        disk.check_writable()?;
        locks.push(disk.lock()?);
    }
    Ok(locks)
}

/// The entry that was booted, as far as the firmware says.
pub fn booted_entry(place: &Place) -> Result<Option<crate::esp::EntryId>, Failure> {
    match Firmware::at(&place.efivars) {
        // Not booted by UEFI: an image is being made for another machine.
        Err(_) => Ok(None),
        Ok(firmware) => Ok(booted::entry(&firmware)?.map(|name| name.id)),
    }
}

/// What firmware with our keys trusts.
pub fn trusted(key: &Key) -> Result<Vec<SignatureList>, Failure> {
    match &key.keys {
        Some(keys) => Ok(KeyFolder::new(keys.clone(), None).lists(KeyVariable::Db)?),
        None => Ok(Vec::new()),
    }
}

/// systemd-boot of the system that is installed, or of the one that runs.
fn loader_of(system: Option<&Path>, profiles: &Path) -> Option<PathBuf> {
    const FILE: &str = "lib/systemd/boot/efi/systemd-bootx64.efi";
    let own = system.map_or_else(|| profiles.join("system"), Path::to_owned);
    let places = [own.join("systemd"), "/run/current-system/systemd".into(), "/usr".into()];
    places.into_iter().map(|p| p.join(FILE)).find(|p| p.exists())
}

fn carry_out(prospect: &mut Prospect, forge: &Forge<'_>) -> Result<(), Failure> {
    let mut workshop = Workshop::new(Some(forge));
    for partition in &mut prospect.partitions {
        execute(&partition.plan, &partition.wanted, &mut workshop, partition.disk.as_mut()).map_err(|error| {
            let failure = Failure::from(error);
            failure.while_trying(format!("change {}", partition.disk.place().display()))
        })?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Planned<'a> {
    version: u32,
    /// Whether it was carried out.
    done: bool,
    default: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_good: Option<String>,
    fits: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    fitting_limit: Option<usize>,
    partitions: Vec<PlannedPartition<'a>>,
    entries: Vec<PlannedEntry<'a>>,
    problems: Vec<String>,
}

#[derive(Serialize)]
struct PlannedPartition<'a> {
    path: String,
    writes: usize,
    removes: usize,
    bytes_written: u64,
    bytes_removed: u64,
    plan: &'a Plan,
}

#[derive(Serialize)]
struct PlannedEntry<'a> {
    id: String,
    title: &'a str,
}

fn print(prospect: &Prospect, done: bool, voice: &mut Voice) -> Result<(), Failure> {
    let partitions = prospect.partitions.iter().map(|p| summary(p.disk.as_ref(), &p.plan));
    let planned = Planned {
        version: 1,
        done,
        default: prospect.default.to_string(),
        last_good: prospect.last_good.as_ref().map(ToString::to_string),
        fits: prospect.partitions.iter().all(|p| p.plan.fits),
        fitting_limit: prospect.fitting_limit,
        partitions: partitions.collect(),
        entries: prospect
            .entries
            .iter()
            .map(|(id, title)| PlannedEntry { id: id.to_string(), title })
            .collect(),
        problems: prospect.problems.iter().map(|p| format!("{}: {}", p.id, p.why)).collect(),
    };
    match voice.format {
        Format::Json => voice.out.json(&planned),
        Format::Jsonl => voice.out.json_line(&planned),
        Format::Table => {
            for partition in &planned.partitions {
                print_partition(partition, done, voice)?;
            }
            Ok(())
        }
    }
}

fn summary<'a>(disk: &dyn Disk, plan: &'a Plan) -> PlannedPartition<'a> {
    let mut summary = PlannedPartition {
        path: disk.place().display().to_string(),
        writes: 0,
        removes: 0,
        bytes_written: 0,
        bytes_removed: 0,
        plan,
    };
    for step in &plan.steps {
        match step {
            Step::Write { bytes, .. } => {
                summary.writes += 1;
                summary.bytes_written += bytes;
            }
            Step::Remove { bytes, .. } => {
                summary.removes += 1;
                summary.bytes_removed += bytes;
            }
            Step::Folder { .. } | Step::Settle { .. } => {}
        }
    }
    summary
}

fn print_partition(partition: &PlannedPartition<'_>, done: bool, voice: &mut Voice) -> Result<(), Failure> {
    let plan = partition.plan;
    let path = escape(&partition.path).into_owned();
    if !done && !plan.is_empty() {
        let mut table = Table::new(&["do", "bytes", "file", "why"]).right(&["bytes"]);
        for step in &plan.steps {
            let (word, file, bytes, why) = match step {
                Step::Write { file, bytes, why, .. } => ("write", file, *bytes, why),
                Step::Remove { file, bytes, why } => ("remove", file, *bytes, why),
                Step::Folder { .. } | Step::Settle { .. } => continue,
            };
            table.row([word.to_owned(), human::count(bytes), file.clone(), reason(why).to_owned()]);
        }
        voice.out.table(&table)?;
    }
    if plan.is_empty() {
        return voice.out.line(format!("{path}: nothing to change"));
    }
    let (was, removed) = if done {
        ("wrote", "removed")
    } else {
        ("would write", "would remove")
    };
    voice.out.line(format!(
        "{path}: {was} {} files ({}), {removed} {} ({})",
        partition.writes,
        human::bytes(partition.bytes_written),
        partition.removes,
        human::bytes(partition.bytes_removed)
    ))?;
    if !done {
        let order = match plan.order {
            Order::WriteFirst => "new files first",
            Order::CollectFirst => "unneeded files are removed first, there is not room for both",
        };
        voice.out.line(format!(
            "{path}: takes at most {} bytes more than now, {} are free; {order}",
            human::count(plan.peak),
            human::count(plan.free)
        ))?;
    }
    Ok(())
}

const fn reason(why: &Why) -> &'static str {
    match why {
        Why::Missing => "missing",
        Why::Damaged { .. } => "damaged",
        Why::Outdated => "outdated",
        Why::OldKey { .. } => "signed by an old key",
        Why::Unneeded => "unneeded",
        Why::Unfinished => "left by a run that was stopped",
        Why::TakenOver => "of another installer",
    }
}
