//! Outcomes waiting to be written, packed: a channel's evidence is hundreds of megabytes of much the same sentences.

use std::io;

use vuln::verdict::{Disposition, Verdict};

use crate::store::result::{OutcomeRow, VerdictLine};

/// Bytes that are packed together.
const BLOCK: usize = 1 << 20;

/// The lightest level: the text repeats itself so much that others gain little.
const LEVEL: i32 = 1;

/// Rows in the order they were pushed, packed. Reading them back in that order frees them.
#[derive(Default)]
pub struct Spool {
    blocks: Vec<(Vec<u8>, usize)>,
    open: Vec<u8>,
}

impl Spool {
    /// Adds a row.
    pub fn push(&mut self, row: &OutcomeRow) -> io::Result<()> {
        let out = &mut self.open;
        put_number(out, row.vulnerability as u64);
        out.push(position(&Disposition::ALL, row.disposition));
        put_optional(out, row.near_misses.as_deref());
        put_number(out, row.verdicts.len() as u64);
        for line in &row.verdicts {
            put_text(out, &line.cluster);
            out.push(position(&Verdict::ALL, line.verdict));
            out.extend(line.confidence.to_le_bytes());
            put_optional(out, line.fixed_in.as_deref());
            put_text(out, &line.evidence);
        }
        if out.len() >= BLOCK {
            self.seal()?;
        }
        Ok(())
    }

    /// The rows.
    pub fn rows(mut self) -> io::Result<Rows> {
        self.seal()?;
        Ok(Rows {
            blocks: self.blocks.into_iter(),
            block: Vec::new(),
            at: 0,
        })
    }

    fn seal(&mut self) -> io::Result<()> {
        if !self.open.is_empty() {
            self.blocks.push((zstd::bulk::compress(&self.open, LEVEL)?, self.open.len()));
            self.open.clear();
        }
        Ok(())
    }
}

/// Reads a [`Spool`] back.
pub struct Rows {
    blocks: std::vec::IntoIter<(Vec<u8>, usize)>,
    block: Vec<u8>,
    at: usize,
}

impl Iterator for Rows {
    type Item = OutcomeRow;

    fn next(&mut self) -> Option<OutcomeRow> {
        while self.at >= self.block.len() {
            let (packed, len) = self.blocks.next()?;
            // We packed it ourselves a moment ago; memory that fails is no case to handle.
            self.block = zstd::bulk::decompress(&packed, len).unwrap_or_default();
            self.at = 0;
        }
        let row = self.row();
        if row.is_none() {
            self.at = self.block.len();
        }
        row
    }
}

impl Rows {
    fn row(&mut self) -> Option<OutcomeRow> {
        let vulnerability = self.number()? as i64;
        let disposition = self.one_of(&Disposition::ALL)?;
        let near_misses = self.optional()?;
        let count = self.number()?;
        let mut verdicts = Vec::new();
        for _ in 0..count {
            verdicts.push(VerdictLine {
                cluster: self.text()?,
                verdict: self.one_of(&Verdict::ALL)?,
                confidence: f32::from_le_bytes(self.bytes(4)?.try_into().ok()?),
                fixed_in: self.optional()?,
                evidence: self.text()?,
            });
        }
        Some(OutcomeRow {
            vulnerability,
            disposition,
            near_misses,
            verdicts,
        })
    }

    fn bytes(&mut self, len: usize) -> Option<&[u8]> {
        let end = self.at.checked_add(len)?;
        let bytes = self.block.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    fn number(&mut self) -> Option<u64> {
        self.bytes(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Option<String> {
        let len = usize::try_from(self.number()?).ok()?;
        String::from_utf8(self.bytes(len)?.to_vec()).ok()
    }

    fn optional(&mut self) -> Option<Option<String>> {
        match self.bytes(1)? {
            [0] => Some(None),
            _ => self.text().map(Some),
        }
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        let [number] = self.bytes(1)? else { return None };
        all.get(usize::from(*number)).copied()
    }
}

fn position<T: PartialEq>(all: &[T], one: T) -> u8 {
    all.iter()
        .position(|other| *other == one)
        .and_then(|n| u8::try_from(n).ok())
        .unwrap_or(u8::MAX)
}

fn put_number(out: &mut Vec<u8>, number: u64) {
    out.extend(number.to_le_bytes());
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_number(out, text.len() as u64);
    out.extend(text.as_bytes());
}

fn put_optional(out: &mut Vec<u8>, text: Option<&str>) {
    out.push(u8::from(text.is_some()));
    if let Some(text) = text {
        put_text(out, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_went() {
        let verdict = |n: usize, verdict| VerdictLine {
            cluster: format!("package{n}"),
            verdict,
            confidence: 0.875,
            fixed_in: n.is_multiple_of(2).then(|| format!("1.{n}")),
            evidence: format!("[{{\"rule\":\"r\",\"detail\":\"{}\"}}]", "ä".repeat(n % 97)),
        };
        let rows: Vec<OutcomeRow> = (0..20_000)
            .map(|n| OutcomeRow {
                vulnerability: n as i64,
                disposition: Disposition::ALL[n % Disposition::ALL.len()],
                near_misses: n.is_multiple_of(3).then(|| "[]".to_owned()),
                verdicts: (0..n % 4).map(|k| verdict(n, Verdict::ALL[(n + k) % Verdict::ALL.len()])).collect(),
            })
            .collect();
        let mut spool = Spool::default();
        rows.iter().for_each(|row| spool.push(row).unwrap());
        assert!(spool.blocks.len() > 2, "{}", spool.blocks.len());
        assert!(spool.rows().unwrap().eq(rows));
    }
}
