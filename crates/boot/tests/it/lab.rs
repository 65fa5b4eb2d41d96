//! What all tests of a run share: keys, a kernel, an initrd; and how programs are called.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use boot_formats::cpio::Archive;
use tempfile::TempDir;

/// Things that are made once.
pub struct Lab {
    pub folder: TempDir,
    pub stub: PathBuf,
    pub kernel: PathBuf,
    pub initrd: PathBuf,
    /// Package of the kernel, unpacked.
    pub unpacked: PathBuf,
}

pub const COMMAND_LINE: &str = "console=ttyS0 quiet panic=-1";

/// The lab, or `None` (said loudly) where firmware and kernel are missing. `cargo xtask test --only boot` provides them.
pub fn lab() -> Option<&'static Lab> {
    static LAB: OnceLock<Option<Lab>> = OnceLock::new();
    let lab = LAB.get_or_init(|| {
        let stub = PathBuf::from(std::env::var_os("FIRN_TEST_STUB")?);
        let unpacked = PathBuf::from(std::env::var_os("FIRN_TEST_KERNEL")?);
        let kernel = fs::read_dir(unpacked.join("boot")).ok()?.flatten().map(|e| e.path());
        let kernel = kernel
            .into_iter()
            .find(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("vmlinuz")))?;
        let folder = tempfile::tempdir().unwrap();
        for name in ["keys", "foreign"] {
            firn(&["keys", "create", "--dir", folder.path().join(name).to_str()?]);
        }
        firn(&[
            "keys",
            "export",
            "--dir",
            folder.path().join("keys").to_str()?,
            "--out",
            folder.path().join("export").to_str()?,
        ]);
        let initrd = folder.path().join("initrd");
        fs::write(&initrd, make_initrd(folder.path(), &unpacked)).unwrap();
        Some(Lab {
            folder,
            stub,
            kernel,
            initrd,
            unpacked,
        })
    });
    if lab.is_none() {
        println!("SKIPPED: images in firmware, because FIRN_TEST_STUB and FIRN_TEST_KERNEL are not set (cargo xtask test sets them)");
    }
    lab.as_ref()
}

impl Lab {
    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.at(name).to_str().unwrap().to_owned()
    }

    /// Variables of a machine whose owner enrolled our keys.
    pub fn store(&self) -> super::varstore::Store {
        super::varstore::Store::with_keys(&self.at("export"))
    }

    /// An image of our kernel and initrd, signed with our key, with more arguments.
    pub fn image(&self, name: &str, more: &[&str]) -> PathBuf {
        self.image_signed(name, "keys", more)
    }

    pub fn image_signed(&self, name: &str, keys: &str, more: &[&str]) -> PathBuf {
        let out = self.at(name);
        let keys = self.text(keys);
        let mut arguments = vec![
            "uki",
            "build",
            "--linux",
            self.kernel.to_str().unwrap(),
            "--initrd",
            self.initrd.to_str().unwrap(),
        ];
        arguments.extend([
            "--stub",
            self.stub.to_str().unwrap(),
            "--os-release",
            "ID=firn-test",
            "--out",
            out.to_str().unwrap(),
        ]);
        if !more.contains(&"--cmdline") {
            arguments.extend(["--cmdline", COMMAND_LINE]);
        }
        if !more.contains(&"--unsigned") {
            arguments.extend(["--keys", &keys]);
        }
        arguments.extend(more.iter().filter(|m| **m != "--unsigned"));
        firn(&arguments);
        out
    }

    pub fn sign(&self, keys: &str, from: &Path, name: &str) -> PathBuf {
        let out = self.at(name);
        firn(&[
            "sign",
            "--keys",
            &self.text(keys),
            "--out",
            out.to_str().unwrap(),
            from.to_str().unwrap(),
        ]);
        out
    }
}

/// A static program and the driver for variables.
fn make_initrd(folder: &Path, unpacked: &Path) -> Vec<u8> {
    let init = folder.join("init");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/init.c");
    done(Command::new("cc").args(["-static", "-Os", "-s", "-o"]).arg(&init).arg(source));
    let driver = module(unpacked, "efivarfs");
    let mut archive = Archive::default();
    archive.folder("dev", 0o755).unwrap();
    archive.file("init", 0o755, &fs::read(init).unwrap()).unwrap();
    archive.file("efivarfs.ko", 0o644, &fs::read(driver).unwrap()).unwrap();
    archive.finish()
}

/// A driver of the kernel that was unpacked there.
pub fn module(unpacked: &Path, name: &str) -> PathBuf {
    let found = Command::new("find")
        .arg(unpacked)
        .args(["-name", &format!("{name}.ko")])
        .output()
        .unwrap();
    PathBuf::from(String::from_utf8(found.stdout).unwrap().trim())
}

/// `firn-boot` with these arguments, which must succeed.
pub fn firn(arguments: &[&str]) -> String {
    let output = firn_any(arguments);
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "firn-boot {arguments:?} ended with {}:\n{talk}",
        output.status
    );
    String::from_utf8(output.stdout).unwrap()
}

/// `firn-boot` with these arguments, however it ends.
pub fn firn_any(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firn-boot"));
    command.args(arguments).env_remove("SOURCE_DATE_EPOCH").env_remove("FIRN_LOG");
    command.output().unwrap()
}

/// Another program, which must succeed; gives what it printed.
pub fn done(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let all = [output.stdout.as_slice(), &output.stderr].concat();
    let text = String::from_utf8_lossy(&all).into_owned();
    assert!(output.status.success(), "{command:?} ended with {}:\n{text}", output.status);
    text
}

/// `firn-boot` and the libraries it needs.
pub fn program(stripped: &Path, archive: &mut Archive) {
    let program = env!("CARGO_BIN_EXE_firn-boot");
    done(Command::new("strip").arg("-o").arg(stripped).arg(program));
    archive.file("firn-boot", 0o755, &fs::read(stripped).unwrap()).unwrap();
    let needed = done(Command::new("ldd").arg(program));
    let mut folders = Vec::new();
    for library in needed.split_whitespace().filter(|w| w.starts_with('/')) {
        for (at, _) in library.match_indices('/').skip(1) {
            if !folders.contains(&&library[1..at]) {
                folders.push(&library[1..at]);
                archive.folder(&library[1..at], 0o755).unwrap();
            }
        }
        archive.file(&library[1..], 0o755, &fs::read(library).unwrap()).unwrap();
    }
}

/// A folder with all that is in it.
pub fn folder(archive: &mut Archive, there: &str, here: &Path) {
    archive.folder(there, 0o700).unwrap();
    for entry in fs::read_dir(here).unwrap().flatten() {
        let there = format!("{there}/{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            folder(archive, &there, &entry.path());
        } else {
            archive.file(&there, 0o600, &fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}
