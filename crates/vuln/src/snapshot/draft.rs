//! A snapshot in the making: entries are gathered, sorted, cut into blocks, and written behind a signed header.

use std::collections::HashMap;
use std::io::{self, Write};

use super::Table;
use super::block::{Block, RawBlock, cut, digest};
use super::entry::{ChannelPackage, Filed, Numbers, PackedRecord, Surroundings, VerdictRow};
use super::header::{BlockAt, Directory, FORMAT, Header, LEAD, MAGIC, Signed};
use super::pack::packed;
use crate::matching::{Known, Profile};

/// Bytes of records in a block: one product's lie together, and a scan of a system asks for hundreds of products.
const RECORDS: usize = 96 << 10;
/// The same of other tables, of which a scan reads a larger share.
const OTHERS: usize = 64 << 10;

/// Entries of all tables.
#[derive(Debug, Default)]
pub struct Draft {
    /// By what they are sorted by.
    records: Vec<((String, String), PackedRecord)>,
    /// Places in `records`.
    record_keys: HashMap<[u8; KEY], Vec<u32>>,
    package_keys: HashMap<[u8; KEY], Vec<(u32, u32)>>,
    profiles: Vec<Vec<u8>>,
    /// Beside `records`.
    surroundings: Vec<Vec<u8>>,
    facts: Vec<(String, Vec<u8>)>,
    packages: Vec<Vec<u8>>,
    paths: Vec<([u8; PATH], u32)>,
}

/// Bytes of a [`Key`](crate::matching::Key)'s number that are kept.
pub(super) const KEY: usize = 6;
/// Characters of a store path's hash that are kept.
pub(super) const PATH: usize = 12;

pub(super) fn key_bytes(number: u64) -> [u8; KEY] {
    let mut bytes = [0; KEY];
    bytes.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
    bytes
}

/// The part of a store path (`/nix/store/<hash>-<name>`, or without the folder) that it is found by.
pub(super) fn path_bytes(path: &str) -> Option<[u8; PATH]> {
    path.rsplit('/').next()?.as_bytes().first_chunk().copied()
}

impl Draft {
    /// Adds a record with the numbers of all keys that the matcher asks for, of the products that it asks for, and with what channels made
    /// of it; `product` says which others it lies beside. All packages are there already.
    pub fn record(
        &mut self,
        id: &str,
        product: &str,
        record: PackedRecord,
        keys: &[u64],
        mut products: Vec<u32>,
        verdicts: Vec<VerdictRow>,
    ) {
        let number = u32::try_from(self.records.len()).unwrap_or(u32::MAX);
        self.records.push(((product.to_owned(), id.to_owned()), record));
        let mut packages: Vec<(u32, u32)> = Vec::new();
        for key in keys {
            packages.extend(self.package_keys.get(&key_bytes(*key)).into_iter().flatten());
        }
        packages.sort_unstable();
        packages.dedup();
        products.sort_unstable();
        products.dedup();
        self.surroundings.push(packed(&Surroundings {
            id: id.to_owned(),
            verdicts,
            packages: Filed(packages),
            products,
        }));
        for key in keys {
            let numbers = self.record_keys.entry(key_bytes(*key)).or_default();
            if numbers.last() != Some(&number) {
                numbers.push(number);
            }
        }
    }

    /// Adds what was learned of the next product; answers its number. Products come sorted by name, as records will lie.
    pub fn profile(&mut self, product: &(String, Vec<(String, Profile)>)) -> u32 {
        self.profiles.push(packed(product));
        u32::try_from(self.profiles.len() - 1).unwrap_or(u32::MAX)
    }

    /// Adds what channels know of a package.
    pub fn fact(&mut self, key: &str, known: &Known) {
        self.facts.push((key.to_owned(), packed(known)));
    }

    /// Adds the next package; answers its number. Packages come sorted by name, the same name's channels together.
    pub fn package(&mut self, package: &ChannelPackage) -> u32 {
        self.packages.push(packed(package));
        u32::try_from(self.packages.len() - 1).unwrap_or(u32::MAX)
    }

    /// Files a package of a channel under the number of a key.
    pub fn file(&mut self, key: u64, package: u32, channel: u32) {
        self.package_keys.entry(key_bytes(key)).or_default().push((package, channel));
    }

    /// Names a store path of a package: its derivation or an output.
    pub fn path(&mut self, path: &str, package: u32) {
        if let Some(bytes) = path_bytes(path) {
            self.paths.push((bytes, package));
        }
    }

    /// Number of records and packages.
    pub fn counts(&self) -> (u64, u64) {
        (self.records.len() as u64, self.packages.len() as u64)
    }

    /// The blocks of all tables, in the order of [`Table::ALL`], to be compressed.
    pub fn into_blocks(mut self) -> Vec<Vec<RawBlock>> {
        let mut order: Vec<u32> = (0..self.records.len() as u32).collect();
        order.sort_by(|a, b| {
            let key = |n: &u32| self.records.get(*n as usize).map(|(key, _)| key);
            key(a).cmp(&key(b))
        });
        let mut number_of = vec![0; order.len()];
        for (number, old) in order.iter().enumerate() {
            if let Some(place) = number_of.get_mut(*old as usize) {
                *place = number as u32;
            }
        }
        Table::ALL.iter().map(|table| self.blocks(*table, &order, &number_of)).collect()
    }

