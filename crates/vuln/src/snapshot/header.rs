//! What stands at the beginning: what the snapshot is, and where its directory lies.

use super::Table;
use super::pack::{Malformed, Pack, Unpacker, record};

/// The format that this build reads and writes. 2: records are also found by the libraries that they are about. 3: profiles hold
/// histories. 4: packages say what they are built for.
pub const FORMAT: u32 = 4;

/// First bytes of a snapshot.
pub(super) const MAGIC: &[u8; 8] = b"firnsnap";
/// Magic, format, length of the header.
pub(super) const LEAD: usize = 16;
/// Key and signature behind the header.
pub(super) const SEAL: usize = 32 + 64;
/// Longer headers and directories are refused.
pub(super) const MAX_HEADER: u32 = 1 << 20;
pub(super) const MAX_DIRECTORY: u64 = 64 << 20;

/// What a snapshot says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// Later snapshots of one key have higher ones.
    pub serial: u64,
    /// When it was made: seconds since 1970.
    pub created: i64,
    /// What made it: `firn-tracker 0.1.0`.
    pub producer: String,
    /// Digest of the matcher and the rules that its verdicts were made with ([`rules_digest`](crate::matching::rules_digest)).
    pub rules: String,
    /// The sources with the dates of their data.
    pub sources: Vec<SourceDate>,
    /// The channels, in the order that packages name them by.
    pub channels: Vec<Channel>,
    /// Number of records: vulnerabilities, whatever the number of sources that speak of each.
    pub records: u64,
    /// Number of packages of all channels.
    pub packages: u64,
}

/// What is signed: the header, and through the directory everything else.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Signed {
    pub header: Header,
    /// Length of the directory, which follows the signature, and its digest.
    pub directory: (u64, [u8; 32]),
    /// Length of all blocks, which follow the directory.
    pub blocks: u64,
}

/// A source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceDate {
    /// `nvd`, `nixpkgs/nixos-unstable`.
    pub name: String,
    /// The newest date of its data: seconds since 1970.
    pub date: i64,
}

/// A channel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Channel {
    /// `nixos-unstable`.
    pub name: String,
    /// Commit, or what is known instead.
    pub revision: String,
    /// When its packages were taken: seconds since 1970.
    pub taken: i64,
    /// Number of packages (clusters of attributes).
    pub packages: u64,
    /// Whether derivations were read: patches are known.
    pub shows_patches: bool,
}

record!(Header {
    serial,
    created,
    producer,
    rules,
    sources,
    channels,
    records,
    packages
});
record!(Signed { header, directory, blocks });
record!(SourceDate { name, date });
record!(Channel {
    name,
    revision,
    taken,
    packages,
    shows_patches
});

/// Where a block lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BlockAt {
    /// Key of the first entry.
    pub first: Vec<u8>,
    /// From the end of the directory.
    pub offset: u64,
    pub size: u64,
    pub len: u64,
    pub sha256: [u8; 32],
}

impl Pack for BlockAt {
    fn pack(&self, out: &mut Vec<u8>) {
        super::pack::put_run(out, &self.first);
        self.offset.pack(out);
        self.size.pack(out);
        self.len.pack(out);
        self.sha256.pack(out);
    }
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            first: from.run()?.to_vec(),
            offset: Pack::unpack(from)?,
            size: Pack::unpack(from)?,
            len: Pack::unpack(from)?,
            sha256: Pack::unpack(from)?,
        })
    }
}

/// The blocks of each table, in the order of [`Table::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Directory {
    pub tables: Vec<Vec<BlockAt>>,
}

record!(Directory { tables });

impl Directory {
    pub fn blocks(&self, table: Table) -> &[BlockAt] {
        let place = Table::ALL.iter().position(|t| *t == table).unwrap_or(usize::MAX);
        self.tables.get(place).map_or(&[], Vec::as_slice)
    }
}
