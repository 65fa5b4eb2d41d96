//! What it costs to put an image together and to sign it: here, and with the programs that others call for it.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run ends")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use boot::keys::{KeyFolder, NewKeys, create};
use boot::signer::{Signer as _, attach, image_to_sign, sign_image};
use boot_formats::authenticode::digest;
use boot_formats::authvar::KeyVariable;
use boot_formats::pe::{NewSection, Pe, X86_64, add_sections, empty_image};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use tempfile::TempDir;
use time::OffsetDateTime;

fn main() {
    divan::main();
}

/// A folder with keys and an image of 100 KB.
struct Desk {
    folder: TempDir,
    keys: KeyFolder,
    image: Vec<u8>,
}

static DESK: LazyLock<Desk> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let keys = KeyFolder::new(folder.path().join("keys"), None);
    let new = NewKeys {
        bits: 2048,
        owner: None,
        organization: None,
        common_name: "bench".into(),
        years: 1,
        now: OffsetDateTime::UNIX_EPOCH,
    };
    create(&keys, &new).unwrap();
    let image = image(100_000);
    fs::write(folder.path().join("image.efi"), &image).unwrap();
    fs::write(folder.path().join("cmdline"), "quiet").unwrap();
    Desk { folder, keys, image }
});

impl Desk {
    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn image(size: usize) -> Vec<u8> {
    let empty = empty_image(X86_64).unwrap();
    let data = vec![0x90; size];
    add_sections(
        &Pe::parse(&empty).unwrap(),
        &[NewSection {
            name: ".text",
            data: &data,
        }],
    )
    .unwrap()
}

/// Authenticode digest; a kernel is 14 MB.
#[divan::bench(args = [100_000, 14_000_000])]
fn hash(bencher: Bencher<'_, '_>, size: usize) {
    let image = image(size);
    bencher
        .counter(BytesCount::new(image.len()))
        .bench(|| digest(&Pe::parse(black_box(&image)).unwrap()));
}

#[divan::bench]
fn add_a_section(bencher: Bencher<'_, '_>) {
    let image = &DESK.image;
    bencher.bench(|| {
        add_sections(
            &Pe::parse(black_box(image)).unwrap(),
            &[NewSection {
                name: ".cmdline",
                data: b"quiet",
            }],
        )
        .unwrap()
    });
}

#[divan::bench]
fn add_a_section_with_objcopy(bencher: Bencher<'_, '_>) {
    let desk = &*DESK;
    let section = format!(".cmdline={}", desk.at("cmdline").display());
    let mut command = Command::new("objcopy");
    command.args(["--add-section", &section, "--change-section-vma", ".cmdline=0x200000"]);
    command.arg(desk.at("image.efi")).arg(desk.at("more.efi"));
    bencher.bench_local(|| run(&mut command));
}

/// The RSA operation alone.
#[divan::bench]
fn rsa(bencher: Bencher<'_, '_>) {
    let signer = DESK.keys.signer(KeyVariable::Db).unwrap();
    bencher.bench(|| signer.sign(black_box(b"message")).unwrap());
}

/// Everything about signing an image but the RSA operation: reading, hashing, checking what the key gave, writing.
#[divan::bench]
fn sign_without_rsa(bencher: Bencher<'_, '_>) {
    let signer = DESK.keys.signer(KeyVariable::Db).unwrap();
    let signature = signer.sign(&image_to_sign(&DESK.image, signer.certificate()).unwrap()).unwrap();
    bencher.bench(|| {
        let to_sign = image_to_sign(black_box(&DESK.image), signer.certificate()).unwrap();
        (to_sign, attach(&DESK.image, signer.certificate(), &signature).unwrap())
    });
}

#[divan::bench]
fn sign(bencher: Bencher<'_, '_>) {
    let signer = DESK.keys.signer(KeyVariable::Db).unwrap();
    bencher.bench(|| sign_image(black_box(&DESK.image), &signer).unwrap());
}

#[divan::bench]
fn sign_with_sbsign(bencher: Bencher<'_, '_>) {
    let desk = &*DESK;
    let mut command = Command::new("sbsign");
    command
        .arg("--key")
        .arg(desk.at("keys/db.key"))
        .arg("--cert")
        .arg(desk.at("keys/db.pem"));
    command.arg("--output").arg(desk.at("signed.efi")).arg(desk.at("image.efi"));
    bencher.bench_local(|| run(&mut command));
}

fn run(command: &mut Command) {
    // A machine without the program measures the rest.
    let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
}
