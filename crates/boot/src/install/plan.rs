//! The way from what is on a partition to what should be there. Pure: nothing is read or written here.
//!
//! What an entry needs is there before the entry is, and an entry is gone before what it needed. Room is counted step by step,
//! in clusters; where it would not last, what nobody needs is removed first, and where even that does not help the plan says so.

use std::collections::{BTreeMap, BTreeSet};

use boot_formats::trust::Hex;
use serde::Serialize;

use super::survey::{Image, Survey};
use super::wanted::{Expect, Target, Wanted};
use super::{ENTRIES, IMAGES, PROGRAMS, SHARED, UNFINISHED};
use crate::esp::{EntryId, EntryName, is_short_for, shared_digest};

/// What else decides.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Entries that stay as they are although they are not wanted: booted, last known to be good, or of a generation that
    /// cannot be read.
    pub keep: BTreeSet<EntryId>,
    /// How often a new entry is tried before it counts as bad; `None` without counting.
    pub tries: Option<u32>,
    /// Remove what NixOS's other installers left.
    pub take_over: bool,
    /// Leave what nobody needs.
    pub no_collection: bool,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Step {
    /// Make a folder.
    Folder {
        /// Which one.
        file: String,
    },
    /// Write a file beside its place. It gets there when its folder is settled.
    Write {
        /// Which one.
        file: String,
        /// Its size.
        bytes: u64,
        /// Why.
        why: Why,
        /// Which of the wanted files.
        #[serde(skip)]
        wanted: usize,
    },
    /// Remove a file.
    Remove {
        /// Which one.
        file: String,
        /// Its size.
        bytes: u64,
        /// Why.
        why: Why,
    },
    /// Wait until the bytes of what was written into a folder are on the medium, give the files their names, wait until these
    /// are there too; what lost its name is gone only then.
    Settle {
        /// Which one.
        file: String,
    },
}

/// Why something is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Why {
    /// It is not there.
    Missing,
    /// It is not what was put there.
    Damaged {
        /// What should be there.
        expected: String,
        /// What is.
        found: String,
    },
    /// It is whole, and of another state of the system.
    Outdated,
    /// It is whole, and signed by a key that was replaced.
    OldKey {
        /// What the firmware would say.
        found: String,
    },
    /// Nobody needs it.
    Unneeded,
    /// A run that was stopped left it.
    Unfinished,
    /// Another installer left it.
    TakenOver,
}

/// What comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Write, then remove what nobody needs.
    WriteFirst,
    /// There is not room enough for both: remove first.
    CollectFirst,
}

/// The way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// In this order.
    pub order: Order,
    /// Bytes that can be written now.
    pub free: u64,
    /// Bytes that the run will take at most, beyond what is taken now.
    pub peak: u64,
    /// Bytes that will be taken in the end, beyond what is taken now (less than zero: freed).
    pub after: i64,
    /// Bytes of a cluster.
    pub cluster: u64,
    /// Whether the peak has room.
    pub fits: bool,
    /// The changes.
    pub steps: Vec<Step>,
    /// Entries that stay although no generation wants them.
    pub kept: Vec<String>,
    /// Where each wanted file is, or will be.
    #[serde(skip)]
    pub places: Vec<String>,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Bytes that are missing.
    #[must_use]
    pub const fn short_by(&self) -> u64 {
        self.peak.saturating_sub(self.free)
    }
}

/// Finds the way.
#[must_use]
pub fn plan(wanted: &[Wanted], survey: &Survey, policy: &Policy) -> Plan {
    let found = compare(wanted, survey, policy);
    let garbage = if policy.no_collection {
        Garbage {
            unfinished: found.garbage.unfinished.clone(),
            ..Garbage::default()
        }
    } else {
        found.garbage.clone()
    };
    let made = |order, batch| {
        let steps = steps(&found.writes, &garbage, survey, order, batch);
        let (peak, after) = room(&steps, survey);
        Plan {
            order,
            free: survey.space.free,
            peak,
            after,
            cluster: survey.space.cluster,
            fits: peak <= survey.space.free,
            steps,
            kept: found.kept.clone(),
            places: found.places.clone(),
        }
    };
    let mut smallest: Option<Plan> = None;
    for order in [Order::WriteFirst, Order::CollectFirst] {
        for batch in [Batch::Folder, Batch::File] {
            let plan = made(order, batch);
            if plan.fits {
                return plan;
            }
            // If it does not fit in any way, the smallest figure is the one to tell.
            if smallest.as_ref().is_none_or(|s| plan.peak < s.peak) {
                smallest = Some(plan);
            }
        }
    }
    smallest.unwrap_or_else(|| made(Order::WriteFirst, Batch::File))
}

