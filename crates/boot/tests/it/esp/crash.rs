//! The power fails at every change: what was not synced may be there, may not be, or half. Whatever is listed must boot.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use boot::esp::{Disk, EntryId, Item, Space};
use boot::install::bless::bless;
use boot::install::execute::{Workshop, execute};
use boot::install::loader::Menu;
use boot::install::prospect::{Prospect, Request, Role, prospect};
use boot::install::source::Originals;
use boot::install::survey::{Survey, Trusted, survey};
use boot::install::wanted::Forge;
use boot::keys::KeyFolder;
use boot_formats::authvar::KeyVariable;

use super::world::{World, keys, stub};
use crate::lab::firn;

const CLUSTER: u64 = 512;

/// A file's bytes: now, and as they are on the medium.
#[derive(Clone, Default, PartialEq)]
struct Content {
    now: Vec<u8>,
    settled: Option<Vec<u8>>,
}

/// A partition in memory that knows what a loss of power would leave.
#[derive(Clone, Default)]
pub struct Medium {
    contents: Vec<Content>,
    /// Which content a path has: now, and on the medium.
    now: BTreeMap<String, usize>,
    settled: BTreeMap<String, usize>,
    folders: BTreeSet<String>,
    settled_folders: BTreeSet<String>,
    /// Changes until the power fails.
    left: Option<usize>,
    changes: usize,
    /// What each change was.
    kinds: Vec<&'static str>,
    capacity: u64,
    failed: bool,
    /// Says that there is room although there is none.
    lies: bool,
    /// Contents that cannot be read.
    unreadable: BTreeSet<usize>,
}

/// What is left of changes that were not synced.
#[derive(Clone, Copy, Debug)]
pub enum Loss {
    /// None of them, and files without their bytes.
    All,
    /// All names, but files without their bytes.
    Bytes,
    /// All names, and half of the bytes.
    HalfOfTheBytes,
    /// All names; those that are new lead to empty files, and those that a file was renamed to still to the one before, as on
    /// Linux's FAT.
    NewNamesAreEmpty,
    /// Each name or not, by chance.
    SomeNames(u64),
}

impl Medium {
    pub fn new(capacity: u64) -> Self {
        Self {
            capacity,
            ..Self::default()
        }
    }

    /// With these files on it, synced.
    pub fn of(files: &BTreeMap<String, Vec<u8>>) -> Self {
        let mut medium = Self::new(1 << 30);
        for (path, bytes) in files {
            medium.put(path, bytes.clone());
            medium.folders.extend(path.match_indices('/').map(|(at, _)| path[..at].to_owned()));
        }
        medium.settled_folders = medium.folders.clone();
        medium
    }

    fn change(&mut self, kind: &'static str) -> io::Result<()> {
        if self.failed || self.left == Some(self.changes) {
            self.failed = true;
            return Err(io::Error::other("the power failed"));
        }
        self.changes += 1;
        self.kinds.push(kind);
        Ok(())
    }

    pub fn lying(mut self) -> Self {
        self.lies = true;
        self
    }

    pub fn fails_to_read(&mut self, path: &str) {
        let at = self.now[path];
        self.unreadable.insert(at);
    }

    pub fn can_read(&self, path: &str) -> bool {
        !self.unreadable.contains(&self.now[path])
    }

    pub fn used(&self) -> u64 {
        let taken = |at: &usize| (self.contents[*at].now.len() as u64).div_ceil(CLUSTER) * CLUSTER;
        self.now.values().map(taken).sum::<u64>() + self.folders.len() as u64 * CLUSTER
    }

    /// After the power comes back.
    pub fn after(&self, loss: Loss) -> Self {
        let mut medium = Self::new(self.capacity);
        let mut chance = match loss {
            Loss::SomeNames(seed) => seed.wrapping_mul(2).wrapping_add(1),
            _ => 1,
        };
        let mut coin = || {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            chance & 1 == 1
        };
        let paths: BTreeSet<&String> = self.now.keys().chain(self.settled.keys()).collect();
        for path in paths {
            let (now, settled) = (self.now.get(path), self.settled.get(path));
            let at = match loss {
                Loss::All => settled,
                Loss::NewNamesAreEmpty => match (now, settled) {
                    (Some(_), Some(_)) => settled,
                    (Some(_), None) => {
                        medium.put(path, Vec::new());
                        continue;
                    }
                    (None, _) => None,
                },
                Loss::Bytes | Loss::HalfOfTheBytes => now,
                Loss::SomeNames(_) if coin() => now,
                Loss::SomeNames(_) => settled,
            };
            let Some(at) = at else { continue };
            let content = &self.contents[*at];
            let bytes = content.settled.clone().unwrap_or_else(|| match loss {
                Loss::HalfOfTheBytes => content.now[..content.now.len() / 2].to_vec(),
                _ => vec![0; content.now.len()],
            });
            medium.put(path, bytes);
        }
        medium.folders = match loss {
            Loss::All => self.settled_folders.clone(),
            _ => self.folders.clone(),
        };
        // A file that is there has its folder.
        let above: Vec<String> = medium
            .now
            .keys()
            .flat_map(|p| p.match_indices('/').map(|(at, _)| p[..at].to_owned()).collect::<Vec<_>>())
            .collect();
        medium.folders.extend(above);
        medium.settled_folders = medium.folders.clone();
        medium
    }

