//! A throw-away PostgreSQL: its own folder, its own socket, no network, gone with the test program.

use std::io::Write as _;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The cluster that all tests of this program share; `None`, said aloud, where PostgreSQL is not installed.
pub fn shared() -> Option<&'static Cluster> {
    static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
    SHARED.get_or_init(Cluster::start).as_ref()
}

/// The address of an empty database of the shared cluster; `None` where PostgreSQL is not installed.
pub fn fresh() -> Option<String> {
    shared().map(Cluster::database)
}

/// A running server.
pub struct Cluster {
    dir: PathBuf,
    bin: PathBuf,
    /// Ends the server and removes the folder once its standard input is closed, which happens even where this program is killed.
    keeper: Child,
}

impl Cluster {
    /// Makes and starts one.
    pub fn start() -> Option<Self> {
        let Some(bin) = programs() else {
            assert!(
                std::env::var_os("FIRN_REQUIRE_POSTGRES").is_none(),
                "PostgreSQL is not installed: /usr/lib/postgresql/*/bin/initdb"
            );
            eprintln!("SKIPPED tests on PostgreSQL: /usr/lib/postgresql/*/bin/initdb is not there");
            return None;
        };
        let dir = tempfile::Builder::new().prefix("firn-pg").tempdir().unwrap().keep();
        if is_root() {
            // PostgreSQL refuses to run as root.
            chown(&dir, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let data = dir.join("data");
        let init = as_nobody(&bin.join("initdb"))
            .args([
                "--no-sync",
                "--auth=trust",
                "--username=firn",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--pgdata",
            ])
            .arg(&data)
            .current_dir("/")
            .output()
            .unwrap();
        assert!(init.status.success(), "{}", String::from_utf8_lossy(&init.stderr));
        let mut settings = std::fs::OpenOptions::new().append(true).open(data.join("postgresql.conf")).unwrap();
        writeln!(
            settings,
            "listen_addresses = ''\nunix_socket_directories = '{}'\nfsync = off\nfull_page_writes = off\nmax_connections = 200\n\
             shared_buffers = 128MB\nmax_wal_size = 1GB\nautovacuum_naptime = 5s\nlogging_collector = off\nlog_min_messages = fatal",
            dir.display()
        )
        .unwrap();
        let keeper = keeper(&bin, &dir);
        let cluster = Self { dir, bin, keeper };
        cluster.wait();
        Some(cluster)
    }

    /// An empty database.
    pub fn database(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0"));
        self.address(&name)
    }

    /// The address of a database.
    pub fn address(&self, name: &str) -> String {
        format!("postgres://firn@/{name}?host={}", self.dir.display())
    }

    /// Runs a statement with psql; what it prints.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let ran = Command::new(self.bin.join("psql"))
            .args(["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-U", "firn", "-d", database, "-h"])
            .arg(&self.dir)
            .args(["-c", sql])
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        assert!(ran.status.success(), "{sql}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap().trim_end().to_owned()
    }

    /// Ends the server at once, as a crash would, and starts it again.
    pub fn crash(&self) {
        let data = self.dir.join("data");
        for mode in [["-m", "immediate", "stop"].as_slice(), &["-l", "/dev/null", "start"]] {
            let ran = as_nobody(&self.bin.join("pg_ctl"))
                .args(["-s", "-w", "-D"])
                .arg(&data)
                .args(mode)
                .current_dir("/")
                .status();
            assert!(ran.unwrap().success(), "{mode:?}");
        }
        self.wait();
    }

    fn wait(&self) {
        let started = Instant::now();
        let ready = || {
            let ran = Command::new(self.bin.join("pg_isready"))
                .args(["-q", "-U", "firn", "-d", "postgres", "-h"])
                .arg(&self.dir)
                .status();
            ran.unwrap().success()
        };
        while !ready() {
            assert!(started.elapsed() < Duration::from_secs(60), "PostgreSQL does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Debian's user of that name.
const NOBODY: u32 = 65534;

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

fn as_nobody(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
    command
}

/// Starts the server and stays until its standard input ends.
fn keeper(bin: &Path, dir: &Path) -> Child {
    let script = "trap : TERM INT HUP; \"$0/pg_ctl\" -s -w -D \"$1/data\" -l /dev/null start; read -r _; \"$0/pg_ctl\" -s -D \"$1/data\" -m immediate stop; rm -rf \"$1\"";
    let mut command = as_nobody(Path::new("/bin/sh"));
    command.args(["-c", script]).arg(bin).arg(dir);
    command
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The folder with the newest PostgreSQL's programs.
fn programs() -> Option<PathBuf> {
    let all = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = all
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.join("initdb").is_file())
        .collect();
    found.sort();
    found.pop()
}
