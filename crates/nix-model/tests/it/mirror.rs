//! The mirror of real data that `FIRN_MIRROR` points to.

use std::path::PathBuf;

/// A file or folder of the mirror, or a loud line and `None`.
pub fn path(test: &str, relative: &str) -> Option<PathBuf> {
    let Some(mirror) = std::env::var_os("FIRN_MIRROR") else {
        eprintln!("SKIPPED {test}: FIRN_MIRROR is not set");
        return None;
    };
    let path = PathBuf::from(mirror).join(relative);
    if !path.exists() {
        eprintln!("SKIPPED {test}: {} is missing", path.display());
        return None;
    }
    Some(path)
}