    fn put(&mut self, path: &str, bytes: Vec<u8>) {
        self.contents.push(Content {
            settled: Some(bytes.clone()),
            now: bytes,
        });
        self.now.insert(path.into(), self.contents.len() - 1);
        self.settled.insert(path.into(), self.contents.len() - 1);
    }

    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.now
            .iter()
            .map(|(path, at)| (path.clone(), self.contents[*at].now.clone()))
            .collect()
    }
}

/// A [`Medium`] as a disk.
#[derive(Clone)]
pub struct Fragile(pub Arc<Mutex<Medium>>);

impl Fragile {
    pub fn new(medium: Medium) -> Self {
        Self(Arc::new(Mutex::new(medium)))
    }

    pub fn medium(&self) -> Medium {
        self.0.lock().unwrap().clone()
    }
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn not_there() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Disk for Fragile {
    fn place(&self) -> &Path {
        Path::new("/fragile")
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Item>> {
        let medium = self.0.lock().unwrap();
        let here = medium.now.iter().filter(|(path, _)| folder_of(path) == folder);
        Ok(here
            .map(|(path, at)| Item {
                path: path.clone(),
                size: medium.contents[*at].now.len() as u64,
            })
            .collect())
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn Read>> {
        let medium = self.0.lock().unwrap();
        let at = medium.now.get(path).ok_or_else(not_there)?;
        if medium.unreadable.contains(at) {
            return Err(io::Error::from_raw_os_error(5));
        }
        Ok(Box::new(io::Cursor::new(medium.contents[*at].now.clone())))
    }

    fn space(&self) -> io::Result<Space> {
        let medium = self.0.lock().unwrap();
        Ok(Space {
            free: if medium.lies {
                1 << 30
            } else {
                medium.capacity.saturating_sub(medium.used())
            },
            total: medium.capacity,
            cluster: CLUSTER,
        })
    }

    fn has_folder(&self, path: &str) -> bool {
        self.0.lock().unwrap().folders.contains(path)
    }

    fn create_folder(&mut self, path: &str) -> io::Result<()> {
        let mut medium = self.0.lock().unwrap();
        medium.change("folder")?;
        assert!(
            folder_of(path).is_empty() || medium.folders.contains(folder_of(path)),
            "{path} has no folder"
        );
        medium.folders.insert(path.into());
        Ok(())
    }

    fn write(&mut self, path: &str, from: &mut dyn Read) -> io::Result<u64> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes)?;
        let mut medium = self.0.lock().unwrap();
        assert!(medium.folders.contains(folder_of(path)), "{path} has no folder");
        let size = bytes.len() as u64;
        // The first change makes the name; the power may fail between it and the bytes.
        medium.change("name")?;
        medium.contents.push(Content::default());
        let at = medium.contents.len() - 1;
        medium.now.insert(path.into(), at);
        medium.change("bytes")?;
        if medium.used() + size.div_ceil(CLUSTER) * CLUSTER > medium.capacity {
            return Err(io::ErrorKind::StorageFull.into());
        }
        medium.contents[at].now = bytes;
        Ok(size)
    }

    fn sync(&mut self, paths: &[String]) -> io::Result<()> {
        let mut medium = self.0.lock().unwrap();
        for path in paths {
            medium.change("sync")?;
            let at = *medium.now.get(path).ok_or_else(not_there)?;
            medium.contents[at].settled = Some(medium.contents[at].now.clone());
        }
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut medium = self.0.lock().unwrap();
        medium.change("rename")?;
        let at = medium.now.remove(from).ok_or_else(not_there)?;
        medium.now.insert(to.into(), at);
        Ok(())
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        let mut medium = self.0.lock().unwrap();
        medium.change("remove")?;
        medium.now.remove(path).map(drop).ok_or_else(not_there)
    }

    fn sync_folder(&mut self, folder: &str) -> io::Result<()> {
        let mut medium = self.0.lock().unwrap();
        medium.change("sync folder")?;
        medium.settled.retain(|path, _| folder_of(path) != folder);
        let here: Vec<(String, usize)> = medium
            .now
            .iter()
            .filter(|(path, _)| folder_of(path) == folder)
            .map(|(path, at)| (path.clone(), *at))
            .collect();
        medium.settled.extend(here);
        let folders: Vec<String> = medium.folders.iter().filter(|f| folder_of(f) == folder).cloned().collect();
        medium.settled_folders.extend(folders);
        Ok(())
    }
}

/// A machine whose partition is fragile.
pub struct Machine {
    pub world: World,
    keys: PathBuf,
    limit: Option<usize>,
    booted: Option<EntryId>,
    fat: bool,
    tries: Option<u32>,
}

impl Machine {
    pub fn new(generations: u64) -> Self {
        Self::of(World::new(generations), keys().into())
    }

