//! Gets source archives: from a mirror, or from Debian by the system's own apt configuration.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::Source;
use crate::store::Store;
use crate::tree;

/// Why an archive could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// A file cannot be read or written.
    #[error("use {path}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The mirror does not have it, or cannot be asked.
    #[error("get {} of {} {} ({}, sha256 {}) from {from}: {why}", archive.file, archive.package, archive.version, archive.suite, archive.sha256)]
    Get {
        /// What was sought.
        archive: Box<Source>,
        /// Where it was sought.
        from: String,
        /// What went wrong.
        why: String,
    },
    /// What came is something else.
    #[error("{file} from {from} has sha256 {found}, not {wanted}")]
    Digest {
        /// The file.
        file: String,
        /// Where it came from.
        from: String,
        /// Its digest.
        found: String,
        /// The digest it must have.
        wanted: String,
    },
}

/// Where archives come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The mirrors that apt on this system uses.
    Apt,
    /// A folder of files, or a URL below which they are.
    Mirror(String),
}

/// Largest archive that is fetched.
const LARGEST: u64 = 256 << 20;
/// Not looked up: a search path may hold nothing.
const APT: &str = "/usr/bin/apt-get";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Puts the archive of a source into the store; whether it had to be fetched.
pub fn fetch(store: &Store, source: &Source, origin: &Origin) -> Result<bool, FetchError> {
    let place = store.fetched(&source.sha256, &source.file);
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| FetchError::Io { path, source }
    };
    if place.exists() && tree::sha256_file(&place).map_err(io(&place))? == source.sha256 {
        return Ok(false);
    }
    let folder = place.parent().unwrap_or(&place);
    let scratch = tempfile::tempdir_in(folder).map_err(io(folder))?;
    let got = scratch.path().join(&source.file);
    let from = match origin {
        Origin::Apt => {
            from_apt(source, scratch.path())?;
            "Debian".to_owned()
        }
        Origin::Mirror(mirror) => {
            from_mirror(source, mirror, &got)?;
            mirror.clone()
        }
    };
    let found = tree::sha256_file(&got).map_err(io(&got))?;
    if found != source.sha256 {
        return Err(FetchError::Digest {
            file: source.file.clone(),
            from,
            found,
            wanted: source.sha256.clone(),
        });
    }
    fs::rename(&got, &place).map_err(io(&place))?;
    Ok(true)
}

fn from_mirror(source: &Source, mirror: &str, to: &Path) -> Result<(), FetchError> {
    let failed = |why: String| failure(source, mirror, why);
    if !mirror.starts_with("http://") && !mirror.starts_with("https://") {
        let from = Path::new(mirror).join(&source.file);
        return fs::copy(&from, to).map(drop).map_err(|e| failed(e.to_string()));
    }
    let url = format!("{}/{}", mirror.trim_end_matches('/'), source.file);
    let response = ureq::get(&url).call().map_err(|e| failed(e.to_string()))?;
    let mut reader = response.into_body().into_reader().take(LARGEST);
    let copied = fs::File::create(to).and_then(|mut file| io::copy(&mut reader, &mut file));
    copied.map(drop).map_err(|e| failed(e.to_string()))
}

/// With a private copy of apt's configuration in which source entries are enabled. Nothing on the system changes.
fn from_apt(source: &Source, scratch: &Path) -> Result<(), FetchError> {
    let failed = |why: String| failure(source, "Debian", why);
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| FetchError::Io { path, source }
    };
    for folder in ["lists/partial", "cache/archives/partial"] {
        let path = scratch.join(folder);
        fs::create_dir_all(&path).map_err(io(&path))?;
    }
    let mut entries = String::new();
    for uri in archives().into_iter().chain(["http://deb.debian.org/debian".to_owned()]).take(1) {
        entries.push_str(&format!("deb-src [signed-by={KEYRING}] {uri} {} main\n", source.suite));
    }
    let list = scratch.join("sources.list");
    fs::write(&list, entries).map_err(io(&list))?;
    let options = [
        format!("Dir::Etc::sourcelist={}", list.display()),
        "Dir::Etc::sourceparts=-".to_owned(),
        format!("Dir::State::Lists={}/lists", scratch.display()),
        format!("Dir::Cache={}/cache", scratch.display()),
        "APT::Sandbox::User=root".to_owned(),
        "Acquire::Retries=3".to_owned(),
    ];
    let apt = |words: &[&str]| {
        let mut command = Command::new(APT);
        for option in &options {
            command.arg("-o").arg(option);
        }
        let output = command
            .args(words)
            .current_dir(scratch)
            .output()
            .map_err(|e| failed(format!("{APT}: {e}")))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let last: Vec<&str> = said.lines().rev().take(3).collect();
        Err(failed(format!(
            "apt-get {}: {}",
            words.join(" "),
            last.into_iter().rev().collect::<Vec<_>>().join(" ")
        )))
    };
    apt(&["-q", "update"])?;
    let got = apt(&["-q", "source", "--download-only", &format!("{}={}", source.package, source.version)]);
    // A source package has other files, too, which archives have lost before. What came is looked at below.
    if scratch.join(&source.file).exists() { Ok(()) } else { got }
}

/// Debian archives that this system uses, the first of each configuration file first.
fn archives() -> Vec<String> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    let parts = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten();
    files.extend(parts.map(|e| e.path()));
    files.sort();
    let texts = files.iter().filter_map(|f| fs::read_to_string(f).ok());
    texts.flat_map(|t| uris(&t)).collect()
}

/// URIs of Debian's main archive in a `.list` or `.sources` file.
fn uris(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|l| l.starts_with("deb ") || l.starts_with("URIs:"));
    let words = lines.flat_map(str::split_whitespace).map(|w| w.trim_end_matches('/'));
    words
        .filter(|w| (w.starts_with("http://") || w.starts_with("https://")) && w.ends_with("/debian"))
        .map(str::to_owned)
        .collect()
}

fn failure(source: &Source, from: &str, why: String) -> FetchError {
    FetchError::Get {
        archive: Box::new(source.clone()),
        from: from.to_owned(),
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_of_apt_are_understood() {
        let old = "# deb http://x/debian a main\ndeb [arch=amd64] https://mirror.example/debian/ bookworm main\ndeb https://other.example apt main\n";
        assert_eq!(uris(old), ["https://mirror.example/debian"]);
        let new =
            "Types: deb\nURIs: http://deb.debian.org/debian\nSuites: bookworm\n\nTypes: deb\nURIs: http://deb.debian.org/debian-security\n";
        assert_eq!(uris(new), ["http://deb.debian.org/debian"]);
    }
}
