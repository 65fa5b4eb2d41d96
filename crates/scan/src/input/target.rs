//! What a person names, as a store path: a path of the store, or a symlink that leads there.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

use cli_kit::{Exit, Explained};
use nix_model::{STORE_DIR, StorePath, StorePathError};

use super::store::Store;

/// As many symlinks as Linux itself follows.
const MOST_LINKS: usize = 40;

/// Why what was named is no store path.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// It is not there, or may not be looked at.
    #[error("follow {target} to the store: look at {path}")]
    Look {
        /// What was named.
        target: PathBuf,
        /// Where it stopped.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Symlinks that lead to one another.
    #[error("follow {target} to the store: more than {MOST_LINKS} symlinks, the last one at {path}")]
    Loop {
        /// What was named.
        target: PathBuf,
        /// Where it stopped.
        path: PathBuf,
    },
    /// It is somewhere else.
    #[error("{target} does not lead into {STORE_DIR}: it is {path}")]
    Elsewhere {
        /// What was named.
        target: PathBuf,
        /// Where it leads.
        path: PathBuf,
    },
    /// It leads into the store, to something that is no store path.
    #[error("{target} leads to {path}, which is no store path")]
    NoStorePath {
        /// What was named.
        target: PathBuf,
        /// Where it leads.
        path: String,
        /// Why.
        #[source]
        source: StorePathError,
    },
}

impl Explained for TargetError {
    fn exit(&self) -> Exit {
        match self {
            Self::Look { source, .. } if source.kind() != io::ErrorKind::NotFound => Exit::Incomplete,
            _ => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        matches!(self, Self::Elsewhere { .. }).then(|| "files are read with `closure --from FILE`, `drv FILE` and `sbom FILE`".to_owned())
    }
}

/// Follows a path until it enters the store. Symlinks inside the store are not followed: `./result` is what it points to.
pub fn resolve(target: &Path, store: &Store) -> Result<StorePath, TargetError> {
    let mut pending: VecDeque<OsString> = VecDeque::new();
    let mut here = PathBuf::new();
    push_front(&mut pending, target);
    if target.is_relative() && !target.starts_with(STORE_DIR) {
        let current = std::env::current_dir().map_err(|source| TargetError::Look {
            target: target.into(),
            path: ".".into(),
            source,
        })?;
        push_front(&mut pending, &current);
    }
    let folder = store.folder();
    let mut links = 0;
    while let Some(part) = pending.pop_front() {
        match part.to_str() {
            Some("..") => {
                here.pop();
            }
            Some("/") => here = PathBuf::from("/"),
            _ => here.push(&part),
        }
        if let Ok(inside) = here.strip_prefix(STORE_DIR).or_else(|_| here.strip_prefix(&folder)) {
            if let Some(Component::Normal(base)) = inside.components().next() {
                let base = base.to_string_lossy();
                return StorePath::from_base(&base).map_err(|source| TargetError::NoStorePath {
                    target: target.into(),
                    path: here.to_string_lossy().into_owned(),
                    source,
                });
            }
            continue;
        }
        // What is on the way to a store elsewhere need not be there: it is only a name.
        if Path::new(STORE_DIR).starts_with(&here) {
            continue;
        }
        let look = |source| TargetError::Look {
            target: target.into(),
            path: here.clone(),
            source,
        };
        let kind = here.symlink_metadata().map_err(look)?;
        if kind.is_symlink() {
            links += 1;
            if links > MOST_LINKS {
                return Err(TargetError::Loop {
                    target: target.into(),
                    path: here,
                });
            }
            let to = here.read_link().map_err(look)?;
            here.pop();
            push_front(&mut pending, &to);
        }
    }
    Err(TargetError::Elsewhere {
        target: target.into(),
        path: here,
    })
}

fn push_front(pending: &mut VecDeque<OsString>, path: &Path) {
    for component in path.components().rev() {
        match component {
            Component::CurDir | Component::Prefix(_) => {}
            other => pending.push_front(other.as_os_str().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const BASE: &str = "q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1";

    fn message(path: &Path) -> String {
        resolve(path, &Store::below("/")).unwrap_err().to_string()
    }

    #[test]
    fn store_paths_need_not_be_there() {
        let own = Store::below("/");
        for text in [
            format!("/nix/store/{BASE}"),
            format!("/nix/store/{BASE}/bin/../curl"),
            format!("/nix/../nix/./store/{BASE}"),
        ] {
            assert_eq!(resolve(Path::new(&text), &own).unwrap().base(), BASE, "{text}");
        }
        assert!(message(Path::new("/nix/store/x")).starts_with("/nix/store/x leads to /nix/store/x, which is no store path"));
        assert_eq!(
            message(Path::new("/nix/store")),
            "/nix/store does not lead into /nix/store: it is /nix/store"
        );
        assert_eq!(
            message(Path::new("/nix/store/../../etc")),
            "/nix/store/../../etc does not lead into /nix/store: it is /etc"
        );
    }

    #[test]
    fn symlinks_are_followed_into_the_store_and_no_further() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        symlink(format!("/nix/store/{BASE}"), at("system-1-link")).unwrap();
        symlink("system-1-link", at("system")).unwrap();
        symlink(at("system"), at("current")).unwrap();
        std::fs::create_dir(at("deep")).unwrap();
        symlink("../current/sw", at("deep/sw")).unwrap();
        for name in ["system", "current", "deep/sw", "deep/../current/bin/x"] {
            assert_eq!(resolve(&at(name), &Store::below("/")).unwrap().base(), BASE, "{name}");
        }
        // In a store elsewhere the same path may be a symlink again: it is not followed.
        let store = Store::below(folder.path());
        std::fs::create_dir_all(store.folder()).unwrap();
        symlink("/etc", store.folder().join(BASE)).unwrap();
        assert_eq!(resolve(&store.folder().join(BASE), &store).unwrap().base(), BASE);
    }

    #[test]
    fn security_symlink_loops_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        symlink("b", at("a")).unwrap();
        symlink("a", at("b")).unwrap();
        symlink("self/x", at("self")).unwrap();
        assert!(message(&at("a")).contains("more than 40 symlinks"), "{}", message(&at("a")));
        assert!(message(&at("self")).contains("more than 40 symlinks"));
    }

    #[test]
    fn what_is_elsewhere_or_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("closure.json");
        std::fs::write(&file, "[]").unwrap();
        let real = folder.path().canonicalize().unwrap().join("closure.json");
        assert_eq!(
            message(&file),
            format!("{} does not lead into /nix/store: it is {}", file.display(), real.display())
        );
        let gone = folder.path().join("gone");
        assert_eq!(resolve(&gone, &Store::below("/")).unwrap_err().exit(), Exit::Usage);
        assert_eq!(
            message(&gone),
            format!("follow {} to the store: look at {}", gone.display(), gone.display())
        );
    }
}
