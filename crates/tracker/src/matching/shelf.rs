//! Records that were parsed once and are asked for again: what profiles are derived from is what is matched with them.
//!
//! Packed, all records of the feeds are a tenth of what they are parsed, and quicker to read than their JSON.

use std::io;

use vuln::advisory::Advisory;
use vuln::snapshot::{PackedRecord, Record};

use super::PAGE;
use crate::store::result::StoredVulnerability;

/// The lightest level: they are read once more and dropped.
const LEVEL: i32 = 1;

/// Vulnerabilities with their records in the order they were put up: pages of [`PAGE`], as they came from the store.
#[derive(Default)]
pub struct Shelf {
    pages: Vec<Page>,
    open: Vec<u8>,
    count: usize,
    first: i64,
}

/// A page's worth of them, packed.
pub struct Page {
    first: i64,
    packed: Vec<u8>,
    size: usize,
}

impl Shelf {
    /// Puts one up.
    pub fn push(&mut self, stored: &StoredVulnerability, advisories: Vec<Advisory>) -> io::Result<()> {
        if self.count == 0 {
            self.first = stored.id;
        }
        let record = Record {
            id: stored.name.clone(),
            advisories: advisories.into_iter().map(without_what_nobody_asks).collect(),
            ..Record::default()
        };
        let packed = PackedRecord::from(&record);
        self.open.extend(stored.id.to_le_bytes());
        self.open.extend(stored.touched.to_le_bytes());
        self.open.extend((packed.as_bytes().len() as u64).to_le_bytes());
        self.open.extend(packed.as_bytes());
        self.count += 1;
        if self.count == PAGE {
            self.seal()?;
        }
        Ok(())
    }

    /// All pages of several shelves, in order.
    pub fn pages(shelves: Vec<Self>) -> io::Result<Vec<Page>> {
        let mut pages = Vec::new();
        for mut shelf in shelves {
            shelf.seal()?;
            pages.append(&mut shelf.pages);
        }
        pages.sort_unstable_by_key(|page| page.first);
        Ok(pages)
    }

    fn seal(&mut self) -> io::Result<()> {
        if self.count > 0 {
            let (first, packed) = (self.first, zstd::bulk::compress(&self.open, LEVEL)?);
            self.pages.push(Page {
                first,
                packed,
                size: self.open.len(),
            });
            self.open.clear();
            self.count = 0;
        }
        Ok(())
    }
}

impl Page {
    /// Takes the vulnerabilities down again; they come without their documents.
    pub fn read(&self) -> io::Result<Vec<(StoredVulnerability, Vec<Advisory>)>> {
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "packed records cannot be read back");
        let bytes = zstd::bulk::decompress(&self.packed, self.size)?;
        let mut rest = bytes.as_slice();
        let mut all = Vec::with_capacity(PAGE);
        while !rest.is_empty() {
            let mut number = || {
                let (bytes, after) = rest.split_first_chunk::<8>().ok_or_else(broken)?;
                rest = after;
                Ok::<_, io::Error>(i64::from_le_bytes(*bytes))
            };
            let (id, touched, size) = (number()?, number()?, number()?);
            let size = usize::try_from(size).map_err(|_| broken())?;
            let (packed, after) = rest.split_at_checked(size).ok_or_else(broken)?;
            rest = after;
            let record = PackedRecord::read(packed).ok_or_else(broken)?;
            let stored = StoredVulnerability {
                id,
                name: record.id,
                touched,
                documents: Vec::new(),
            };
            all.push((stored, record.advisories));
        }
        Ok(all)
    }
}

/// Matching reads neither scores nor weaknesses.
fn without_what_nobody_asks(advisory: Advisory) -> Advisory {
    Advisory {
        scores: Vec::new(),
        cwes: Vec::new(),
        ssvc: None,
        ..advisory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_several_shelves_come_back_in_order() {
        let stored = |n: usize| StoredVulnerability {
            id: n as i64,
            name: format!("CVE-2024-{n}"),
            touched: 2 * n as i64,
            documents: Vec::new(),
        };
        let advisory = |n: usize| Advisory {
            id: format!("CVE-2024-{n}"),
            description: "a text ".repeat(n % 9),
            ..Advisory::default()
        };
        let mut shelves = [Shelf::default(), Shelf::default()];
        for n in 0..3 * PAGE + 7 {
            shelves[n / PAGE % 2].push(&stored(n), vec![advisory(n); n % 3]).unwrap();
        }
        let pages = Shelf::pages(shelves.into()).unwrap();
        assert_eq!(pages.len(), 4);
        let all: Vec<_> = pages.iter().flat_map(|page| page.read().unwrap()).collect();
        assert_eq!(all.len(), 3 * PAGE + 7);
        for (n, (found, advisories)) in all.into_iter().enumerate() {
            assert_eq!((found.id, found.name, found.touched), (n as i64, stored(n).name, 2 * n as i64));
            assert_eq!(advisories, vec![advisory(n); n % 3]);
        }
        let torn = Page {
            first: 0,
            packed: pages[0].packed.clone(),
            size: pages[0].size - 1,
        };
        assert!(torn.read().is_err());
    }
}