    pub fn of(world: World, keys: PathBuf) -> Self {
        Self {
            world,
            keys,
            limit: None,
            booted: None,
            fat: false,
            tries: None,
        }
    }

    fn trusted(&self) -> Trusted {
        let any = KeyFolder::new(self.keys.clone(), None).lists(KeyVariable::Db).unwrap();
        Trusted { now: any.clone(), any }
    }

    /// One run; an error's text if it did not get to the end.
    pub fn run(&self, disk: &Fragile) -> Result<(), String> {
        let signer = KeyFolder::new(self.keys.clone(), None).signer(KeyVariable::Db).unwrap();
        let forge = Forge {
            stub: std::fs::read(self.world.at("stub.efi")).unwrap(),
            signer: &signer,
            fat: self.fat,
            policy: None,
        };
        let mut planned = self.plan(disk, &forge);
        planned.check_room().map_err(|f| f.render(false))?;
        let partition = &mut planned.partitions[0];
        execute(
            &partition.plan,
            &partition.wanted,
            &mut Workshop::new(Some(&forge)),
            partition.disk.as_mut(),
        )
        .map_err(|e| {
            format!(
                "{e}: {}",
                std::error::Error::source(&e).map(ToString::to_string).unwrap_or_default()
            )
        })
    }

    fn plan(&self, disk: &Fragile, forge: &Forge<'_>) -> Prospect {
        let request = Request {
            profiles: self.world.at("profiles"),
            system: None,
            limit: self.limit,
            pinned: Vec::new(),
            tries: self.tries,
            loader: Some(self.world.at("loader.efi")),
            programs: vec![("memtest".into(), self.world.at("loader.efi"))],
            menu: Menu {
                timeout: Some(0),
                ..Menu::default()
            },
            take_over: false,
            no_collection: false,
            booted: self.booted.clone(),
        };
        let scratch = tempfile::tempdir().unwrap();
        let disks: Vec<(Box<dyn Disk>, Role)> = vec![(Box::new(disk.clone()), Role::Whole)];
        prospect(&request, disks, &self.trusted().any, forge, scratch.path())
            .map_err(|f| f.render(false))
            .unwrap()
    }

    fn survey(&self, disk: &Fragile) -> Survey {
        survey(disk, &self.trusted(), &Originals::default()).unwrap()
    }

    /// Lets the power fail at every change of a run that starts from `before`. After each, in every way in which it may turn
    /// out, all that is listed boots, `always` is listed, and the next run gets to the same end. Gives the number of changes.
    fn fails_everywhere(&self, before: &Medium, always: &[&str]) -> usize {
        let whole = Fragile::new(before.clone());
        self.run(&whole).unwrap();
        let end = whole.medium();
        let changes = end.changes - before.changes;
        let old = before.files();
        for at in 0..changes {
            let disk = Fragile::new(Medium {
                left: Some(before.changes + at),
                ..before.clone()
            });
            let said = self.run(&disk).unwrap_err();
            assert!(said.contains("the power failed"), "{said}");
            let losses = [Loss::All, Loss::Bytes, Loss::HalfOfTheBytes, Loss::NewNamesAreEmpty].into_iter();
            for loss in losses.chain((0..4).map(|n| Loss::SomeNames(n + 7 * at as u64))) {
                let left = Fragile::new(disk.medium().after(loss));
                self.boots(
                    &left,
                    &old,
                    &end.files(),
                    always,
                    &format!("change {at} of {changes}, lost {loss:?}"),
                );
            }
            // One of these goes on; all of them would take minutes.
            let loss = match at % 3 {
                0 => Loss::All,
                1 => Loss::NewNamesAreEmpty,
                _ => Loss::SomeNames(at as u64),
            };
            let left = Fragile::new(disk.medium().after(loss));
            self.run(&left).unwrap_or_else(|e| panic!("after change {at}: {e}"));
            assert_eq!(left.medium().files(), end.files(), "after change {at}");
        }
        changes
    }

