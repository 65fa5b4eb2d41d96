//! Reading: the header is checked first, then only the blocks that hold what was asked for.

use std::collections::HashMap;
use std::io;

use super::Table;
use super::block::{Entries, MAX_BLOCK, Unzip, digest};
use super::draft::{KEY, key_bytes, path_bytes};
use super::entry::{ChannelPackage, Filed, Numbers, Record, Surroundings};
use super::header::{BlockAt, Directory, FORMAT, Header, LEAD, MAGIC, MAX_DIRECTORY, MAX_HEADER, SEAL, Signed};
use super::pack::{Malformed, Pack, unpacked};
use crate::matching::{Facts, Key, Known, Profile, Profiles};

/// Bytes that are read by position: a file, or memory.
pub trait ReadAt: Sync {
    /// How many there are.
    fn size(&self) -> io::Result<u64>;
    /// Fills the buffer from there on; fewer bytes are an error.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
    /// Is told that so many bytes are read from there soon: a disk gives many things at once sooner than one after another.
    fn will_read(&self, _offset: u64, _len: u64) {}
}

impl ReadAt for &[u8] {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(offset).ok().and_then(|at| self.get(at..)?.get(..buffer.len()));
        buffer.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// A block's place in the file, and its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockPlace {
    /// From the beginning of the file.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
    /// Of these bytes.
    pub sha256: [u8; 32],
}

impl BlockPlace {
    /// Whether these are the block's bytes.
    pub fn holds(&self, bytes: &[u8]) -> bool {
        bytes.len() as u64 == self.size && digest(bytes) == self.sha256
    }
}

/// A product's folded name, and by vendor what was learned of it.
type Product = (String, Vec<(String, Profile)>);

/// Why a snapshot cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Reading failed.
    #[error("read {what}")]
    Read {
        /// What was being read.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The file is something else.
    #[error("read the snapshot: it does not begin as one (\"firnsnap\")")]
    Foreign,
    /// The file ends early.
    #[error("read the snapshot: it has {has} of {wants} bytes, the rest is missing")]
    Truncated {
        /// Bytes that are there.
        has: u64,
        /// Bytes that there should be.
        wants: u64,
    },
    /// Something was appended.
    #[error("read the snapshot: {more} bytes follow its end")]
    TooLong {
        /// How many.
        more: u64,
    },
    /// It was made by a later version.
    #[error("read the snapshot: its format is {format}, this program knows {FORMAT}")]
    Newer {
        /// Its format.
        format: u32,
    },
    /// It was made by a version whose format is not read any more.
    #[error("read the snapshot: its format {format} is older than {FORMAT} and not read any more")]
    Older {
        /// Its format.
        format: u32,
    },
    /// Bytes are not those that were signed.
    #[error("check {what}: the bytes are not those that were signed")]
    Changed {
        /// Which part.
        what: String,
    },
    /// The bytes are those that were signed, and yet not what the format says.
    #[error("read {what}: not in the snapshot's format")]
    Malformed {
        /// Which part.
        what: String,
    },
}

/// A snapshot whose signature has not been checked yet: it says nothing but who is said to have signed it.
#[derive(Debug)]
pub struct Opened<S> {
    source: S,
    signed: Vec<u8>,
    key: [u8; 32],
    signature: [u8; 64],
    size: u64,
}

