//! No folder of a host is named in what the chain makes, but for what a program asks the system that it runs on. All of that is listed
//! here, with its reason; what is not listed fails the test. Steps that only unpack are not searched for it: what stands in sources is
//! what somebody wrote, and none of it was put there by a build.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

/// Folders at the root of a Linux system.
const ROOTS: [&str; 20] = [
    "bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "libexec", "media", "mnt", "nix", "opt", "proc", "root", "run", "sbin",
    "sys", "tmp", "usr",
];
/// One more, which would make the line above too long.
const VAR: &str = "var";

/// Names that may be in outputs of these steps (of all, if none is listed), and why.
struct Known {
    steps: &'static [&'static str],
    names: &'static [&'static str],
    #[expect(dead_code, reason = "for whoever reads this list")]
    why: &'static str,
}

/// Everything that is left.
const KNOWN: &[Known] = &[
    Known {
        steps: &[],
        names: &[
            "/dev/null",
            "/dev/tty",
            "/dev/console",
            "/dev/log",
            "/dev/ptmx",
            "/dev/pts/%d",
            "/dev/shm/",
            "/dev/shm/tmp-%d",
            "/dev/urandom",
            "/proc/self/fd/",
            "/proc/self/exe",
            "/proc/self/task/%d/comm",
        ],
        why: "musl: what the kernel that a program runs on offers.",
    },
    Known {
        steps: &[],
        names: &[
            "/etc/passwd",
            "/etc/group",
            "/etc/shadow",
            "/etc/tcb/%s/shadow",
            "/etc/shells",
            "/var/run/nscd/socket",
            "/etc/hosts",
            "/etc/services",
            "/etc/resolv.conf",
        ],
        why: "musl: where getpwnam, getusershell, getaddrinfo and their like look for users and servers of the system that a program runs on.",
    },
    Known {
        steps: &[],
        names: &["/etc/localtime", "/usr/share/zoneinfo/", "/etc/zoneinfo/"],
        why: "musl: rules of time zones. Steps run with TZ=UTC, for which none is read.",
    },
    Known {
        steps: &[],
        names: &["/bin/sh", "/bin/csh"],
        why: "musl: the shells of system, popen and getusershell. In a step, /bin is busybox.",
    },
    Known {
        steps: &[],
        names: &["/usr/local/bin", "/bin", "/usr/bin"],
        why: "musl: where execvp looks for a program when there is no PATH, and what confstr answers. Steps have a PATH.",
    },
    Known {
        steps: &[],
        names: &["/tmp", "/tmp/tmpfile_XXXXXX", "/tmp/tmpnam_XXXXXX", "/var/tmp", "/usr/tmp"],
        why: "musl, libiberty: temporary files. In a step /tmp is empty, and the others are not there.",
    },
    Known {
        steps: &["musl", "musl-gcc"],
        names: &[
            "/dev/",
            "/dev/null/utmp",
            "/dev/null/wtmp",
            "/dev/tape",
            "/etc/fstab",
            "/etc/mtab",
            "/etc/nologin",
            "/proc/kmsg",
            "/sbin",
            "/tmp/",
            "/usr/bin/vi",
            "/usr/sbin",
            "/usr/sbin/sendmail",
            "/usr/share/man",
            "/var/lib/misc/",
            "/var/log/lastlog",
            "/var/mail",
            "/var/run/",
            "/var/tmp/",
        ],
        why: "musl's headers: names that a program may ask for (paths.h, utmp.h, mntent.h, sys/mtio.h).",
    },
    Known {
        steps: &["tcc-by-cc1", "tcc-by-tcc", "tcc", "tcc-musl-by-tcc", "tcc-musl", "gcc-3.4.6-works"],
        names: &["/dev/"],
        why: "tcc: an edit of ours, by which it removes no device.",
    },
    Known {
        steps: &["make"],
        names: &["/proc/loadavg"],
        why: "make: for --max-load, which nobody asks it for.",
    },
    Known {
        steps: &["busybox"],
        names: &[
            "/bin/busybox",
            "/dev",
            "/dev/",
            "/dev/fd/%d",
            "/dev/ptyXX",
            "/dev/stderr",
            "/dev/stdin",
            "/dev/stdout",
            "/dev/tty0",
            "/dev/ubi%u",
            "/etc/profile",
            "/proc",
            "/proc/%u/",
            "/proc/%u/cmdline",
            "/sys/class/ubi/ubi%u_%u/name",
            "/sys/devices/system/cpu",
            "/tmp/%s.pid",
        ],
        why: "busybox: devices and processes, which its programs are about; itself, as steps see it; what a login shell reads, and steps have none.",
    },
    Known {
        steps: &["binutils"],
        names: &["/etc/ld.so.conf", "/var/run/ld-elf.so.hints"],
        why: "ld: folders of shared libraries that other shared libraries need. There are none.",
    },
    Known {
        steps: &["gcc-3.4.6-by-tcc", "gcc-3.4.6", "gcc-3.4.6-again"],
        names: &["/lib/"],
        why: "gcc: behind the folder of the C library (--with-sysroot), never alone.",
    },
    Known {
        steps: &["gcc-3.4.6-by-tcc", "gcc-3.4.6", "gcc-3.4.6-again"],
        names: &["/proc/sys/kernel/randomize_va_space", "/proc/sys/kernel/exec-shield-randomize"],
        why: "cc1: whether the kernel puts programs at other places each time, for compiled headers.",
    },
    Known {
        steps: &["gcc-3.4.6", "gcc-3.4.6-again"],
        names: &["/etc/motd", "/proc/sys/kernel/threads-max", "/usr/include/ctype.h"],
        why: "Headers of C++: comments.",
    },
];

