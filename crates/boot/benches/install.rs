//! A hundred generations over eight kernels and initrds of a cloud image's size: from nothing, and again with nothing to do,
//! beside what the same bytes take at least (read, hashed, copied, synced) and the programs that others call for it. The
//! target: from nothing under 2 s plus copying, again under 0.3 s.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run ends")]
#![expect(clippy::print_stdout, reason = "a benchmark says what it measured")]

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use boot::esp::{Disk, FolderDisk};
use boot::install::execute::{Workshop, execute};
use boot::install::loader::Menu;
use boot::install::prospect::{Request, Role, prospect};
use boot::install::wanted::Forge;
use boot::keys::{KeyFolder, NewKeys, create};
use boot_formats::authvar::KeyVariable;
use boot_formats::pe::{NewSection, Pe, X86_64, add_sections, empty_image};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use time::OffsetDateTime;

const GENERATIONS: usize = 100;
const KERNELS: usize = 8;
const SIZE: usize = 14_000_000;

/// Runs of each; the fastest counts, because the machine may be doing something else.
const RUNS: usize = 5;

fn main() {
    let machine = Machine::new();
    let bytes = 2 * KERNELS * SIZE;
    println!(
        "{GENERATIONS} generations, {} MB of kernels and initrds, fastest of {RUNS} runs",
        bytes / 1_000_000
    );
    println!("{:<52} {:>9} {:>9}", "", "time", "processor");
    let hashing = fastest("reading and hashing these bytes", || machine.hash());
    let copying = fastest("copying them, each synced", || machine.copy());
    let nothing = fastest("install, from nothing", || {
        let esp = tempfile::tempdir_in(machine.folder.path()).unwrap();
        measured(|| machine.install(esp.path()))
    });
    let esp = tempfile::tempdir_in(machine.folder.path()).unwrap();
    machine.install(esp.path());
    let again = fastest("install, with nothing to do", || measured(|| machine.install(esp.path())));
    let others = fastest("as many images by objcopy and sbsign, nothing else", || {
        measured(|| machine.objcopy_and_sbsign())
    });
    let ratio = |one: Cost, other: Cost| one.time.as_secs_f64() / other.time.as_secs_f64();
    println!(
        "from nothing: {:.2} times hashing and copying; without copying {:.2} s (target 2 s)",
        ratio(nothing, hashing.and(copying)),
        (nothing.time.saturating_sub(copying.time)).as_secs_f64()
    );
    println!(
        "with nothing to do: {:.2} times hashing; {:.2} s (target 0.3 s)",
        ratio(again, hashing),
        again.time.as_secs_f64()
    );
    println!("objcopy and sbsign: {:.2} times our whole run from nothing", ratio(others, nothing));
}

/// What something took: on the clock, and of all processors.
#[derive(Clone, Copy)]
struct Cost {
    time: Duration,
    processor: Duration,
}

impl Cost {
    fn and(self, other: Self) -> Self {
        Self {
            time: self.time + other.time,
            processor: self.processor + other.processor,
        }
    }
}

fn measured(work: impl FnOnce()) -> Cost {
    let (since, before) = (Instant::now(), processor());
    work();
    Cost {
        time: since.elapsed(),
        processor: processor().saturating_sub(before),
    }
}

/// Processor time of this program and of those that it called, as Linux counts it: in hundredths of a second.
fn processor() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = behind_name
        .split_whitespace()
        .skip(11)
        .take(4)
        .filter_map(|n| n.parse::<u64>().ok());
    Duration::from_millis(10 * ticks.sum::<u64>())
}

fn fastest(what: &str, run: impl Fn() -> Cost) -> Cost {
    let cost = (0..RUNS).map(|_| run()).min_by_key(|cost| cost.time).unwrap();
    println!(
        "{what:<52} {:>6.0} ms {:>6.0} ms",
        cost.time.as_secs_f64() * 1e3,
        cost.processor.as_secs_f64() * 1e3
    );
    cost
}

/// A machine.
struct Machine {
    folder: TempDir,
    keys: KeyFolder,
    stub: Vec<u8>,
}

impl Machine {
    fn new() -> Self {
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
        Self { folder, keys, stub }
    }
}

fn image(name: &str, data: &[u8]) -> Vec<u8> {
    let empty = empty_image(X86_64).unwrap();
    add_sections(&Pe::parse(&empty).unwrap(), &[NewSection { name, data }]).unwrap()
}

impl Machine {
    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// One run of `install`.
    fn install(&self, esp: &Path) {
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

    /// Kernels and initrds.
    fn sources(&self) -> Vec<PathBuf> {
        let numbers = 0..KERNELS;
        numbers
            .flat_map(|n| ["kernel", "initrd"].map(|name| self.at(&format!("{name}-{n}"))))
            .collect()
    }

    /// Reads and hashes them, on two processors.
    fn hash(&self) -> Cost {
        let sources = self.sources();
        measured(|| {
            std::thread::scope(|scope| {
                for half in sources.chunks(KERNELS) {
                    scope.spawn(move || {
                        let mut buffer = vec![0; 1 << 17];
                        for path in half {
                            let (mut file, mut hasher) = (File::open(path).unwrap(), Sha256::new());
                            while let Ok(count @ 1..) = file.read(&mut buffer) {
                                hasher.update(buffer.get(..count).unwrap());
                            }
                            std::hint::black_box(hasher.finalize());
                        }
                    });
                }
            });
        })
    }

    fn copy(&self) -> Cost {
        let to = tempfile::tempdir_in(self.folder.path()).unwrap();
        measured(|| {
            for path in self.sources() {
                let to = to.path().join(path.file_name().unwrap());
                fs::copy(path, &to).unwrap();
                File::open(to).unwrap().sync_all().unwrap();
            }
        })
    }

    /// The same count of images, without kernels, initrds, checks and syncs.
    fn objcopy_and_sbsign(&self) {
        let at = |name: &str| self.at(name);
        let sections = [
            (".osrel", "0x200000"),
            (".cmdline", "0x210000"),
            (".linux", "0x220000"),
            (".initrd", "0x230000"),
        ];
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
    }
}

fn run(command: &mut Command) {
    // A machine without the program measures the rest.
    let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
}
