//! What `install` puts on a partition, in real firmware with Secure Boot, through systemd-boot.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::crash::{Fragile, Loss, Medium};
use super::world::{LOADER, World, tree};
use crate::lab::{COMMAND_LINE, Lab, firn, lab};
use crate::varstore::Store;
use crate::vm::Machine;

const DONE: &[&str] = &["FIRN-DONE", "NOT BOOTED", "BdsDxe: failed", "No bootable option"];

/// A world whose systems really start.
struct Real {
    world: World,
    lab: &'static Lab,
}

impl Real {
    fn new(generations: u64) -> Option<Self> {
        let lab = lab()?;
        let world = World::empty();
        fs::copy(&lab.stub, world.at("stub.efi")).unwrap();
        fs::copy(LOADER, world.at("loader.efi")).unwrap();
        let real = Self { world, lab };
        (1..=generations).for_each(|n| real.generation(n, ""));
        Some(real)
    }

    /// A system with the lab's kernel and initrd; what it is told names it.
    fn system(&self, name: &str, more: &str) -> serde_json::Value {
        let parameters: Vec<&str> = COMMAND_LINE.split(' ').chain(more.split_whitespace()).collect();
        // A machine that does much else beside is late with its timer, which must not be taken for a broken one.
        let mut told = vec![format!("this.is={name}"), "no_timer_check".to_owned()];
        told.extend(parameters.iter().map(|p| (*p).to_owned()));
        self.world.system(
            name,
            "unused",
            json!({"kernel": self.lab.kernel, "initrd": self.lab.initrd, "kernelParams": told}),
        )
    }

    fn generation(&self, number: u64, more: &str) {
        let name = format!("system-{number}");
        self.system(&name, more);
        self.world.link(number, &name);
    }

    fn install(&self, more: &[&str]) {
        self.install_with(&self.lab.text("keys"), more);
    }

    fn install_with(&self, keys: &str, more: &[&str]) {
        let timeout = ["--keys", keys, "--timeout", "0"];
        self.world.run("install", &[&timeout, more].concat());
        // Another system says what the menu shows, and in which order.
        if let Some(listed) = bootctl(&self.world.at("esp")) {
            let names = self.world.names("EFI/Linux").len() + self.world.names("loader/entries").len();
            assert_eq!(listed.lines().filter(|l| l.trim().starts_with("id:")).count(), names, "{listed}");
        }
    }

    fn machine(&self) -> Machine {
        machine(self.lab.store(), &self.world.at("esp"))
    }
}

fn machine(store: Store, esp: &Path) -> Machine {
    let mut machine = Machine::new(store);
    for path in tree(esp).into_keys() {
        machine = machine.file(&path, esp.join(&path));
    }
    machine
}

/// What systemd's tool lists, with the partition as a mount of its own; `None` where it cannot be asked.
fn bootctl(esp: &Path) -> Option<String> {
    let esp = esp.to_str().unwrap();
    let script = format!("mount --bind '{esp}' '{esp}' && exec bootctl --esp-path='{esp}' --no-pager list");
    let mut command = std::process::Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script]).env("SYSTEMD_RELAX_ESP_CHECKS", "1");
    let output = command.output().ok()?;
    if !output.status.success() {
        println!(
            "SKIPPED: bootctl's view, because it cannot be asked here: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        return None;
    }
    String::from_utf8(output.stdout).ok()
}

/// Which system was started, and that Secure Boot was on.
fn started(seen: &str) -> &str {
    assert!(seen.contains("variable SecureBoot: 1"), "{seen}");
    let line = seen.lines().rev().find(|l| l.starts_with("cmdline: "));
    let line = line.unwrap_or_else(|| panic!("nothing was started:\n{seen}"));
    line.split_whitespace().find_map(|word| word.strip_prefix("this.is=")).unwrap()
}

#[test]
fn installed_generation_boots_and_an_older_one_after_rolling_back() {
    let Some(real) = Real::new(2) else { return };
    real.install(&[]);
    let listed = bootctl(&real.world.at("esp")).unwrap_or_default();
    assert!(
        listed.is_empty() || listed.contains("Generation 2, ") && listed.contains("(default)"),
        "{listed}"
    );
    let seen = real.machine().run_until(DONE);
    assert_eq!(started(&seen), "system-2");
    assert!(seen.contains("variable LoaderEntrySelected: nixos-generation-2.efi"), "{seen}");
    assert!(seen.contains("variable LoaderInfo: systemd-boot"), "{seen}");
    real.world.default(1);
    real.install(&[]);
    assert_eq!(started(&real.machine().run_until(DONE)), "system-1");
}