impl<S: ReadAt> Opened<S> {
    /// Reads the beginning.
    pub fn read(source: S) -> Result<Self, SnapshotError> {
        let fail = |source| SnapshotError::Read {
            what: "the snapshot's header",
            source,
        };
        let size = source.size().map_err(fail)?;
        let mut lead = [0; LEAD];
        let there = usize::try_from(size).unwrap_or(usize::MAX).min(LEAD);
        let (begin, _) = lead.split_at_mut(there);
        source.read_at(0, begin).map_err(fail)?;
        if !begin.starts_with(MAGIC) {
            // A file of a few bytes may be the beginning of one.
            return Err(if !begin.is_empty() && MAGIC.starts_with(begin) {
                SnapshotError::Truncated {
                    has: size,
                    wants: LEAD as u64,
                }
            } else {
                SnapshotError::Foreign
            });
        }
        if there < LEAD {
            return Err(SnapshotError::Truncated {
                has: size,
                wants: LEAD as u64,
            });
        }
        let number = |at: usize| lead.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes);
        let (format, len) = (number(8), number(12));
        match format {
            0..FORMAT => return Err(SnapshotError::Older { format }),
            FORMAT => {}
            _ => return Err(SnapshotError::Newer { format }),
        }
        if len > MAX_HEADER {
            return Err(SnapshotError::Malformed {
                what: "the length of the snapshot's header".into(),
            });
        }
        let wants = LEAD as u64 + u64::from(len) + SEAL as u64;
        if size < wants {
            return Err(SnapshotError::Truncated { has: size, wants });
        }
        let mut signed = vec![0; LEAD + len as usize];
        let mut seal = [0; SEAL];
        source.read_at(0, &mut signed).map_err(fail)?;
        source.read_at(signed.len() as u64, &mut seal).map_err(fail)?;
        let (mut key, mut signature) = ([0; 32], [0; 64]);
        let (front, back) = seal.split_at(32);
        key.copy_from_slice(front);
        signature.copy_from_slice(back);
        Ok(Self {
            source,
            signed,
            key,
            signature,
            size,
        })
    }

    /// The ed25519 key that is said to have signed it.
    pub fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// What was signed.
    pub fn signed(&self) -> &[u8] {
        &self.signed
    }

    /// The signature.
    pub fn signature(&self) -> &[u8; 64] {
        &self.signature
    }

    /// The snapshot, once the caller has checked the signature.
    pub fn trusted(self) -> Result<Snapshot<S>, SnapshotError> {
        let malformed = |what: &str| SnapshotError::Malformed { what: what.into() };
        let body = self.signed.get(LEAD..).unwrap_or_default();
        let signed: Signed = unpacked(body).map_err(|Malformed| malformed("the snapshot's header"))?;
        let (len, sha256) = signed.directory;
        let at = self.signed.len() as u64 + SEAL as u64;
        let wants = at.checked_add(len).and_then(|n| n.checked_add(signed.blocks));
        let wants = wants
            .filter(|_| len <= MAX_DIRECTORY)
            .ok_or_else(|| malformed("the snapshot's lengths"))?;
        if self.size < wants {
            return Err(SnapshotError::Truncated { has: self.size, wants });
        }
        if self.size > wants {
            return Err(SnapshotError::TooLong { more: self.size - wants });
        }
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
        self.source.read_at(at, &mut bytes).map_err(|source| SnapshotError::Read {
            what: "the snapshot's directory",
            source,
        })?;
        if digest(&bytes) != sha256 {
            return Err(SnapshotError::Changed {
                what: "the snapshot's directory".into(),
            });
        }
        let directory: Directory = unpacked(&bytes).map_err(|Malformed| malformed("the snapshot's directory"))?;
        let blocks = directory.tables.iter().flatten();
        let inside = |b: &BlockAt| b.offset.checked_add(b.size).is_some_and(|end| end <= signed.blocks) && b.len <= MAX_BLOCK as u64;
        if directory.tables.len() != Table::ALL.len() || !blocks.clone().all(inside) {
            return Err(malformed("the snapshot's directory"));
        }
        Ok(Snapshot {
            root: digest(&self.signed),
            blocks_at: at + len,
            source: self.source,
            key: self.key,
            size: self.size,
            header: signed.header,
            directory,
        })
    }
}

/// A snapshot whose header is signed by a key that the caller trusts.
#[derive(Debug)]
pub struct Snapshot<S> {
    source: S,
    key: [u8; 32],
    root: [u8; 32],
    size: u64,
    header: Header,
    directory: Directory,
    blocks_at: u64,
}

impl<S: ReadAt> Snapshot<S> {
    /// What it says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The key that signed it.
    pub fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// SHA-256 of what was signed: the name of everything in it.
    pub fn root(&self) -> &[u8; 32] {
        &self.root
    }

    /// Bytes of the whole file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes in front of the blocks: header, key, signature, directory.
    pub fn head(&self) -> Result<Vec<u8>, SnapshotError> {
        let mut head = vec![0; usize::try_from(self.blocks_at).unwrap_or(usize::MAX)];
        self.source.read_at(0, &mut head).map_err(|source| SnapshotError::Read {
            what: "the snapshot's header",
            source,
        })?;
        Ok(head)
    }

    /// Where each block lies in the file, in its order: what a copy is put together from, whatever the bytes come from.
    pub fn places(&self) -> impl Iterator<Item = BlockPlace> {
        self.directory.tables.iter().flatten().map(|block| BlockPlace {
            offset: self.blocks_at.saturating_add(block.offset),
            size: block.size,
            sha256: block.sha256,
        })
    }

