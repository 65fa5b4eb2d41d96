//! A machine: OVMF with Secure Boot, a disk with one partition, a software TPM if asked for.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::varstore::Store;

const CODE: &str = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd";
/// First sector of the partition, and how many it has.
pub const PARTITION_START: u64 = 2048;
pub const PARTITION_SECTORS: u64 = 120 * 2048;
/// 44e1a5b7-5c5a-4f3c-9a0e-f1f0c0de0001 as it stands in tables.
pub const PARTITION: [u8; 16] = *b"\xb7\xa5\xe1\x44\x5a\x5c\x3c\x4f\x9a\x0e\xf1\xf0\xc0\xde\x00\x01";
pub const PARTITION_TEXT: &str = "44e1a5b7-5c5a-4f3c-9a0e-f1f0c0de0001";
/// Time in which a machine must get to its end, not counting what it waits for a processor that does other work.
const PATIENCE: Duration = Duration::from_secs(240);

/// A machine to be started.
pub struct Machine {
    folder: TempDir,
    files: Vec<(String, PathBuf)>,
    xbootldr: Vec<(String, PathBuf)>,
    store: Store,
    tpm: bool,
    restarts: bool,
    dead_disk: bool,
    /// Kill the TPM when this is seen.
    kill_tpm_at: Option<&'static str>,
}

impl Machine {
    /// With this flash and these files on its partition (path there, path here).
    pub fn new(store: Store) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            files: Vec::new(),
            xbootldr: Vec::new(),
            store,
            tpm: false,
            restarts: false,
            dead_disk: false,
            kill_tpm_at: None,
        }
    }

    pub fn file(mut self, there: &str, here: impl AsRef<Path>) -> Self {
        self.files.push((there.to_owned(), here.as_ref().into()));
        self
    }

    /// A file of the extended boot partition, which is made if it has any.
    pub fn on_xbootldr(mut self, there: &str, here: impl AsRef<Path>) -> Self {
        self.xbootldr.push((there.to_owned(), here.as_ref().into()));
        self
    }

    pub fn bytes(self, there: &str, bytes: &[u8]) -> Self {
        let here = self.folder.path().join(format!("file-{}", self.files.len()));
        fs::write(&here, bytes).unwrap();
        self.file(there, here)
    }

    /// What the firmware starts without being told.
    pub fn start(self, image: impl AsRef<Path>) -> Self {
        self.file("EFI/BOOT/BOOTX64.EFI", image)
    }

    pub fn tpm(mut self) -> Self {
        self.tpm = true;
        self
    }

    pub fn kill_tpm_at(mut self, text: &'static str) -> Self {
        self.kill_tpm_at = Some(text);
        self.tpm()
    }

    /// Puts a disk with nothing on it before the one with the files.
    pub fn after_a_dead_disk(mut self) -> Self {
        self.dead_disk = true;
        self
    }

    /// Lets it restart instead of ending there.
    pub fn restarting(mut self) -> Self {
        self.restarts = true;
        self
    }

    /// Runs until one of these is seen on its console; gives what was seen.
    pub fn run_until(self, ends: &[&str]) -> String {
        self.run(ends).seen
    }

    /// As [`Machine::run_until`], and keeps flash and disk.
    pub fn run(self, ends: &[&str]) -> Ended {
        let disk = self.folder.path().join("disk");
        self.make_disk(&disk);
        let flash = self.folder.path().join("vars.fd");
        self.store.write(&flash);
        let _slot = Slot::take();
        let mut tpm = self.tpm.then(|| Tpm::start(self.folder.path()));
        let mut command = emulator();
        command
            .args(["-machine", "q35,smm=on"])
            .args(["-global", "driver=cfi.pflash01,property=secure,value=on"])
            .arg("-drive")
            .arg(format!("if=pflash,format=raw,unit=0,readonly=on,file={CODE}"))
            .arg("-drive")
            .arg(format!("if=pflash,format=raw,unit=1,file={}", flash.display()))
            .args(self.dead_disk.then(|| dead_disk(self.folder.path())).into_iter().flatten())
            .arg("-drive")
            .arg(format!("if=virtio,format=raw,file={}", disk.display()));
        if !self.restarts {
            command.arg("-no-reboot");
        }
        if self.tpm {
            let socket = self.folder.path().join("tpm.sock");
            command.arg("-chardev").arg(format!("socket,id=tpm,path={}", socket.display()));
            command.args(["-tpmdev", "emulator,id=tpm,chardev=tpm", "-device", "tpm-tis,tpmdev=tpm"]);
        }
        let seen = watch(start(&mut command), ends, None, |seen| {
            if self.kill_tpm_at.is_some_and(|at| seen.contains(at)) {
                tpm = None;
            }
        });
        Ended { seen, folder: self.folder }
    }

    /// A GPT with one EFI system partition, and an extended boot partition behind it if something is to be there.
    fn make_disk(&self, disk: &Path) {
        let file = fs::File::create(disk).unwrap();
        file.set_len((PARTITION_START + 2 * PARTITION_SECTORS + 2048) * 512).unwrap();
        let mut table = format!(
            "label: gpt\nstart={PARTITION_START}, size={PARTITION_SECTORS}, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid={PARTITION_TEXT}\n"
        );
        let second = PARTITION_START + PARTITION_SECTORS;
        if !self.xbootldr.is_empty() {
            table += &format!("start={second}, size={PARTITION_SECTORS}, type=BC13C2FF-59E6-4262-A352-B275FD6F7172\n");
        }
        let script = self.folder.path().join("table");
        fs::write(&script, table).unwrap();
        let mut sfdisk = Command::new("sfdisk");
        super::lab::done(sfdisk.arg("--quiet").arg(disk).stdin(fs::File::open(script).unwrap()));
        make_partition(disk, PARTITION_START, &self.files);
        if !self.xbootldr.is_empty() {
            make_partition(disk, second, &self.xbootldr);
        }
    }
}

