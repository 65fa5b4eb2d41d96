//! Puts the stub into the program, if `cargo xtask stub` has made it.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    println!("cargo::rerun-if-env-changed=FIRN_STUB");
    let stub = match env::var_os("FIRN_STUB").filter(|f| !f.is_empty()) {
        Some(file) => PathBuf::from(file),
        None => {
            let folder = target(&out).join("firn-stub");
            // Watched even before there is a stub: a file that is not there would have this crate built each time.
            fs::create_dir_all(&folder)?;
            println!("cargo::rerun-if-changed={}", folder.display());
            folder.join("firn-stub.efi")
        }
    };
    let value = if stub.exists() {
        println!("cargo::rerun-if-changed={}", stub.display());
        format!("Some(include_bytes!({:?}))", stub.canonicalize()?)
    } else {
        "None".to_owned()
    };
    fs::write(out.join("stub.rs"), value)
}

/// The target folder, which is above the folder of every profile.
fn target(out: &Path) -> PathBuf {
    let marked = out.ancestors().find(|a| a.join("CACHEDIR.TAG").exists());
    marked.or_else(|| out.ancestors().nth(4)).unwrap_or(out).to_path_buf()
}