    /// Bytes from anywhere in the file, unchecked: [`BlockPlace::holds`] checks those of a block.
    pub fn bytes(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SnapshotError> {
        self.source.read_at(offset, buffer).map_err(|source| SnapshotError::Read {
            what: "a block of the snapshot",
            source,
        })
    }

    /// Each table with its blocks and their bytes.
    pub fn tables(&self) -> impl Iterator<Item = (Table, usize, u64)> {
        Table::ALL.into_iter().map(|table| {
            let blocks = self.directory.blocks(table);
            (table, blocks.len(), blocks.iter().map(|b| b.size).sum())
        })
    }

    /// Reads and checks every block of a table, with each entry; answers how many there are.
    pub fn check(&self, table: Table) -> Result<u64, SnapshotError> {
        let (mut entries, mut before) = (0, None);
        let mut memory = Memory::default();
        for (n, at) in self.directory.blocks(table).iter().enumerate() {
            let bytes = self.block(table, n, at, &mut memory)?;
            for entry in Entries::of(bytes) {
                let (key, value) = entry.map_err(|Malformed| broken(table, n))?;
                let is_value = match table {
                    Table::Records => unpacked::<Record>(value).is_ok(),
                    Table::RecordKeys => unpacked::<Numbers>(value).is_ok(),
                    Table::Surroundings => unpacked::<Surroundings>(value).is_ok(),
                    Table::Profiles => unpacked::<Product>(value).is_ok(),
                    Table::Facts => unpacked::<Known>(value).is_ok(),
                    Table::Packages => unpacked::<ChannelPackage>(value).is_ok(),
                    Table::PackageKeys => unpacked::<Filed>(value).is_ok(),
                    Table::Paths => unpacked::<u32>(value).is_ok(),
                };
                if !is_value || before.as_deref().is_some_and(|before: &[u8]| before >= key) {
                    return Err(broken(table, n));
                }
                before = Some(key.to_vec());
                entries += 1;
            }
        }
        Ok(entries)
    }

    /// Records by number. Numbers are sorted.
    pub fn records(&self, numbers: &[u32]) -> Result<Vec<(u32, Record)>, SnapshotError> {
        self.numbered(Table::Records, numbers)
    }

    /// Numbers of the records that may matter to packages that are filed under one of these keys, sorted, each once.
    pub fn record_numbers(&self, keys: &[Key]) -> Result<Vec<u32>, SnapshotError> {
        let mut found = Vec::new();
        self.find(
            Table::RecordKeys,
            sorted(keys.iter().map(|key| key_bytes(key.number()))),
            |_, value| {
                found.extend(unpacked::<Numbers>(value)?.0);
                Ok(())
            },
        )?;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// What records depend on. Numbers are sorted.
    pub fn surroundings(&self, numbers: &[u32]) -> Result<Vec<(u32, Surroundings)>, SnapshotError> {
        self.numbered(Table::Surroundings, numbers)
    }

    /// What was learned of products. Numbers are sorted.
    pub fn profiles(&self, numbers: &[u32]) -> Result<Profiles, SnapshotError> {
        let found = self.numbered::<Product>(Table::Profiles, numbers)?;
        Ok(Profiles::of_products(found.into_iter().map(|(_, product)| product)))
    }

    /// What channels know of packages, by their keys.
    pub fn facts(&self, keys: &[String]) -> Result<Facts, SnapshotError> {
        let mut found = Vec::new();
        self.find(Table::Facts, sorted(keys.iter().map(String::as_bytes)), |key, value| {
            found.push((text(key)?, unpacked(value)?));
            Ok(())
        })?;
        Ok(Facts::of_parts(found))
    }

    /// Packages of channels by number. Numbers are sorted.
    pub fn packages(&self, numbers: &[u32]) -> Result<Vec<(u32, ChannelPackage)>, SnapshotError> {
        self.numbered(Table::Packages, numbers)
    }

    /// The packages that are filed under each of these keys; `None` for keys with none.
    pub fn filed(&self, keys: &[Key]) -> Result<Vec<Option<Filed>>, SnapshotError> {
        let mut found: HashMap<[u8; KEY], Filed> = HashMap::new();
        self.find(
            Table::PackageKeys,
            sorted(keys.iter().map(|key| key_bytes(key.number()))),
            |key, value| {
                found.insert(key.try_into().map_err(|_| Malformed)?, unpacked(value)?);
                Ok(())
            },
        )?;
        Ok(keys.iter().map(|key| found.get(&key_bytes(key.number())).cloned()).collect())
    }

    /// The package that each of these store paths belongs to.
    pub fn packages_at(&self, paths: &[&str]) -> Result<Vec<Option<u32>>, SnapshotError> {
        let mut found: HashMap<Vec<u8>, u32> = HashMap::new();
        self.find(Table::Paths, sorted(paths.iter().filter_map(|p| path_bytes(p))), |key, value| {
            found.insert(key.to_vec(), unpacked(value)?);
            Ok(())
        })?;
        let of = |path: &&str| found.get(path_bytes(path)?.as_slice()).copied();
        Ok(paths.iter().map(of).collect())
    }

    fn numbered<T: Pack>(&self, table: Table, numbers: &[u32]) -> Result<Vec<(u32, T)>, SnapshotError> {
        let mut found = Vec::with_capacity(numbers.len());
        self.find(table, numbers.iter().map(|n| n.to_be_bytes()).collect(), |key, value| {
            let number = key.try_into().map_err(|_| Malformed)?;
            found.push((u32::from_be_bytes(number), unpacked(value)?));
            Ok(())
        })?;
        Ok(found)
    }

    /// Hands over the entries with these keys, which are sorted. Each block that may hold one is read once.
    fn find<K: AsRef<[u8]>>(
        &self,
        table: Table,
        keys: Vec<K>,
        mut each: impl FnMut(&[u8], &[u8]) -> Result<(), Malformed>,
    ) -> Result<(), SnapshotError> {
        let blocks = self.directory.blocks(table);
        let wanted = by_block(blocks, &keys);
        for (_, at, _) in &wanted {
            self.source.will_read(self.blocks_at + at.offset, at.size);
        }
        let mut memory = Memory::default();
        for (n, at, keys) in wanted {
            let bytes = self.block(table, n, at, &mut memory)?;
            let mut entries = Entries::of(bytes);
            let mut entry = entries.next();
            for key in keys {
                let key = key.as_ref();
                while let Some(Ok((found, value))) = entry {
                    if found >= key {
                        if found == key {
                            each(found, value).map_err(|Malformed| broken(table, n))?;
                        }
                        break;
                    }
                    entry = entries.next();
                }
                if let Some(Err(Malformed)) = entry {
                    return Err(broken(table, n));
                }
            }
        }
        Ok(())
    }

    fn block<'m>(&self, table: Table, n: usize, at: &BlockAt, memory: &'m mut Memory) -> Result<&'m [u8], SnapshotError> {
        let Memory { packed, unzip } = memory;
        packed.clear();
        packed.resize(usize::try_from(at.size).unwrap_or(usize::MAX), 0);
        self.source
            .read_at(self.blocks_at + at.offset, packed)
            .map_err(|source| SnapshotError::Read {
                what: "a block of the snapshot",
                source,
            })?;
        if digest(packed) != at.sha256 {
            return Err(SnapshotError::Changed {
                what: format!("block {n} of the snapshot's {}", table.name()),
            });
        }
        let len = usize::try_from(at.len).unwrap_or(usize::MAX);
        unzip.decompress(packed, len).map_err(|Malformed| broken(table, n))
    }
}

