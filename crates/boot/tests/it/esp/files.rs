//! What is installed, damaged, repaired and removed, by the command line on a folder.

use std::fs;
use std::process::Command;

use boot::esp::FolderDisk;
use boot_formats::authenticode::without_signatures;
use boot_formats::pe::Pe;
use serde_json::json;

use super::world::{LOADER, World, keys, loader, tree};
use crate::lab::{done, firn};

#[test]
fn a_run_installs_and_the_next_has_nothing_to_do() {
    let world = World::new(3);
    assert!(world.run("install", &[]).contains("wrote 13 files"));
    let before = tree(&world.at("esp"));
    assert_eq!(world.run("install", &[]).lines().count(), 1);
    assert!(world.run("install", &[]).contains("nothing to change"));
    assert_eq!(tree(&world.at("esp")), before);
    assert_eq!(
        world.names("EFI/Linux"),
        ["nixos-generation-1.efi", "nixos-generation-2.efi", "nixos-generation-3.efi"]
    );
    assert_eq!(world.names("EFI/nixos").len(), 6);
    let images: Vec<String> = before
        .keys()
        .filter(|p| !p.contains("nixos/") && p.to_lowercase().ends_with("efi"))
        .cloned()
        .collect();
    for image in &images {
        firn(&["verify", "--keys", keys().to_str().unwrap(), world.esp(image).to_str().unwrap()]);
    }
    assert_eq!(images.len(), 5);
    assert!(world.complaints(&[]).is_empty());
    let inspected = firn(&["uki", "inspect", world.esp("EFI/Linux/nixos-generation-2.efi").to_str().unwrap()]);
    assert!(
        inspected.contains(&format!("init={}/init quiet", world.text("store/system-2"))),
        "{inspected}"
    );
    assert!(
        fs::read_to_string(world.esp("loader/loader.conf"))
            .unwrap()
            .contains("default nixos-generation-*\n")
    );
}

#[test]
fn the_same_generations_give_the_same_bytes_on_every_partition_in_any_order() {
    let world = World::new(3);
    fs::create_dir(world.at("second")).unwrap();
    let (first, second) = (world.text("esp"), world.text("second"));
    world.run("install", &["--esp", &first, "--limit", "1"]);
    world.run("install", &["--esp", &first, &second]);
    assert_eq!(tree(&world.at("esp")), tree(&world.at("second")));
    // The second dies and is made anew.
    fs::remove_dir_all(world.at("second/EFI/Linux")).unwrap();
    fs::write(world.at("second/EFI/BOOT/BOOTX64.EFI"), "").unwrap();
    let (code, _, _) = world.try_run("check", &["--esp", &first, "--esp", &second]);
    assert_eq!(code, 1);
    world.run("repair", &["--esp", &first, "--esp", &second]);
    assert_eq!(tree(&world.at("esp")), tree(&world.at("second")));
}

#[test]
fn kernels_are_shared_and_go_with_their_last_user() {
    let world = World::empty();
    for number in 1..=6 {
        world.system(&format!("s{number}"), if number < 4 { "old" } else { "new" }, json!({}));
        world.link(number, &format!("s{number}"));
    }
    world.run("install", &[]);
    assert_eq!(world.names("EFI/nixos").len(), 4);
    assert_eq!(world.names("EFI/Linux").len(), 6);
    // The last good one is not among those three: it is the newest that was there.
    world.run("install", &["--limit", "3"]);
    assert_eq!(world.names("EFI/nixos").len(), 2);
    assert_eq!(world.names("EFI/Linux").len(), 3);
}