#[test]
fn specialisation_boots_from_the_second_partition_after_the_first_died() {
    let Some(real) = Real::new(1) else { return };
    let safe = real.system("safe", "special=1");
    real.world
        .describe("system-1", |d| d["org.nixos.specialisation.v1"] = json!({"safe": safe}));
    fs::create_dir(real.world.at("second")).unwrap();
    let (first, second) = (real.world.text("esp"), real.world.text("second"));
    real.install(&["--esp", &first, &second, "--system", &real.world.text("store/safe")]);
    assert_eq!(tree(&real.world.at("esp")), tree(&real.world.at("second")));
    let seen = machine(real.lab.store(), &real.world.at("second")).after_a_dead_disk().run_until(&[
        "FIRN-DONE",
        "NOT BOOTED",
        "No bootable option",
    ]);
    assert_eq!(started(&seen), "safe");
    assert!(seen.contains("special=1"), "{seen}");
}

#[test]
fn counting_falls_back_to_the_good_generation_and_marks_the_bad() {
    let Some(real) = Real::new(1) else { return };
    real.install(&[]);
    // Its first process is not there: the kernel panics, and the machine starts again.
    real.generation(2, "rdinit=/nowhere init=/nowhere");
    real.install(&["--tries", "1"]);
    assert_eq!(
        real.world.names("EFI/Linux"),
        ["nixos-generation-1.efi", "nixos-generation-2+1.efi"]
    );
    let ended = real.machine().restarting().run(DONE);
    assert!(ended.seen.contains("Kernel panic"), "{}", ended.seen);
    assert_eq!(started(&ended.seen), "system-1");
    let names = ended.names("EFI/Linux");
    assert!(names.contains("nixos-generation-2+0-1.efi"), "{names}");
    // The good one is kept, and known, although it is beyond the limit.
    let esp = real.world.esp("EFI/Linux");
    fs::rename(esp.join("nixos-generation-2+1.efi"), esp.join("nixos-generation-2+0-1.efi")).unwrap();
    real.world.booted("nixos-generation-1.efi");
    real.install(&["--tries", "1", "--limit", "1"]);
    assert_eq!(
        real.world.names("EFI/Linux"),
        ["nixos-generation-1.efi", "nixos-generation-2+0-1.efi"]
    );
}

#[test]
fn rotated_key_over_two_boots() {
    let Some(real) = Real::new(1) else { return };
    let (keys, export) = (real.world.text("keys"), real.world.text("export"));
    firn(&["keys", "create", "--dir", &keys]);
    real.install_with(&keys, &[]);
    firn(&["keys", "rotate", "--dir", &keys, "db"]);
    // The first boot: firmware knows both, everything is signed by the new key.
    real.install_with(&keys, &[]);
    firn(&["keys", "export", "--dir", &keys, "--out", &export]);
    let both = Store::with_keys(Path::new(&export));
    assert_eq!(started(&machine(both, &real.world.at("esp")).run_until(DONE)), "system-1");
    // The second: the old one is gone.
    firn(&["keys", "rotate", "--dir", &keys, "db", "--finish"]);
    firn(&["keys", "export", "--dir", &keys, "--out", &export]);
    let new = Store::with_keys(Path::new(&export));
    assert_eq!(started(&machine(new, &real.world.at("esp")).run_until(DONE)), "system-1");
}

