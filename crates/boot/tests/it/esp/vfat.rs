//! Linux's own FAT driver, on a disk whose every write is logged: a machine may die between any two of them.
//!
//! QEMU's `blklogwrites` logs writes and flushes in the format of dm-log-writes. The guest marks the end of each command with
//! a write of its own, so it is known what had to be on the medium by then.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use boot::install::source::Originals;
use boot::install::survey::{Survey, Trusted, survey};
use boot::keys::KeyFolder;
use boot_formats::authvar::KeyVariable;
use boot_formats::cpio::Archive;
use boot_formats::sha256;
use boot_formats::trust::Hex;

use super::crash::{Fragile, Medium};
use super::fat32::{self, Volume};
use super::world::{World, keys, tree};
use crate::lab::{Lab, done, firn, firn_any, folder, lab, module, program};
use crate::vm::run_kernel;

const SECTOR: usize = 512;
/// The sector that the guest marks.
const MARK: u64 = 20;
/// Smallest that `mkfs.vfat` makes FAT32 of, with clusters of one sector.
const SIZE: u64 = 36 << 20;
const DRIVERS: [&str; 10] = [
    "virtio_ring",
    "virtio",
    "virtio_pci_modern_dev",
    "virtio_pci_legacy_dev",
    "virtio_pci",
    "virtio_blk",
    "nls_cp437",
    "nls_ascii",
    "fat",
    "vfat",
];

/// Commands that change a partition in every way there is, and what lies there after each.
struct Story {
    world: World,
    lab: &'static Lab,
    keys: PathBuf,
    commands: Vec<Vec<String>>,
    ends: Vec<BTreeMap<String, Vec<u8>>>,
}

impl Story {
    fn new() -> Option<Self> {
        let lab = lab()?;
        let world = World::new(5);
        for (profiles, generations) in [("first", 1..=4), ("second", 2..=5)] {
            fs::create_dir(world.at(profiles)).unwrap();
            for number in generations {
                let link = world.at(&format!("{profiles}/system-{number}-link"));
                symlink(world.at(&format!("store/system-{number}")), &link).unwrap();
                // As old as what is in the machine's first file system: the day stands in the menu.
                done(Command::new("touch").args(["-h", "-d", "@0"]).arg(link));
            }
        }
        let rotated = world.text("rotated");
        done(Command::new("cp").arg("-r").arg(keys()).arg(&rotated));
        firn(&["keys", "rotate", "--dir", &rotated, "db"]);
        world.booted("nixos-generation-4+3.efi");
        world.variable("LoaderBootCountPath", "\\EFI\\Linux\\nixos-generation-4+3.efi");
        let (first, second, loader) = (world.text("first"), world.text("second"), world.text("loader.efi"));
        let told: [(&str, Vec<&str>); 6] = [
            ("install", vec!["--profiles", &first, "--tries", "3", "--editor"]),
            ("bless", vec![]),
            ("install", vec!["--profiles", &second, "--tries", "3", "--limit", "3"]),
            (
                "install",
                vec!["--profiles", &second, "--tries", "3", "--limit", "3", "--keys", &rotated],
            ),
            (
                "install",
                vec!["--profiles", &second, "--tries", "3", "--limit", "3", "--keys", &rotated, "--fat"],
            ),
            ("uninstall", vec!["--systemd-boot", &loader]),
        ];
        let (mut commands, mut ends) = (Vec::new(), Vec::new());
        for (command, more) in told {
            world.run(command, &more);
            ends.push(tree(&world.at("esp")));
            commands.push(world.arguments(command, &more));
        }
        fs::remove_dir_all(world.at("esp")).unwrap();
        Some(Self {
            keys: rotated.into(),
            world,
            lab,
            commands,
            ends,
        })
    }