/// A file system that begins at this sector of a disk, with files on it.
fn make_partition(disk: &Path, start: u64, files: &[(String, PathBuf)]) {
    let mut format = Command::new("mkfs.vfat");
    format
        .arg("--offset")
        .arg(start.to_string())
        .arg(disk)
        .arg((PARTITION_SECTORS / 2).to_string());
    super::lab::done(&mut format);
    let volume = format!("{}@@{}", disk.display(), start * 512);
    let mut made: Vec<String> = Vec::new();
    for (there, here) in files {
        for (at, _) in there.match_indices('/') {
            let folder = there[..at].to_owned();
            if !made.contains(&folder) {
                super::lab::done(Command::new("mmd").args(["-i", &volume, &format!("::{folder}")]));
                made.push(folder);
            }
        }
        super::lab::done(
            Command::new("mcopy")
                .args(["-o", "-i", &volume])
                .arg(here)
                .arg(format!("::{there}")),
        );
    }
}

/// A machine that starts this kernel by itself, with a disk given as QEMU's block devices whose last is called `disk`. Ends
/// when one of these is seen, or, if it is given, so long after that.
pub fn run_kernel(kernel: &Path, initrd: &Path, disk: &[String], ends: &[&str], after: Option<Duration>) -> String {
    let _slot = Slot::take();
    let mut command = emulator();
    command.arg("-no-reboot").arg("-kernel").arg(kernel).arg("-initrd").arg(initrd);
    // A machine that does much else beside is late with its timer, which must not be taken for a broken one.
    command.args(["-append", "console=ttyS0 quiet panic=-1 no_timer_check"]);
    for device in disk {
        command.args(["-blockdev", device]);
    }
    command.args(["-device", "virtio-blk-pci,drive=disk"]);
    watch(start(&mut command), ends, after, |_| ())
}

/// QEMU, behind whatever else this computer does.
fn emulator() -> Command {
    let mut command = Command::new("nice");
    command.args(["-n", "10", "qemu-system-x86_64", "-accel", "tcg", "-m", "512"]);
    command.args(["-nodefaults", "-display", "none", "-serial", "stdio"]);
    command
}

fn start(command: &mut Command) -> Running {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Running(command.spawn().unwrap())
}

/// What is left of a machine.
pub struct Ended {
    /// Its console.
    pub seen: String,
    folder: TempDir,
}

impl Ended {
    /// Its flash as it left it.
    pub fn store(&self) -> Store {
        Store::read(&self.folder.path().join("vars.fd"))
    }

    /// Names in a folder of its partition.
    pub fn names(&self, folder: &str) -> String {
        let volume = format!("{}@@{}", self.folder.path().join("disk").display(), PARTITION_START * 512);
        super::lab::done(Command::new("mdir").args(["-b", "-i", &volume, &format!("::{folder}")]))
    }