    fn blocks(&mut self, table: Table, order: &[u32], number_of: &[u32]) -> Vec<RawBlock> {
        match table {
            Table::Records => {
                let records = std::mem::take(&mut self.records);
                let numbered = (0u32..).map(u32::to_be_bytes).zip(order).collect::<Vec<_>>();
                let entries = numbered.iter().filter_map(|(number, old)| {
                    let (_, record) = records.get(**old as usize)?;
                    Some((number.as_slice(), record.0.as_slice()))
                });
                cut(entries, RECORDS)
            }
            Table::RecordKeys => {
                let entries = std::mem::take(&mut self.record_keys).into_iter().map(|(key, old)| {
                    let mut numbers: Vec<u32> = old.iter().filter_map(|n| number_of.get(*n as usize).copied()).collect();
                    numbers.sort_unstable();
                    (key.to_vec(), packed(&Numbers(numbers)))
                });
                sorted(entries.collect())
            }
            Table::Surroundings => {
                let mut surroundings = std::mem::take(&mut self.surroundings);
                let in_order = order
                    .iter()
                    .map(|old| surroundings.get_mut(*old as usize).map(std::mem::take).unwrap_or_default());
                numbered(in_order.collect())
            }
            Table::Profiles => numbered(std::mem::take(&mut self.profiles)),
            Table::Facts => sorted(bytes(std::mem::take(&mut self.facts))),
            Table::Packages => numbered(std::mem::take(&mut self.packages)),
            Table::PackageKeys => {
                let entries = std::mem::take(&mut self.package_keys).into_iter().map(|(key, mut filed)| {
                    filed.sort_unstable();
                    filed.dedup();
                    (key.to_vec(), packed(&Filed(filed)))
                });
                sorted(entries.collect())
            }
            Table::Paths => {
                let entries = std::mem::take(&mut self.paths)
                    .into_iter()
                    .map(|(path, n)| (path.to_vec(), packed(&n)));
                sorted(entries.collect())
            }
        }
    }
}

fn bytes(entries: Vec<(String, Vec<u8>)>) -> Vec<(Vec<u8>, Vec<u8>)> {
    entries.into_iter().map(|(key, value)| (key.into_bytes(), value)).collect()
}

fn numbered(values: Vec<Vec<u8>>) -> Vec<RawBlock> {
    sorted((0u32..).map(|n| n.to_be_bytes().to_vec()).zip(values).collect())
}

fn sorted(mut entries: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<RawBlock> {
    entries.sort_unstable();
    entries.dedup_by(|a, b| a.0 == b.0);
    cut(entries.iter().map(|(key, value)| (key.as_slice(), value.as_slice())), OTHERS)
}

/// Compressed blocks of all tables.
#[derive(Debug)]
pub struct Sealed {
    tables: Vec<Vec<Block>>,
}

impl Sealed {
    /// Of the blocks of [`Draft::into_blocks`], compressed.
    pub fn new(tables: Vec<Vec<Block>>) -> Self {
        Self { tables }
    }

    /// Bytes and blocks of each table.
    pub fn sizes(&self) -> impl Iterator<Item = (Table, u64, usize)> {
        let sizes = self
            .tables
            .iter()
            .map(|blocks| (blocks.iter().map(|b| b.packed.len() as u64).sum(), blocks.len()));
        Table::ALL
            .into_iter()
            .zip(sizes)
            .map(|(table, (bytes, blocks))| (table, bytes, blocks))
    }

    /// Writes the file. `sign` answers the public key and the signature of the bytes it is given.
    pub fn write(&self, header: Header, sign: impl FnOnce(&[u8]) -> ([u8; 32], [u8; 64]), out: &mut impl Write) -> io::Result<()> {
        let (mut directory, mut offset) = (Directory::default(), 0);
        for blocks in &self.tables {
            let mut places = Vec::with_capacity(blocks.len());
            for block in blocks {
                places.push(BlockAt {
                    first: block.first.clone(),
                    offset,
                    size: block.packed.len() as u64,
                    len: block.len as u64,
                    sha256: block.sha256,
                });
                offset += block.packed.len() as u64;
            }
            directory.tables.push(places);
        }
        let directory = packed(&directory);
        let header = packed(&Signed {
            header,
            directory: (directory.len() as u64, digest(&directory)),
            blocks: offset,
        });
        let mut signed = Vec::with_capacity(LEAD + header.len());
        signed.extend(MAGIC);
        signed.extend(FORMAT.to_le_bytes());
        signed.extend(u32::try_from(header.len()).map_err(io::Error::other)?.to_le_bytes());
        signed.extend(header);
        let (key, signature) = sign(&signed);
        out.write_all(&signed)?;
        out.write_all(&key)?;
        out.write_all(&signature)?;
        out.write_all(&directory)?;
        for block in self.tables.iter().flatten() {
            out.write_all(&block.packed)?;
        }
        Ok(())
    }
}
