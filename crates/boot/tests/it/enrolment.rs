//! Keys that change in real firmware: through efivarfs of a Linux system that runs there.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use boot_formats::cpio::Archive;
use cli_kit::Exit;

use super::boots::{DONE, SHIM_ENDS, line};
use super::lab::{COMMAND_LINE, Lab, done, firn, folder, lab, program};
use super::varstore::Store;
use super::vm::Machine;

const DENIED: &[&str] = &["FIRN-DONE", "NOT BOOTED", "Access Denied"];

#[test]
fn enrolment_through_efivarfs_then_signed_boot() {
    let Some(lab) = lab() else { return };
    let enrol = "keys enroll --dir /keys --efivars /vars --only-ours";
    let image = commanding(lab, "enrolling", "keys", &[("keys", lab.at("keys"))], &[enrol], true);
    let seen = Machine::new(Store::blank()).start(&image).restarting().run_until(DONE);
    let starts: Vec<&str> = seen.split("FIRN-INIT").skip(1).collect();
    let [before, after] = starts.as_slice() else {
        panic!("not two starts:\n{seen}")
    };
    assert_eq!(line(before, "variable SecureBoot"), "0");
    assert_eq!(line(before, "command 1"), "exit code 0");
    assert_eq!(line(after, "variable SecureBoot"), "1");
    assert_eq!(line(after, "command 1"), format!("exit code {}", Exit::NothingToDo.code()));
}

/// PK, KEK and db are replaced one after the other. During the change firmware starts what either db key signed.
#[test]
fn rotation_in_firmware_old_and_new_are_valid_during_the_change() {
    let Some(lab) = lab() else { return };
    // The folder as it is before, during and after.
    let first = copy(lab, "keys", "rotation-1");
    let second = copy(lab, "rotation-1", "rotation-2");
    firn(&["keys", "rotate", "--dir", second.to_str().unwrap(), "db"]);
    let third = copy(lab, "rotation-2", "rotation-3");
    for key in ["PK", "KEK"] {
        firn(&["keys", "rotate", "--dir", third.to_str().unwrap(), key]);
    }
    let fourth = copy(lab, "rotation-3", "rotation-4");
    for key in ["PK", "KEK", "db"] {
        firn(&["keys", "rotate", "--dir", fourth.to_str().unwrap(), key, "--finish"]);
    }

    let folders = [
        ("first", first),
        ("second", second.clone()),
        ("third", third),
        ("fourth", fourth),
        ("foreign", lab.at("foreign")),
    ];
    let commands = [
        "keys enroll --dir /first --efivars /vars --only-ours",
        "keys rotate --dir /second --efivars /vars --finish db",
        "sleep",
        "keys enroll --dir /second --efivars /vars",
        "keys enroll --dir /foreign --efivars /vars --only-ours",
        "keys status --dir /second --efivars /vars",
    ];
    let image = commanding(lab, "rotation-begins", "rotation-1", &folders, &commands, false);
    let begun = Machine::new(Store::blank()).start(&image).run(DONE);
    let code = |seen: &str, number: usize| line(seen, &format!("command {number}")).to_owned();
    assert_eq!(code(&begun.seen, 1), "exit code 0", "{}", begun.seen);
    // The firmware knows the old key only: dropping it now would lock us out.
    assert_eq!(code(&begun.seen, 2), "exit code 2", "{}", begun.seen);
    assert!(begun.seen.contains("knows only the old db"), "{}", begun.seen);
    assert_eq!(code(&begun.seen, 4), "exit code 0", "{}", begun.seen);
    // Somebody with root, but without our KEK.
    assert_eq!(code(&begun.seen, 5), "exit code 3", "{}", begun.seen);
    assert!(begun.seen.contains("does not know the key that signed"), "{}", begun.seen);
    assert_eq!(code(&begun.seen, 6), "exit code 0", "{}", begun.seen);

    let old = lab.image_signed("rotation-old.efi", "rotation-1", &[]);
    let seen = Machine::new(begun.store()).start(&old).run_until(DONE);
    assert_eq!(line(&seen, "variable SecureBoot"), "1");
    assert_eq!(line(&seen, "cmdline"), COMMAND_LINE);

    let commands = [
        "keys enroll --dir /third --efivars /vars",
        "sleep",
        "keys enroll --dir /fourth --efivars /vars",
        "keys status --dir /fourth --efivars /vars",
    ];
    let image = commanding(lab, "rotation-ends", "rotation-2", &folders, &commands, false);
    let ended = Machine::new(begun.store()).start(&image).run(DONE);
    assert_eq!(
        line(&ended.seen, "variable SecureBoot"),
        "1",
        "the new key starts images beside the old one"
    );
    for number in [1, 3, 4] {
        assert_eq!(code(&ended.seen, number), "exit code 0", "{}", ended.seen);
    }
    let seen = Machine::new(ended.store()).start(&old).run_until(DENIED);
    assert!(seen.contains("Access Denied"), "the old key is forgotten:\n{seen}");
}