/// How many files are settled at a time. What they replace takes its room until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Batch {
    /// All that go into a folder, which waits for the medium a few times rather than for each file.
    Folder,
    /// One.
    File,
}

struct Write {
    wanted: usize,
    path: String,
    size: u64,
    why: Why,
}

#[derive(Debug, Clone, Default)]
struct Garbage {
    /// Left by a run that was stopped: nothing refers to them.
    unfinished: Vec<(String, u64)>,
    /// Entries, which go before what they need.
    entries: Vec<(String, u64, Why)>,
    /// Kernels, initrds, programs.
    others: Vec<(String, u64, Why)>,
}

struct Compared {
    writes: Vec<Write>,
    garbage: Garbage,
    kept: Vec<String>,
    places: Vec<String>,
}

fn compare(wanted: &[Wanted], survey: &Survey, policy: &Policy) -> Compared {
    let mut compared = Compared {
        writes: Vec::new(),
        garbage: Garbage::default(),
        kept: Vec::new(),
        places: Vec::new(),
    };
    let mut by_id: BTreeMap<EntryId, Vec<(&str, EntryName, &Image)>> = BTreeMap::new();
    for (path, name, image) in survey.entries() {
        by_id.entry(name.id.clone()).or_default().push((path, name, image));
    }
    let mut needed: BTreeSet<String> = BTreeSet::new();
    for (at, file) in wanted.iter().enumerate() {
        needed.extend(file.needs.iter().cloned());
        let (path, why) = match &file.target {
            Target::Path(path) => (path.clone(), difference(file, path, survey)),
            Target::Entry(id) => {
                let there = by_id.remove(id).unwrap_or_default();
                place_entry(file, id, &there, survey, policy, &mut compared.garbage)
            }
        };
        if let Some(why) = why {
            // Two entries may share a file.
            if compared.writes.iter().all(|w| w.path != path) {
                compared.writes.push(Write {
                    wanted: at,
                    path: path.clone(),
                    size: file.size,
                    why,
                });
            }
        }
        needed.insert(path.clone());
        compared.places.push(path);
    }
    for (path, name, image) in by_id.into_values().flatten() {
        if policy.keep.contains(&name.id) {
            compared.kept.push(path.to_owned());
            needed.extend(image.references.iter().map(|(path, _)| path.clone()));
        } else {
            let size = survey.items.get(path).copied().unwrap_or_default();
            compared.garbage.entries.push((path.to_owned(), size, Why::Unneeded));
        }
    }
    for (entry, files) in &survey.texts {
        let mut garbage = Garbage::default();
        sort_out(entry, 0, policy, &mut garbage);
        // What an entry of text starts stays as long as the entry does, whoever wrote it.
        if needed.contains(entry) || garbage.entries.is_empty() && garbage.unfinished.is_empty() {
            // FAT and the loader pass over case.
            let is_started = |path: &&String| files.iter().any(|file| file.eq_ignore_ascii_case(path));
            needed.extend(survey.items.keys().filter(is_started).cloned());
        }
    }
    for (path, size) in &survey.items {
        if needed.contains(path) || compared.kept.contains(path) {
            continue;
        }
        sort_out(path, *size, policy, &mut compared.garbage);
    }
    compared
}

/// Which name an entry bears, and whether it has to be written.
fn place_entry(
    file: &Wanted,
    id: &EntryId,
    there: &[(&str, EntryName, &Image)],
    survey: &Survey,
    policy: &Policy,
    garbage: &mut Garbage,
) -> (String, Option<Why>) {
    let command_line = match &file.expect {
        Expect::Signed { command_line, .. } => command_line.as_deref(),
        Expect::Content(_) => None,
    };
    // The same system keeps what is known of it, even where its image is made anew; another system starts afresh. An image
    // that cannot be read says nothing, and counts as the one that was there.
    let is_same = |image: &Image| image.command_line.as_deref() == command_line || image.command_line.is_none();
    let rank = |(_, name, image): &&(&str, EntryName, &Image)| {
        let right = difference_of(file, image, None).is_none();
        (right, is_same(image), name.tries.is_none(), !name.is_bad())
    };
    let best = there.iter().max_by_key(rank).filter(|(_, _, image)| is_same(image));
    let path = match best {
        Some((path, ..)) => (*path).to_owned(),
        None => {
            let name = EntryName {
                id: id.clone(),
                tries: policy.tries.map(|tries| (tries, 0)),
            };
            format!("{IMAGES}/{name}")
        }
    };
    for (other, ..) in there.iter().filter(|(p, ..)| *p != path) {
        let size = survey.items.get(*other).copied().unwrap_or_default();
        garbage.entries.push(((*other).to_owned(), size, Why::Outdated));
    }
    let why = difference(file, &path, survey);
    (path, why)
}

