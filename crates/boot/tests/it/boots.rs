//! Images that must boot, in real firmware, and what the system then finds.

use std::fs;
use std::process::Command;

use boot_formats::cpio::Archive;
use boot_formats::pcr::Pcr;
use boot_formats::trust::Hex;
use boot_formats::{Guid, siglist};

use super::lab::{COMMAND_LINE, Lab, done, firn, lab};
use super::varstore::{NV_BS, Store};
use super::vm::{Machine, PARTITION, PARTITION_TEXT};

pub const DONE: &[&str] = &["FIRN-DONE", "NOT BOOTED", "BdsDxe: failed"];

pub fn line<'a>(seen: &'a str, label: &str) -> &'a str {
    let found = seen.lines().find_map(|l| l.strip_prefix(label)?.strip_prefix(": "));
    found.unwrap_or_else(|| panic!("no line {label} in:\n{seen}"))
}

fn predicted(image: &std::path::Path, esp: Option<&str>, profile: usize) -> String {
    let mut arguments = vec!["uki", "inspect", "--format", "json", image.to_str().unwrap()];
    arguments.extend(esp.iter().flat_map(|e| ["--esp", e]));
    let inspected: serde_json::Value = serde_json::from_str(&firn(&arguments)).unwrap();
    inspected["profiles"][profile]["pcr11"].as_str().unwrap().to_owned()
}

