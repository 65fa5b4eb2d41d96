//! NAR, the Nix Archive: a file, link or folder as one stream of bytes that is the same for the same tree everywhere.
//!
//! After "The purely functional software deployment model" (E. Dolstra, 2006), figure 5.2, and what `nix-store --dump` writes.
//! An archive is a list of strings, each as its length in eight bytes (low byte first), itself, and zeroes up to a multiple of eight:
//!
//! ```text
//! nar    = "nix-archive-1" node
//! node   = "(" "type" ("regular" ["executable" ""] "contents" BYTES
//!                     | "symlink" "target" BYTES
//!                     | "directory" { "entry" "(" "name" BYTES "node" node ")" }) ")"
//! ```
//!
//! [`Writer`] and [`Reader`] keep no more of it in memory than names and what is being copied. The reader believes nothing: names that
//! are no names of files, names out of order, padding that is not zero, depth without end and lengths that the data does not have are
//! errors.

mod reader;
mod writer;

use std::io;

pub use reader::{Node, Reader};
pub use writer::Writer;

/// What stands first in every archive.
const MAGIC: &[u8] = b"nix-archive-1";
/// Folders within folders.
pub const DEEPEST: usize = 256;
/// Bytes of a name, as Linux has it.
pub const LONGEST_NAME: usize = 255;
/// Bytes that a link says, as Linux has it.
pub const LONGEST_TARGET: usize = 4095;

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File {
        /// Whether it can be run.
        run: bool,
        /// Bytes.
        size: u64,
    },
    /// A folder, whose entries follow.
    Folder,
    /// A link, and what it says.
    Link(Vec<u8>),
}

/// Why an archive could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum NarError {
    /// The bytes could not be had.
    #[error("read a NAR at byte {at}")]
    Read {
        /// How far it was read.
        at: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The bytes are no NAR.
    #[error("read a NAR at byte {at}: {what}")]
    Format {
        /// How far it was read.
        at: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The bytes could not be put down, or what was to be put in could not be read.
    #[error("write a NAR")]
    Write {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What was to be written is no tree.
    #[error("write a NAR: {what}")]
    Tree {
        /// What is wrong.
        what: &'static str,
    },
}

/// Zeroes behind so many bytes, up to a multiple of eight.
const fn padding(length: u64) -> u64 {
    (8 - length % 8) % 8
}

/// Whether a folder can have an entry of this name.
fn is_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && name.len() <= LONGEST_NAME && !name.iter().any(|b| matches!(b, b'/' | 0))
}

/// Whether a link can say this.
fn is_target(target: &[u8]) -> bool {
    !target.is_empty() && target.len() <= LONGEST_TARGET && !target.contains(&0)
}

#[cfg(test)]
mod tests;
