//! A channel of the snapshot as an inventory: every package that it holds.

use cli_kit::{Exit, Explained};
use vuln::snapshot::{ReadAt, Snapshot, SnapshotError};

use crate::inventory::{Inventory, Part, Scanned, Seen};

/// Packages that are read at a time.
const BATCH: u32 = 4096;

/// Why a channel cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The snapshot does not have it.
    #[error("the snapshot has no channel {name}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The channels that it has.
        known: Vec<String>,
    },
    /// It has another revision of it.
    #[error("the snapshot has {name} at revision {has}, not {wanted}")]
    Revision {
        /// The channel.
        name: String,
        /// The snapshot's revision.
        has: String,
        /// The one asked for.
        wanted: String,
    },
    /// The snapshot.
    #[error("read the packages of {name}")]
    Snapshot {
        /// The channel.
        name: String,
        /// Why not.
        #[source]
        source: SnapshotError,
    },
}

impl Explained for ChannelError {
    fn exit(&self) -> Exit {
        match self {
            Self::Unknown { .. } => Exit::Usage,
            _ => Exit::Incomplete,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { known, .. } => Some(format!("it has {}", known.join(", "))),
            Self::Revision { .. } => Some("a snapshot made when the channel was there has it".into()),
            Self::Snapshot { .. } => None,
        }
    }
}

/// The packages of a channel: `nixos-25.11`, or `nixos-25.11@REVISION`, of which at least seven digits have to be given.
pub fn read<S: ReadAt>(name: &str, snapshot: &Snapshot<S>) -> Result<Inventory, ChannelError> {
    let (channel, wanted) = name.split_once('@').unwrap_or((name, ""));
    let header = snapshot.header();
    let Some((number, found)) = (0_u32..).zip(&header.channels).find(|(_, known)| known.name == channel) else {
        return Err(ChannelError::Unknown {
            name: channel.to_owned(),
            known: header.channels.iter().map(|known| known.name.clone()).collect(),
        });
    };
    if !wanted.is_empty() && (wanted.len() < 7 || !found.revision.starts_with(wanted)) {
        return Err(ChannelError::Revision {
            name: channel.to_owned(),
            has: found.revision.clone(),
            wanted: wanted.to_owned(),
        });
    }
    // Without derivations a channel knows no more of patches than a store path's name does.
    let seen = if found.shows_patches { Seen::Channel } else { Seen::StorePath };
    let mut inventory = Inventory {
        targets: vec![format!("{} at {}", found.name, found.revision)],
        ..Inventory::default()
    };
    let count = u32::try_from(header.packages).unwrap_or(u32::MAX);
    for first in (0..count).step_by(BATCH as usize) {
        let numbers: Vec<u32> = (first..count.min(first.saturating_add(BATCH))).collect();
        let read = snapshot.packages(&numbers).map_err(|source| ChannelError::Snapshot {
            name: channel.to_owned(),
            source,
        })?;
        for (_, package) in read.into_iter().filter(|(_, package)| package.channel == number) {
            let at = u32::try_from(inventory.packages.len()).unwrap_or(u32::MAX);
            inventory.roots.push(at);
            inventory.parts.push(Part {
                name: package.cluster.name,
                package: Some(at),
                ..Part::default()
            });
            inventory.packages.push(Scanned {
                package: package.cluster.package,
                seen,
                ..Scanned::default()
            });
        }
    }
    Ok(inventory)
}