/// Microsoft's certificates stay, and so do revocations, to which ours are added.
#[test]
fn keep_firmware_and_dbx_append_in_firmware() {
    let Some(lab) = lab() else { return };
    let (first, second) = (copy(lab, "keys", "kept-1"), copy(lab, "keys", "kept-2"));
    let good = lab.image_signed("kept-good.efi", "kept-1", &[]);
    let bad = lab.image_signed("kept-bad.efi", "kept-1", &["--uname", "with-a-hole"]);
    firn(&[
        "keys",
        "revoke",
        "--dir",
        second.to_str().unwrap(),
        "--image",
        bad.to_str().unwrap(),
    ]);
    let commands = [
        "keys enroll --dir /first --efivars /vars",
        "keys enroll --dir /first --efivars /vars --keep-firmware --plan",
        "keys enroll --dir /first --efivars /vars --keep-firmware",
        "keys enroll --dir /first --efivars /vars",
        "sleep",
        "keys enroll --dir /second --efivars /vars",
        "keys enroll --dir /second --efivars /vars --keep-firmware",
        "keys status --dir /second --efivars /vars --format jsonl",
    ];
    let folders = [("first", first), ("second", second)];
    let image = commanding(lab, "keeping", "kept-1", &folders, &commands, false);
    let ended = Machine::new(Store::microsoft_in_setup_mode()).start(&image).run(DONE);
    let codes = [1, 2, 3, 4, 6, 7, 8].map(|n| line(&ended.seen, &format!("command {n}")).to_owned());
    let expected = [2, 0, 0, 4, 2, 0, 0].map(|n| format!("exit code {n}"));
    assert_eq!(codes, expected, "{}", ended.seen);
    assert!(
        ended.seen.contains("db would lose 2 of its entries, which are not ours"),
        "{}",
        ended.seen
    );
    let status = ended.seen.lines().find(|l| l.starts_with('{')).unwrap();
    let status: serde_json::Value = serde_json::from_str(status).unwrap();
    let entries = |name: &str| -> Vec<&serde_json::Value> {
        let variable = status["variables"].as_array().unwrap().iter().find(|v| v["name"] == name).unwrap();
        let entries = variable["entries"].as_array().unwrap();
        assert!(
            entries.iter().all(|e| e["in_firmware"] == true && e["in_folder"] == true),
            "{variable}"
        );
        entries.iter().collect()
    };
    let says = |name: &str, text: &str| entries(name).iter().any(|e| e["what"].as_str().unwrap().contains(text));
    assert!(
        says("db", "Microsoft Corporation UEFI CA 2011") && says("db", "Firn Secure Boot db"),
        "{status}"
    );
    assert!(says("KEK", "Microsoft") && says("KEK", "Firn Secure Boot KEK"), "{status}");
    let hash: serde_json::Value = serde_json::from_str(&firn(&["hash", "--format", "json", bad.to_str().unwrap()])).unwrap();
    assert!(says("dbx", hash["images"][0]["authenticode"].as_str().unwrap()), "{status}");
    assert!(entries("dbx").len() > 1, "what was revoked before is forgotten: {status}");

    // Debian's shim starts because of Microsoft's certificate, and what it starts because of ours.
    let shim = Machine::new(ended.store())
        .start("/usr/lib/shim/shimx64.efi.signed")
        .file("EFI/BOOT/grubx64.efi", &good);
    let seen = shim.run_until(SHIM_ENDS);
    assert_eq!(line(&seen, "variable SecureBoot"), "1");
    assert_eq!(line(&seen, "cmdline"), COMMAND_LINE);
    let seen = Machine::new(ended.store()).start(&bad).run_until(DENIED);
    assert!(seen.contains("Access Denied"), "revoked by what was appended:\n{seen}");
}

/// A copy of a folder of keys.
fn copy(lab: &Lab, from: &str, to: &str) -> PathBuf {
    done(Command::new("cp").arg("-r").arg(lab.at(from)).arg(lab.at(to)));
    lab.at(to)
}

/// An image whose first process runs `firn-boot` with these commands; `restart` lets it start again once Secure Boot is on.
fn commanding(lab: &Lab, name: &str, keys: &str, folders: &[(&str, PathBuf)], commands: &[&str], restart: bool) -> PathBuf {
    let mut archive = Archive::default();
    program(&lab.at(&format!("{name}.firn-boot")), &mut archive);
    for (there, here) in folders {
        folder(&mut archive, there, here);
    }
    archive.file("commands", 0o400, commands.join("\n").as_bytes()).unwrap();
    if restart {
        archive.file("restart", 0o400, b"").unwrap();
    }
    let initrd = lab.at(&format!("{name}.initrd"));
    fs::write(&initrd, archive.finish()).unwrap();
    lab.image_signed(&format!("{name}.efi"), keys, &["--initrd", initrd.to_str().unwrap()])
}