    /// A file of its partition.
    pub fn file(&self, there: &str) -> Vec<u8> {
        let volume = format!("{}@@{}", self.folder.path().join("disk").display(), PARTITION_START * 512);
        let here = self.folder.path().join("taken");
        let mut copy = Command::new("mcopy");
        super::lab::done(copy.args(["-n", "-o", "-i", &volume, &format!("::{there}")]).arg(&here));
        fs::read(here).unwrap()
    }
}

fn dead_disk(folder: &Path) -> [String; 2] {
    let disk = folder.join("dead");
    fs::File::create(&disk).unwrap().set_len(16 << 20).unwrap();
    ["-drive".into(), format!("if=virtio,format=raw,file={}", disk.display())]
}

/// A process that ends with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Tpm {
    _process: Running,
}

impl Tpm {
    fn start(folder: &Path) -> Self {
        let state = folder.join("tpm");
        fs::create_dir(&state).unwrap();
        let socket = folder.join("tpm.sock");
        let child = Command::new("swtpm")
            .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear", "--tpmstate"])
            .arg(format!("dir={}", state.display()))
            .arg("--ctrl")
            .arg(format!("type=unixio,path={}", socket.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let since = Instant::now();
        while !socket.exists() {
            assert!(since.elapsed() < Duration::from_secs(30), "swtpm did not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { _process: Running(child) }
    }
}

/// Two machines at a time: that is how many processors there are.
struct Slot;

static FREE: Mutex<usize> = Mutex::new(2);
static FREED: Condvar = Condvar::new();

impl Slot {
    fn take() -> Self {
        let mut free = FREE.lock().unwrap();
        while *free == 0 {
            free = FREED.wait(free).unwrap();
        }
        *free -= 1;
        Self
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        *FREE.lock().unwrap() += 1;
        FREED.notify_one();
    }
}

/// A console that is silent for so long has said what it had to say.
const QUIET: Duration = Duration::from_millis(300);

fn watch(mut machine: Running, ends: &[&str], after: Option<Duration>, mut look: impl FnMut(&str)) -> String {
    let (send, chunks) = mpsc::channel::<Vec<u8>>();
    let stdout = machine.0.stdout.take().unwrap();
    let stderr = machine.0.stderr.take().unwrap();
    fn pump(mut pipe: impl std::io::Read + Send + 'static, send: mpsc::Sender<Vec<u8>>) {
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                if send.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
    }
    pump(stdout, send.clone());
    pump(stderr.take(1 << 20), send);
    let began = Instant::now();
    let mut raw = Vec::new();
    loop {
        let text = plain(&raw);
        look(&text);
        if ends.iter().any(|end| text.contains(end)) {
            // The rest of the message: until the console is silent for a moment, or the time is over.
            let since = Instant::now();
            let patience = || after.map_or(QUIET, |after| after.saturating_sub(since.elapsed()));
            while let Ok(chunk) = chunks.recv_timeout(patience()) {
                raw.extend(chunk);
            }
            return plain(&raw);
        }
        match chunks.recv_timeout(Duration::from_secs(5)) {
            Ok(chunk) => raw.extend(chunk),
            Err(RecvTimeoutError::Timeout) if began.elapsed() < PATIENCE + waited(machine.0.id()) => {}
            Err(RecvTimeoutError::Disconnected) => panic!("the machine ended before any of {ends:?} was seen:\n{text}"),
            Err(RecvTimeoutError::Timeout) => panic!("none of {ends:?} was seen in {PATIENCE:?}:\n{text}"),
        }
    }
}

/// How long a process could have run and had no processor: its thread that waited longest.
fn waited(process: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let waits = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().nth(1)?.parse().ok()
    });
    Duration::from_nanos(waits.max().unwrap_or_default())
}

/// Console output without the codes that move the cursor and set colours.
fn plain(raw: &[u8]) -> String {
    let mut out = String::new();
    let text = String::from_utf8_lossy(raw);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => {
                rest.next_if_eq(&'[');
                while rest.next().is_some_and(|c| !c.is_ascii_alphabetic()) {}
            }
            '\r' => {}
            c => out.push(c),
        }
    }
    out
}
