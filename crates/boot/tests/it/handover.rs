//! What the stub hands to a kernel, seen by a program that stands where the kernel would (`fixtures/probe.c`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use boot_formats::cpio::{Archive, pad};
use boot_formats::pe::{NewSection, Pe, X86_64, add_sections, empty_image};
use boot_formats::{Guid, sha256};

use super::boots::{DONE, extra, unhex};
use super::lab::{Lab, done, firn, lab};
use super::varstore::NV_BS_RT;
use super::vm::{Machine, PARTITION};

/// The probe as an image: one section, at the address it was linked for.
fn probe(lab: &Lab, name: &str) -> PathBuf {
    let at = |end: &str| lab.at(&format!("{name}.{end}"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/probe.c");
    let mut compile = Command::new("cc");
    compile.args([
        "-Os",
        "-ffreestanding",
        "-fPIE",
        "-fno-stack-protector",
        "-fno-jump-tables",
        "-mno-red-zone",
    ]);
    done(
        compile
            .args(["-fno-asynchronous-unwind-tables", "-c", "-o"])
            .arg(at("o"))
            .arg(source),
    );
    let mut link = Command::new("ld");
    link.args(["-Ttext=0x1000", "-e", "probe", "-o"]).arg(at("elf")).arg(at("o"));
    done(&mut link);
    done(Command::new("objcopy").args(["-O", "binary"]).arg(at("elf")).arg(at("bin")));
    let (linked, code) = (fs::read(at("elf")).unwrap(), fs::read(at("bin")).unwrap());
    let mut image = empty_image(X86_64).unwrap();
    // AddressOfEntryPoint, from the header of the linked file.
    image[0x68..0x6c].copy_from_slice(&linked[24..28]);
    let text = NewSection {
        name: ".text",
        data: &code,
    };
    fs::write(at("efi"), add_sections(&Pe::parse(&image).unwrap(), &[text]).unwrap()).unwrap();
    at("efi")
}

fn build(lab: &Lab, name: &str, arguments: &[&str]) -> PathBuf {
    let (out, stub) = (lab.at(name), lab.stub.to_str().unwrap());
    let mut all = vec!["uki", "build", "--keys"];
    let keys = lab.text("keys");
    all.extend([&keys, "--out", out.to_str().unwrap(), "--stub", stub]);
    all.extend(arguments);
    firn(&all);
    out
}

fn file(lab: &Lab, name: &str, bytes: &[u8]) -> String {
    fs::write(lab.at(name), bytes).unwrap();
    lab.text(name)
}

fn archive(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut archive = Archive::default();
    archive.file(name, 0o444, bytes).unwrap();
    archive.finish()
}

/// A device tree as far as anybody looks at it here: magic, size, and words.
fn device_tree(text: &[u8]) -> Vec<u8> {
    let size = u32::try_from(text.len() + 8).unwrap();
    [&[0xd0, 0x0d, 0xfe, 0xed], size.to_be_bytes().as_slice(), text].concat()
}

fn dumped(seen: &str, label: &str) -> Vec<u8> {
    let label = format!("{label}: ");
    seen.lines()
        .filter_map(|l| l.strip_prefix(&label))
        .flat_map(|l| unhex(l.trim()))
        .collect()
}

#[test]
fn device_tree_random_seed_and_initrds_reach_the_kernel() {
    let Some(lab) = lab() else { return };
    let kernel = probe(lab, "probe-1");
    let (tree, microcode) = (device_tree(b"of the image"), archive("microcode", b"of the image"));
    let base = [archive("base", b"odd").as_slice(), b"x"].concat();
    let image = build(
        lab,
        "handed.efi",
        &[
            "--linux",
            kernel.to_str().unwrap(),
            "--cmdline",
            "quiet",
            "--os-release",
            "ID=firn-test",
            "--dtb",
            &file(lab, "image.dtb", &tree),
            "--ucode",
            &file(lab, "image.ucode", &microcode),
            "--initrd",
            &file(lab, "image.initrd", &base),
        ],
    );
    let (of_addon, more_microcode) = (archive("addon", b"initrd"), archive("microcode", b"of the addon"));
    let addon = build(
        lab,
        "handed.addon.efi",
        &[
            "--initrd",
            &file(lab, "addon.initrd", &of_addon),
            "--ucode",
            &file(lab, "addon.ucode", &more_microcode),
        ],
    );
    let (seed, token) = ([7; 512], [9; 32]);
    let mut store = lab.store();
    store.set("LoaderSystemToken", Guid::LOADER, NV_BS_RT, &token);
    let ended = Machine::new(store)
        .start(&image)
        .file("EFI/BOOT/BOOTX64.EFI.extra.d/HANDED.ADDON.EFI", &addon)
        .bytes("EFI/BOOT/BOOTX64.EFI.extra.d/secret.cred", b"hush")
        .bytes("loader/random-seed", &seed)
        .run(DONE);
    assert!(ended.seen.contains("options: quiet\n"), "{}", ended.seen);
    assert_eq!(dumped(&ended.seen, "dtb"), tree, "{}", ended.seen);
    // The firmware here has no generator: file and token are all there is.
    let mix = |purpose: &[u8]| {
        let size = |n: u64| n.to_le_bytes();
        sha256(&[purpose, &size(512), &seed, &size(0), &size(32), &token].concat())
    };
    assert_eq!(dumped(&ended.seen, "seed"), mix(b"firn-stub: seed of this kernel"));
    assert_eq!(
        ended.file("loader/random-seed"),
        mix(b"firn-stub: seed of the next boot"),
        "a seed that was used is replaced"
    );
    // Microcode must come first, or the kernel does not see it; what the image says of itself comes last.
    let release = {
        let mut archive = Archive::default();
        archive.folder(".extra", 0o555).unwrap();
        archive.file(".extra/os-release", 0o444, b"ID=firn-test").unwrap();
        archive.finish()
    };
    let mut all = Vec::new();
    for part in [
        more_microcode,
        microcode,
        base,
        of_addon,
        extra("credentials", "secret.cred", b"hush", 0o400),
        release,
    ] {
        all.extend(part);
        pad(&mut all);
    }
    assert_eq!(dumped(&ended.seen, "initrd"), all);
}

#[test]
fn device_tree_of_an_addon_comes_in_the_place_of_the_images() {
    let Some(lab) = lab() else { return };
    let kernel = probe(lab, "probe-2");
    let tree = file(lab, "plain.dtb", &device_tree(b"of the image"));
    let image = build(
        lab,
        "trees.efi",
        &["--linux", kernel.to_str().unwrap(), "--uname", "6.1", "--dtb", &tree],
    );
    let other = file(lab, "other.dtb", &device_tree(b"of an addon"));
    let addon = build(lab, "tree.addon.efi", &["--dtb", &other, "--uname", "6.1"]);
    let foreign = build(lab, "foreign.addon.efi", &["--cmdline", "for.another.kernel", "--uname", "5.10"]);
    let seen = Machine::new(lab.store())
        .start(&image)
        .file("loader/addons/tree.addon.efi", &addon)
        .file("loader/addons/foreign.addon.efi", &foreign)
        .run_until(DONE);
    assert_eq!(dumped(&seen, "dtb"), device_tree(b"of an addon"), "{seen}");
    assert!(seen.contains("foreign.addon.efi left out: it is for another kernel"), "{seen}");
    assert!(seen.contains("options: \n"), "{seen}");
    assert!(dumped(&seen, "seed").is_empty(), "no file and no generator: no seed");
}

/// The firmware goes on with its next entry, whose kernel must not find the first one's initrd.
#[test]
fn kernel_that_gives_up_leaves_nothing_behind() {
    let Some(lab) = lab() else { return };
    let kernel = probe(lab, "probe-3");
    let kernel = kernel.to_str().unwrap();
    let (one, two) = (archive("one", b"1"), archive("two", b"2"));
    let first = file(lab, "one.initrd", &one);
    let first = build(lab, "one.efi", &["--linux", kernel, "--cmdline", "Gives up", "--initrd", &first]);
    let second = file(lab, "two.initrd", &two);
    let second = build(
        lab,
        "two-after.efi",
        &["--linux", kernel, "--cmdline", "quiet", "--initrd", &second],
    );
    let mut store = lab.store();
    store.boot_entries(&PARTITION, &[("\\EFI\\one.efi", None), ("\\EFI\\two.efi", None)]);
    let seen = Machine::new(store)
        .file("EFI/one.efi", &first)
        .file("EFI/two.efi", &second)
        .run_until(&["FIRN-DONE", "something else offers an initrd"]);
    let (before, after) = seen.split_once("PROBE-GIVES-UP").unwrap_or_else(|| panic!("{seen}"));
    assert_eq!(dumped(before, "initrd"), one);
    assert!(after.contains("the kernel gave up"), "{seen}");
    assert_eq!(dumped(after, "initrd"), two, "{seen}");
}
