//! The program as a user runs it: a home of its own, a store that Nix itself made, a small signed snapshot.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use attest::signature::SecretKey;
use tempfile::TempDir;
use vuln::advisory::Advisory;
use vuln::package::Package;

use crate::made::World;

/// A folder with a home, a key and a snapshot.
pub struct Place {
    dir: TempDir,
    key: SecretKey,
}

/// What a run left.
#[derive(Debug)]
pub struct Ran {
    /// Exit code.
    pub code: Option<i32>,
    /// Data.
    pub out: String,
    /// Talk.
    pub err: String,
}

impl Place {
    /// A place whose snapshot was made now.
    pub fn new() -> Self {
        let place = Self {
            dir: tempfile::tempdir().unwrap(),
            key: SecretKey::generate().unwrap().0,
        };
        fs::write(place.at("key.pub"), format!("{}\n", place.key.public())).unwrap();
        place.snapshot(1, 0);
        place
    }

    /// A path in it.
    pub fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file in it.
    pub fn file(&self, name: &str, content: &str) -> String {
        fs::write(self.at(name), content).unwrap();
        self.at(name).display().to_string()
    }

    /// Makes the snapshot anew, so many days old.
    pub fn snapshot(&self, serial: u64, age_in_days: i64) {
        self.hold(&world(serial, now() - age_in_days * 86_400));
    }

    /// Makes a snapshot of this world, put into its place as an update does.
    pub fn hold(&self, world: &World) {
        fs::write(self.at("snapshot.new"), world.snapshot(&self.key)).unwrap();
        fs::rename(self.at("snapshot.new"), self.at("snapshot")).unwrap();
    }