/// A section's text or content as UTF-16 with its end, as command lines are measured.
pub fn measured_text(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

pub fn hex(pcr: Pcr) -> String {
    Hex(&pcr.0).to_string()
}

#[test]
fn fat_image_boots_signed_and_measured() {
    let Some(lab) = lab() else { return };
    let (splash, tree) = (lab.text("splash.bmp"), lab.text("fat.dtb"));
    fs::write(&splash, b"BM and no more").unwrap();
    fs::write(&tree, b"\xd0\x0d\xfe\xed\0\0\0\x08").unwrap();
    let image = lab.image("fat.efi", &["--uname", "6.1", "--splash", &splash, "--dtb", &tree]);
    let seen = Machine::new(lab.store()).start(&image).tpm().run_until(DONE);
    assert_eq!(line(&seen, "cmdline"), COMMAND_LINE);
    assert_eq!(line(&seen, "variable SecureBoot"), "1");
    assert_eq!(line(&seen, "variable StubInfo"), "firn-stub 0.1.0");
    assert_eq!(line(&seen, "variable LoaderDevicePartUUID"), PARTITION_TEXT);
    assert_eq!(line(&seen, "variable StubPcrKernelImage"), "11");
    assert_eq!(line(&seen, "variable LoaderImageIdentifier"), "\\EFI\\BOOT\\BOOTX64.EFI");
    assert_eq!(line(&seen, "file /.extra/os-release 444"), "ID=firn-test");
    assert_eq!(line(&seen, "pcr11").to_lowercase(), predicted(&image, None, 0));
    assert_eq!(line(&seen, "pcr12"), "0".repeat(64));
    systemd_measure_agrees(lab, &line(&seen, "pcr11").to_lowercase());
    let inspected = firn(&["uki", "inspect", "--format", "json", image.to_str().unwrap()]);
    let inspected: serde_json::Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!(
        inspected["problems"],
        serde_json::json!([]),
        "strict firmware has nothing to complain about"
    );
}

/// Debian's systemd-measure does not know .uname and .sbat yet, which come last: they are added to its value.
fn systemd_measure_agrees(lab: &Lab, pcr11: &str) {
    let line_file = lab.at("cmdline");
    fs::write(&line_file, COMMAND_LINE).unwrap();
    let release = lab.at("osrel");
    fs::write(&release, "ID=firn-test").unwrap();
    let mut measure = Command::new("/lib/systemd/systemd-measure");
    measure.arg("calculate").args(["--bank=sha256", "--json=short"]);
    for (section, file) in [
        ("linux", &lab.kernel),
        ("osrel", &release),
        ("cmdline", &line_file),
        ("initrd", &lab.initrd),
        ("splash", &lab.at("splash.bmp")),
        ("dtb", &lab.at("fat.dtb")),
    ] {
        measure.arg(format!("--{section}={}", file.display()));
    }
    measure.arg("--phase=:");
    let output = measure.output().unwrap();
    let calculated: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = calculated["sha256"][0]["hash"].as_str().unwrap();
    let mut pcr = Pcr(unhex(text).try_into().unwrap());
    pcr.measure(b".uname\0");
    pcr.measure(b"6.1");
    pcr.measure(b".sbat\0");
    let stub = fs::read(&lab.stub).unwrap();
    let stub = boot_formats::pe::Pe::parse(&stub).unwrap();
    pcr.measure(stub.section_data(".sbat").unwrap());
    assert_eq!(hex(pcr), pcr11);
}

#[test]
fn thin_image_boots_with_all_its_companions() {
    let Some(lab) = lab() else { return };
    let esp = lab.text("thin-esp");
    let command_line = format!("{COMMAND_LINE} firn.log=1");
    let (signatures, key, microcode) = (lab.text("pcrsig"), lab.text("pcrpkey"), lab.text("ucode"));
    fs::write(&signatures, "{\"sha256\":[]}").unwrap();
    fs::write(&key, "-----BEGIN PUBLIC KEY-----\n").unwrap();
    let mut archive = Archive::default();
    for folder in ["kernel", "kernel/x86", "kernel/x86/microcode"] {
        archive.folder(folder, 0o755).unwrap();
    }
    archive.file("kernel/x86/microcode/test.bin", 0o444, b"microcode").unwrap();
    fs::write(&microcode, archive.finish()).unwrap();
    let image = lab.image(
        "thin.efi",
        &[
            "--cmdline",
            &command_line,
            "--thin",
            &esp,
            "--pcrsig",
            &signatures,
            "--pcrpkey",
            &key,
            "--ucode",
            &microcode,
        ],
    );
    assert!(fs::metadata(&image).unwrap().len() < 110_000, "a thin image holds no kernel");
    let addon = lab.text("test.addon.efi");
    firn(&[
        "uki",
        "build",
        "--cmdline",
        "from.addon=1",
        "--keys",
        &lab.text("keys"),
        "--out",
        &addon,
    ]);
    let mut machine = Machine::new(lab.store()).start(&image).tpm();
    for file in fs::read_dir(lab.at("thin-esp/EFI/nixos")).unwrap().flatten() {
        machine = machine.file(&format!("EFI/nixos/{}", file.file_name().to_str().unwrap()), file.path());
    }
    let seen = machine
        .file("EFI/BOOT/BOOTX64.EFI.extra.d/test.addon.efi", &addon)
        .bytes("EFI/BOOT/BOOTX64.EFI.extra.d/secret.cred", b"hush")
        .bytes("EFI/BOOT/BOOTX64.EFI.extra.d/more.sysext.raw", b"extension")
        .bytes("loader/random-seed", &[7; 32])
        .run_until(DONE);
    assert_eq!(line(&seen, "cmdline"), format!("{command_line} from.addon=1"));
    assert_eq!(line(&seen, "microcode"), "microcode");
    assert_eq!(line(&seen, "file /.extra/credentials/secret.cred 400"), "hush");
    assert_eq!(line(&seen, "file /.extra/sysext/more.sysext.raw 444"), "extension");
    assert_eq!(line(&seen, "file /.extra/tpm2-pcr-signature.json 444"), "{\"sha256\":[]}");
    assert_eq!(
        line(&seen, "file /.extra/tpm2-pcr-public-key.pem 444"),
        "-----BEGIN PUBLIC KEY-----"
    );
    assert_eq!(line(&seen, "pcr11").to_lowercase(), predicted(&image, Some(&esp), 0));
    let mut parameters = Pcr::default();
    parameters.measure(&measured_text("from.addon=1"));
    parameters.measure(&extra("credentials", "secret.cred", b"hush", 0o400));
    assert_eq!(line(&seen, "pcr12").to_lowercase(), hex(parameters));
    let mut extensions = Pcr::default();
    extensions.measure(&extra("sysext", "more.sysext.raw", b"extension", 0o444));
    assert_eq!(line(&seen, "pcr13").to_lowercase(), hex(extensions));
    assert_eq!(line(&seen, "variable StubPcrKernelParameters"), "12");
    assert_eq!(line(&seen, "variable StubPcrInitRDSysExts"), "13");
    event_log_explains(lab, &seen);
}

/// Somebody else's program replays the firmware's log and comes to what the TPM holds.
fn event_log_explains(lab: &Lab, seen: &str) {
    let log = lab.at("eventlog");
    fs::write(&log, unhex(line(seen, "eventlog"))).unwrap();
    let replayed = done(Command::new("tpm2_eventlog").arg(&log));
    let banks = replayed.split_once("\npcrs:").unwrap().1;
    let bank = banks.split_once("sha256:").unwrap().1;
    for register in [11, 12, 13] {
        let label = format!("{register} ");
        let value = bank
            .lines()
            .find_map(|l| l.trim().strip_prefix(&label)?.trim().strip_prefix(": 0x"));
        assert_eq!(
            value.unwrap_or_default(),
            line(seen, &format!("pcr{register}")).to_lowercase(),
            "register {register}:\n{replayed}"
        );
    }
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap())
        .collect()
}

pub fn extra(folder: &str, name: &str, bytes: &[u8], permissions: u32) -> Vec<u8> {
    let mut archive = Archive::default();
    archive.folder(".extra", 0o555).unwrap();
    archive
        .folder(&format!(".extra/{folder}"), permissions | (permissions >> 2 & 0o111))
        .unwrap();
    archive.file(&format!(".extra/{folder}/{name}"), permissions, bytes).unwrap();
    archive.finish()
}

