//! Builds firn-stub.efi, the program that `firn-boot` puts signed images together with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::Unready;
use crate::house::House;
use crate::shell::{self, capture, cargo};

const TARGET: &str = "x86_64-unknown-uefi";
/// Smaller than the live peers': a stub is copied into every image of every generation.
const LARGEST: u64 = 100_000;

/// Builds the stub into the target folder, where building `firn-boot` finds it, and returns its path.
pub fn stub(house: &House) -> Result<PathBuf> {
    let compiler = Compiler::find()?;
    let build = house.target.join("firn-stub-build");
    let mut command = cargo(house, "build");
    command
        .current_dir(house.at("boot-stub"))
        .env("CARGO_TARGET_DIR", &build)
        .args(["--release", "--locked", "--target", TARGET]);
    // The same bytes wherever the checkout lies: no paths, no places in messages, no time in the header.
    let mut flags = vec![
        format!("--remap-path-prefix={}=/firn", house.root.display()),
        "-Clink-arg=/Brepro".to_owned(),
        "-Clink-arg=/debug:none".to_owned(),
        "-Zlocation-detail=none".to_owned(),
        "-Zfmt-debug=none".to_owned(),
    ];
    if let Some(home) = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))
    {
        flags.push(format!("--remap-path-prefix={}=/cargo", home.display()));
    }
    command.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", flags.join(" "));
    if let Compiler::Debian { linker } = &compiler {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(linker.clone()).chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(paths).context("put the linker on the path")?);
        command.env("RUSTC", DEBIAN_RUSTC);
    }
    command.args([
        "-Zbuild-std=core,alloc,compiler_builtins",
        "-Zbuild-std-features=compiler-builtins-mem,optimize_for_size",
    ]);
    shell::run(&mut command)?;
    let built = build.join(TARGET).join("release/firn-stub.efi");
    let bytes = fs::read(&built).with_context(|| format!("read {}", built.display()))?;
    let size = bytes.len() as u64;
    if size > LARGEST {
        bail!("{} has {size} bytes; {LARGEST} are allowed", built.display());
    }
    let place = house.target.join("firn-stub/firn-stub.efi");
    // Left alone if it is the same, so that firn-boot is not built again.
    if fs::read(&place).ok().as_deref() != Some(&bytes) {
        fs::create_dir_all(house.target.join("firn-stub")).context("make the folder of the stub")?;
        fs::write(&place, &bytes).with_context(|| format!("write {}", place.display()))?;
    }
    println!("{}: {size} bytes", place.display());
    Ok(place)
}

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// What can build for firmware. The standard library is built from source with either, so that its size is ours to choose.
enum Compiler {
    /// rustup's, with the component rust-src.
    Rustup,
    /// Debian's (packages rustc-web and rust-web-src), with the linker of rustup's.
    Debian { linker: PathBuf },
}

impl Compiler {
    fn find() -> Result<Self> {
        let sysroot = |rustc: &str| -> Result<PathBuf> {
            let path = capture(Command::new(rustc).args(["--print", "sysroot"]))?;
            Ok(PathBuf::from(path.trim()))
        };
        let has_source = |root: &Path| root.join("lib/rustlib/src/rust/library/core/Cargo.toml").exists();
        let own = sysroot("rustc")?;
        if has_source(&own) {
            return Ok(Self::Rustup);
        }
        let linker = own.join("lib/rustlib/x86_64-unknown-linux-gnu/bin");
        if Path::new(DEBIAN_RUSTC).exists() && has_source(&sysroot(DEBIAN_RUSTC)?) && linker.join("rust-lld").exists() {
            return Ok(Self::Debian { linker });
        }
        bail!(Unready(
            "no Rust standard library in source to build for UEFI\nrun: rustup component add rust-src\n\
             or, where that cannot be fetched, as root on Debian: apt-get install rustc-web rust-web-src"
                .into()
        ))
    }
}
