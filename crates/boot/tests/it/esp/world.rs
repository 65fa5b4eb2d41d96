//! A machine's profiles and store in a folder, with small kernels; and what is installed from them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;

use boot_formats::pe::{NewSection, Pe, X86_64, add_sections, empty_image};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::lab::{firn, firn_any};

pub const LOADER: &str = "/usr/lib/systemd/boot/efi/systemd-bootx64.efi";

pub struct World {
    pub folder: TempDir,
}

/// Keys that all tests share: making them takes longest.
pub fn keys() -> &'static Path {
    static KEYS: OnceLock<TempDir> = OnceLock::new();
    let folder = KEYS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        firn(&["keys", "create", "--dir", folder.path().join("keys").to_str().unwrap()]);
        folder
    });
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| folder.path().join("keys"))
}

/// An image with a section: a kernel, a loader, our stub.
pub fn image(name: &str, data: &[u8]) -> Vec<u8> {
    let empty = empty_image(X86_64).unwrap();
    add_sections(&Pe::parse(&empty).unwrap(), &[NewSection { name, data }]).unwrap()
}

/// What the stub looks like from here.
pub fn stub() -> Vec<u8> {
    image(
        ".sbat",
        b"sbat,1,SBAT Version,sbat,1,https://example.org\nfirn-stub,1,Firn,firn-stub,1,https://example.org\n",
    )
}

/// A loader of this version.
pub fn loader(version: &str) -> Vec<u8> {
    image(".sdmagic", format!("#### LoaderInfo: systemd-boot {version} ####").as_bytes())
}

impl World {
    /// Without a generation; the partition is the folder `esp`.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["profiles/system-profiles", "store", "esp", "efivars"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("stub.efi"), stub()).unwrap();
        fs::write(folder.path().join("loader.efi"), loader("257.1")).unwrap();
        Self { folder }
    }

    /// With generations 1 to `count`, each with a kernel and an initrd of its own.
    pub fn new(count: u64) -> Self {
        let world = Self::empty();
        (1..=count).for_each(|n| world.generation(n));
        world
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.at(name).to_str().unwrap().to_owned()
    }

    pub fn esp(&self, name: &str) -> PathBuf {
        self.at("esp").join(name)
    }

    /// A generation with a kernel and an initrd of its own; it becomes the default.
    pub fn generation(&self, number: u64) {
        self.system(&format!("system-{number}"), &number.to_string(), json!({}));
        self.link(number, &format!("system-{number}"));
    }

    /// A system in the store.
    pub fn system(&self, name: &str, files: &str, more: Value) -> Value {
        let kernel = self.at(&format!("store/kernel-{files}"));
        fs::write(&kernel, image(".text", &files.repeat(700).into_bytes())).unwrap();
        let initrd = self.at(&format!("store/initrd-{files}"));
        fs::write(&initrd, format!("initrd {files} ").repeat(700)).unwrap();
        let folder = self.at(&format!("store/{name}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("init"), "").unwrap();
        let mut spec = json!({
            "system": "x86_64-linux", "label": format!("NixOS of {name}"), "toplevel": folder,
            "init": folder.join("init"), "kernel": kernel, "initrd": initrd, "kernelParams": ["quiet"],
        });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let document = json!({"org.nixos.bootspec.v1": spec});
        fs::write(folder.join("boot.json"), document.to_string()).unwrap();
        document
    }

    /// Changes the description of a system.
    pub fn describe(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let path = self.at(&format!("store/{name}/boot.json"));
        let mut document: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut document);
        fs::write(path, document.to_string()).unwrap();
    }

    /// Makes a system in the store a generation, and the default.
    pub fn link(&self, number: u64, system: &str) {
        let link = self.at(&format!("profiles/system-{number}-link"));
        let _ = fs::remove_file(&link);
        symlink(self.at(&format!("store/{system}")), link).unwrap();
        self.default(number);
    }

    pub fn default(&self, number: u64) {
        let link = self.at("profiles/system");
        let _ = fs::remove_file(&link);
        symlink(format!("system-{number}-link"), link).unwrap();
    }

    pub fn remove_generation(&self, number: u64) {
        fs::remove_file(self.at(&format!("profiles/system-{number}-link"))).unwrap();
    }

    /// A program that may be run.
    pub fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.at(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Says that this entry was booted.
    pub fn booted(&self, entry: &str) {
        self.variable("LoaderEntrySelected", entry);
    }

    pub fn variable(&self, name: &str, text: &str) {
        let wide = text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes);
        let bytes: Vec<u8> = 6_u32.to_le_bytes().into_iter().chain(wide).collect();
        fs::write(self.at(&format!("efivars/{name}-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f")), bytes).unwrap();
    }

    /// Arguments that say what and where.
    pub fn arguments<'a>(&self, command: &'a str, more: &[&'a str]) -> Vec<String> {
        let keys = keys().to_str().unwrap().to_owned();
        let mut all = vec![command.to_owned()];
        let mut add = |option: &str, value: String| {
            if !more.contains(&option) {
                all.extend([option.to_owned(), value]);
            }
        };
        add("--esp", self.text("esp"));
        add("--efivars", self.text("efivars"));
        if !matches!(command, "bless" | "uninstall") {
            add("--keys", keys);
        }
        if matches!(command, "install" | "check" | "repair") {
            add("--profiles", self.text("profiles"));
            add("--stub", self.text("stub.efi"));
            add("--systemd-boot", self.text("loader.efi"));
        }
        all.extend(more.iter().map(|m| (*m).to_owned()));
        all
    }

    /// Runs a command, which must succeed; gives what it printed.
    pub fn run(&self, command: &str, more: &[&str]) -> String {
        let arguments = self.arguments(command, more);
        firn(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Runs a command however it ends: exit code, output, talk.
    pub fn try_run(&self, command: &str, more: &[&str]) -> (i32, String, String) {
        let arguments = self.arguments(command, more);
        let Output { status, stdout, stderr } = firn_any(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }

    pub fn json(&self, command: &str, more: &[&str]) -> Value {
        let (_, out, talk) = self.try_run(command, &[more, &["--format", "json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}:\n{out}\n{talk}"))
    }

    /// What `check` complains about: file and problem.
    pub fn complaints(&self, more: &[&str]) -> Vec<(String, String)> {
        let checked = self.json("check", more);
        let findings = checked["findings"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        findings.iter().map(|f| (text(&f["file"]), text(&f["problem"]))).collect()
    }

    /// Names in a folder of the partition.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.esp(folder))
            .map(|entries| entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect())
            .unwrap_or_default();
        names.sort();
        names
    }
}

/// Every file below a folder with its bytes.
pub fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                all.insert(name, fs::read(path).unwrap());
            }
        }
    }
    all
}