/// Whether what is at a path is something else than it should be.
fn difference(file: &Wanted, path: &str, survey: &Survey) -> Option<Why> {
    let Some(size) = survey.items.get(path) else {
        return Some(Why::Missing);
    };
    match &file.expect {
        Expect::Signed { .. } => {
            let nothing = Image::default();
            difference_of(file, survey.images.get(path).unwrap_or(&nothing), Some(*size))
        }
        Expect::Content(digest) => {
            let found = match survey.digests.get(path) {
                Some(Ok(found)) if found == digest => return None,
                Some(Ok(found)) => format!("SHA-256 {}, {size} bytes", Hex(found)),
                Some(Err(why)) => why.clone(),
                None => "it was not read".into(),
            };
            // Texts are changed by options; what bears its digest in its name cannot be.
            let file_name = path.rsplit('/').next().unwrap_or(path);
            if shared_digest(file_name).is_none() {
                return Some(Why::Outdated);
            }
            Some(Why::Damaged {
                expected: format!("SHA-256 {}, {} bytes", Hex(digest), file.size),
                found,
            })
        }
    }
}

fn difference_of(file: &Wanted, image: &Image, size: Option<u64>) -> Option<Why> {
    let Expect::Signed { digest, .. } = &file.expect else {
        return None;
    };
    let is_right = image.digest.as_ref() == Some(digest);
    match (&image.refused_now, &image.refused) {
        (None, _) if is_right => None,
        (None, _) => Some(Why::Outdated),
        (Some(found), None) => Some(Why::OldKey { found: found.clone() }),
        (Some(found), Some(_)) => Some(Why::Damaged {
            expected: format!("signed by the db key, Authenticode digest {}", Hex(digest)),
            found: match (&image.digest, size) {
                (Some(digest), _) => format!("{found}; Authenticode digest {}", Hex(digest)),
                (None, Some(size)) => format!("{found}; {size} bytes"),
                (None, None) => found.clone(),
            },
        }),
    }
}

/// Files that are not wanted: ours go, those of others stay.
fn sort_out(path: &str, size: u64, policy: &Policy, garbage: &mut Garbage) {
    let Some((folder, file)) = path.rsplit_once('/') else { return };
    if file.ends_with(UNFINISHED) || is_nameless(folder, file) {
        garbage.unfinished.push((path.into(), size));
        return;
    }
    let own_program = file.ends_with(".efi");
    match folder {
        SHARED if shared_digest(file).is_some() => garbage.others.push((path.into(), size, Why::Unneeded)),
        PROGRAMS if own_program => garbage.others.push((path.into(), size, Why::Unneeded)),
        ENTRIES if file.starts_with("firn-") && file.ends_with(".conf") => garbage.entries.push((path.into(), size, Why::Unneeded)),
        // The builder of nixpkgs owns this folder, and lanzaboote takes it over in the same way.
        SHARED if policy.take_over => garbage.others.push((path.into(), size, Why::TakenOver)),
        ENTRIES if policy.take_over && is_nixos(file, ".conf") => garbage.entries.push((path.into(), size, Why::TakenOver)),
        IMAGES if policy.take_over && is_nixos(file, ".efi") && EntryName::parse(file).is_none() => {
            garbage.entries.push((path.into(), size, Why::TakenOver));
        }
        _ => {}
    }
}

/// Folder, beginning and end of names of ours, as FAT shortens them.
const SHORTENED: [(&str, &str, &str); 8] = [
    (SHARED, "KERNEL", "EFI"),
    (SHARED, "INITRD", "EFI"),
    (IMAGES, "NIXOS-", "EFI"),
    ("EFI/systemd", "SYSTEM", "EFI"),
    ("loader", "LOADER", "CON"),
    ("loader", "ENTRIE", "SRE"),
    (ENTRIES, "FIRN-", "CON"),
    (ENTRIES, "NIXOS-", "CON"),
];

/// Whether a file of ours lost its name when the power failed. Nothing else bears a short name alone.
fn is_nameless(folder: &str, file: &str) -> bool {
    let ours = |(place, prefix, end): &(&str, &str, &str)| *place == folder && is_short_for(file, prefix, end);
    SHORTENED.iter().any(ours) || is_short_for(file, "", "FIR")
}

