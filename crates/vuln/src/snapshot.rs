//! One signed file with everything that a scanner knows: records, packages of all channels, what was learned of products.
//!
//! ```text
//! "firnsnap"  u32 format version  u32 length of the header           16 bytes, little endian
//! header      serial, times, sources, channels, where the directory is and its SHA-256
//! key         32 bytes, ed25519
//! signature   64 bytes, over everything above but the key
//! directory   for each table its blocks: first key, place, lengths, SHA-256
//! blocks      zstd, each on its own
//! ```
//!
//! The signature covers the header, that the directory's digest, and the directory each block's digest: whoever reads one block checks
//! that block and nothing else. Each [`Table`] is a list of entries sorted by key, cut into blocks. Records are numbered so that those of
//! one product lie together, and found by the keys that the matcher asks for ([`Key`](crate::matching::Key)).
//!
//! Nothing here opens a file or knows a key: bytes come through [`ReadAt`], signatures are checked by the caller.

mod block;
mod draft;
mod entry;
mod header;
pub(crate) mod pack;
mod read;
mod shapes;

pub use block::{Block, RawBlock, compress};
pub use draft::{Draft, Sealed};
pub use entry::{ChannelPackage, Filed, MAX_CHANNELS, PackedRecord, Record, Surroundings, VerdictRow};
pub use header::{Channel, FORMAT, Header, SourceDate};
pub use read::{BlockPlace, Opened, ReadAt, Snapshot, SnapshotError};

/// The tables of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Number of a record (big endian) → [`Record`].
    Records,
    /// Number of a [`Key`](crate::matching::Key) → numbers of records.
    RecordKeys,
    /// Number of a record (big endian) → [`Surroundings`].
    Surroundings,
    /// Number of a product (big endian) → its folded name and the profiles of its vendors.
    Profiles,
    /// Key of [`Facts`](crate::matching::Facts) → what channels know of it.
    Facts,
    /// Number of a package (big endian) → channel and cluster.
    Packages,
    /// Number of a [`Key`](crate::matching::Key) → numbers of packages by channel.
    PackageKeys,
    /// First bytes of a store path's hash → number of a package.
    Paths,
}

impl Table {
    /// All tables, in the order of the file.
    pub const ALL: [Table; 8] = [
        Table::Records,
        Table::RecordKeys,
        Table::Surroundings,
        Table::Profiles,
        Table::Facts,
        Table::Packages,
        Table::PackageKeys,
        Table::Paths,
    ];

    /// What a person calls it.
    pub fn name(self) -> &'static str {
        match self {
            Table::Records => "records",
            Table::RecordKeys => "keys of records",
            Table::Surroundings => "surroundings of records",
            Table::Profiles => "products",
            Table::Facts => "facts",
            Table::Packages => "packages",
            Table::PackageKeys => "keys of packages",
            Table::Paths => "store paths",
        }
    }
}

#[cfg(test)]
mod tests;
