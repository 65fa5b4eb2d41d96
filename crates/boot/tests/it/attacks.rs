//! Images that must not boot, each in a test named after the attack, in real firmware.

use std::fs;
use std::path::{Path, PathBuf};

use boot_formats::pe::{Headers, Pe};

use super::boots::{SHIM_ENDS, shim_machine};
use super::lab::{COMMAND_LINE, Lab, firn, firn_any, lab};
use super::varstore::Store;
use super::vm::{Machine, PARTITION};

/// How firmware and stub say no; the first process of the system must not be seen.
const ENDS: &[&str] = &[
    "FIRN-DONE",
    "firn-stub: what to do",
    "BdsDxe: failed to load",
    "BdsDxe: failed to start",
];

/// Runs, asserts that it was refused with these words, and that `firn-boot verify` would have said so where it can.
fn refused(machine: Machine, words: &str) {
    let seen = machine.run_until(ENDS);
    assert!(!seen.contains("FIRN-INIT"), "it booted:\n{seen}");
    assert!(seen.contains(words), "not refused with {words:?}:\n{seen}");
}

fn verify_refuses(lab: &Lab, image: &Path) {
    let output = firn_any(&["verify", "--keys", &lab.text("keys"), image.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("REFUSED"));
}

/// Nobody is led to sign it, either.
fn sign_refuses(lab: &Lab, image: &Path) {
    let (keys, out) = (lab.text("keys"), format!("{}.signed", image.display()));
    let output = firn_any(&["sign", "--replace", "--keys", &keys, "--out", &out, image.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!Path::new(&out).exists());
}

/// A changed copy of a signed image.
fn changed(lab: &Lab, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let mut bytes = fs::read(lab.image(&format!("{name}.good"), &[])).unwrap();
    change(&mut bytes);
    let path = lab.at(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn flip(section: &str) -> impl FnOnce(&mut Vec<u8>) + '_ {
    move |bytes| {
        let at = Pe::parse(bytes).unwrap().headers().section(section).unwrap().raw_offset;
        bytes[at + 3] ^= 1;
    }
}

const DENIED: &str = "Access Denied";
const SHIM_REFUSES: &str = "Verification failed: (0x1A) Security Violation";

#[test]
fn attack_unsigned() {
    let Some(lab) = lab() else { return };
    let image = lab.image("unsigned.efi", &["--unsigned"]);
    verify_refuses(lab, &image);
    refused(Machine::new(lab.store()).start(&image), DENIED);
}

#[test]
fn attack_foreign_key() {
    let Some(lab) = lab() else { return };
    let image = lab.image_signed("foreign.efi", "foreign", &[]);
    verify_refuses(lab, &image);
    refused(Machine::new(lab.store()).start(&image), DENIED);
}

#[test]
fn attack_flipped_bit_in_cmdline() {
    let Some(lab) = lab() else { return };
    let image = changed(lab, "flip-cmdline.efi", flip(".cmdline"));
    verify_refuses(lab, &image);
    refused(Machine::new(lab.store()).start(&image), DENIED);
}

#[test]
fn attack_flipped_bit_in_initrd() {
    let Some(lab) = lab() else { return };
    let image = changed(lab, "flip-initrd.efi", flip(".initrd"));
    verify_refuses(lab, &image);
    refused(Machine::new(lab.store()).start(&image), DENIED);
}

#[test]
fn attack_flipped_bit_in_linux() {
    let Some(lab) = lab() else { return };
    let image = changed(lab, "flip-linux.efi", flip(".linux"));
    verify_refuses(lab, &image);
    refused(Machine::new(lab.store()).start(&image), DENIED);
}

/// A thin image, and its files after somebody changed them.
fn thin(lab: &Lab, name: &str, change: impl Fn(&str, &mut Vec<u8>)) -> Machine {
    let esp = lab.text(&format!("{name}-esp"));
    let image = lab.image(&format!("{name}.efi"), &["--thin", &esp, "--measure", "strict"]);
    let mut machine = Machine::new(lab.store()).start(&image);
    for file in fs::read_dir(Path::new(&esp).join("EFI/nixos")).unwrap().flatten() {
        let name = file.file_name().to_str().unwrap().to_owned();
        let mut bytes = fs::read(file.path()).unwrap();
        change(&name, &mut bytes);
        machine = machine.bytes(&format!("EFI/nixos/{name}"), &bytes);
    }
    machine
}

#[test]
fn attack_thin_kernel_changed() {
    let Some(lab) = lab() else { return };
    let machine = thin(lab, "thin-kernel", |name, bytes| {
        if name.starts_with("kernel") {
            bytes[100_000] ^= 1
        }
    });
    refused(machine, "is not the file that was signed");
}

#[test]
fn attack_thin_initrd_changed() {
    let Some(lab) = lab() else { return };
    let machine = thin(lab, "thin-initrd", |name, bytes| {
        if name.starts_with("initrd") {
            bytes.extend(b"more")
        }
    });
    refused(machine, "is not the file that was signed");
}

#[test]
fn attack_initrd_of_another_image() {
    let Some(lab) = lab() else { return };
    let other = fs::read(&lab.initrd).unwrap();
    let machine = thin(lab, "other-initrd", |name, bytes| {
        if name.starts_with("initrd") {
            // A valid archive of ours, only not this image's.
            *bytes = [other.as_slice(), &boot_formats::cpio::Archive::default().finish()].concat();
        }
    });
    refused(machine, "is not the file that was signed");
}

#[test]
fn attack_thin_initrd_missing() {
    let Some(lab) = lab() else { return };
    let esp = lab.text("missing-esp");
    let image = lab.image("missing.efi", &["--thin", &esp]);
    refused(Machine::new(lab.store()).start(&image), "is missing or cannot be read");
}

#[test]
fn attack_appended_bytes() {
    let Some(lab) = lab() else { return };
    let image = changed(lab, "appended.efi", |bytes| bytes.extend([0x90; 512]));
    verify_refuses(lab, &image);
    refused(Machine::new(lab.store()).start(&image), DENIED);
}

/// Variables with our keys and a dbx with this.
fn with_dbx(lab: &Lab, name: &str, what: &[&str]) -> (Store, String) {
    let keys = lab.text(&format!("{name}-keys"));
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .arg(lab.at("keys"))
        .arg(&keys)
        .status()
        .unwrap();
    assert!(copied.success());
    firn(&[["keys", "revoke", "--dir", &keys].as_slice(), what].concat());
    let out = lab.text(&format!("{name}-export"));
    firn(&["keys", "export", "--dir", &keys, "--out", &out]);
    (Store::with_keys(Path::new(&out)), keys)
}

#[test]
fn attack_certificate_in_dbx() {
    let Some(lab) = lab() else { return };
    let image = lab.image("revoked-certificate.efi", &[]);
    let (store, keys) = with_dbx(lab, "dbx-certificate", &["--certificate", &lab.text("keys/db.pem")]);
    assert_eq!(
        firn_any(&["verify", "--keys", &keys, image.to_str().unwrap()]).status.code(),
        Some(1)
    );
    refused(Machine::new(store).start(&image), DENIED);
}

#[test]
fn attack_certificate_in_dbx_by_its_digest() {
    let Some(lab) = lab() else { return };
    let image = lab.image("revoked-digest.efi", &[]);
    let (store, keys) = with_dbx(lab, "dbx-digest", &["--certificate-digest", &lab.text("keys/db.pem")]);
    assert_eq!(
        firn_any(&["verify", "--keys", &keys, image.to_str().unwrap()]).status.code(),
        Some(1)
    );
    refused(Machine::new(store).start(&image), DENIED);
}

#[test]
fn attack_hash_in_dbx() {
    let Some(lab) = lab() else { return };
    let image = lab.image("revoked-hash.efi", &["--uname", "old"]);
    let (store, keys) = with_dbx(lab, "dbx-hash", &["--image", image.to_str().unwrap()]);
    assert_eq!(
        firn_any(&["verify", "--keys", &keys, image.to_str().unwrap()]).status.code(),
        Some(1)
    );
    refused(Machine::new(store).start(&image), DENIED);
}

#[test]
fn attack_signature_removed() {
    let Some(lab) = lab() else { return };
    let good = lab.image("removed.good", &[]);
    let image = lab.at("removed.efi");
    firn(&["sign", "--remove", "--out", image.to_str().unwrap(), good.to_str().unwrap()]);
    verify_refuses(lab, &image);
    refused(Machine::new(lab.store()).start(&image), DENIED);
}

#[test]
fn attack_command_line_edited_in_the_boot_menu() {
    let Some(lab) = lab() else { return };
    let image = lab.image("edited.efi", &[]);
    let mut store = lab.store();
    store.boot_entry(&PARTITION, "\\EFI\\edited.efi", Some(&format!("{COMMAND_LINE} init=/bin/sh")));
    refused(
        Machine::new(store).file("EFI/edited.efi", &image),
        "the command line is not the signed one",
    );
}

#[test]
fn attack_sbat_generation_revoked() {
    let Some(lab) = lab() else { return };
    let image = lab.image("old-generation.efi", &[]);
    let seen = shim_machine(lab, &image, "sbat,1,2030010100\nfirn-stub,2\n").run_until(SHIM_ENDS);
    assert!(!seen.contains("FIRN-INIT"), "it booted:\n{seen}");
    assert!(!seen.contains("NOT BOOTED"), "the stub was started:\n{seen}");
    assert!(seen.contains(SHIM_REFUSES), "{seen}");
}

#[test]
fn attack_shim_foreign_key() {
    let Some(lab) = lab() else { return };
    let image = lab.image_signed("shim-foreign.efi", "foreign", &[]);
    let seen = shim_machine(lab, &image, "sbat,1,2030010100\n").run_until(SHIM_ENDS);
    assert!(!seen.contains("FIRN-INIT"), "it booted:\n{seen}");
    assert!(seen.contains(SHIM_REFUSES), "{seen}");
}

#[test]
fn attack_truncated_image() {
    let Some(lab) = lab() else { return };
    let image = changed(lab, "truncated.efi", |bytes| bytes.truncate(bytes.len() / 2));
    sign_refuses(lab, &image);
    verify_refuses(lab, &image);
    refused(Machine::new(lab.store()).start(&image), DENIED);
}

/// Writes a field of the last section's header.
fn last_section(bytes: &mut [u8], field: usize, value: u32) {
    let name = Headers::parse(bytes).unwrap().sections.last().unwrap().name_text();
    let at = bytes
        .windows(8)
        .position(|w| w.starts_with(name.as_bytes()) && w[name.len()..].iter().all(|b| *b == 0))
        .unwrap();
    bytes[at + field..at + field + 4].copy_from_slice(&value.to_le_bytes());
}

#[test]
fn attack_overlapping_sections() {
    let Some(lab) = lab() else { return };
    let image = changed(lab, "overlapping.efi", |bytes| last_section(bytes, 12, 0x1000));
    sign_refuses(lab, &image);
    verify_refuses(lab, &image);
    refused(Machine::new(lab.store()).start(&image), DENIED);
}

#[test]
fn attack_section_out_of_file() {
    let Some(lab) = lab() else { return };
    let image = changed(lab, "outside.efi", |bytes| last_section(bytes, 20, 0x7000_0000));
    sign_refuses(lab, &image);
    verify_refuses(lab, &image);
    refused(Machine::new(lab.store()).start(&image), DENIED);
}

#[test]
fn attack_unsigned_addon() {
    let Some(lab) = lab() else { return };
    let image = lab.image("with-addon.efi", &[]);
    let addon = lab.text("evil.addon.efi");
    firn(&["uki", "build", "--cmdline", "init=/bin/sh", "--out", &addon]);
    let machine = Machine::new(lab.store())
        .start(&image)
        .file("EFI/BOOT/BOOTX64.EFI.extra.d/evil.addon.efi", &addon);
    let seen = machine.run_until(&["FIRN-DONE", "NOT BOOTED", "BdsDxe: failed"]);
    assert!(seen.contains("evil.addon.efi left out: the firmware refuses it"), "{seen}");
    assert!(seen.contains(&format!("cmdline: {COMMAND_LINE}\n")), "{seen}");
}

#[test]
fn attack_measurement_fails_under_a_strict_policy() {
    let Some(lab) = lab() else { return };
    // A thin kernel is read and hashed before anything is measured: time enough to break the TPM after the firmware has used it.
    let machine = thin(lab, "strict", |_, _| ()).kill_tpm_at("BdsDxe: starting");
    refused(machine, "NOT BOOTED: the TPM did not measure");
}

#[test]
fn attack_no_tpm_where_the_policy_requires_one() {
    let Some(lab) = lab() else { return };
    let image = lab.image("required.efi", &["--measure", "required"]);
    refused(
        Machine::new(lab.store()).start(&image),
        "there is no TPM, and the signed policy is measure=required",
    );
}