    /// First file system of a machine that carries these commands out.
    fn initrd(&self, commands: &[Vec<String>]) -> PathBuf {
        let mut archive = Archive::default();
        for name in ["dev", "esp", "modules"] {
            archive.folder(name, 0o755).unwrap();
        }
        archive.file("init", 0o755, &fs::read(self.lab.at("init")).unwrap()).unwrap();
        for name in DRIVERS {
            // Some kernels have a few of these built in.
            if let Ok(driver) = fs::read(module(&self.lab.unpacked, name)) {
                archive.file(&format!("modules/{name}.ko"), 0o644, &driver).unwrap();
            }
        }
        let order: String = DRIVERS.map(|name| format!("{name}.ko\n")).concat();
        archive.file("modules/order", 0o644, order.as_bytes()).unwrap();
        let esp = self.world.text("esp");
        let lines: Vec<String> = commands
            .iter()
            .map(|words| {
                words
                    .iter()
                    .map(|w| if *w == esp { "/esp" } else { w })
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect();
        archive.file("commands", 0o400, (lines.join("\n") + "\n").as_bytes()).unwrap();
        program(&self.world.at("stripped"), &mut archive);
        for path in [self.world.folder.path(), keys().parent().unwrap()] {
            let there = path.to_str().unwrap().trim_start_matches('/');
            for (at, _) in there.match_indices('/') {
                archive.folder(&there[..at], 0o755).unwrap();
            }
            for name in ["store", "first", "second", "efivars", "rotated", "keys"].map(|n| path.join(n)) {
                if name.is_dir() {
                    archive.folder(there, 0o755).unwrap();
                    folder(&mut archive, name.to_str().unwrap().trim_start_matches('/'), &name);
                }
            }
            for name in ["stub.efi", "loader.efi"].map(|n| path.join(n)).iter().filter(|n| n.is_file()) {
                let there = name.to_str().unwrap().trim_start_matches('/');
                archive.file(there, 0o644, &fs::read(name).unwrap()).unwrap();
            }
        }
        let initrd = self.world.at(&format!("story-{}.initrd", commands.len()));
        fs::write(&initrd, archive.finish()).unwrap();
        initrd
    }

    fn survey(&self, files: &BTreeMap<String, Vec<u8>>) -> (Fragile, Survey) {
        let any = KeyFolder::new(self.keys.clone(), None).lists(KeyVariable::Db).unwrap();
        let disk = Fragile::new(Medium::of(files));
        let survey = survey(&disk, &Trusted { now: any.clone(), any }, &Originals::default()).unwrap();
        (disk, survey)
    }

    /// Fails unless all that the menu would list is whole, and one of `always` is there for each of these numbers.
    fn boots(&self, volume: &Volume, always: &[u64], when: &str) {
        // A name whose beginning is gone is another name, and the loader lists it all the same.
        let mut unnamed = 90_000;
        let files: BTreeMap<String, Vec<u8>> = volume
            .files
            .iter()
            .filter(|(_, bytes)| !bytes.is_empty())
            .map(|(path, bytes)| {
                let is_listed = path.starts_with("EFI/Linux/") && path.to_ascii_lowercase().ends_with(".efi");
                let is_known = path.starts_with("EFI/Linux/nixos-generation-");
                let name = if is_listed && !is_known {
                    unnamed += 1;
                    format!("EFI/Linux/nixos-generation-{unnamed}.efi")
                } else {
                    path.clone()
                };
                (name, bytes.clone())
            })
            .collect();
        let (_, survey) = self.survey(&files);
        let mut good = Vec::new();
        for (path, name, image) in survey.entries() {
            assert!(
                survey.is_whole(image),
                "{when}: {path} is listed and would not boot: {image:?}\n{:?}",
                files.keys()
            );
            good.push(name.id.generation);
        }
        for (path, bytes) in files.iter().filter(|(path, _)| path.starts_with("loader/entries/")) {
            if !path.ends_with(".conf") {
                continue;
            }
            let text = String::from_utf8(bytes.clone()).unwrap();
            for line in text.lines().filter(|l| l.starts_with("linux ") || l.starts_with("initrd ")) {
                let file = line.split_once(" /").unwrap().1;
                let content = files
                    .get(file)
                    .unwrap_or_else(|| panic!("{when}: {path} needs {file}, which is not there"));
                assert!(file.contains(&Hex(&sha256(content)).to_string()), "{when}: {file} is not whole");
            }
            let number = path.rsplit('-').next().unwrap().trim_end_matches(".conf");
            good.push(number.parse().unwrap());
        }
        for number in always {
            assert!(
                good.contains(number),
                "{when}: generation {number} is gone: {:?}",
                volume.files.keys()
            );
        }
        assert!(volume.crossed.is_empty(), "{when}: these share a cluster: {:?}", volume.crossed);
    }

    /// Generations that must be there while a command runs: those that are there before and after.
    fn always(&self, command: usize) -> Vec<u64> {
        let numbers = |files: &BTreeMap<String, Vec<u8>>| -> Vec<u64> {
            let names = files.keys().filter_map(|p| p.rsplit_once("generation-"));
            names.map(|(_, rest)| rest[..1].parse().unwrap()).collect()
        };
        let before = command.checked_sub(1).map(|b| numbers(&self.ends[b])).unwrap_or_default();
        let after = numbers(&self.ends[command]);
        before.into_iter().filter(|n| after.contains(n)).collect()
    }

    /// The next run on what is left gets to the same end. Blessing is one rename: a file that lost its long name on the way is left to the
    /// next installation.
    fn goes_on(&self, volume: &Volume, command: usize, when: &str) {
        let esp = self.world.at("esp");
        let _ = fs::remove_dir_all(&esp);
        fs::create_dir_all(&esp).unwrap();
        for (path, bytes) in &volume.files {
            fs::create_dir_all(esp.join(path).parent().unwrap()).unwrap();
            fs::write(esp.join(path), bytes).unwrap();
        }
        let run = |command: usize| {
            let words: Vec<&str> = self.commands[command].iter().map(String::as_str).collect();
            let ran = firn_any(&words);
            let said = String::from_utf8_lossy(&ran.stderr).into_owned();
            // Where everything was done already there is nothing to do, which is no failure.
            assert!(
                matches!(ran.status.code(), Some(0 | 4)),
                "{when}: the next run ended with {}:\n{said}",
                ran.status
            );
            tree(&esp)
        };
        let mut left = run(command);
        if self.commands[command][0] == "bless" {
            let all = left.clone();
            left.retain(|path, _| !path.contains('~'));
            assert!(left == self.ends[command], "{when}: the next run leaves {:?}", all.keys());
            left = run(command + 1);
            assert!(
                left == self.ends[command + 1],
                "{when}: the installation after it leaves {:?}",
                left.keys()
            );
        } else {
            assert!(left == self.ends[command], "{when}: the next run leaves {:?}", left.keys());
        }
    }
}

fn empty_partition(path: &Path) {
    fs::File::create(path).unwrap().set_len(SIZE).unwrap();
    done(Command::new("mkfs.vfat").args(["-F", "32", "-s", "1", "-i", "f19f19f1"]).arg(path));
}

/// One thing that the guest asked of its disk.
enum Logged {
    Write { sector: u64, bytes: Vec<u8> },
    Flush,
    Marked(usize),
}

/// Reads a log as dm-log-writes makes it: a superblock, then entries, each followed by its bytes.
fn read_log(path: &Path) -> Vec<Logged> {
    let bytes = fs::read(path).unwrap();
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    assert_eq!(number(0), 0x006a_7366_7773_6872, "no log of writes");
    let mut log = Vec::new();
    let mut at = SECTOR;
    for _ in 0..number(16) {
        let (sector, count, flags) = (number(at), number(at + 8) as usize, number(at + 16));
        at += SECTOR;
        assert_eq!(flags & 4, 0, "something was discarded");
        if flags & 1 != 0 {
            log.push(Logged::Flush);
        }
        if count > 0 {
            let data = bytes[at..at + count * SECTOR].to_vec();
            at += count * SECTOR;
            let mark = (sector == MARK).then(|| String::from_utf8_lossy(&data[..16]).into_owned());
            log.push(match mark.as_deref().and_then(|m| m.strip_prefix("FIRN-MARK ")) {
                Some(number) => Logged::Marked(number.trim_end_matches('\0').parse().unwrap()),
                None => Logged::Write { sector, bytes: data },
            });
        }
    }
    log
}

fn put(medium: &mut [u8], sector: u64, bytes: &[u8]) {
    let at = sector as usize * SECTOR;
    medium[at..at + bytes.len()].copy_from_slice(bytes);
}

#[test]
fn a_machine_dies_between_any_two_writes_of_linux_own_fat() {
    let Some(story) = Story::new() else { return };
    let (disk, log) = (story.world.at("disk"), story.world.at("log"));
    empty_partition(&disk);
    let mut medium = fs::read(&disk).unwrap();
    fs::write(&log, "").unwrap();
    let devices = [
        format!("driver=file,node-name=data,filename={}", disk.display()),
        format!("driver=file,node-name=log,filename={}", log.display()),
        "driver=blklogwrites,node-name=disk,file=data,log=log,log-sector-size=512".to_owned(),
    ];
    let seen = run_kernel(
        &story.lab.kernel,
        &story.initrd(&story.commands),
        &devices,
        &["FIRN-DONE"],
        Some(Duration::from_secs(30)),
    );
    for number in 1..=story.commands.len() {
        assert!(seen.contains(&format!("command {number}: exit code 0\n")), "{seen}");
    }
    let log = read_log(&log);
    let long = std::env::var_os("FIRN_LONG").is_some();
    // Nothing of this one is on the medium for sure before it is flushed.
    let mut flushed = medium.clone();
    let mut since_flush: Vec<(u64, &[u8])> = Vec::new();
    let (mut command, mut states, mut last) = (0, 0, Volume::default());
    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    for logged in &log {
        match logged {
            Logged::Flush => {
                flushed.copy_from_slice(&medium);
                since_flush.clear();
                continue;
            }
            Logged::Marked(number) => {
                assert_eq!(*number, command + 1);
                let done = fat32::read(&flushed);
                let is_end = done.files == story.ends[command];
                assert!(is_end, "command {number} had ended, and on the medium were {:?}", sizes(&done));
                command += 1;
                if command == story.ends.len() {
                    break;
                }
                continue;
            }
            Logged::Write { sector, bytes } => {
                put(&mut medium, *sector, bytes);
                since_flush.push((*sector, bytes));
            }
        }
        states += 1;
        let when = format!("after write {states}, in command {}", command + 1);
        let volume = fat32::read(&medium);
        if volume.files != last.files || !volume.crossed.is_empty() {
            story.boots(&volume, &story.always(command), &when);
            if states % if long { 5 } else { 60 } == 0 {
                story.goes_on(&volume, command, &when);
            }
        }
        last = volume;
        // What was not flushed may be there or not, sector by sector.
        for _ in 0..if long { 8 } else { 1 } {
            let mut some = flushed.clone();
            for (sector, bytes) in &since_flush {
                for (at, bytes) in bytes.chunks(SECTOR).enumerate() {
                    chance ^= chance << 13;
                    chance ^= chance >> 7;
                    chance ^= chance << 17;
                    if chance & 1 == 1 {
                        put(&mut some, sector + at as u64, bytes);
                    }
                }
            }
            story.boots(&fat32::read(&some), &story.always(command), &format!("{when}, some sectors"));
        }
    }
    assert_eq!(command, story.ends.len());
    println!("{states} writes");
    assert!(states > 100, "{states}");
}

fn sizes(volume: &Volume) -> Vec<(&String, usize)> {
    volume.files.iter().map(|(path, bytes)| (path, bytes.len())).collect()
}

/// QEMU is killed at some moment; its disk is what it had been told by then.
#[test]
fn a_machine_is_killed_in_the_middle_and_the_next_boot_completes() {
    let Some(story) = Story::new() else { return };
    let disk = story.world.at("disk");
    let device = [format!("driver=file,node-name=disk,filename={}", disk.display())];
    let long = std::env::var_os("FIRN_LONG").is_some();
    let mut chance = Instant::now().elapsed().as_nanos() as u64 | u64::from(std::process::id()) << 20;
    let mut random = |below: u64| {
        chance = chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) % below
    };
    let whole = story.initrd(&story.commands);
    for _ in 0..if long { 20 } else { 2 } {
        empty_partition(&disk);
        let (number, wait) = (random(story.commands.len() as u64) as usize, random(1500));
        let seen_first = if number == 0 {
            "FIRN-INIT".to_owned()
        } else {
            format!("command {number}: exit code")
        };
        let when = format!("killed {wait} ms after '{seen_first}'");
        run_kernel(
            &story.lab.kernel,
            &whole,
            &device,
            &[&seen_first],
            Some(Duration::from_millis(wait)),
        );
        // Which command it was in by then is not known.
        let always: Vec<u64> = story
            .always(number)
            .into_iter()
            .filter(|n| (number..story.commands.len()).all(|c| story.always(c).contains(n)))
            .collect();
        story.boots(&fat32::read(&fs::read(&disk).unwrap()), &always, &when);
        // As systems do before they mount it.
        let checked = Command::new("fsck.vfat").arg("-a").arg(&disk).output().unwrap();
        let said = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert!(checked.status.code().is_some_and(|code| code < 2), "{when}: {said}");
        story.boots(
            &fat32::read(&fs::read(&disk).unwrap()),
            &always,
            &format!("{when}, checked: {said}"),
        );
        let rest = story.initrd(&story.commands[number..]);
        let seen = run_kernel(&story.lab.kernel, &rest, &device, &["FIRN-DONE"], None);
        let ended = fat32::read(&fs::read(&disk).unwrap());
        // What is not ours: clusters that the check found, and that belonged to nobody.
        let files: BTreeMap<_, _> = ended
            .files
            .clone()
            .into_iter()
            .filter(|(path, _)| !path.starts_with("FSCK"))
            .collect();
        assert!(
            files == story.ends[story.ends.len() - 1],
            "{when}, checked: {said}\n{seen}\nleft {:?}",
            sizes(&ended)
        );
        println!("{when}: {}", said.lines().last().unwrap_or_default());
    }
}