#[test]
fn every_damaged_byte_is_found_told_and_mended() {
    let world = World::new(2);
    world.run("install", &["--program", &format!("memtest={LOADER}")]);
    let program = format!("memtest={LOADER}");
    let right = tree(&world.at("esp"));
    for (path, bytes) in &right {
        for damage in 0..4 {
            let mut other = bytes.clone();
            let middle = other.len() / 2;
            match damage {
                0 => other[middle] ^= 1,
                1 => other.truncate(middle),
                2 => other.clear(),
                _ => other.extend(b"more"),
            }
            fs::write(world.esp(path), other).unwrap();
        }
        let checked = world.json("check", &["--program", &program]);
        let finding = &checked["findings"][0];
        assert_eq!(
            (checked["healthy"].as_bool(), finding["file"].as_str()),
            (Some(false), Some(path.as_str()))
        );
        if path.ends_with(".efi") {
            assert_eq!(finding["problem"], "damaged", "{path}");
            assert!(finding["expected"].as_str().unwrap().len() > 40 && finding["found"].as_str().unwrap().len() > 10);
            assert_eq!(finding["do"], "run `firn-boot repair`");
        }
        world.run("repair", &["--program", &program]);
        assert_eq!(tree(&world.at("esp")), right, "{path}");
    }
    // Each kind of damage by itself, in a kernel and in an image.
    let images = right.keys().filter(|p| p.contains("kernel-") || p.contains("Linux/"));
    for path in images {
        for damage in 0..4 {
            let mut other = right[path].clone();
            let (middle, end) = (other.len() / 2, other.len() - 9);
            match damage {
                0 => other[middle] ^= 0x80,
                1 => other.truncate(end),
                2 => other[end] ^= 1,
                _ => other.extend(b"more"),
            }
            fs::write(world.esp(path), other).unwrap();
            assert_eq!(
                world.complaints(&["--program", &program]),
                [(path.clone(), "damaged".to_owned())],
                "{damage}"
            );
            fs::write(world.esp(path), &right[path]).unwrap();
        }
        fs::remove_file(world.esp(path)).unwrap();
        assert_eq!(world.complaints(&["--program", &program]), [(path.clone(), "missing".to_owned())]);
        world.run("install", &["--program", &program]);
    }
    let (code, _, talk) = world.try_run("repair", &["--program", &program]);
    assert_eq!((code, talk.contains("nothing is missing or damaged")), (4, true));
}

#[test]
fn specialisations_have_entries_and_can_be_the_default() {
    let world = World::new(1);
    let safe = world.system("safe", "1", json!({"label": "NixOS \"safe\""}));
    world.describe("system-1", |d| {
        d["org.nixos.specialisation.v1"] = json!({"safe": safe, "Wild Name": safe})
    });
    world.run("install", &["--system", &world.text("store/safe")]);
    let names = world.names("EFI/Linux");
    assert_eq!(names.len(), 3);
    assert!(
        names.contains(&"nixos-generation-1.safe.efi".to_owned()) && names.iter().any(|n| n.starts_with("nixos-generation-1.wildname_"))
    );
    let configuration = fs::read_to_string(world.esp("loader/loader.conf")).unwrap();
    // Two specialisations are the same system; the first by name is as good.
    assert!(configuration.contains("default nixos-generation-1.wildname_"), "{configuration}");
    let (code, _, talk) = world.try_run("install", &["--system", "/nix/store/none"]);
    assert_eq!((code, talk.contains("is no generation in")), (2, true), "{talk}");
}