/// What blocks are read into, one after another.
#[derive(Default)]
struct Memory {
    packed: Vec<u8>,
    unzip: Unzip,
}

/// The blocks that may hold some of these keys, which are sorted, each with its number and its keys.
fn by_block<'a, K: AsRef<[u8]>>(blocks: &'a [BlockAt], mut keys: &'a [K]) -> Vec<(usize, &'a BlockAt, &'a [K])> {
    let mut found = Vec::new();
    while let Some(first) = keys.first() {
        let next = blocks.partition_point(|b| b.first.as_slice() <= first.as_ref());
        let end = blocks
            .get(next)
            .map_or(keys.len(), |next| keys.partition_point(|key| key.as_ref() < next.first.as_slice()));
        // At least one, although blocks that are in no order say otherwise.
        let Some((own, rest)) = keys.split_at_checked(end.max(1)) else {
            break;
        };
        // The last block that begins at or before the key.
        found.extend(next.checked_sub(1).and_then(|n| Some((n, blocks.get(n)?, own))));
        keys = rest;
    }
    found
}

fn broken(table: Table, n: usize) -> SnapshotError {
    SnapshotError::Malformed {
        what: format!("block {n} of the snapshot's {}", table.name()),
    }
}

fn sorted<K: Ord>(keys: impl Iterator<Item = K>) -> Vec<K> {
    let mut keys: Vec<K> = keys.collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn text(key: &[u8]) -> Result<String, Malformed> {
    String::from_utf8(key.to_vec()).map_err(|_| Malformed)
}
