//! cpio archives ("newc") that the kernel unpacks into its first file system.
//!
//! Written the same way whatever the day; owners are root, times zero. After the kernel's buffer-format documentation.

use alloc::format;
use alloc::vec::Vec;

/// What the kernel takes for the end of an archive.
const TRAILER: &str = "TRAILER!!!";
const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;

/// A file or a folder that cannot be put into an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CpioError {
    /// More than 4 GiB.
    #[error("file is too large for a cpio archive")]
    TooLarge,
    /// A path that is empty, absolute, or leaves the archive.
    #[error("path is no relative path of plain names")]
    Path,
}

/// An archive in the making.
#[derive(Debug, Default)]
pub struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

impl Archive {
    /// A folder with these permissions. Folders come before what is in them.
    pub fn folder(&mut self, path: &str, permissions: u32) -> Result<(), CpioError> {
        check(path)?;
        self.entry(path, DIRECTORY | permissions, &[])
    }

    /// A file with these permissions.
    pub fn file(&mut self, path: &str, permissions: u32, data: &[u8]) -> Result<(), CpioError> {
        check(path)?;
        self.entry(path, REGULAR | permissions, data)
    }

    /// The whole archive, a multiple of four bytes long, so that another may follow.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.entries = 0;
        // The trailer has no data, which is all that can be too large.
        let _ = self.entry(TRAILER, 0, &[]);
        self.bytes
    }

    fn entry(&mut self, path: &str, mode: u32, data: &[u8]) -> Result<(), CpioError> {
        let size = u32::try_from(data.len()).map_err(|_| CpioError::TooLarge)?;
        let name_size = u32::try_from(path.len() + 1).map_err(|_| CpioError::TooLarge)?;
        let links = if mode == 0 || mode & DIRECTORY != 0 { 2 } else { 1 };
        self.entries += 1;
        let inode = if mode == 0 { 0 } else { self.entries };
        self.bytes.extend_from_slice(b"070701");
        for field in [inode, mode, 0, 0, links, 0, size, 0, 0, 0, 0, name_size, 0] {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(path.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(data);
        self.pad();
        Ok(())
    }

    fn pad(&mut self) {
        pad(&mut self.bytes);
    }
}

/// Pads to the four bytes at which the next archive may begin.
pub fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

fn check(path: &str) -> Result<(), CpioError> {
    let plain = path.split('/').all(|name| !matches!(name, "" | "." | "..")) && !path.contains('\0') && path != TRAILER;
    if plain { Ok(()) } else { Err(CpioError::Path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_as_the_kernel_reads_it() {
        let mut archive = Archive::default();
        archive.folder(".extra", 0o555).unwrap();
        archive.file(".extra/seed", 0o444, b"12345").unwrap();
        let text = alloc::string::String::from_utf8(archive.finish()).unwrap().replace('\0', "_");
        let zero = "00000000";
        assert_eq!(
            text,
            [
                "070701",
                "00000001",
                "0000416d",
                zero,
                zero,
                "00000002",
                zero,
                zero,
                zero,
                zero,
                zero,
                zero,
                "00000007",
                zero,
                ".extra____",
                "070701",
                "00000002",
                "00008124",
                zero,
                zero,
                "00000001",
                zero,
                "00000005",
                zero,
                zero,
                zero,
                zero,
                "0000000c",
                zero,
                ".extra/seed___",
                "12345___",
                "070701",
                zero,
                zero,
                zero,
                zero,
                "00000002",
                zero,
                zero,
                zero,
                zero,
                zero,
                zero,
                "0000000b",
                zero,
                "TRAILER!!!____",
            ]
            .concat()
        );
    }

    #[test]
    fn attack_path_out_of_the_archive() {
        for path in ["", "/etc/passwd", "a/../b", "..", "a//b", "./a", "a\0b", "TRAILER!!!"] {
            assert_eq!(Archive::default().file(path, 0o444, b""), Err(CpioError::Path), "{path}");
        }
    }
}
