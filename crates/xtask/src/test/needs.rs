//! What the tests and benchmarks need beside Rust and a C compiler.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use super::Area;
use crate::{Unready, shell};

/// Who calls a program.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// The tests of an area.
    Tests(Area),
    /// The load of `cargo xtask bench`.
    Load,
}

/// A program that is called.
struct Need {
    caller: Caller,
    /// Present if this runs.
    check: &'static [&'static str],
    /// Debian's package.
    package: &'static str,
    why: &'static str,
}

const NEEDS: &[Need] = &[
    Need {
        caller: Caller::Tests(Area::Tracker),
        check: &["c++", "--version"],
        package: "g++",
        why: "libFuzzer is C++",
    },
    Need {
        caller: Caller::Tests(Area::Tracker),
        check: &["nix-instantiate", "--version"],
        package: "nix-bin",
        why: "names and versions are compared with what Nix itself says",
    },
    Need {
        caller: Caller::Tests(Area::Tracker),
        check: &["chromium", "--version"],
        package: "chromium",
        why: "pages are looked at in a browser",
    },
    Need {
        caller: Caller::Tests(Area::Tracker),
        check: &["chromedriver", "--version"],
        package: "chromium-driver",
        why: "drives that browser",
    },
    Need {
        caller: Caller::Tests(Area::Tracker),
        check: &["npm", "--version"],
        package: "npm",
        why: "fetches axe-core, which looks for what shuts people out of pages",
    },
    Need {
        caller: Caller::Tests(Area::Tracker),
        check: &["nix-instantiate", "--version"],
        package: "nix-bin",
        why: "package sets are evaluated",
    },
    Need {
        caller: Caller::Tests(Area::Tracker),
        check: &["openssl", "version"],
        package: "openssl",
        why: "plays a server with a certificate of its own",
    },
    Need {
        caller: Caller::Tests(Area::Tracker),
        check: &["sh", "-c", "ls /usr/lib/postgresql/*/bin/initdb"],
        package: "postgresql",
        why: "the second database is tested on a cluster of its own",
    },
    Need {
        caller: Caller::Tests(Area::Boot),
        check: &["nix-instantiate", "--version"],
        package: "nix-bin",
        why: "the NixOS module is evaluated",
    },
    Need {
        caller: Caller::Tests(Area::Boot),
        check: &["bootctl", "--version"],
        package: "systemd-boot",
        why: "says what it sees on a partition that we wrote",
    },
    Need {
        caller: Caller::Tests(Area::Boot),
        check: &["test", "-e", "/usr/lib/rustlib/src/rust/library/core/Cargo.toml"],
        package: "rust-web-src",
        why: "the stub is built with the standard library from source",
    },
    Need {
        caller: Caller::Tests(Area::Boot),
        check: &["/usr/bin/rustc", "--version"],
        package: "rustc-web",
        why: "builds the stub, of the same version as that source",
    },
    Need {
        caller: Caller::Tests(Area::Boot),
        check: &["qemu-system-x86_64", "--version"],
        package: "qemu-system-x86",
        why: "images are booted",
    },
    Need {
        caller: Caller::Tests(Area::Boot),
        check: &["test", "-e", "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd"],
        package: "ovmf",
        why: "the firmware that boots them",
    },
    Need {
        caller: Caller::Tests(Area::Boot),
        check: &["swtpm", "--version"],
        package: "swtpm",
        why: "the TPM that they are measured into",
    },
    Need {
        caller: Caller::Tests(Area::Boot),
        check: &["tpm2_eventlog", "--version"],
        package: "tpm2-tools",
        why: "the log of measurements is replayed",
    },
    Need {
        caller: Caller::Tests(Area::Boot),
        check: &["mcopy", "-V"],
        package: "mtools",
        why: "partitions are made without being root",
    },
    Need {
        caller: Caller::Tests(Area::Boot),
        check: &["mkfs.vfat", "--help"],
        package: "dosfstools",
        why: "partitions are made without being root",
    },
    Need {
        caller: Caller::Tests(Area::Boot),
        check: &["sfdisk", "--version"],
        package: "fdisk",
        why: "partitions are made without being root",
    },
    Need {
        caller: Caller::Tests(Area::Boot),
        check: &["sbsign", "--version"],
        package: "sbsigntool",
        why: "signatures are compared",
    },
    Need {
        caller: Caller::Tests(Area::Boot),
        check: &["test", "-x", "/usr/bin/pesign"],
        package: "pesign",
        why: "signatures are compared",
    },
    Need {
        caller: Caller::Tests(Area::Boot),
        check: &["osslsigncode", "--version"],
        package: "osslsigncode",
        why: "signatures are compared",
    },
    Need {
        caller: Caller::Tests(Area::Boot),
        check: &["cert-to-efi-sig-list", "--help"],
        package: "efitools",
        why: "signature lists are compared",
    },
    Need {
        caller: Caller::Tests(Area::Boot),
        check: &["test", "-e", "/usr/lib/shim/shimx64.efi.signed"],
        package: "shim-signed",
        why: "images are booted through it",
    },
    Need {
        caller: Caller::Tests(Area::Boot),
        check: &["test", "-e", "/usr/lib/systemd/boot/efi/systemd-bootx64.efi"],
        package: "systemd-boot-efi",
        why: "images are booted through it",
    },
    Need {
        caller: Caller::Tests(Area::Boot),
        check: &["test", "-e", "/lib/systemd/systemd-measure"],
        package: "systemd",
        why: "measurements are compared",
    },
    Need {
        caller: Caller::Tests(Area::Boot),
        check: &["softhsm2-util", "--version"],
        package: "softhsm2",
        why: "keys in a security module sign",
    },
    Need {
        caller: Caller::Tests(Area::Boot),
        check: &["openssl", "version"],
        package: "openssl",
        why: "signs what is signed elsewhere",
    },
    Need {
        caller: Caller::Tests(Area::Boot),
        check: &["python3", "-c", "import ensurepip"],
        package: "python3-venv",
        why: "independent readers of images run there",
    },
    Need {
        caller: Caller::Tests(Area::Scan),
        check: &["nix-instantiate", "--version"],
        package: "nix-bin",
        why: "makes the stores that are scanned",
    },
    Need {
        caller: Caller::Tests(Area::Scan),
        check: &["systemd-analyze", "--version"],
        package: "systemd",
        why: "checks the units of the watch",
    },
    Need {
        caller: Caller::Tests(Area::Tracker),
        check: &["python3", "-c", "import ensurepip"],
        package: "python3-venv",
        why: "schemathesis runs there",
    },
    Need {
        caller: Caller::Tests(Area::Scan),
        check: &["python3", "-c", "import ensurepip"],
        package: "python3-venv",
        why: "independent readers of SBOM and VEX documents run there",
    },
    Need {
        caller: Caller::Tests(Area::Scan),
        check: &["node", "--version"],
        package: "nodejs",
        why: "runs the tests of the CSAF standard",
    },
    Need {
        caller: Caller::Tests(Area::Scan),
        check: &["npm", "--version"],
        package: "npm",
        why: "fetches them, and the validators of SARIF and HTML",
    },
    Need {
        caller: Caller::Tests(Area::Scan),
        check: &["java", "-version"],
        package: "default-jre-headless",
        why: "runs the validator of HTML",
    },
    Need {
        caller: Caller::Tests(Area::Chain),
        check: &["bash-static", "--version"],
        package: "bash-static",
        why: "a shell that needs no file beside itself repeats the first stages",
    },
    Need {
        caller: Caller::Tests(Area::Chain),
        check: &["clang", "--version"],
        package: "clang",
        why: "tcc compiled by it first must become the chain's tcc",
    },
    Need {
        caller: Caller::Tests(Area::Chain),
        check: &["gcc", "--version"],
        package: "gcc",
        why: "the same, and programs compiled by cc0 and cc1 are compared with it",
    },
    Need {
        caller: Caller::Tests(Area::Chain),
        check: &["objcopy", "--version"],
        package: "binutils",
        why: "the first stages are assembled again by GNU as",
    },
    Need {
        caller: Caller::Tests(Area::Chain),
        check: &["bzip2", "--help"],
        package: "bzip2",
        why: "what it packs must unpack",
    },
    Need {
        caller: Caller::Tests(Area::Chain),
        check: &["xz", "--version"],
        package: "xz-utils",
        why: "the same",
    },
    Need {
        caller: Caller::Tests(Area::Chain),
        check: &["unshare", "--version"],
        package: "util-linux",
        why: "the engine is started where namespaces are not allowed",
    },
    Need {
        caller: Caller::Load,
        check: &["sh", "-c", "PATH=$PATH:/usr/sbin nginx -v"],
        package: "nginx-light",
        why: "serves the same bytes as a file: what the tracker's pages are compared with",
    },
];