    /// The program with the environment of this place, trusting the key.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_firn-scan"));
        command
            .args(args)
            .arg("--trust")
            .arg(self.at("key.pub"))
            .env_clear()
            .env("HOME", self.dir.path())
            .env("FIRN_SNAPSHOT", self.at("snapshot"))
            .env("NO_COLOR", "1")
            .current_dir(self.dir.path());
        command
    }

    /// Runs the program with some standard input.
    pub fn fed(&self, args: &[&str], input: &str) -> Ran {
        let stdin = self.at("stdin");
        fs::write(&stdin, input).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_firn-scan"))
            .args(args)
            .env_clear()
            .env("HOME", self.dir.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("FIRN_SNAPSHOT", self.at("snapshot"))
            .env("NO_COLOR", "1")
            .current_dir(self.dir.path())
            .stdin(Stdio::from(fs::File::open(stdin).unwrap()))
            .output()
            .unwrap();
        Ran {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs it, trusting the key.
    pub fn run(&self, args: &[&str]) -> Ran {
        let key = self.at("key.pub").display().to_string();
        let mut all = args.to_vec();
        if !all.contains(&"--trust") {
            all.extend(["--trust", &key]);
        }
        self.fed(&all, "")
    }

    /// Runs it as a user who may read everything here and write nothing; `None`, said loudly, where we cannot become another.
    pub fn run_as_nobody(&self, args: &[&str]) -> Option<Ran> {
        use std::os::unix::fs::PermissionsExt as _;
        let program = self.at("firn-scan");
        if !program.exists() {
            fs::copy(env!("CARGO_BIN_EXE_firn-scan"), &program).unwrap();
            fs::set_permissions(self.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let output = Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&program)
            .args(args)
            .arg("--trust")
            .arg(self.at("key.pub"))
            .env_clear()
            .env("HOME", self.dir.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("FIRN_SNAPSHOT", self.at("snapshot"))
            .env("NO_COLOR", "1")
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .output();
        match output {
            Ok(output) if output.status.code() != Some(127) => Some(Ran {
                code: output.status.code(),
                out: String::from_utf8(output.stdout).unwrap(),
                err: String::from_utf8(output.stderr).unwrap(),
            }),
            _ => {
                println!("SKIPPED: a user without rights, because setpriv cannot be run, or not by us");
                None
            }
        }
    }

    /// A store that Nix made, and its top path; `None`, said loudly, where Nix is missing. `cargo xtask test` installs it.
    pub fn store(&self, version: &str) -> Option<(String, String)> {
        let root = self.at("root");
        let expression = format!(
            r#"let f = n: deps: builtins.toFile n (builtins.concatStringsSep "\n" deps);
                   zlib = f "zlib-1.2.11" []; openssl = f "openssl-{version}" [ zlib ]; curl = f "curl-7.71.1-bin" [ openssl zlib ];
               in f "nixos-system-x-{version}" [ curl (f "unit-sshd.service" [ openssl ]) ]"#
        );
        let made = nix(&root, "nix-instantiate", &["--eval", "--read-write-mode", "-E", &expression])?;
        Some((root.display().to_string(), made.trim().trim_matches('"').to_owned()))
    }
}

/// What a program of Nix says about a store.
pub fn nix(root: &Path, program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).arg("--store").arg(root).args(args).output();
    match output {
        Ok(output) if output.status.success() => Some(String::from_utf8(output.stdout).unwrap()),
        Ok(output) => panic!("{program}: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => {
            println!("SKIPPED: stores made by Nix, because {program} cannot be run ({error})");
            None
        }
    }
}

/// A package as a channel has it.
pub fn package(attr: &str, version: &str) -> Package {
    Package {
        attr: attr.into(),
        pname: attr.into(),
        version: version.into(),
        homepages: vec![format!("https://www.{attr}.example/")],
        source_names: vec![format!("{attr}-{version}.tar.gz")],
        ..Package::default()
    }
}

/// A record about a product before a version; `dates` are further members of its head.
pub fn record(id: &str, product: &str, fixed: &str, (score, vector): (&str, &str), dates: &str) -> Advisory {
    let json = format!(
        r#"{{"dataType":"CVE_RECORD","dataVersion":"5.1","cveMetadata":{{"cveId":"{id}","state":"PUBLISHED"{dates}}},
           "containers":{{"cna":{{"title":"A fault in {product}","descriptions":[{{"lang":"en","value":"{product} has a fault."}}],
           "affected":[{{"vendor":"{product}","product":"{product}","collectionURL":"https://www.{product}.example/","repo":"https://www.{product}.example/",
             "cpes":["cpe:2.3:a:{product}:{product}:*:*:*:*:*:*:*:*"],"defaultStatus":"unaffected",
             "versions":[{{"version":"0","lessThan":"{fixed}","status":"affected","versionType":"custom"}}]}}],
           "metrics":[{{"cvssV3_1":{{"version":"3.1","vectorString":"{vector}","baseScore":{score},"baseSeverity":"X"}}}}],
           "references":[{{"url":"https://www.{product}.example/advisory"}}]}}}}}}"#
    );
    vuln::record::cve::parse(json.as_bytes()).unwrap().0
}

/// As bad as can be.
pub const WORST: (&str, &str) = ("9.8", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H");
/// Not so bad.
pub const MIDDLING: (&str, &str) = ("5.3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L");

/// Two channels: one with a vulnerable openssl and zlib, an unstable one where openssl is mended.
pub fn world(serial: u64, created: i64) -> World {
    const MAY: &str = r#","datePublished":"2024-05-01T00:00:00Z""#;
    World {
        channels: vec![
            (
                "nixos-20.09",
                vec![package("openssl", "1.1.1g"), package("zlib", "1.2.11"), package("curl", "7.71.1")],
            ),
            (
                "nixos-unstable",
                vec![package("openssl", "1.1.1k"), package("zlib", "1.2.11"), package("curl", "8.0.0")],
            ),
        ],
        records: vec![
            record("CVE-2024-1001", "openssl", "1.1.1k", WORST, MAY),
            record("CVE-2024-1002", "zlib", "1.3", MIDDLING, MAY),
        ],
        quiet: &[],
        serial,
        created,
    }
}

/// Seconds since 1970.
pub fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}
