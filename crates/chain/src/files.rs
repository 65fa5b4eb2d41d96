//! What the engine does to files itself. A step may have left a link where a file is looked for; the engine, which may be run by root,
//! follows none. No program of a step runs while this does, so that what was looked at is what is used.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown, symlink};
use std::path::{Path, PathBuf};

const DEEPEST: usize = 64;

/// The path below a folder, none of whose parts is a link.
pub fn below(root: &Path, path: &str) -> io::Result<PathBuf> {
    let mut at = root.to_owned();
    for part in path.split('/').filter(|p| !p.is_empty()) {
        if part == "." || part == ".." {
            return Err(io::Error::other("the path leads elsewhere"));
        }
        at.push(part);
        if fs::symlink_metadata(&at).is_ok_and(|data| data.is_symlink()) {
            return Err(io::Error::other("a link stands there, which is not followed"));
        }
    }
    Ok(at)
}

/// Opens a file below a folder.
pub fn open(root: &Path, path: &str) -> io::Result<File> {
    let at = below(root, path)?;
    is_file(&at)?;
    File::open(at)
}

/// Makes a file below a folder, where nothing may be yet.
pub fn create(root: &Path, path: &str) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(below(root, path)?)
}

/// Makes a file below a folder a program.
pub fn set_run_bit(root: &Path, path: &str) -> io::Result<()> {
    let at = below(root, path)?;
    is_file(&at)?;
    fs::set_permissions(at, Permissions::from_mode(0o755))
}

/// Copies a file or folder, with links as links. What can be run, can be run in the copy.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    copy_within(from, to, 0)
}

fn copy_within(from: &Path, to: &Path, depth: usize) -> io::Result<()> {
    if depth > DEEPEST {
        return Err(io::Error::other("too many folders within each other"));
    }
    let data = fs::symlink_metadata(from)?;
    if data.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    if data.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            copy_within(&from.join(&name), &to.join(&name), depth + 1)?;
        }
        return fs::set_permissions(to, Permissions::from_mode(0o755));
    }
    is_file(from)?;
    let mut target = OpenOptions::new().write(true).create_new(true).open(to)?;
    io::copy(&mut File::open(from)?, &mut target)?;
    let mode = if data.mode() & 0o111 == 0 { 0o644 } else { 0o755 };
    target.set_permissions(Permissions::from_mode(mode))
}

/// Removes a folder, whatever rights its owner took from itself within.
pub fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            unlock(folder, 0)?;
            fs::remove_dir_all(folder)
        }
        other => other,
    }
}

fn unlock(at: &Path, depth: usize) -> io::Result<()> {
    if depth > DEEPEST || !fs::symlink_metadata(at)?.is_dir() {
        return Ok(());
    }
    fs::set_permissions(at, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(at)? {
        unlock(&entry?.path(), depth + 1)?;
    }
    Ok(())
}

/// Gives a tree to a user, for whom it is writable.
pub fn give(root: &Path, user: u32) -> io::Result<()> {
    give_within(root, user, 0)
}

fn give_within(at: &Path, user: u32, depth: usize) -> io::Result<()> {
    if depth > DEEPEST {
        return Err(io::Error::other("too many folders within each other"));
    }
    let data = fs::symlink_metadata(at)?;
    if data.uid() != user {
        lchown(at, Some(user), Some(user))?;
    }
    if data.is_dir() {
        for entry in fs::read_dir(at)? {
            give_within(&entry?.path(), user, depth + 1)?;
        }
    }
    Ok(())
}

/// Bytes that a folder takes on disk, with all that is in it.
pub fn disk(folder: &Path) -> io::Result<u64> {
    disk_within(folder, 0)
}

fn disk_within(at: &Path, depth: usize) -> io::Result<u64> {
    if depth > DEEPEST {
        return Err(io::Error::other("too many folders within each other"));
    }
    let data = fs::symlink_metadata(at)?;
    // In pieces of 512, whatever the file system's own are: stat(2).
    let mut bytes = data.blocks().saturating_mul(512);
    if data.is_dir() {
        for entry in fs::read_dir(at)? {
            bytes = bytes.saturating_add(disk_within(&entry?.path(), depth + 1)?);
        }
    }
    Ok(bytes)
}

fn is_file(at: &Path) -> io::Result<()> {
    if fs::symlink_metadata(at)?.is_file() {
        Ok(())
    } else {
        Err(io::Error::other("it is no file"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_link_is_followed_on_the_way_or_at_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("out");
        fs::create_dir_all(root.join("d")).unwrap();
        let secret = dir.path().join("secret");
        fs::write(&secret, "secret").unwrap();
        fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
        symlink(&secret, root.join("file")).unwrap();
        symlink(dir.path(), root.join("d/up")).unwrap();
        for path in ["file", "d/up/secret"] {
            for result in [open(&root, path).map(drop), create(&root, path).map(drop), set_run_bit(&root, path)] {
                assert_eq!(
                    result.unwrap_err().to_string(),
                    "a link stands there, which is not followed",
                    "{path}"
                );
            }
        }
        assert_eq!(below(&root, "d/../..").unwrap_err().to_string(), "the path leads elsewhere");
        assert_eq!(fs::read_to_string(&secret).unwrap(), "secret");
        assert_eq!(fs::metadata(&secret).unwrap().mode() & 0o777, 0o600);
        assert_eq!(open(&root, "d").unwrap_err().to_string(), "it is no file");
        create(&root, "d/new").unwrap();
        assert_eq!(create(&root, "d/new").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn disk_is_what_files_take_and_not_what_they_say() {
        let dir = tempfile::tempdir().unwrap();
        let empty = disk(dir.path()).unwrap();
        fs::create_dir(dir.path().join("d")).unwrap();
        fs::write(dir.path().join("d/full"), vec![1; 1 << 20]).unwrap();
        File::create(dir.path().join("hole")).unwrap().set_len(1 << 30).unwrap();
        symlink("/", dir.path().join("up")).unwrap();
        let more = disk(dir.path()).unwrap() - empty;
        assert!((1 << 20..2 << 20).contains(&more), "{more}");
        assert_eq!(disk(&dir.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn folders_that_are_closed_can_be_removed() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("work");
        fs::create_dir_all(root.join("a/b/c")).unwrap();
        symlink("/", root.join("a/b/up")).unwrap();
        for closed in ["a/b/c", "a/b", "a"] {
            fs::set_permissions(root.join(closed), Permissions::from_mode(0o000)).unwrap();
        }
        // Root needs no rights; others do.
        remove(&root).unwrap();
        assert!(!root.exists());
        assert_eq!(remove(&root).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_copy_has_links_as_links_and_plain_modes() {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from");
        fs::create_dir(&from).unwrap();
        fs::write(from.join("a"), "a").unwrap();
        fs::set_permissions(from.join("a"), Permissions::from_mode(0o600)).unwrap();
        symlink("/etc/passwd", from.join("b")).unwrap();
        let to = dir.path().join("to");
        copy(&from, &to).unwrap();
        assert_eq!(fs::metadata(to.join("a")).unwrap().mode() & 0o777, 0o644);
        assert_eq!(fs::read_link(to.join("b")).unwrap(), Path::new("/etc/passwd"));
        assert!(copy(Path::new("/dev/null"), &dir.path().join("null")).is_err());
    }
}