/// Components of the Rust toolchain that a minimal one lacks.
const COMPONENTS: [(&str, &str); 2] = [("fmt", "rustfmt"), ("clippy", "clippy")];

/// Installs what the tests of these areas lack, with the components of the toolchain that they need; where it cannot, prints the exact list and
/// fails as unready.
pub fn install(areas: &[Area]) -> Result<()> {
    let components: Vec<&str> = COMPONENTS
        .iter()
        .filter(|(cmd, _)| !runs(&["cargo", cmd, "--version"]))
        .map(|(_, name)| *name)
        .collect();
    if !components.is_empty() {
        println!("installing components of the toolchain: {}", components.join(", "));
        if shell::run(Command::new("rustup").args(["component", "add"]).args(&components)).is_err() {
            bail!(Unready(format!(
                "missing components of the toolchain; run: rustup component add {}",
                components.join(" ")
            )));
        }
    }
    let callers: Vec<Caller> = areas.iter().copied().map(Caller::Tests).collect();
    install_for(&callers)
}

/// Installs what these callers lack; where it cannot, prints the exact list and fails as unready.
pub fn install_for(callers: &[Caller]) -> Result<()> {
    let missing = missing(callers);
    if missing.is_empty() {
        return Ok(());
    }
    if is_debian_root() {
        println!("installing with apt: {}", packages(&missing));
        // Whether it worked is what the checks say afterwards: apt fails for reasons that do not concern us, and the other way round.
        let _ = apt(&missing);
    }
    let missing = self::missing(callers);
    if missing.is_empty() {
        return Ok(());
    }
    bail!(Unready(refusal(&missing)))
}

