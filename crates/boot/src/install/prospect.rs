//! What a run would do: everything from profiles to plans, without a change.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use boot_formats::Guid;
use boot_formats::siglist::SignatureList;
use cli_kit::{Exit, Explained, Failure};

use super::entry::entries;
use super::generations::{self, Generation, Unreadable, default_entry};
use super::loader::{Menu, configuration, loaders, program};
use super::plan::{Plan, Policy, plan};
use super::source::{Known, Originals, SourceError, prepare};
use super::survey::{Survey, Trusted, survey};
use super::wanted::{Expect, Forge, Target, Wanted};
use super::{ENTRIES, PROGRAMS, SHARED};
use crate::esp::{Disk, EntryId, EspError};
use crate::files;
use crate::parallel::in_parallel;

/// What is to be installed, and how.
#[derive(Debug, Clone)]
pub struct Request {
    /// Folder of the profiles.
    pub profiles: PathBuf,
    /// The system to boot by default.
    pub system: Option<PathBuf>,
    /// How many generations of each profile at most.
    pub limit: Option<usize>,
    /// Generations that are installed whatever the limit.
    pub pinned: Vec<EntryId>,
    /// How often a new entry is tried.
    pub tries: Option<u32>,
    /// systemd-boot as its vendor made it.
    pub loader: Option<PathBuf>,
    /// Other programs, by name.
    pub programs: Vec<(String, PathBuf)>,
    /// How the menu is.
    pub menu: Menu,
    /// Remove what NixOS's other installers left.
    pub take_over: bool,
    /// Leave what nobody needs.
    pub no_collection: bool,
    /// Entry that this machine was booted with.
    pub booted: Option<EntryId>,
}

/// What a partition is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Whole,
    /// The loader, while entries are elsewhere.
    Loader,
    /// Entries, and what they need.
    Entries,
}

/// A partition, and what a run would do to it.
pub struct Partition {
    /// The partition.
    pub disk: Box<dyn Disk>,
    /// What it is for.
    pub role: Role,
    /// As it was found.
    pub survey: Survey,
    /// What should be there.
    pub wanted: Vec<Wanted>,
    /// The way there.
    pub plan: Plan,
}

/// What a run would do.
pub struct Prospect {
    /// In the order in which they are changed.
    pub partitions: Vec<Partition>,
    /// Entries that are wanted, with their titles.
    pub entries: Vec<(EntryId, String)>,
    /// The entry that is booted by default.
    pub default: EntryId,
    /// The entry that last turned out to be good.
    pub last_good: Option<EntryId>,
    /// Generations and entries that cannot be installed.
    pub problems: Vec<Problem>,
    /// What else should be known.
    pub notes: Vec<String>,
    /// If a partition is too small: the highest limit with which it is not.
    pub fitting_limit: Option<usize>,
}

/// A generation or an entry that cannot be installed. What is there of it stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which one.
    pub id: EntryId,
    /// Why, with its causes.
    pub why: String,
}

