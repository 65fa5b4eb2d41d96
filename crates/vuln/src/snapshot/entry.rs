//! The values of the tables.

use super::pack::{Malformed, Pack, Unpacker, put_number, record};
use crate::advisory::Advisory;
use crate::matching::Cluster;
use crate::verdict::Verdict;

/// Everything about one vulnerability.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    /// `CVE-2024-3094`, or the record's own id where it has no CVE.
    pub id: String,
    /// Chance of exploitation in 30 days: (score, percentile).
    pub epss: Option<(f32, f32)>,
    /// The day it came into CISA's list of exploited ones: `2024-03-29`.
    pub exploited_since: Option<String>,
    /// What the sources say, in the order they came in.
    pub advisories: Vec<Advisory>,
}

record!(Record {
    id,
    epss,
    exploited_since,
    advisories
});

/// What a verdict about any package depends on beside the record itself, and what became of it in the channels.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// Of the record.
    pub id: String,
    /// The packages that a channel's match found, sorted by number.
    pub verdicts: Vec<VerdictRow>,
    /// All packages that are filed under a key which the record asks for.
    pub packages: Filed,
    /// Numbers of the products whose profiles it asks for.
    pub products: Vec<u32>,
}

impl Pack for Surroundings {
    fn pack(&self, out: &mut Vec<u8>) {
        self.id.pack(out);
        self.verdicts.pack(out);
        self.packages.pack(out);
        Numbers(self.products.clone()).pack(out);
    }
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            id: Pack::unpack(from)?,
            verdicts: Pack::unpack(from)?,
            packages: Pack::unpack(from)?,
            products: Numbers::unpack(from)?.0,
        })
    }
}

/// A record, packed: they are many, and wait in memory until all are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedRecord(pub(super) Vec<u8>);

impl From<&Record> for PackedRecord {
    fn from(record: &Record) -> Self {
        Self(super::pack::packed(record))
    }
}

impl PackedRecord {
    /// The bytes, for whoever keeps many of them together.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads bytes back that came of [`as_bytes`](Self::as_bytes); `None` where they did not.
    pub fn read(bytes: &[u8]) -> Option<Record> {
        super::pack::unpacked(bytes).ok()
    }
}

/// A package of a channel that a vulnerability was matched with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerdictRow {
    /// Number of the package.
    pub package: u32,
    /// The answer.
    pub verdict: Verdict,
}

/// A package of a channel.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelPackage {
    /// Place in [`Header::channels`](super::Header::channels).
    pub channel: u32,
    /// Without store paths: those are found by the table of paths.
    pub cluster: Cluster,
}

record!(ChannelPackage { channel, cluster });

/// Rows are sorted by package; a package's number is put down as its distance from the one before, which is 1 mostly: the same
/// package in the next channel.
impl Pack for Vec<VerdictRow> {
    fn pack(&self, out: &mut Vec<u8>) {
        put_number(out, self.len() as u64);
        let mut before = 0;
        for row in self {
            let place = Verdict::ALL.iter().position(|v| *v == row.verdict).unwrap_or(0) as u64;
            put_number(out, u64::from(row.package.saturating_sub(before)) * 6 + place);
            before = row.package;
        }
    }
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Malformed> {
        let count = usize::try_from(from.number()?).map_err(|_| Malformed)?;
        if count > from.0.len() {
            return Err(Malformed);
        }
        let (mut rows, mut before) = (Vec::with_capacity(count), 0u32);
        for _ in 0..count {
            let number = from.number()?;
            let step = u32::try_from(number / 6).map_err(|_| Malformed)?;
            before = before.checked_add(step).ok_or(Malformed)?;
            let verdict = Verdict::ALL.get((number % 6) as usize).copied().ok_or(Malformed)?;
            rows.push(VerdictRow { package: before, verdict });
        }
        Ok(rows)
    }
}

/// The packages that are filed under a key: (number, channel), ascending.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filed(pub Vec<(u32, u32)>);

/// The most channels of a snapshot: a package's distance from the one before and its channel take one byte then, mostly.
pub const MAX_CHANNELS: usize = 64;

impl Pack for Filed {
    fn pack(&self, out: &mut Vec<u8>) {
        put_number(out, self.0.len() as u64);
        let mut before = 0;
        for (number, channel) in &self.0 {
            put_number(out, u64::from(number.saturating_sub(before)) << 6 | u64::from(channel & 63));
            before = *number;
        }
    }
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Malformed> {
        let count = usize::try_from(from.number()?).map_err(|_| Malformed)?;
        if count > from.0.len() {
            return Err(Malformed);
        }
        let (mut all, mut before) = (Vec::with_capacity(count), 0u32);
        for _ in 0..count {
            let number = from.number()?;
            let step = u32::try_from(number >> 6).map_err(|_| Malformed)?;
            before = before.checked_add(step).ok_or(Malformed)?;
            all.push((before, (number & 63) as u32));
        }
        Ok(Self(all))
    }
}

/// Ascending numbers, put down as distances.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Numbers(pub Vec<u32>);

impl Pack for Numbers {
    fn pack(&self, out: &mut Vec<u8>) {
        put_number(out, self.0.len() as u64);
        let mut before = 0;
        for number in &self.0 {
            put_number(out, u64::from(number.saturating_sub(before)));
            before = *number;
        }
    }
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Malformed> {
        let count = usize::try_from(from.number()?).map_err(|_| Malformed)?;
        if count > from.0.len() {
            return Err(Malformed);
        }
        let (mut numbers, mut before) = (Vec::with_capacity(count), 0u32);
        for _ in 0..count {
            before = before.checked_add(u32::unpack(from)?).ok_or(Malformed)?;
            numbers.push(before);
        }
        Ok(Self(numbers))
    }
}