#[test]
fn second_profile_boots_with_its_own_command_line() {
    let Some(lab) = lab() else { return };
    let other = format!("{COMMAND_LINE} profile.two=1");
    let image = lab.image(
        "profiles.efi",
        &["--profile", "ID=main", "--profile", "ID=two", "--profile-cmdline", &other],
    );
    let mut store = lab.store();
    store.boot_entry(&PARTITION, "\\EFI\\two.efi", Some("@1"));
    let seen = Machine::new(store).file("EFI/two.efi", &image).tpm().run_until(DONE);
    assert_eq!(line(&seen, "cmdline"), other);
    assert_eq!(line(&seen, "variable StubProfile"), "two");
    assert_eq!(line(&seen, "file /.extra/profile 444"), "ID=two");
    assert_eq!(line(&seen, "pcr11").to_lowercase(), predicted(&image, None, 1));
    assert_ne!(predicted(&image, None, 0), predicted(&image, None, 1));
}

/// With Secure Boot off nobody vouches for a command line; but it is measured, so that nothing is unsealed for it.
#[test]
fn command_line_from_outside_is_taken_and_measured_where_secure_boot_is_off() {
    let Some(lab) = lab() else { return };
    let image = lab.image("outside.unsigned", &["--unsigned"]);
    let given = format!("{COMMAND_LINE} from.outside=1");
    let mut store = Store::blank();
    store.boot_entry(&PARTITION, "\\EFI\\plain.efi", Some(&given));
    let seen = Machine::new(store).file("EFI/plain.efi", &image).tpm().run_until(DONE);
    assert_eq!(line(&seen, "variable SecureBoot"), "0");
    assert!(seen.contains("the command line comes from the loader"), "{seen}");
    assert_eq!(line(&seen, "cmdline"), given);
    let mut parameters = Pcr::default();
    parameters.measure(&measured_text(&given));
    assert_eq!(line(&seen, "pcr12").to_lowercase(), hex(parameters));
    assert_eq!(line(&seen, "pcr11").to_lowercase(), predicted(&image, None, 0));
}

#[test]
fn systemds_stub_serves_fat_images() {
    let Some(lab) = lab() else { return };
    let stub = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";
    let image = lab.at("systemd.efi");
    firn(&[
        "uki",
        "build",
        "--stub",
        stub,
        "--linux",
        lab.kernel.to_str().unwrap(),
        "--initrd",
        lab.initrd.to_str().unwrap(),
        "--cmdline",
        COMMAND_LINE,
        "--os-release",
        "ID=x",
        "--keys",
        &lab.text("keys"),
        "--out",
        image.to_str().unwrap(),
    ]);
    let seen = Machine::new(lab.store()).start(&image).run_until(DONE);
    assert!(line(&seen, "variable StubInfo").starts_with("systemd-stub"), "{seen}");
}

#[test]
fn setup_mode_then_enrolment_then_signed_boot() {
    let Some(lab) = lab() else { return };
    let loader = lab.sign("keys", "/usr/lib/systemd/boot/efi/systemd-bootx64.efi".as_ref(), "systemd-boot.efi");
    let image = lab.image("enrolled.efi", &[]);
    let mut machine = Machine::new(Store::blank()).start(&loader).file("EFI/Linux/test.efi", &image);
    machine = machine.bytes("loader/loader.conf", b"timeout 0\nsecure-boot-enroll force\n");
    for name in ["PK", "KEK", "db"] {
        machine = machine.file(
            &format!("loader/keys/auto/{name}.auth"),
            lab.at("export").join(format!("{name}.auth")),
        );
    }
    // The loader sets the variables from our files, and the firmware restarts with them.
    let seen = machine.restarting().run_until(DONE);
    assert!(seen.contains("Enrolling secure boot keys"), "{seen}");
    assert_eq!(line(&seen, "variable SecureBoot"), "1");
    assert_eq!(line(&seen, "cmdline"), COMMAND_LINE);
}

#[test]
fn shim_starts_an_image_signed_by_a_machine_owner_key() {
    let Some(lab) = lab() else { return };
    let image = lab.image("mok.efi", &[]);
    let seen = shim_machine(lab, &image, "sbat,1,2030010100\n").run_until(SHIM_ENDS);
    assert_eq!(line(&seen, "variable SecureBoot"), "1");
    assert_eq!(line(&seen, "cmdline"), COMMAND_LINE);
}

pub const SHIM_ENDS: &[&str] = &[
    "FIRN-DONE",
    "NOT BOOTED",
    "BdsDxe: failed",
    "Verification failed",
    "Security Violation",
    "Security Policy Violation",
];

/// Microsoft's keys in the firmware, ours in shim's list.
pub fn shim_machine(lab: &Lab, image: &std::path::Path, level: &str) -> Machine {
    let mut store = Store::microsoft();
    let list = fs::read(lab.at("export/db.esl")).unwrap();
    assert_eq!(siglist::parse(&list).unwrap().len(), 1);
    store.set("MokList", Guid::SHIM, NV_BS, &list);
    store.set("SbatLevel", Guid::SHIM, NV_BS, level.as_bytes());
    Machine::new(store)
        .start("/usr/lib/shim/shimx64.efi.signed")
        .file("EFI/BOOT/grubx64.efi", image)
}