/// Finds out what a run would do to these partitions.
pub fn prospect(
    request: &Request,
    disks: Vec<(Box<dyn Disk>, Role)>,
    trusted: &[SignatureList],
    forge: &Forge<'_>,
    scratch: &Path,
) -> Result<Prospect, Failure> {
    let (generations, unreadable) = generations::read(&request.profiles)?;
    let default = default_of(request, &generations, &unreadable)?;
    let now = vec![SignatureList::of_certificate(Guid([0; 16]), forge.signer.certificate().der())];
    let trusted = Trusted {
        any: trusted.iter().cloned().chain(now.clone()).collect(),
        now,
    };
    let known: Vec<_> = generations.iter().flat_map(entries).collect();
    let originals = Originals::of(&known);
    let mut surveys = Vec::new();
    for (disk, role) in disks {
        let survey = survey(disk.as_ref(), &trusted, &originals)?;
        surveys.push((disk, role, survey));
    }
    let last_good = last_good(request, &default, surveys.iter().map(|(_, _, survey)| survey));
    let protected: Vec<&EntryId> = [Some(&default), request.booted.as_ref(), last_good.as_ref()]
        .into_iter()
        .flatten()
        .collect();
    let limit = request.limit.unwrap_or(usize::MAX);
    let chosen = select(&generations, limit, &request.pinned, &protected);
    let all_entries: Vec<_> = chosen.iter().flat_map(|g| entries(g)).collect();
    let known: Known = surveys.iter().flat_map(|(_, _, survey)| survey.originals.clone()).collect();
    let (prepared, refused) = prepare(all_entries, scratch, &known);
    let mut problems = problems(&unreadable, refused, &default)?;
    let mut wanted_entries = Vec::new();
    let mut installable = Vec::new();
    let made = in_parallel(&prepared, |prepared| forge.wanted(prepared));
    for (prepared, made) in prepared.iter().zip(made) {
        match made {
            Ok(wanted) => {
                installable.push(prepared);
                wanted_entries.extend(wanted);
            }
            // A stub or a key that cannot be used spoils every entry.
            Err(error) if prepared.entry.id == default || error.exit() == Exit::Usage => return Err(error.into()),
            Err(error) => problems.push(Problem {
                id: prepared.entry.id.clone(),
                why: causes(&error),
            }),
        }
    }
    let wanted_entries = once(wanted_entries);
    let policy = Policy {
        keep: keep(request, &problems, &unreadable, last_good.as_ref(), &surveys),
        tries: request.tries,
        take_over: request.take_over,
        no_collection: request.no_collection,
    };
    let mut programs = Vec::new();
    for (name, path) in &request.programs {
        let signed = program(name, &files::read(path)?, forge);
        programs.extend(signed.map_err(|e| Failure::from(e).while_trying(format!("sign {}", path.display())))?);
    }
    let newest = installable
        .iter()
        .all(|p| (p.entry.id.profile != default.profile) || p.entry.id.generation <= default.generation);
    let (mut partitions, mut notes) = (Vec::new(), Vec::new());
    let loader = request.loader.as_deref().map(files::read).transpose()?;
    for (disk, role, survey) in surveys {
        let mut wanted = Vec::new();
        if role != Role::Loader {
            wanted.extend(wanted_entries.iter().cloned());
            wanted.extend(programs.iter().cloned());
        }
        if role != Role::Entries {
            if let Some(loader) = &loader {
                let (files, said) = loaders(loader, &survey, forge).map_err(|e| Failure::from(e).while_trying("sign systemd-boot"))?;
                wanted.extend(files);
                notes.extend(said);
            }
            wanted.push(configuration(&request.menu, &default, newest));
        }
        let mut policy = policy.clone();
        if role == Role::Loader {
            // What is on the other partition by then need not be kept here.
            policy.keep.retain(|id| installable.iter().all(|p| p.entry.id != *id));
        }
        wanted.extend(sign_again(disk.as_ref(), &survey, &wanted, &policy, forge)?);
        let plan = plan(&wanted, &survey, &policy);
        partitions.push(Partition {
            disk,
            role,
            survey,
            wanted,
            plan,
        });
    }
    let mut prospect = Prospect {
        partitions,
        entries: installable.iter().map(|p| (p.entry.id.clone(), p.entry.title.clone())).collect(),
        default,
        last_good: last_good.clone(),
        problems,
        notes,
        fitting_limit: None,
    };
    if prospect.partitions.iter().any(|p| !p.plan.fits) {
        let protected: Vec<EntryId> = [Some(&prospect.default), request.booted.as_ref(), last_good.as_ref()]
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        prospect.fitting_limit = fitting(&prospect.partitions, request, &generations, &protected, &policy);
    }
    Ok(prospect)
}

/// The default entry; it must be one that can be read.
fn default_of(request: &Request, generations: &[Generation], unreadable: &[Unreadable]) -> Result<EntryId, Failure> {
    let chosen = request.system.clone().unwrap_or_else(|| request.profiles.join("system"));
    let real = std::fs::canonicalize(&chosen).ok();
    for bad in unreadable {
        let link = match &bad.id.profile {
            Some(name) => request.profiles.join(format!("system-profiles/{name}-{}-link", bad.id.generation)),
            None => request.profiles.join(format!("system-{}-link", bad.id.generation)),
        };
        if real.is_some() && std::fs::canonicalize(&link).ok() == real {
            return Err(
                Failure::incomplete(format!("{} is to be booted by default, and cannot be read", bad.id))
                    .because(&bad.why)
                    .hint("nothing was changed; build that generation again, or make another one the default"),
            );
        }
    }
    Ok(default_entry(&request.profiles, generations, request.system.as_deref())?)
}

fn problems(unreadable: &[Unreadable], refused: Vec<(EntryId, SourceError)>, default: &EntryId) -> Result<Vec<Problem>, Failure> {
    let mut problems: Vec<Problem> = unreadable
        .iter()
        .map(|u| Problem {
            id: u.id.clone(),
            why: causes(&u.why),
        })
        .collect();
    for (id, error) in refused {
        if id == *default {
            return Err(Failure::from(error)
                .while_trying(format!("install {id}, which is to be booted by default"))
                .hint("nothing was changed"));
        }
        problems.push(Problem { id, why: causes(&error) });
    }
    Ok(problems)
}