#[test]
fn partition_of_plain_systemd_boot_is_upgraded() {
    let Some(real) = Real::new(1) else { return };
    let put = |path: &str, from: &Path| {
        fs::create_dir_all(real.world.esp(path).parent().unwrap()).unwrap();
        fs::copy(from, real.world.esp(path)).unwrap();
    };
    for path in ["EFI/systemd/systemd-bootx64.efi", "EFI/BOOT/BOOTX64.EFI"] {
        put(path, LOADER.as_ref());
    }
    put("EFI/nixos/abc-linux-bzImage.efi", &real.lab.kernel);
    put("EFI/nixos/abc-initrd-initrd.efi", &real.lab.initrd);
    let entry = real.world.at("entry");
    fs::write(
        &entry,
        "title NixOS\nlinux /EFI/nixos/abc-linux-bzImage.efi\ninitrd /EFI/nixos/abc-initrd-initrd.efi\n",
    )
    .unwrap();
    put("loader/entries/nixos-generation-1.conf", &entry);
    fs::write(real.world.esp("loader/loader.conf"), "timeout 0\ndefault nixos-generation-1.conf\n").unwrap();
    real.install(&["--take-over"]);
    assert!(real.world.names("loader/entries").is_empty());
    assert_eq!(real.world.names("EFI/nixos").len(), 2);
    assert_eq!(started(&real.machine().run_until(DONE)), "system-1");
    // And back: without Secure Boot the same system starts from an entry of text.
    real.world.run("uninstall", &["--systemd-boot", LOADER]);
    assert!(real.world.names("EFI/Linux").is_empty());
    let seen = machine(Store::blank(), &real.world.at("esp")).run_until(DONE);
    assert!(
        seen.contains("variable SecureBoot: 0") && seen.contains("this.is=system-1"),
        "{seen}"
    );
    assert!(seen.contains("variable LoaderEntrySelected: nixos-generation-1.conf"), "{seen}");
}

/// A run that is stopped at each kind of change, with what was not synced lost in different ways; `--long` tries all of them.
#[test]
fn power_failed_half_way_and_it_boots() {
    let Some(real) = Real::new(2) else { return };
    let Real { world, lab } = real;
    let machine = super::crash::Machine::of(world, lab.at("keys"));
    let disk = Fragile::new(Medium::new(1 << 30));
    machine.run(&disk).unwrap();
    machine.world.link(3, "system-1");
    machine.world.remove_generation(1);
    let losses = [Loss::All, Loss::NewNamesAreEmpty, Loss::HalfOfTheBytes, Loss::SomeNames(5)];
    let stopped = super::crash::stopped_at_each_kind(&machine, &disk.medium());
    let long = std::env::var_os("FIRN_LONG").is_some();
    let mut booted = 0;
    for (kind, medium) in stopped {
        for (at, loss) in losses.into_iter().enumerate() {
            // A name that is new; bytes that are half there; names of which some are gone.
            if !long && !matches!((kind, at), ("sync folder", 1) | ("sync", 2) | ("remove", 3)) {
                continue;
            }
            let esp = machine.world.at(&format!("left-{booted}"));
            for (path, bytes) in medium.after(loss).files() {
                let path = esp.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            }
            let seen = super::firmware::machine(lab.store(), &esp).run_until(DONE);
            assert!(["system-1", "system-2"].contains(&started(&seen)), "{kind}, {loss:?}: {seen}");
            booted += 1;
        }
    }
    assert!(booted >= 3, "{booted}");
}

#[test]
fn fat_images_boot_from_the_extended_boot_partition() {
    let Some(real) = Real::new(2) else { return };
    fs::create_dir(real.world.at("xbootldr")).unwrap();
    let xbootldr = real.world.text("xbootldr");
    let keys = real.lab.text("keys");
    for (more, generation) in [(vec![], "system-2"), (vec!["--fat"], "system-1")] {
        let all = [&["--keys", &keys, "--timeout", "0", "--xbootldr", &xbootldr], more.as_slice()].concat();
        real.world.run("install", &all);
        assert!(real.world.names("EFI/Linux").is_empty());
        let mut machine = real.machine();
        for path in tree(&real.world.at("xbootldr")).into_keys() {
            machine = machine.on_xbootldr(&path, real.world.at("xbootldr").join(&path));
        }
        let seen = machine.run_until(DONE);
        assert_eq!(started(&seen), generation);
        // Then the other one, with its kernel inside of its image.
        real.world.default(1);
    }
    assert!(tree(&real.world.at("xbootldr")).keys().all(|p| !p.starts_with("EFI/nixos/")));
}

#[test]
fn fat_images_boot() {
    let Some(real) = Real::new(1) else { return };
    real.install(&["--fat"]);
    assert!(real.world.names("EFI/nixos").is_empty());
    assert_eq!(started(&real.machine().run_until(DONE)), "system-1");
}