    pub fn boots(&self, left: &Fragile, old: &BTreeMap<String, Vec<u8>>, new: &BTreeMap<String, Vec<u8>>, always: &[&str], when: &str) {
        let survey = self.survey(left);
        let mut listed = Vec::new();
        for (path, _, image) in survey.entries() {
            // The loader does not list what is empty.
            if survey.items[path] == 0 {
                continue;
            }
            assert!(survey.is_whole(image), "{when}: {path} is listed and would not boot: {image:?}");
            listed.push(path.rsplit('/').next().unwrap().to_owned());
        }
        for name in always {
            assert!(listed.iter().any(|l| l == name), "{when}: {name} is gone, there are {listed:?}");
        }
        for (path, image) in survey
            .images
            .iter()
            .filter(|(path, _)| !path.starts_with("EFI/Linux") && survey.items[*path] > 0)
        {
            assert_eq!(image.refused, None, "{when}: {path}");
        }
        // Texts are of before or of after.
        for (path, bytes) in left
            .medium()
            .files()
            .iter()
            .filter(|(path, _)| path.starts_with("loader/") && !path.ends_with("firn-new"))
        {
            // An entry that is empty is not listed either.
            let is_new = bytes.is_empty() && !old.contains_key(path);
            assert!(
                is_new || old.get(path) == Some(bytes) || new.get(path) == Some(bytes),
                "{when}: {path} is neither old nor new"
            );
        }
    }
}

const PLENTY: u64 = 1 << 30;

#[test]
fn power_fails_during_the_first_installation() {
    let machine = Machine::new(2);
    let changes = machine.fails_everywhere(&Medium::new(PLENTY), &[]);
    // Ten folders and a dozen files, of which each takes four changes.
    assert!(changes > 60, "{changes}");
}

#[test]
fn power_fails_while_a_generation_comes_and_another_goes() {
    let mut machine = Machine::new(3);
    let disk = Fragile::new(Medium::new(PLENTY));
    machine.run(&disk).unwrap();
    machine.world.generation(4);
    machine.limit = Some(2);
    machine.tries = Some(3);
    machine.booted = Some(EntryId::new(None, 2, None));
    let changes = machine.fails_everywhere(&disk.medium(), &["nixos-generation-2.efi", "nixos-generation-3.efi"]);
    assert!(changes > 15, "{changes}");
}

#[test]
fn power_fails_while_unneeded_files_go_first() {
    let mut machine = Machine::new(4);
    let disk = Fragile::new(Medium::new(PLENTY));
    machine.run(&disk).unwrap();
    let mut before = disk.medium();
    machine.world.system(
        "system-5",
        "with a kernel that is much larger than those of the others",
        serde_json::json!({}),
    );
    machine.world.link(5, "system-5");
    machine.limit = Some(2);
    machine.booted = Some(EntryId::new(None, 2, None));
    let signer = KeyFolder::new(machine.keys.clone(), None).signer(KeyVariable::Db).unwrap();
    let forge = Forge {
        stub: stub(),
        signer: &signer,
        fat: false,
        policy: None,
    };
    // Without any room the plan says what it takes at least.
    before.capacity = before.used();
    let planned = machine.plan(&Fragile::new(before.clone()), &forge);
    let plan = &planned.partitions[0].plan;
    assert_eq!((format!("{:?}", plan.order).as_str(), plan.fits), ("CollectFirst", false));
    assert!(plan.peak > 20_000, "{}", plan.peak);
    // With exactly that much it goes through, and never needs more.
    before.capacity = before.used() + plan.peak;
    machine.fails_everywhere(&before, &["nixos-generation-2.efi"]);
    // With a cluster less nothing is touched.
    before.capacity -= CLUSTER;
    let full = Fragile::new(before.clone());
    let said = machine.run(&full).unwrap_err();
    assert!(
        said.contains("has too little room") && said.contains("512 are missing") && said.contains("nothing was changed"),
        "{said}"
    );
    assert_eq!(full.medium().files(), before.files());
}

#[test]
fn power_fails_while_everything_is_signed_again() {
    let mut machine = Machine::new(2);
    machine.keys = machine.world.at("keys");
    let path = machine.keys.to_str().unwrap().to_owned();
    firn(&["keys", "create", "--dir", &path]);
    let disk = Fragile::new(Medium::new(PLENTY));
    machine.run(&disk).unwrap();
    firn(&["keys", "rotate", "--dir", &path, "db"]);
    machine.fails_everywhere(&disk.medium(), &["nixos-generation-1.efi", "nixos-generation-2.efi"]);
}

#[test]
fn power_fails_while_an_entry_is_blessed() {
    let mut machine = Machine::new(1);
    machine.tries = Some(3);
    let disk = Fragile::new(Medium::new(PLENTY));
    machine.run(&disk).unwrap();
    let before = disk.medium();
    let id = EntryId::new(None, 1, None);
    let mut changes = 0;
    loop {
        let disk = Fragile::new(Medium {
            left: Some(before.changes + changes),
            ..before.clone()
        });
        let ended = bless(&mut disk.clone(), &id);
        for loss in [
            Loss::All,
            Loss::Bytes,
            Loss::HalfOfTheBytes,
            Loss::NewNamesAreEmpty,
            Loss::SomeNames(changes as u64),
        ] {
            let left = Fragile::new(disk.medium().after(loss));
            let survey = machine.survey(&left);
            let whole = survey.entries().filter(|(_, _, image)| survey.is_whole(image)).count();
            assert!(whole >= 1, "change {changes}, lost {loss:?}: nothing boots any more");
            // The next run leaves one of them.
            machine.run(&left).unwrap();
            assert_eq!(left.medium().files().keys().filter(|p| p.starts_with("EFI/Linux/")).count(), 1);
        }
        changes += 1;
        if let Ok(good) = ended {
            assert_eq!(good.as_deref(), Some("EFI/Linux/nixos-generation-1.efi"));
            break;
        }
    }
    assert!(changes > 5, "{changes}");
}

#[test]
fn an_entry_is_blessed_on_a_full_partition() {
    let mut machine = Machine::new(1);
    machine.tries = Some(3);
    let disk = Fragile::new(Medium::new(PLENTY));
    machine.run(&disk).unwrap();
    let mut full = disk.medium();
    full.capacity = full.used();
    let disk = Fragile::new(full);
    let blessed = bless(&mut disk.clone(), &EntryId::new(None, 1, None)).unwrap();
    assert_eq!(blessed.as_deref(), Some("EFI/Linux/nixos-generation-1.efi"));
    let files = disk.medium().files();
    assert_eq!(
        files.keys().filter(|p| p.starts_with("EFI/Linux/")).count(),
        1,
        "{:?}",
        files.keys()
    );
}

#[test]
fn power_fails_while_thin_images_become_fat() {
    let mut machine = Machine::new(2);
    let disk = Fragile::new(Medium::new(PLENTY));
    machine.run(&disk).unwrap();
    machine.fat = true;
    machine.fails_everywhere(&disk.medium(), &["nixos-generation-1.efi", "nixos-generation-2.efi"]);
}

/// The tests above would notice: an installer that forgets to sync.
#[test]
fn an_installer_that_does_not_sync_is_caught() {
    let machine = Machine::new(1);
    let disk = Fragile::new(Medium::new(PLENTY));
    machine.run(&disk).unwrap();
    let mut careless = disk.medium();
    for content in &mut careless.contents {
        content.settled = None;
    }
    let left = Fragile::new(careless.after(Loss::HalfOfTheBytes));
    let survey = machine.survey(&left);
    assert!(survey.entries().all(|(_, _, image)| !survey.is_whole(image)));
}

/// What a run leaves whose power fails in the middle of each kind of change, from what `before` holds: the kind, and the
/// medium.
pub fn stopped_at_each_kind(machine: &Machine, before: &Medium) -> BTreeMap<&'static str, Medium> {
    let whole = Fragile::new(before.clone());
    machine.run(&whole).unwrap();
    let done = whole.medium().kinds.split_off(before.kinds.len());
    let kinds: BTreeSet<&'static str> = done.iter().copied().collect();
    let stopped = kinds.into_iter().map(|kind| {
        let places: Vec<usize> = (0..done.len()).filter(|at| done[*at] == kind).collect();
        let disk = Fragile::new(Medium {
            left: Some(before.changes + places[places.len() / 2]),
            ..before.clone()
        });
        machine.run(&disk).unwrap_err();
        (kind, disk.medium())
    });
    stopped.collect()
}
