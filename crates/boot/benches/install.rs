//! A hundred generations over eight kernels and initrds of a cloud image's size: from nothing, again, and beside the copying
//! alone and the programs that others call for it. The target: from nothing under 2 s plus copying, again under 0.3 s.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run ends")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use boot::esp::{Disk, FolderDisk};
use boot::install::execute::{Workshop, execute};
use boot::install::loader::Menu;
use boot::install::prospect::{Request, Role, prospect};
use boot::install::wanted::Forge;
use boot::keys::{KeyFolder, NewKeys, create};
use boot_formats::authvar::KeyVariable;
use boot_formats::pe::{NewSection, Pe, X86_64, add_sections, empty_image};
use divan::Bencher;
use serde_json::json;
use tempfile::TempDir;
use time::OffsetDateTime;

const GENERATIONS: usize = 100;
const KERNELS: usize = 8;
const SIZE: usize = 14_000_000;

fn main() {
    divan::main();
}

/// A machine.
struct Machine {
    folder: TempDir,
    keys: KeyFolder,
    stub: Vec<u8>,
}

static MACHINE: LazyLock<Machine> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: String| folder.path().join(name);
    let keys = KeyFolder::new(at("keys".into()), None);
    let new = NewKeys {
        bits: 2048,
        owner: None,
        organization: None,
        common_name: "bench".into(),
        years: 1,
        now: OffsetDateTime::UNIX_EPOCH,
    };
    create(&keys, &new).unwrap();
    fs::create_dir(at("profiles".into())).unwrap();
    for number in 0..KERNELS {
        fs::write(at(format!("kernel-{number}")), image(".text", &vec![number as u8; SIZE])).unwrap();
        fs::write(at(format!("initrd-{number}")), vec![0x80 | number as u8; SIZE]).unwrap();
    }
    for number in 1..=GENERATIONS {
        let system = at(format!("system-{number}"));
        fs::create_dir(&system).unwrap();
        let spec = json!({"org.nixos.bootspec.v1": {
            "system": "x86_64-linux", "label": "NixOS", "toplevel": system, "init": system.join("init"), "kernelParams": ["quiet"],
            "kernel": at(format!("kernel-{}", number % KERNELS)), "initrd": at(format!("initrd-{}", number % KERNELS)),
        }});
        fs::write(system.join("boot.json"), spec.to_string()).unwrap();
        symlink(&system, at(format!("profiles/system-{number}-link"))).unwrap();
    }
    // As large as our stub, which this program may have been built without.
    let sbat = b"sbat,1,SBAT Version,sbat,1,https://example.org\nfirn-stub,1,Firn,firn-stub,1,https://example.org\n";
    let text = image(".text", &vec![0x90; 75_000]);
    let stub = add_sections(&Pe::parse(&text).unwrap(), &[NewSection { name: ".sbat", data: sbat }]).unwrap();
    fs::write(at("stub.efi".into()), &stub).unwrap();
    fs::write(at("cmdline".into()), "init=/nix/store/x/init quiet").unwrap();
    Machine { folder, keys, stub }
});

fn image(name: &str, data: &[u8]) -> Vec<u8> {
    let empty = empty_image(X86_64).unwrap();
    add_sections(&Pe::parse(&empty).unwrap(), &[NewSection { name, data }]).unwrap()
}

impl Machine {
    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// One run of `install`.
    fn install(&self, esp: &std::path::Path) {
        let signer = self.keys.signer(KeyVariable::Db).unwrap();
        let forge = Forge {
            stub: self.stub.clone(),
            signer: &signer,
            fat: false,
            policy: None,
        };
        let request = Request {
            profiles: self.at("profiles"),
            system: None,
            limit: None,
            pinned: Vec::new(),
            tries: None,
            loader: None,
            programs: Vec::new(),
            menu: Menu::default(),
            take_over: false,
            no_collection: false,
            booted: None,
        };
        let disks: Vec<(Box<dyn Disk>, Role)> = vec![(Box::new(FolderDisk::at(esp).unwrap()), Role::Whole)];
        let trusted = self.keys.lists(KeyVariable::Db).unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let mut planned = prospect(&request, disks, &trusted, &forge, scratch.path()).unwrap_or_else(|f| panic!("{}", f.render(false)));
        let partition = &mut planned.partitions[0];
        let mut workshop = Workshop::new(Some(&forge));
        execute(&partition.plan, &partition.wanted, &mut workshop, partition.disk.as_mut()).unwrap();
    }
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn from_nothing(bencher: Bencher<'_, '_>) {
    let machine = &*MACHINE;
    bencher
        .with_inputs(|| tempfile::tempdir_in(machine.folder.path()).unwrap())
        .bench_values(|esp| {
            machine.install(esp.path());
            esp
        });
}

/// What of the above is the copying of kernels and initrds, each synced.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn copying_alone(bencher: Bencher<'_, '_>) {
    let machine = &*MACHINE;
    bencher
        .with_inputs(|| tempfile::tempdir_in(machine.folder.path()).unwrap())
        .bench_values(|esp| {
            for number in 0..KERNELS {
                for name in ["kernel", "initrd"] {
                    let to = esp.path().join(format!("{name}-{number}"));
                    fs::copy(machine.at(&format!("{name}-{number}")), &to).unwrap();
                    fs::File::open(to).unwrap().sync_all().unwrap();
                }
            }
            esp
        });
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn nothing_to_do(bencher: Bencher<'_, '_>) {
    let machine = &*MACHINE;
    let esp = tempfile::tempdir_in(machine.folder.path()).unwrap();
    machine.install(esp.path());
    bencher.bench_local(|| machine.install(esp.path()));
}

/// The same count of images with objcopy and sbsign, without kernels, initrds, checks and syncs.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn objcopy_and_sbsign(bencher: Bencher<'_, '_>) {
    let machine = &*MACHINE;
    let at = |name: &str| machine.at(name);
    let sections = [
        (".osrel", "0x200000"),
        (".cmdline", "0x210000"),
        (".linux", "0x220000"),
        (".initrd", "0x230000"),
    ];
    bencher.bench_local(|| {
        for _ in 0..GENERATIONS {
            let mut objcopy = Command::new("objcopy");
            for (section, address) in sections {
                objcopy.arg("--add-section").arg(format!("{section}={}", at("cmdline").display()));
                objcopy.arg("--change-section-vma").arg(format!("{section}={address}"));
            }
            run(objcopy.arg(at("stub.efi")).arg(at("unsigned.efi")));
            let mut sbsign = Command::new("sbsign");
            sbsign.arg("--key").arg(at("keys/db.key")).arg("--cert").arg(at("keys/db.pem"));
            run(sbsign.arg("--output").arg(at("signed.efi")).arg(at("unsigned.efi")));
        }
    });
}

fn run(command: &mut Command) {
    // A machine without the program measures the rest.
    let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
}
