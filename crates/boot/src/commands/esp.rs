use std::path::Path;

use boot_formats::Guid;
use boot_formats::siglist::SignatureList;
use cli_kit::{Exit, Failure, Format, Table, escape, human};
use serde::Serialize;

use super::install::{booted_entry, lock, open, trusted};
use super::{Voice, certificate};
use crate::cli::{Key, Place};
use crate::esp::Disk as _;
use crate::files;
use crate::firmware::Firmware;
use crate::install::execute::{Workshop, execute};
use crate::install::plan::{Policy, Step, plan};
use crate::install::source::Originals;
use crate::install::survey::{Survey, Trusted, survey};
use crate::install::{bless as blessing, booted, uninstall as going_back};

#[derive(Serialize)]
struct Status {
    version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    secure_boot: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    booted: Option<String>,
    partitions: Vec<PartitionStatus>,
}

#[derive(Serialize)]
struct PartitionStatus {
    path: String,
    free: u64,
    total: u64,
    /// Bytes of kernels and initrds.
    shared: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    loader: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<String>,
    entries: Vec<EntryStatus>,
}

#[derive(Serialize)]
struct EntryStatus {
    id: String,
    file: String,
    title: String,
    /// `good`, `bad`, or how often it may be tried.
    state: String,
    booted: bool,
    bytes: u64,
    /// What is wrong with it; signatures count only if keys were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

pub fn status(place: &Place, key: &Key, voice: &mut Voice) -> Result<Exit, Failure> {
    let mut any = trusted(key)?;
    if let Some(path) = &key.certificate {
        any.push(SignatureList::of_certificate(Guid([0; 16]), certificate(path)?.der()));
    }
    let knows_keys = !any.is_empty();
    let trusted = Trusted { now: any.clone(), any };
    let booted = booted_entry(place)?;
    let firmware = Firmware::at(&place.efivars).ok();
    let secure_boot = firmware.map(|f| f.state()).transpose()?.and_then(|(on, _)| on);
    let mut partitions = Vec::new();
    for (disk, _) in open(place, voice)? {
        let survey = survey(&disk, &trusted, &Originals::default())?;
        let mut listed: Vec<_> = survey.entries().collect();
        listed.sort_by(|(_, a, _), (_, b, _)| (&a.id.profile, b.id.generation, &a.id).cmp(&(&b.id.profile, a.id.generation, &b.id)));
        let entries = listed.into_iter().map(|(path, name, image)| EntryStatus {
            id: name.id.to_string(),
            file: path.to_owned(),
            title: title(image.os_release.as_deref()),
            state: match name.tries {
                None => "good".into(),
                Some((0, _)) => "bad".into(),
                Some((left, _)) => format!("{left} tries left"),
            },
            booted: booted.as_ref() == Some(&name.id),
            bytes: survey.items.get(path).copied().unwrap_or_default(),
            problem: problem(&survey, path, knows_keys),
        });
        let entries = entries.collect();
        partitions.push(PartitionStatus {
            path: disk.place().display().to_string(),
            free: survey.space.free,
            total: survey.space.total,
            shared: survey.shared_bytes(),
            loader: survey.images.get(crate::install::loader::LOADER).and_then(|i| i.loader.clone()),
            default: default_pattern(disk.place())?,
            entries,
        });
    }
    let status = Status {
        version: 1,
        secure_boot,
        booted: booted.map(|b| b.to_string()),
        partitions,
    };
    let troubled = status.partitions.iter().flat_map(|p| &p.entries).any(|e| e.problem.is_some());
    match voice.format {
        Format::Json => voice.out.json(&status)?,
        Format::Jsonl => voice.out.json_line(&status)?,
        Format::Table => print(&status, voice)?,
    }
    Ok(if troubled { Exit::Findings } else { Exit::Clean })
}

fn print(status: &Status, voice: &mut Voice) -> Result<(), Failure> {
    let word = match status.secure_boot {
        Some(true) => "on",
        Some(false) => "off",
        None => "not known",
    };
    voice.out.line(format!("Secure Boot: {word}"))?;
    for partition in &status.partitions {
        voice.out.line(format!(
            "{}: {} of {} free, kernels and initrds {}, loader {}, default {}",
            escape(&partition.path),
            human::bytes(partition.free),
            human::bytes(partition.total),
            human::bytes(partition.shared),
            escape(partition.loader.as_deref().unwrap_or("none")),
            escape(partition.default.as_deref().unwrap_or("none")),
        ))?;
        let mut table = Table::new(&["entry", "state", "booted", "title", "problem"]);
        for entry in &partition.entries {
            table.row([
                entry.id.as_str(),
                &entry.state,
                if entry.booted { "yes" } else { "" },
                &entry.title,
                entry.problem.as_deref().unwrap_or(""),
            ]);
        }
        voice.out.table(&table)?;
    }
    Ok(())
}

fn title(os_release: Option<&str>) -> String {
    let line = os_release.unwrap_or_default().lines().find_map(|l| l.strip_prefix("PRETTY_NAME="));
    line.unwrap_or_default().trim_matches('"').to_owned()
}

fn problem(survey: &Survey, path: &str, knows_keys: bool) -> Option<String> {
    let image = survey.images.get(path)?;
    if let Some(refused) = image.refused.as_ref().filter(|_| knows_keys || !image.is_image) {
        return Some(refused.clone());
    }
    image
        .references
        .iter()
        .find_map(|(file, digest)| survey.reference_problem(file, digest).map(|p| format!("{file} {p}")))
}

/// What loader.conf says.
fn default_pattern(place: &Path) -> Result<Option<String>, Failure> {
    let bytes = files::read_if_there(&place.join(crate::install::loader::CONFIGURATION))?;
    let text = String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned();
    Ok(text.lines().find_map(|l| l.strip_prefix("default ")).map(|l| l.trim().to_owned()))
}

#[derive(Serialize)]
struct Blessed {
    version: u32,
    entry: String,
    renamed: Vec<String>,
}

pub fn bless(place: &Place, voice: &mut Voice) -> Result<Exit, Failure> {
    let firmware = Firmware::at(&place.efivars)?;
    if booted::counted(&firmware)?.is_none() {
        voice.talk.say("this boot is not counted");
        return Ok(Exit::NothingToDo);
    }
    let Some(name) = booted::entry(&firmware)? else {
        voice.talk.say("the entry that was booted is not one of ours");
        return Ok(Exit::NothingToDo);
    };
    let disks = open(place, voice)?;
    let _locks = lock(disks.iter().map(|(disk, _)| disk))?;
    let mut renamed = Vec::new();
    for (mut disk, _) in disks {
        if let Some(file) = blessing::bless(&mut disk, &name.id)? {
            renamed.push(disk.place().join(file).display().to_string());
        }
    }
    let exit = if renamed.is_empty() { Exit::NothingToDo } else { Exit::Clean };
    match voice.format {
        Format::Table => {
            for file in &renamed {
                voice.out.line(format!("{} is good", escape(file)))?;
            }
        }
        _ => voice.out.json_line(&Blessed {
            version: 1,
            entry: name.id.to_string(),
            renamed,
        })?,
    }
    Ok(exit)
}

pub fn uninstall(place: &Place, systemd_boot: &Path, plan_only: bool, voice: &mut Voice) -> Result<Exit, Failure> {
    if let Ok(firmware) = Firmware::at(&place.efivars)
        && firmware.state()?.0 == Some(true)
    {
        return Err(Failure::usage("Secure Boot is on, and what is left would not boot")
            .hint("turn Secure Boot off in the firmware's menu first; nothing was changed"));
    }
    let loader = files::read(systemd_boot)?;
    let disks = open(place, voice)?;
    let _locks = if plan_only {
        Vec::new()
    } else {
        lock(disks.iter().map(|(disk, _)| disk))?
    };
    for (mut disk, role) in disks {
        let survey = survey(&disk, &Trusted::default(), &Originals::default())?;
        let wanted = going_back::wanted(&disk, &survey, &loader, role)?;
        let plan = plan(&wanted, &survey, &Policy::default());
        if !plan.fits {
            return Err(Failure::incomplete(format!(
                "{} has too little room: {} more bytes are needed at most, {} are free; nothing was changed",
                disk.place().display(),
                plan.peak,
                plan.free
            )));
        }
        for step in &plan.steps {
            match step {
                Step::Write { file, .. } => voice.out.line(format!("write {}", escape(file)))?,
                Step::Remove { file, .. } => voice.out.line(format!("remove {}", escape(file)))?,
                Step::Folder { .. } | Step::Settle { .. } => {}
            }
        }
        if !plan_only {
            execute(&plan, &wanted, &mut Workshop::new(None), &mut disk)?;
        }
    }
    Ok(Exit::Clean)
}