#[test]
fn older_generations_are_described_from_their_folders() {
    let world = World::new(1);
    let folder = world.at("store/old");
    world.system("old", "old", json!({}));
    fs::remove_file(folder.join("boot.json")).unwrap();
    for (name, text) in [
        ("kernel-params", "loglevel=4"),
        ("nixos-version", "20.09"),
        ("system", "x86_64-linux"),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    std::os::unix::fs::symlink(world.at("store/kernel-old"), folder.join("kernel")).unwrap();
    std::os::unix::fs::symlink(world.at("store/initrd-old"), folder.join("initrd")).unwrap();
    world.link(2, "old");
    world.run("install", &[]);
    let inspected = firn(&["uki", "inspect", world.esp("EFI/Linux/nixos-generation-2.efi").to_str().unwrap()]);
    assert!(inspected.contains("loglevel=4") && inspected.contains("NixOS 20.09"), "{inspected}");
}

#[test]
fn a_generation_that_cannot_be_read_keeps_what_it_has() {
    let world = World::new(3);
    world.run("install", &[]);
    fs::write(world.at("store/system-1/boot.json"), "{}").unwrap();
    let (code, _, talk) = world.try_run("install", &[]);
    assert_eq!(code, 0, "{talk}");
    assert!(
        talk.contains("nixos-generation-1 is left as it is") && talk.contains("there is no org.nixos.bootspec.v1"),
        "{talk}"
    );
    assert_eq!(world.names("EFI/Linux").len(), 3);
    let complaints = world.complaints(&[]);
    assert_eq!(complaints, [("nixos-generation-1".to_owned(), "unreadable-generation".to_owned())]);
    // The one that is to be booted has to be readable.
    fs::write(world.at("store/system-3/boot.json"), "no JSON").unwrap();
    let before = tree(&world.at("esp"));
    let (code, _, talk) = world.try_run("install", &[]);
    assert_eq!(code, 3, "{talk}");
    assert!(
        talk.contains("is to be booted by default, and cannot be read") && talk.contains("nothing was changed"),
        "{talk}"
    );
    assert_eq!(tree(&world.at("esp")), before);
    // A kernel that is no kernel.
    world.generation(4);
    fs::write(world.at("store/kernel-4"), "archive").unwrap();
    let (code, _, talk) = world.try_run("install", &[]);
    assert_eq!(code, 3);
    assert!(
        talk.contains("kernel") && talk.contains("is refused") && talk.contains("does not begin with MZ"),
        "{talk}"
    );
    assert_eq!(tree(&world.at("esp")), before);
}

#[test]
fn a_generation_removed_under_our_feet() {
    let world = World::new(3);
    // The link is there, and what it led to is gone.
    fs::remove_file(world.at("store/kernel-1")).unwrap();
    fs::remove_dir_all(world.at("store/system-2")).unwrap();
    let (code, _, talk) = world.try_run("install", &[]);
    assert_eq!(code, 0, "{talk}");
    assert!(
        talk.contains("nixos-generation-1 is left as it is: read") && talk.contains("kernel-1"),
        "{talk}"
    );
    assert!(talk.contains("nixos-generation-2 is left as it is: read"), "{talk}");
    assert_eq!(world.names("EFI/Linux"), ["nixos-generation-3.efi"]);
}

#[test]
fn a_clock_that_jumps_changes_no_order_and_no_default() {
    let world = World::new(3);
    for (number, time) in [(1, "2099-01-01"), (2, "1970-01-02"), (3, "2001-01-01")] {
        let link = world.at(&format!("profiles/system-{number}-link"));
        done(Command::new("touch").args(["-h", "-d", time]).arg(link));
    }
    world.run("install", &["--limit", "2"]);
    assert_eq!(world.names("EFI/Linux"), ["nixos-generation-2.efi", "nixos-generation-3.efi"]);
    let inspected = firn(&["uki", "inspect", world.esp("EFI/Linux/nixos-generation-3.efi").to_str().unwrap()]);
    assert!(inspected.contains("Generation 3, 2001-01-01"), "{inspected}");
    assert!(
        fs::read_to_string(world.esp("loader/loader.conf"))
            .unwrap()
            .contains("default nixos-generation-*")
    );
}

#[test]
fn the_booted_and_the_last_good_stay_whatever_the_limit() {
    let world = World::new(3);
    world.run("install", &[]);
    world.booted("nixos-generation-1.efi");
    world.generation(4);
    world.run("install", &["--limit", "1", "--tries", "3"]);
    assert_eq!(
        world.names("EFI/Linux"),
        ["nixos-generation-1.efi", "nixos-generation-3.efi", "nixos-generation-4+3.efi"]
    );
    // Gone from the profile too: what was booted stays, what was good is no more once its system is gone.
    world.remove_generation(1);
    world.remove_generation(3);
    fs::remove_dir_all(world.at("store/system-3")).unwrap();
    world.run("install", &["--limit", "1", "--tries", "3"]);
    assert_eq!(world.names("EFI/Linux"), ["nixos-generation-1.efi", "nixos-generation-4+3.efi"]);
    assert_eq!(world.names("EFI/nixos").len(), 4);
    world.run("install", &["--limit", "1", "--pin", "2", "--tries", "3"]);
    assert!(world.names("EFI/Linux").contains(&"nixos-generation-2+3.efi".to_owned()));
}

#[test]
fn counting_blessing_and_falling_back() {
    let world = World::new(1);
    world.run("install", &["--tries", "2"]);
    // What the loader does when it starts it.
    fs::rename(
        world.esp("EFI/Linux/nixos-generation-1+2.efi"),
        world.esp("EFI/Linux/nixos-generation-1+1-1.efi"),
    )
    .unwrap();
    assert!(world.run("install", &["--tries", "2"]).contains("nothing to change"));
    let (code, _, talk) = world.try_run("bless", &[]);
    assert_eq!((code, talk.contains("not counted")), (4, true), "{talk}");
    world.booted("nixos-generation-1+1-1.efi");
    world.variable("LoaderBootCountPath", "\\EFI\\Linux\\nixos-generation-1+1-1.efi");
    assert!(world.run("bless", &[]).contains("nixos-generation-1.efi is good"));
    assert_eq!(world.names("EFI/Linux"), ["nixos-generation-1.efi"]);
    assert_eq!(world.try_run("bless", &[]).0, 4);
    world.generation(2);
    world.run("install", &["--tries", "2"]);
    assert_eq!(world.names("EFI/Linux"), ["nixos-generation-1.efi", "nixos-generation-2+2.efi"]);
    fs::rename(
        world.esp("EFI/Linux/nixos-generation-2+2.efi"),
        world.esp("EFI/Linux/nixos-generation-2+0-2.efi"),
    )
    .unwrap();
    let status = world.json("status", &[]);
    let entries = &status["partitions"][0]["entries"];
    assert_eq!((&entries[0]["state"], &entries[1]["state"]), (&json!("bad"), &json!("good")));
    assert_eq!(entries[1]["booted"], true);
    assert!(world.run("install", &["--tries", "2"]).contains("nothing to change"));
}

#[test]
fn rotating_a_key_signs_everything_again_in_one_go() {
    let world = World::new(2);
    let keys = world.text("keys");
    firn(&["keys", "create", "--dir", &keys]);
    let arguments = ["--keys", &keys, "--program", &format!("memtest={LOADER}")];
    world.run("install", &arguments);
    world.booted("nixos-generation-1.efi");
    world.remove_generation(1);
    let old = tree(&world.at("esp"));
    firn(&["keys", "rotate", "--dir", &keys, "db"]);
    let complaints = world.complaints(&arguments);
    let images: Vec<&String> = old
        .keys()
        .filter(|p| p.to_lowercase().ends_with(".efi") && !p.contains("nixos/"))
        .collect();
    assert_eq!(complaints.len(), images.len());
    assert!(complaints.iter().all(|(_, problem)| problem == "old-key"), "{complaints:?}");
    world.run("install", &arguments);
    firn(&["keys", "rotate", "--dir", &keys, "db", "--finish"]);
    assert!(world.complaints(&arguments).is_empty());
    for image in images {
        let now = fs::read(world.esp(image)).unwrap();
        assert_ne!(now, old[image]);
        firn(&["verify", "--keys", &keys, world.esp(image).to_str().unwrap()]);
        let bare = |bytes: &[u8]| without_signatures(&Pe::parse(bytes).unwrap());
        assert_eq!(bare(&now), bare(&old[image]), "{image}");
    }
}

#[test]
fn secrets_of_the_machine_are_appended_or_nothing_is_installed() {
    let world = World::new(2);
    let program = world.script("append", "printf 'secret of %s' \"$(cat $(dirname $0)/secret)\" >> \"$1\"");
    fs::write(world.at("secret"), "one").unwrap();
    world.describe("system-2", |d| d["org.nixos.bootspec.v1"]["initrdSecrets"] = json!(program));
    world.run("install", &[]);
    let with = |text: &str| tree(&world.at("esp/EFI/nixos")).values().any(|b| b.ends_with(text.as_bytes()));
    assert!(with("secret of one"));
    fs::write(world.at("secret"), "two").unwrap();
    world.run("install", &[]);
    assert!(with("secret of two") && !with("secret of one"));
    let before = tree(&world.at("esp"));
    world.script("append", "echo no secret here >&2; printf half >> \"$1\"; exit 7");
    let (code, _, talk) = world.try_run("install", &[]);
    assert_eq!(code, 3);
    assert!(
        talk.contains("ended with exit status: 7: no secret here") && talk.contains("boot.initrd.secrets"),
        "{talk}"
    );
    assert_eq!(tree(&world.at("esp")), before);
    // An older generation keeps what it has.
    world.generation(3);
    let (code, _, talk) = world.try_run("install", &[]);
    assert_eq!(code, 0, "{talk}");
    assert!(with("secret of two") && world.names("EFI/Linux").len() == 3);
}

#[test]
fn fat_images_hold_everything() {
    let world = World::new(2);
    world.run("install", &["--fat"]);
    assert!(world.names("EFI/nixos").is_empty());
    let image = fs::read(world.esp("EFI/Linux/nixos-generation-2.efi")).unwrap();
    let pe = Pe::parse(&image).unwrap();
    assert_eq!(
        pe.section_data(".linux"),
        Some(fs::read(world.at("store/kernel-2")).unwrap().as_slice())
    );
    assert_eq!(
        pe.section_data(".initrd"),
        Some(fs::read(world.at("store/initrd-2")).unwrap().as_slice())
    );
    assert!(world.run("install", &["--fat"]).contains("nothing to change"));
    // And back to thin: only what changes is written, and the fat ones go by being replaced.
    world.run("install", &[]);
    assert_eq!(world.names("EFI/nixos").len(), 4);
    assert!(world.complaints(&[]).is_empty());
}

#[test]
fn entries_go_to_the_boot_partition_and_the_loader_stays() {
    let world = World::new(2);
    fs::create_dir(world.at("xbootldr")).unwrap();
    world.run("install", &[]);
    let more = ["--xbootldr", &world.text("xbootldr")];
    world.run("install", &more);
    assert!(world.names("EFI/Linux").is_empty() && world.names("EFI/nixos").is_empty());
    assert_eq!(world.names("EFI/systemd"), ["systemd-bootx64.efi"]);
    let there = tree(&world.at("xbootldr"));
    assert_eq!(there.len(), 6);
    assert!(there.contains_key("EFI/Linux/nixos-generation-2.efi") && !there.contains_key("loader/loader.conf"));
    assert!(world.complaints(&more).is_empty());
}

#[test]
fn the_loader_is_kept_current_and_foreign_ones_are_left_alone() {
    let world = World::new(1);
    world.run("install", &[]);
    let version = |path: &str| {
        let bytes = fs::read(world.esp(path)).unwrap();
        boot::install::survey::loader_info(&bytes).unwrap()
    };
    fs::write(world.at("loader.efi"), loader("257.2-1~deb13u1")).unwrap();
    world.run("install", &[]);
    assert_eq!(version("EFI/systemd/systemd-bootx64.efi"), "systemd-boot 257.2-1~deb13u1");
    // An older one does not take its place.
    fs::write(world.at("loader.efi"), loader("257.1")).unwrap();
    let (_, _, talk) = world.try_run("install", &[]);
    assert!(talk.contains("was kept"), "{talk}");
    assert_eq!(version("EFI/BOOT/BOOTX64.EFI"), "systemd-boot 257.2-1~deb13u1");
    // Unless the newer one is not signed by us.
    fs::write(world.esp("EFI/systemd/systemd-bootx64.efi"), loader("999")).unwrap();
    let shim = super::world::image(".text", b"another loader");
    fs::write(world.esp("EFI/BOOT/BOOTX64.EFI"), &shim).unwrap();
    let (_, _, talk) = world.try_run("install", &[]);
    assert!(
        talk.contains("EFI/BOOT/BOOTX64.EFI is not systemd-boot and was left alone"),
        "{talk}"
    );
    assert_eq!(version("EFI/systemd/systemd-bootx64.efi"), "systemd-boot 257.1");
    assert_eq!(fs::read(world.esp("EFI/BOOT/BOOTX64.EFI")).unwrap(), shim);
}

#[test]
fn files_of_others_are_never_touched() {
    let world = World::new(1);
    for (path, bytes) in [
        ("EFI/Microsoft/Boot/bootmgfw.efi", "windows"),
        ("EFI/Linux/arch.efi", "arch"),
        ("EFI/nixos/notes.txt", "mine"),
        ("EFI/firn/readme", "mine"),
        ("loader/entries/arch.conf", "title arch"),
        ("loader/random-seed", "seed"),
        ("photo.jpg", "photo"),
    ] {
        let path = world.esp(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let before = tree(&world.at("esp"));
    world.run("install", &[]);
    world.generation(2);
    world.run("install", &["--limit", "1"]);
    world.run("uninstall", &["--systemd-boot", &world.text("loader.efi")]);
    let after = tree(&world.at("esp"));
    for (path, bytes) in before {
        assert_eq!(after.get(&path), Some(&bytes), "{path}");
    }
}

#[test]
fn taking_over_and_giving_back() {
    let world = World::new(2);
    let others = [
        "loader/entries/nixos-generation-1.conf",
        "EFI/nixos/abc-linux-6.1-bzImage.efi",
        "EFI/Linux/nixos-generation-1-g3kzqbbcn4ucyvlbnr6ahpqrv6yaxbpz6nzrz2qf4bkuzrrzm2zq.efi",
        "EFI/nixos/kernel-6.1-g3kzqbbcn4ucyvlbnr6ahpqrv6yaxbpz6nzrz2qf4bkuzrrzm2zq.efi",
    ];
    for path in others {
        fs::create_dir_all(world.esp(path).parent().unwrap()).unwrap();
        fs::write(world.esp(path), "x").unwrap();
    }
    world.run("install", &[]);
    assert!(others.iter().all(|p| world.esp(p).exists()));
    world.run("install", &["--take-over"]);
    assert!(others.iter().all(|p| !world.esp(p).exists()));
    // Back: the same kernels, started by entries of text.
    let loader = world.text("loader.efi");
    fs::write(world.at("efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"), [6, 0, 0, 0, 1]).unwrap();
    let (code, _, talk) = world.try_run("uninstall", &["--systemd-boot", &loader]);
    assert_eq!((code, talk.contains("Secure Boot is on")), (2, true));
    fs::remove_file(world.at("efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c")).unwrap();
    world.run("uninstall", &["--systemd-boot", &loader]);
    assert!(world.names("EFI/Linux").is_empty());
    assert_eq!(
        world.names("loader/entries"),
        ["nixos-generation-1.conf", "nixos-generation-2.conf"]
    );
    let entry = fs::read_to_string(world.esp("loader/entries/nixos-generation-2.conf")).unwrap();
    let file = |key: &str| {
        let line = entry.lines().find_map(|l| l.strip_prefix(key)).unwrap();
        fs::read(world.esp(line.trim().trim_start_matches('/'))).unwrap()
    };
    assert_eq!(file("linux "), fs::read(world.at("store/kernel-2")).unwrap());
    assert_eq!(file("initrd "), fs::read(world.at("store/initrd-2")).unwrap());
    assert!(
        entry.contains(&format!("options init={}/init quiet\n", world.text("store/system-2"))),
        "{entry}"
    );
    let there = fs::read(world.esp("EFI/systemd/systemd-bootx64.efi")).unwrap();
    assert_eq!(there, fs::read(world.at("loader.efi")).unwrap());
    assert_eq!(world.try_run("uninstall", &["--systemd-boot", &loader]).0, 4);
}

#[test]
fn two_at_once_and_the_second_says_so() {
    let world = World::new(1);
    let lock = FolderDisk::at(&world.at("esp")).unwrap().lock().unwrap();
    let outcome = world.try_run("install", &[]);
    let (code, _, talk) = outcome;
    assert_eq!(code, 3, "{talk}");
    assert!(talk.contains("another firn-boot is changing"), "{talk}");
    // Looking is allowed meanwhile.
    assert_eq!(world.try_run("install", &["--plan"]).0, 0);
    drop(lock);
    assert_eq!(world.try_run("install", &[]).0, 0);
}

/// A run that was stopped while it removed images: the next one took the kernels of those that were text already.
#[test]
fn what_entries_of_text_start_is_not_collected() {
    let world = World::new(3);
    let loader = world.text("loader.efi");
    world.run("install", &[]);
    let image = fs::read(world.esp("EFI/Linux/nixos-generation-3.efi")).unwrap();
    world.run("uninstall", &["--systemd-boot", &loader]);
    let done = tree(&world.at("esp"));
    fs::write(world.esp("EFI/Linux/nixos-generation-3.efi"), image).unwrap();
    world.run("uninstall", &["--systemd-boot", &loader]);
    assert_eq!(tree(&world.at("esp")), done);
    // Nor by an installation that leaves the entries of text alone; once they are taken over, they and their kernels go.
    world.run("install", &["--limit", "1"]);
    assert_eq!((world.names("EFI/nixos").len(), world.names("loader/entries").len()), (6, 3));
    world.run("install", &["--limit", "1", "--take-over"]);
    assert_eq!((world.names("EFI/nixos").len(), world.names("loader/entries").len()), (2, 0));
}

/// However they meet: each ends well or is told to wait, and what is there is whole.
#[test]
fn two_that_start_together_leave_one_whole_installation() {
    let world = World::new(4);
    let run = || world.try_run("install", &[]);
    let outcomes = std::thread::scope(|scope| {
        let others: Vec<_> = (0..3).map(|_| scope.spawn(run)).collect();
        others.into_iter().map(|o| o.join().unwrap()).chain([run()]).collect::<Vec<_>>()
    });
    assert!(outcomes.iter().any(|(code, ..)| *code == 0));
    for (code, _, talk) in outcomes {
        assert!(
            code == 0 || code == 3 && talk.contains("another firn-boot is changing"),
            "{code}: {talk}"
        );
    }
    assert!(world.complaints(&[]).is_empty());
    assert_eq!(world.names("EFI/Linux").len(), 4);
}

#[test]
fn a_plan_is_shown_to_people_with_its_bytes() {
    let world = World::new(2);
    world.run("install", &[]);
    world.generation(3);
    let before = tree(&world.at("esp"));
    let planned = world.run("install", &["--plan", "--limit", "2", "--tries", "3"]);
    for part in [
        "EFI/Linux/nixos-generation-3+3.efi",
        "missing",
        "EFI/Linux/nixos-generation-1.efi",
        "unneeded",
    ] {
        assert!(planned.contains(part), "{part}: {planned}");
    }
    let figures = planned.lines().last().unwrap();
    assert!(
        figures.contains("takes at most ") && figures.contains(" bytes more than now, ") && figures.ends_with("are free; new files first"),
        "{figures}"
    );
    assert_eq!(tree(&world.at("esp")), before, "a plan changes nothing");
}

#[test]
fn what_is_planned_is_what_is_done_to_the_byte() {
    let world = World::new(3);
    let planned = world.json("install", &["--plan"]);
    let plan = &planned["partitions"][0];
    assert_eq!((planned["done"].as_bool(), planned["fits"].as_bool()), (Some(false), Some(true)));
    world.run("install", &[]);
    let written: usize = tree(&world.at("esp")).values().map(Vec::len).sum();
    assert_eq!(plan["bytes_written"].as_u64(), Some(written as u64));
    for step in plan["plan"]["steps"].as_array().unwrap().iter().filter(|s| s["do"] == "write") {
        let size = fs::metadata(world.esp(step["file"].as_str().unwrap())).unwrap().len();
        assert_eq!(step["bytes"].as_u64(), Some(size), "{step}");
    }
}

#[test]
fn mistakes_are_told_apart() {
    let world = World::empty();
    let (code, _, talk) = world.try_run("install", &[]);
    assert_eq!((code, talk.contains("holds no generation")), (2, true), "{talk}");
    let (code, _, talk) = world.try_run("install", &["--esp", "/nowhere"]);
    assert_eq!((code, talk.contains("/nowhere is not a folder")), (2, true), "{talk}");
    world.generation(1);
    let (code, _, talk) = world.try_run("install", &["--stub", &world.text("store/kernel-1")]);
    assert_eq!((code, talk.contains("only ours boots thin images")), (2, true), "{talk}");
    assert!(tree(&world.at("esp")).is_empty());
}