fn refusal(missing: &[&Need]) -> String {
    let list = missing
        .iter()
        .map(|n| format!("  {:<16} ({}; checked with `{}`)\n", n.package, n.why, n.check.join(" ")));
    let list: String = list.collect();
    format!(
        "this needs what is not installed:\n{list}on Debian, as root: apt-get install {}",
        packages(missing)
    )
}

fn missing(callers: &[Caller]) -> Vec<&'static Need> {
    NEEDS.iter().filter(|n| callers.contains(&n.caller) && !runs(n.check)).collect()
}

fn runs(words: &[&str]) -> bool {
    words
        .split_first()
        .is_some_and(|(program, arguments)| shell::works(Command::new(program).args(arguments)))
}

fn packages(needs: &[&Need]) -> String {
    needs.iter().map(|n| n.package).collect::<Vec<_>>().join(" ")
}

fn is_debian_root() -> bool {
    let root = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout.trim_ascii() == b"0");
    root && Path::new("/etc/debian_version").exists() && runs(&["apt-get", "--version"])
}

fn apt(needs: &[&Need]) -> Result<()> {
    let apt_get = || {
        let mut command = Command::new("apt-get");
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["-y", "-q", "-o", "Dpkg::Use-Pty=0"]);
        command
    };
    let install = || {
        shell::run(
            apt_get()
                .args(["install", "--no-install-recommends"])
                .args(needs.iter().map(|n| n.package)),
        )
    };
    // An update that fails may still leave lists that are good enough.
    let _ = shell::run(apt_get().arg("update"));
    if install().is_ok() {
        return Ok(());
    }
    // An earlier installation that was cut short blocks every later one until it is completed.
    let _ = shell::run(
        Command::new("dpkg")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["--configure", "-a"]),
    );
    let _ = shell::run(apt_get().args(["install", "--fix-broken"]));
    install()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_does_not_run() {
        assert!(!runs(&["firn-no-such-program", "--version"]));
        assert!(!runs(&[]));
        assert!(runs(&["true"]));
    }

    #[test]
    fn what_is_missing_is_listed_exactly() {
        let missing: Vec<&Need> = NEEDS.iter().take(2).collect();
        assert_eq!(
            refusal(&missing),
            "this needs what is not installed:\n  \
             g++              (libFuzzer is C++; checked with `c++ --version`)\n  \
             nix-bin          (names and versions are compared with what Nix itself says; checked with `nix-instantiate --version`)\n\
             on Debian, as root: apt-get install g++ nix-bin"
        );
    }

    #[test]
    fn the_house_needs_nothing_from_the_system() {
        assert!(missing(&[Caller::Tests(Area::House)]).is_empty());
    }
}