/// An error with its causes, in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// The newest generations of each profile, and those that are installed whatever the limit.
#[must_use]
pub fn select<'a>(generations: &'a [Generation], limit: usize, pinned: &[EntryId], protected: &[&EntryId]) -> Vec<&'a Generation> {
    let mut chosen = Vec::new();
    let mut taken: Vec<(Option<&String>, usize)> = Vec::new();
    for generation in generations {
        let profile = generation.profile.as_ref();
        let at = taken.iter().position(|(p, _)| *p == profile).unwrap_or_else(|| {
            taken.push((profile, 0));
            taken.len() - 1
        });
        let id = EntryId::new(profile.map(String::as_str), generation.number, None);
        let is_same = |other: &EntryId| (&other.profile, other.generation) == (&id.profile, id.generation);
        let within = taken.get_mut(at).is_some_and(|(_, count)| {
            *count += 1;
            *count <= limit
        });
        if within || pinned.iter().any(is_same) || protected.iter().any(|p| is_same(p)) {
            chosen.push(generation);
        }
    }
    chosen
}

/// The entry that is known to be good. With counting that is the newest one without a counter; without, the one that this
/// machine was booted with, or else, where that is not known, the newest that was there before.
fn last_good<'a>(request: &Request, default: &EntryId, surveys: impl Iterator<Item = &'a Survey>) -> Option<EntryId> {
    if request.tries.is_none() && request.booted.is_some() {
        return request.booted.clone();
    }
    let mut best: Option<EntryId> = None;
    for survey in surveys {
        for (_, name, image) in survey.entries() {
            let key = |id: &EntryId| (id.profile.is_none(), id.generation, id.specialisation.is_none());
            let better = best.as_ref().is_none_or(|b| key(&name.id) > key(b));
            let known = request.tries.is_some() || name.id != *default;
            if known && name.tries.is_none() && better && survey.is_whole(image) && system_is_there(image.command_line.as_deref()) {
                best = Some(name.id);
            }
        }
    }
    best
}

/// Whether the system that a command line starts is still in the store. What is not there cannot be good any more.
fn system_is_there(command_line: Option<&str>) -> bool {
    let init = command_line
        .unwrap_or_default()
        .split(' ')
        .find_map(|word| word.strip_prefix("init="));
    // A link may lead to a place that only exists once that system runs.
    init.is_some_and(|path| std::fs::symlink_metadata(path).is_ok())
}

fn keep(
    request: &Request,
    problems: &[Problem],
    unreadable: &[Unreadable],
    last_good: Option<&EntryId>,
    surveys: &[(Box<dyn Disk>, Role, Survey)],
) -> BTreeSet<EntryId> {
    let mut keep: BTreeSet<EntryId> = problems.iter().map(|p| p.id.clone()).collect();
    keep.extend(request.booted.clone());
    keep.extend(last_good.cloned());
    // Which specialisations a generation has that cannot be read is only known from what is there of it.
    for (_, name, _) in surveys.iter().flat_map(|(_, _, survey)| survey.entries()) {
        let is_same = |u: &Unreadable| (&u.id.profile, u.id.generation) == (&name.id.profile, name.id.generation);
        if unreadable.iter().any(is_same) {
            keep.insert(name.id);
        }
    }
    keep
}

/// Entries that stay although no generation wants them, but bear the signature of a key that was replaced: they get one of
/// the key that signs now, so that they boot when the old one is gone.
fn sign_again(disk: &dyn Disk, survey: &Survey, wanted: &[Wanted], policy: &Policy, forge: &Forge<'_>) -> Result<Vec<Wanted>, Failure> {
    let mut again = Vec::new();
    for (path, name, image) in survey.entries() {
        let is_wanted = wanted.iter().any(|w| matches!(&w.target, Target::Entry(id) if *id == name.id));
        if is_wanted || !policy.keep.contains(&name.id) || image.refused_now.is_none() || !survey.is_whole(image) {
            continue;
        }
        let mut bytes = Vec::new();
        disk.open(path)
            .and_then(|mut file| std::io::Read::read_to_end(&mut file, &mut bytes))
            .map_err(EspError::io(disk, "read", path))?;
        let mut file = forge.program(path, &bytes)?;
        file.target = Target::Entry(name.id);
        file.needs = image.references.iter().map(|(path, _)| path.clone()).collect();
        if let Expect::Signed { command_line, .. } = &mut file.expect {
            command_line.clone_from(&image.command_line);
        }
        again.push(file);
    }
    Ok(again)
}