/// Names that the installers of nixpkgs and lanzaboote give: `nixos-generation-1.conf`, `nixos-PROFILE-generation-1-HASH.efi`.
fn is_nixos(file: &str, end: &str) -> bool {
    let Some(rest) = file.strip_prefix("nixos-").and_then(|r| r.strip_suffix(end)) else {
        return false;
    };
    let number = rest
        .strip_prefix("generation-")
        .or_else(|| rest.split_once("-generation-").map(|(_, r)| r));
    number.is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit()))
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Where a write belongs: what others need first, what points at others last.
fn stage(path: &str) -> u8 {
    match folder_of(path) {
        SHARED | PROGRAMS => 0,
        IMAGES | ENTRIES => 1,
        "loader" => 3,
        _ => 2,
    }
}

fn steps(writes: &[Write], garbage: &Garbage, survey: &Survey, order: Order, batch: Batch) -> Vec<Step> {
    let mut all = Vec::new();
    let unfinished: Vec<_> = garbage.unfinished.iter().map(|(p, s)| (p.clone(), *s, Why::Unfinished)).collect();
    remove(&unfinished, &mut all);
    if order == Order::CollectFirst {
        remove(&garbage.entries, &mut all);
        remove(&garbage.others, &mut all);
    }
    let mut folders: Vec<&str> = Vec::new();
    for write in writes {
        for (at, _) in write.path.match_indices('/') {
            let folder = write.path.get(..at).unwrap_or_default();
            if !survey.folders.contains(folder) && !folders.contains(&folder) {
                folders.push(folder);
            }
        }
    }
    folders.sort_unstable();
    for folder in folders {
        let above = folder.rsplit_once('/').map_or("", |(above, _)| above);
        all.push(Step::Folder { file: folder.into() });
        all.push(Step::Settle { file: above.into() });
    }
    for stage_now in 0..=3 {
        let mut touched: Vec<&str> = Vec::new();
        for write in writes.iter().filter(|w| stage(&w.path) == stage_now) {
            all.push(Step::Write {
                file: write.path.clone(),
                bytes: write.size,
                why: write.why.clone(),
                wanted: write.wanted,
            });
            let folder = folder_of(&write.path);
            if batch == Batch::File {
                all.push(Step::Settle { file: folder.into() });
            } else if !touched.contains(&folder) {
                touched.push(folder);
            }
        }
        all.extend(touched.into_iter().map(|f| Step::Settle { file: f.into() }));
    }
    if order == Order::WriteFirst {
        remove(&garbage.entries, &mut all);
        remove(&garbage.others, &mut all);
    }
    all
}

fn remove(garbage: &[(String, u64, Why)], steps: &mut Vec<Step>) {
    let mut touched: Vec<&str> = Vec::new();
    for (path, bytes, why) in garbage {
        steps.push(Step::Remove {
            file: path.clone(),
            bytes: *bytes,
            why: why.clone(),
        });
        let folder = folder_of(path);
        if !touched.contains(&folder) {
            touched.push(folder);
        }
    }
    steps.extend(touched.into_iter().map(|f| Step::Settle { file: f.into() }));
}

/// Bytes taken at most and in the end, beyond what is taken now.
fn room(steps: &[Step], survey: &Survey) -> (u64, i64) {
    let space = &survey.space;
    let mut sizes: BTreeMap<&str, u64> = survey.items.iter().map(|(p, s)| (p.as_str(), space.taken(*s))).collect();
    let (mut now, mut most) = (0_i64, 0_i64);
    let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let mut names: BTreeMap<&str, u64> = BTreeMap::new();
    // What is given back once a folder is settled.
    let mut freed: BTreeMap<&str, u64> = BTreeMap::new();
    for step in steps {
        match step {
            Step::Folder { .. } => now += signed(space.cluster),
            Step::Write { file, bytes, .. } => {
                let taken = space.taken(*bytes);
                let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
                // A folder grows by 32 bytes for every 13 characters of a name and 32 more; the unfinished name counts too.
                let slots = 2 + 2 * (name.len() as u64).div_ceil(13) + 1;
                let before = names.get(folder).copied().unwrap_or_default();
                let grown = before + 32 * slots;
                now += signed(space.taken(grown) - space.taken(before));
                names.insert(folder, grown);
                now = now.saturating_add(signed(taken));
                *freed.entry(folder).or_default() += sizes.insert(file, taken).unwrap_or_default();
            }
            Step::Remove { file, .. } => *freed.entry(folder_of(file)).or_default() += sizes.remove(file.as_str()).unwrap_or_default(),
            Step::Settle { file } => now -= signed(freed.remove(file.as_str()).unwrap_or_default()),
        }
        most = most.max(now);
    }
    (u64::try_from(most).unwrap_or_default(), now)
}

#[cfg(test)]
mod tests;
