//! The sandbox with programs of the host: what the kernel says about a job, and who its files belong to.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get ends it")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so aloud")]

use std::fs::{self, File};
use std::num::NonZeroU32;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use sandbox::{Access, Ending, Job, Limits, Mount, SandboxError, other_user, run};

const MANY: Limits = Limits {
    memory: 1 << 30,
    processes: 1,
    files: 64,
    file_size: 1 << 20,
    scratch: 1 << 20,
    time: Duration::from_secs(20),
};

/// A job that sees the programs of the host, `/proc`, and a folder to write to.
fn job(dir: &Path, argv: &[&str]) -> Job {
    for folder in ["root", "out"] {
        fs::create_dir_all(dir.join(folder)).unwrap();
    }
    let outside = other_user(1_879_048_192);
    if let Some(user) = outside {
        std::os::unix::fs::chown(dir.join("out"), Some(user), Some(user)).unwrap();
    }
    let mut mounts = Vec::new();
    for folder in ["/usr", "/bin", "/lib", "/lib64", "/proc"] {
        if Path::new(folder).exists() {
            mounts.push(Mount {
                outside: folder.into(),
                inside: folder.into(),
                access: Access::Read,
            });
        }
    }
    mounts.push(Mount {
        outside: dir.join("out"),
        inside: "/out".into(),
        access: Access::Write,
    });
    Job {
        argv: argv.iter().map(|a| (*a).to_owned()).collect(),
        environment: Vec::new(),
        mounts,
        root: dir.join("root"),
        directory: "/out".into(),
        user: NonZeroU32::new(1000).unwrap(),
        outside,
        stdin: None,
        stdout: Some(File::create(dir.join("said")).unwrap()),
        stderr: File::create(dir.join("log")).unwrap(),
        limits: MANY,
    }
}

/// Where something is mounted below `/proc`, only root can show it without that.
fn can_show_proc() -> bool {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let good = other_user(1).is_some() || !mounts.lines().any(|l| l.split(' ').nth(1).is_some_and(|m| m.starts_with("/proc/")));
    if !good {
        eprintln!("SKIPPED: what the kernel says about a job, because something is mounted below /proc");
    }
    good
}

#[test]
fn security_a_job_has_no_rights_and_no_way_to_any() {
    if !can_show_proc() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let outcome = run(job(dir.path(), &["/bin/cat", "/proc/self/status"])).unwrap();
    assert_eq!(
        outcome.ending,
        Ending::Code(0),
        "{}",
        fs::read_to_string(dir.path().join("log")).unwrap()
    );
    let status = fs::read_to_string(dir.path().join("said")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|l| l.starts_with(&format!("{name}:"))).unwrap();
        line.split_once(':').unwrap().1.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "SigIgn", "SigBlk"] {
        assert_eq!(field(set), "0000000000000000", "{set}");
    }
    assert_eq!([field("NoNewPrivs"), field("Seccomp")], ["1", "2"]);
    assert_eq!([field("Uid"), field("Gid")], ["1000 1000 1000 1000"; 2]);
    assert!(
        ["", "1000"].contains(&field("Groups").as_str()) || !field("Groups").contains(" 0"),
        "{status}"
    );
    // The innermost numbers: the first process, of a group and a session of its own.
    for number in ["NStgid", "NSpid", "NSpgid", "NSsid"] {
        assert_eq!(field(number).split(' ').next_back(), Some("1"), "{number}: {status}");
    }
}

#[test]
fn what_a_job_writes_belongs_to_the_user_it_is_outside() {
    let dir = tempfile::tempdir().unwrap();
    let job = job(dir.path(), &["/bin/cp", "/usr/bin/env", "/out/copy"]);
    let own = fs::metadata(dir.path()).unwrap().uid();
    let expected = job.outside.unwrap_or(own);
    let outcome = run(job).unwrap();
    assert_eq!(
        outcome.ending,
        Ending::Code(0),
        "{}",
        fs::read_to_string(dir.path().join("log")).unwrap()
    );
    assert_eq!(fs::metadata(dir.path().join("out/copy")).unwrap().uid(), expected);
    assert_ne!(own == 0, expected == 0, "a job of root is not root");
    assert!(outcome.memory > 100 << 10, "{outcome:?}");
}

#[test]
fn root_without_another_user_gets_no_job_of_several_processes() {
    let dir = tempfile::tempdir().unwrap();
    let mut job = job(dir.path(), &["/bin/true"]);
    let is_root = job.outside.take().is_some();
    job.limits.processes = 2;
    match run(job) {
        Err(SandboxError::Root) => assert!(is_root),
        Ok(outcome) => assert!(!is_root && outcome.ending == Ending::Code(0)),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn the_end_of_a_job_is_told_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let ending = |script: &str, time: u64| {
        let mut job = job(dir.path(), &["/bin/sh", "-c", script]);
        job.limits.time = Duration::from_millis(time);
        run(job).unwrap().ending
    };
    assert_eq!(ending("exit 0", 20_000), Ending::Code(0));
    // Not a signal, though shells tell signals this way.
    assert_eq!(ending("exit 137", 20_000), Ending::Code(137));
    assert_eq!(ending("while :; do :; done", 300), Ending::TimedOut);
    let missing = run(job(dir.path(), &["/bin/none"]));
    assert!(matches!(missing, Err(SandboxError::Start { .. })), "{missing:?}");
}

#[test]
fn security_the_null_device_is_the_only_one_that_can_be_shown() {
    let dir = tempfile::tempdir().unwrap();
    let show = |outside: &str, access| Mount {
        outside: outside.into(),
        inside: "/dev/null".into(),
        access,
    };
    let script = "echo gone > /dev/null && test -c /dev/null && test -z \"$(cat /dev/null)\" && ! rm /dev/null && ! mv /dev/null /out/null && echo good";
    let family = Limits { processes: 8, ..MANY };
    let mut good = job(dir.path(), &["/bin/sh", "-c", script]);
    if good.outside.is_none() && Path::new("/proc/self").metadata().unwrap().uid() == 0 {
        eprintln!("SKIPPED: the null device, because root has no other user here to run several processes as");
        return;
    }
    good.limits = family;
    good.mounts.push(show("/dev/null", Access::Null));
    assert_eq!(run(good).unwrap().ending, Ending::Code(0));
    assert_eq!(fs::read_to_string(dir.path().join("said")).unwrap(), "good\n");
    // As any other mount it is a name without a device behind it.
    let mut plain = job(dir.path(), &["/bin/sh", "-c", "! echo gone > /dev/null"]);
    plain.mounts.push(show("/dev/null", Access::Write));
    assert_eq!(run(plain).unwrap().ending, Ending::Code(0));
    // A file that somebody put where it was, another device.
    fs::write(dir.path().join("null"), "").unwrap();
    for other in [dir.path().join("null").to_str().unwrap(), "/dev/zero", "/dev/random"] {
        let mut bad = job(dir.path(), &["/bin/true"]);
        bad.mounts.push(show(other, Access::Null));
        assert!(
            matches!(run(bad).unwrap_err(), SandboxError::NotNull(path) if path == Path::new(other)),
            "{other}"
        );
    }
}