/// Each file once.
fn once(wanted: Vec<Wanted>) -> Vec<Wanted> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::with_capacity(wanted.len());
    for file in wanted {
        let is_new = match &file.target {
            Target::Path(path) => seen.insert(path.clone()),
            Target::Entry(_) => true,
        };
        if is_new {
            all.push(file);
        }
    }
    all
}

/// The highest limit with which everything has room.
fn fitting(
    partitions: &[Partition],
    request: &Request,
    generations: &[Generation],
    protected: &[EntryId],
    policy: &Policy,
) -> Option<usize> {
    let protected: Vec<&EntryId> = protected.iter().collect();
    let most = request.limit.unwrap_or(generations.len()).min(generations.len());
    (1..most).rev().find(|limit| {
        let chosen = select(generations, *limit, &request.pinned, &protected);
        let stays = |id: &EntryId| {
            let is_same = |g: &&Generation| EntryId::new(g.profile.as_deref(), g.number, None).to_string() == base(id);
            chosen.iter().any(is_same)
        };
        partitions.iter().all(|partition| {
            let entries: Vec<&Wanted> = partition
                .wanted
                .iter()
                .filter(|w| matches!(&w.target, Target::Entry(id) if stays(id)))
                .collect();
            let needed: BTreeSet<&String> = entries.iter().flat_map(|w| &w.needs).collect();
            let wanted: Vec<Wanted> = partition
                .wanted
                .iter()
                .filter(|w| match &w.target {
                    Target::Entry(id) => stays(id),
                    Target::Path(path) => !path.starts_with(SHARED) || needed.contains(path),
                })
                .cloned()
                .collect();
            plan(&wanted, &partition.survey, policy).fits
        })
    })
}

fn base(id: &EntryId) -> String {
    EntryId {
        specialisation: None,
        ..id.clone()
    }
    .to_string()
}

impl Prospect {
    /// Fails with the figures if a partition has too little room.
    pub fn check_room(&self) -> Result<(), Failure> {
        let Some(small) = self.partitions.iter().find(|p| !p.plan.fits) else {
            return Ok(());
        };
        let plan = &small.plan;
        let human = cli_kit::human::bytes;
        let failure = Failure::incomplete(format!(
            "{} has too little room: {} more bytes are needed at most, {} are free, {} are missing ({}); nothing was changed",
            cli_kit::escape(&small.disk.place().display().to_string()),
            plan.peak,
            plan.free,
            plan.short_by(),
            human(plan.short_by()),
        ));
        let foreign: u64 = small
            .survey
            .items
            .iter()
            .filter(|(path, _)| !is_ours(path))
            .map(|(_, size)| size)
            .sum();
        let failure = failure.hint(format!(
            "kernels and initrds of {} take {} there, files of others that we see {}",
            self.entries.len(),
            human(small.survey.shared_bytes()),
            human(foreign)
        ));
        Err(match self.fitting_limit {
            Some(limit) => failure.hint(format!("with --limit {limit} it would fit")),
            None => failure
                .hint("no --limit would do; use a larger partition (--xbootldr DIR), or fewer specialisations and pinned generations"),
        })
    }

    /// Whether a run would change nothing.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.partitions.iter().all(|p| p.plan.is_empty())
    }
}

fn is_ours(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    crate::esp::EntryName::parse(file).is_some()
        || crate::esp::shared_digest(file).is_some()
        || path.starts_with(PROGRAMS)
        || path.starts_with(ENTRIES) && file.starts_with("firn-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix_model::bootspec::{SystemFolder, synthesise};

    #[test]
    fn limits_count_by_profile_and_spare_what_is_pinned_or_protected() {
        let generation = |profile: Option<&str>, number| Generation {
            profile: profile.map(str::to_owned),
            number,
            made: 0,
            spec: synthesise(&SystemFolder {
                toplevel: "/s".into(),
                kernel: "/k".into(),
                ..SystemFolder::default()
            })
            .unwrap(),
        };
        let all = [9, 8, 7, 6].map(|n| generation(None, n));
        let all: Vec<Generation> = all.into_iter().chain([5, 4].map(|n| generation(Some("test"), n))).collect();
        let numbers = |limit, pinned: &[EntryId], protected: &[&EntryId]| -> Vec<u64> {
            select(&all, limit, pinned, protected).iter().map(|g| g.number).collect()
        };
        let six = EntryId::new(None, 6, None);
        let seven = EntryId::new(None, 7, Some("safe"));
        assert_eq!(numbers(1, &[], &[]), [9, 5]);
        assert_eq!(numbers(1, std::slice::from_ref(&six), &[&seven]), [9, 7, 6, 5]);
        assert_eq!(numbers(usize::MAX, &[], &[]), [9, 8, 7, 6, 5, 4]);
    }
}
