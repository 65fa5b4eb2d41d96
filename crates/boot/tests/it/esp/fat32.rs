//! Reads FAT32 as firmware does, and sees what a file system checker would complain about.

use std::collections::{BTreeMap, BTreeSet};

/// What can be read of a file system.
#[derive(Debug, Default)]
pub struct Volume {
    /// Files by path, with as many of their bytes as can be reached.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Pairs of names that lead to the same cluster.
    pub crossed: Vec<(String, String)>,
}

struct Reader<'a> {
    bytes: &'a [u8],
    table: usize,
    data: usize,
    cluster: usize,
    volume: Volume,
    owners: BTreeMap<u32, String>,
}

fn u16_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u16_at(bytes, at) | u16_at(bytes, at + 2) << 16
}

/// Reads an image of a partition.
pub fn read(bytes: &[u8]) -> Volume {
    let (sector, reserved) = (u16_at(bytes, 11) as usize, u16_at(bytes, 14) as usize);
    let table = reserved * sector;
    let mut reader = Reader {
        bytes,
        table,
        data: table + usize::from(bytes[16]) * u32_at(bytes, 36) as usize * sector,
        cluster: usize::from(bytes[13]) * sector,
        volume: Volume::default(),
        owners: BTreeMap::new(),
    };
    reader.folder("", u32_at(bytes, 44));
    reader.volume
}

impl Reader<'_> {
    /// The clusters of a chain, until it ends or leads nowhere.
    fn chain(&mut self, start: u32, owner: &str) -> Vec<u32> {
        let mut seen = BTreeSet::new();
        let mut chain = Vec::new();
        let mut next = start;
        while (2..0x0fff_fff7).contains(&next) && seen.insert(next) {
            let entry = self.table + next as usize * 4;
            if entry + 4 > self.data || self.data + (next as usize - 1) * self.cluster > self.bytes.len() {
                break;
            }
            let after = u32_at(self.bytes, entry) & 0x0fff_ffff;
            // A cluster that is free belongs to nobody.
            if after == 0 {
                break;
            }
            if let Some(other) = self.owners.insert(next, owner.to_owned())
                && other != owner
            {
                self.volume.crossed.push((other, owner.to_owned()));
            }
            chain.push(next);
            next = after;
        }
        chain
    }

    fn content(&mut self, start: u32, owner: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        for cluster in self.chain(start, owner) {
            let at = self.data + (cluster as usize - 2) * self.cluster;
            bytes.extend_from_slice(&self.bytes[at..at + self.cluster]);
        }
        bytes
    }

    fn folder(&mut self, path: &str, start: u32) {
        let bytes = self.content(start, &format!("{path}/"));
        let mut long = Vec::new();
        for entry in bytes.chunks_exact(32) {
            match entry[0] {
                0 => return,
                0xe5 => {
                    long.clear();
                    continue;
                }
                _ => {}
            }
            if entry[11] == 0x0f {
                long.push(entry.to_vec());
                continue;
            }
            let name = long_name(&long, entry).unwrap_or_else(|| short_name(entry));
            long.clear();
            if entry[11] & 8 != 0 || name == "." || name == ".." {
                continue;
            }
            let path = if path.is_empty() { name } else { format!("{path}/{name}") };
            let start = u16_at(entry, 20) << 16 | u16_at(entry, 26);
            if entry[11] & 0x10 != 0 {
                self.folder(&path, start);
                continue;
            }
            let size = u32_at(entry, 28) as usize;
            let mut content = if size == 0 { Vec::new() } else { self.content(start, &path) };
            content.truncate(size);
            self.volume.files.insert(path, content);
        }
    }
}

fn short_name(entry: &[u8]) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    let (name, end) = (text(&entry[..8]), text(&entry[8..11]));
    if end.is_empty() { name } else { format!("{name}.{end}") }
}

/// The name that stands before an entry, if all of it is there and it belongs to this one.
fn long_name(parts: &[Vec<u8>], entry: &[u8]) -> Option<String> {
    let sum = entry[..11].iter().fold(0_u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte));
    let mut wide = Vec::new();
    for (at, part) in parts.iter().rev().enumerate() {
        let is_last = at + 1 == parts.len();
        if part[13] != sum || usize::from(part[0]) != (at + 1) | if is_last { 0x40 } else { 0 } {
            return None;
        }
        for place in [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30] {
            wide.push(u16_at(part, place) as u16);
        }
    }
    let end = wide.iter().position(|c| *c == 0).unwrap_or(wide.len());
    (!parts.is_empty()).then(|| String::from_utf16_lossy(&wide[..end]))
}