/// The names of folders of a host in these bytes. What stands behind a letter or a variable is the end of another name: `../lib`, `$DIR/bin`.
fn names(bytes: &[u8]) -> BTreeSet<String> {
    let part = |b: &u8| b.is_ascii_alphanumeric() || b"_.+%@*-".contains(b);
    let mut found = BTreeSet::new();
    for at in memchr::memchr_iter(b'/', bytes) {
        let before = at.checked_sub(1).and_then(|b| bytes.get(b));
        if before.is_some_and(|b| b.is_ascii_alphanumeric() || b"_.$)}*+%-/]".contains(b)) {
            continue;
        }
        let rest = &bytes[at + 1..];
        let first = &rest[..rest.iter().take_while(|b| part(b)).count()];
        if !ROOTS.iter().chain([&VAR]).any(|r| r.as_bytes() == first) {
            continue;
        }
        let whole = rest.iter().take_while(|b| part(b) || **b == b'/').count();
        found.insert(String::from_utf8_lossy(&bytes[at..=at + whole]).into_owned());
    }
    found
}

/// Searches the outputs of steps that ran something, as `build --format json` tells of them. With `all`, every name in the list must be
/// there as well.
pub fn search(folder: &Path, built: &Value, all: bool) {
    let chain = chain::step::Chain::load(folder).unwrap();
    let mut found: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for step in built["steps"].as_array().unwrap() {
        let name = step["record"]["step"].as_str().unwrap();
        if chain.step(name).unwrap().run.is_empty() {
            continue;
        }
        let out = Path::new(step["out"].as_str().unwrap());
        let mut files = Vec::new();
        crate::gcc::files(out, &mut files);
        for file in files {
            for host in names(&fs::read(&file).unwrap()) {
                let at = file.strip_prefix(out).unwrap().display().to_string();
                found.entry((name.to_owned(), host)).or_default().insert(at);
            }
        }
    }
    let known = |step: &str, host: &str| {
        KNOWN
            .iter()
            .any(|k| (k.steps.is_empty() || k.steps.contains(&step)) && k.names.contains(&host))
    };
    let unknown: Vec<String> = found
        .iter()
        .filter(|((step, host), _)| !known(step, host))
        .map(|((step, host), files)| format!("{step}: {host} in {files:?}"))
        .collect();
    assert!(unknown.is_empty(), "not in the list:\n{}", unknown.join("\n"));
    if all {
        for known in KNOWN {
            for name in known.names {
                let there =
                    |(step, host): &(String, String)| host == name && (known.steps.is_empty() || known.steps.contains(&step.as_str()));
                assert!(found.keys().any(there), "{name} of {:?} is in no output any longer", known.steps);
            }
        }
    }
}

#[test]
fn names_of_a_hosts_folders_are_found_and_ends_of_other_names_are_not() {
    let all = |text: &str| names(text.as_bytes()).into_iter().collect::<Vec<_>>();
    assert_eq!(all("x\0/usr/lib/gcc/\0y"), ["/usr/lib/gcc/"]);
    assert_eq!(all("PATH=/usr/bin:/bin -I/usr/include"), ["/bin", "/usr/bin"]);
    assert_eq!(
        all("SEARCH_DIR(\"=/usr/local/lib64\"); </home/me/x.c>"),
        ["/home/me/x.c", "/usr/local/lib64"]
    );
    assert_eq!(all("/tmp/%s.pid /nix/store/abc-x"), ["/nix/store/abc-x", "/tmp/%s.pid"]);
    assert!(all("../lib/x %s/bin ${prefix}/usr /usrlib /in/musl/lib /work/build /library").is_empty());
}
