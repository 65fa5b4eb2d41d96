//! Partitions that are full, cannot be written, or are damaged.

use std::fs;
use std::process::Command;

use super::crash::{Fragile, Machine, Medium};
use super::world::{World, tree};
use crate::lab::done;

/// Runs `firn-boot install` with something mounted at the partition's place; exit code, output and talk. `None` (said loudly)
/// where nothing may be mounted.
fn with_mount(world: &World, mount: &str, more: &[&str]) -> Option<(i32, String)> {
    let quoted: Vec<String> = world.arguments("install", more).iter().map(|a| format!("'{a}'")).collect();
    let esp = world.text("esp");
    let script = format!(
        "{} || exit 99; '{}' {}; code=$?; find '{esp}' -type f >&2; exit $code",
        mount.replace("ESP", &format!("'{esp}'")),
        env!("CARGO_BIN_EXE_firn-boot"),
        quoted.join(" ")
    );
    let output = Command::new("unshare").args(["--mount", "sh", "-c", &script]).output().unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    if output.status.code() == Some(99) || said.contains("unshare failed") {
        println!("SKIPPED: partitions that are mounted, because nothing may be mounted here: {said}");
        return None;
    }
    Some((output.status.code().unwrap(), said))
}

#[test]
fn a_read_only_partition_is_told_before_anything_is_tried() {
    let world = World::new(1);
    let Some((code, said)) = with_mount(&world, "mount --bind ESP ESP && mount -o remount,bind,ro ESP", &[]) else {
        return;
    };
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("is mounted read-only") && said.contains("fsck.vfat"), "{said}");
}

#[test]
fn a_full_partition_is_refused_early_with_the_figures_and_a_limit_that_fits() {
    let world = World::new(12);
    // Room for some of them.
    let mount = "mount -t tmpfs -o size=160k none ESP";
    let Some((code, said)) = with_mount(&world, mount, &[]) else {
        return;
    };
    assert_eq!(code, 3, "{said}");
    assert!(
        said.contains("has too little room") && said.contains("163840 are free") && said.contains("nothing was changed"),
        "{said}"
    );
    assert!(!said.contains("EFI/nixos"), "nothing is written: {said}");
    let hint = said.split("with --limit ").nth(1).unwrap_or_else(|| panic!("no limit in: {said}"));
    let limit: u32 = hint.split(' ').next().unwrap().parse().unwrap();
    let (code, said) = with_mount(&world, mount, &["--limit", &limit.to_string()]).unwrap();
    assert_eq!(code, 0, "{said}");
    assert_eq!(said.matches("EFI/Linux/").count(), limit as usize, "{said}");
    // It is the highest one.
    let (code, said) = with_mount(&world, mount, &["--limit", &(limit + 1).to_string()]).unwrap();
    assert_eq!(code, 3, "{said}");
}

#[test]
fn a_partition_that_somebody_fills_meanwhile_stays_whole() {
    let machine = Machine::new(3);
    let needed = {
        let disk = Fragile::new(Medium::new(1 << 30));
        machine.run(&disk).unwrap();
        disk.medium().used()
    };
    let mut capacity = 4096;
    let mut refusals = 0;
    while capacity < needed {
        // It says that there is room, and there is not.
        let disk = Fragile::new(Medium::new(capacity).lying());
        let said = machine.run(&disk).unwrap_err();
        assert!(said.starts_with("write /fragile/"), "{said}");
        assert!(!disk.medium().files().keys().any(|p| p.ends_with(".firn-new")));
        machine.boots(&disk, &disk.medium().files(), &disk.medium().files(), &[], "full");
        capacity += 4096;
        refusals += 1;
    }
    assert!(refusals > 5, "{refusals}");
}

#[test]
fn files_that_cannot_be_read_are_damaged_and_written_again() {
    let machine = Machine::new(2);
    let disk = Fragile::new(Medium::new(1 << 30));
    machine.run(&disk).unwrap();
    let right = disk.medium().files();
    for path in right.keys().filter(|p| p.to_ascii_lowercase().ends_with(".efi")) {
        disk.0.lock().unwrap().fails_to_read(path);
        machine.run(&disk).unwrap();
        assert_eq!(disk.medium().files(), right, "{path}");
        assert!(disk.medium().can_read(path), "{path} was not written again");
    }
}

/// FAT as it is after something wrote over its tables.
#[test]
fn a_damaged_fat_is_told_file_by_file_and_mended() {
    let world = World::new(3);
    world.run("install", &[]);
    let right = tree(&world.at("esp"));
    let image = world.text("fat.img");
    fs::File::create(&image).unwrap().set_len(4 << 20).unwrap();
    done(Command::new("mkfs.vfat").args(["-s", "1", &image]));
    let mcopy = |arguments: &[&str]| {
        Command::new("mcopy")
            .args(["-n", "-o", "-s", "-i", &image])
            .args(arguments)
            .output()
            .unwrap()
    };
    assert!(mcopy(&[&world.text("esp/EFI"), &world.text("esp/loader"), "::"]).status.success());
    done(Command::new("fsck.vfat").args(["-n", &image]));
    // Behind the boot sector, both tables: chains now end early, or lead into other files.
    let mut bytes = fs::read(&image).unwrap();
    let reserved = usize::from(u16::from_le_bytes([bytes[14], bytes[15]])) * 512;
    let table = usize::from(u16::from_le_bytes([bytes[22], bytes[23]])) * 512;
    for copy in 0..2 {
        for at in (90..220).step_by(3) {
            bytes[reserved + copy * table + at] ^= 0x15;
        }
    }
    fs::write(&image, bytes).unwrap();
    assert!(!Command::new("fsck.vfat").args(["-n", &image]).output().unwrap().status.success());
    let damaged = world.text("damaged");
    fs::create_dir(&damaged).unwrap();
    // As much as can still be read.
    mcopy(&["::EFI", "::loader", &damaged]);
    let (code, said, _) = world.try_run("check", &["--esp", &damaged]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(": damaged\n") || said.contains(": missing\n"), "{said}");
    world.run("repair", &["--esp", &damaged]);
    assert_eq!(tree(damaged.as_ref()), right);
}
