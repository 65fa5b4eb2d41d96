//! Unpacks bzip2. Written from the format's description; nothing in it trusts its input.

/// Why data is no bzip2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Bzip2Error {
    /// The data ends too early.
    #[error("the data ends within a block")]
    Short,
    /// Something does not hold what the format says.
    #[error("not bzip2: {0}")]
    Format(&'static str),
    /// A checksum is wrong.
    #[error("a checksum does not hold: the data is damaged")]
    Checksum,
    /// More came out than was allowed.
    #[error("unpacks to more than {0} bytes")]
    TooLarge(usize),
}

/// Symbols in a group that share one table.
const GROUP: usize = 50;
/// Longest code.
const LONGEST: usize = 20;
const BLOCK: u64 = 0x3141_5926_5359;
const END: u64 = 0x1772_4538_5090;

/// Unpacks one or more streams, at most `limit` bytes.
pub fn unpack(data: &[u8], limit: usize) -> Result<Vec<u8>, Bzip2Error> {
    let mut out = Vec::new();
    let mut bits = Bits { data, at: 0 };
    loop {
        stream(&mut bits, &mut out, limit)?;
        bits.at = bits.at.div_ceil(8) * 8;
        if bits.at / 8 >= data.len() {
            return Ok(out);
        }
    }
}

struct Bits<'a> {
    data: &'a [u8],
    /// In bits.
    at: usize,
}

impl Bits<'_> {
    fn bit(&mut self) -> Result<bool, Bzip2Error> {
        let byte = *self.data.get(self.at / 8).ok_or(Bzip2Error::Short)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Ok(bit == 1)
    }

    fn number(&mut self, width: u32) -> Result<u64, Bzip2Error> {
        let mut value = 0;
        for _ in 0..width {
            value = value << 1 | u64::from(self.bit()?);
        }
        Ok(value)
    }

    fn small(&mut self, width: u32) -> Result<usize, Bzip2Error> {
        usize::try_from(self.number(width)?).map_err(|_| Bzip2Error::Format("a number is too large"))
    }
}

fn stream(bits: &mut Bits<'_>, out: &mut Vec<u8>, limit: usize) -> Result<(), Bzip2Error> {
    if bits.number(24)? != u64::from(u32::from_be_bytes(*b"\0BZh")) {
        return Err(Bzip2Error::Format("it does not start with BZh"));
    }
    let level = bits.small(8)?.wrapping_sub(usize::from(b'0'));
    if !(1..=9).contains(&level) {
        return Err(Bzip2Error::Format("no such block size"));
    }
    let mut all: u32 = 0;
    loop {
        match bits.number(48)? {
            BLOCK => {
                let expected = bits.number(32)?;
                let from = out.len();
                block(bits, out, level * 100_000, limit)?;
                let sum = checksum(out.get(from..).unwrap_or_default());
                if u64::from(sum) != expected {
                    return Err(Bzip2Error::Checksum);
                }
                all = all.rotate_left(1) ^ sum;
            }
            END if bits.number(32)? == u64::from(all) => return Ok(()),
            END => return Err(Bzip2Error::Checksum),
            _ => return Err(Bzip2Error::Format("neither a block nor the end")),
        }
    }
}

fn block(bits: &mut Bits<'_>, out: &mut Vec<u8>, size: usize, limit: usize) -> Result<(), Bzip2Error> {
    if bits.bit()? {
        return Err(Bzip2Error::Format("randomised blocks are not supported"));
    }
    let start = bits.small(24)?;
    let columns = columns(bits, size)?;
    expand(&columns, start, out, limit)
}

/// The block before the last two transformations: last column of the sorted rotations.
fn columns(bits: &mut Bits<'_>, size: usize) -> Result<Vec<u8>, Bzip2Error> {
    let mut symbols = symbols_used(bits)?;
    let tables = bits.small(3)?;
    let selectors = bits.small(15)?;
    if !(2..=6).contains(&tables) || selectors == 0 {
        return Err(Bzip2Error::Format("no such number of tables"));
    }
    let selectors = selector_list(bits, tables, selectors)?;
    let alphabet = symbols.len() + 2;
    let tables = (0..tables).map(|_| Table::read(bits, alphabet)).collect::<Result<Vec<_>, _>>()?;
    let mut columns = Vec::with_capacity(size);
    let mut repeat = 0_usize;
    let mut weight = 1_usize;
    for selector in selectors {
        let table = tables.get(selector).ok_or(Bzip2Error::Format("no such table"))?;
        for _ in 0..GROUP {
            let symbol = table.symbol(bits)?;
            if symbol <= 1 {
                // a repetition count, in digits of value 1 and 2
                repeat = repeat.saturating_add(weight << symbol);
                weight = weight.saturating_mul(2).min(1 << 24);
                if repeat > size {
                    return Err(Bzip2Error::Format("a block is too long"));
                }
                continue;
            }
            if repeat > 0 {
                let byte = *symbols.first().ok_or(Bzip2Error::Format("no symbols"))?;
                columns.resize(columns.len() + repeat, byte);
                repeat = 0;
                weight = 1;
            }
            if columns.len() > size {
                return Err(Bzip2Error::Format("a block is too long"));
            }
            if symbol == alphabet - 1 {
                return Ok(columns);
            }
            if symbol > symbols.len() {
                return Err(Bzip2Error::Format("no such symbol"));
            }
            let byte = symbols.remove(symbol - 1);
            symbols.insert(0, byte);
            columns.push(byte);
        }
    }
    Err(Bzip2Error::Format("a block has no end"))
}

fn symbols_used(bits: &mut Bits<'_>) -> Result<Vec<u8>, Bzip2Error> {
    let ranges = bits.number(16)?;
    let mut symbols = Vec::new();
    for range in 0..16_u8 {
        if ranges >> (15 - range) & 1 == 0 {
            continue;
        }
        for low in 0..16_u8 {
            if bits.bit()? {
                symbols.push(range * 16 + low);
            }
        }
    }
    Ok(symbols)
}

fn selector_list(bits: &mut Bits<'_>, tables: usize, count: usize) -> Result<Vec<usize>, Bzip2Error> {
    let mut order: Vec<usize> = (0..tables).collect();
    let mut list = Vec::with_capacity(count);
    for _ in 0..count {
        let mut place = 0;
        while bits.bit()? {
            place += 1;
        }
        if place >= order.len() {
            return Err(Bzip2Error::Format("no such table"));
        }
        let table = order.remove(place);
        order.insert(0, table);
        list.push(table);
    }
    Ok(list)
}

/// A prefix code: for each length, the first code, how many there are, and where their symbols start.
struct Table {
    rows: Vec<(u32, u32, usize)>,
    symbols: Vec<usize>,
}

impl Table {
    fn read(bits: &mut Bits<'_>, alphabet: usize) -> Result<Self, Bzip2Error> {
        let mut length = bits.small(5)?;
        let mut lengths = Vec::with_capacity(alphabet);
        for _ in 0..alphabet {
            while bits.bit()? {
                length = if bits.bit()? { length.wrapping_sub(1) } else { length + 1 };
                if !(1..=LONGEST).contains(&length) {
                    return Err(Bzip2Error::Format("no such code length"));
                }
            }
            if !(1..=LONGEST).contains(&length) {
                return Err(Bzip2Error::Format("no such code length"));
            }
            lengths.push(length);
        }
        let mut rows = Vec::new();
        let mut symbols = Vec::new();
        let mut code = 0_u32;
        for length in 1..=LONGEST {
            let from = symbols.len();
            symbols.extend(lengths.iter().enumerate().filter(|(_, l)| **l == length).map(|(s, _)| s));
            let count = u32::try_from(symbols.len() - from).unwrap_or(u32::MAX);
            rows.push((code, count, from));
            code = code.saturating_add(count).saturating_mul(2);
        }
        Ok(Self { rows, symbols })
    }

    fn symbol(&self, bits: &mut Bits<'_>) -> Result<usize, Bzip2Error> {
        let mut code = 0_u32;
        for (first, count, from) in &self.rows {
            code = code << 1 | u32::from(bits.bit()?);
            let over = code.wrapping_sub(*first);
            if over < *count {
                let at = from + usize::try_from(over).unwrap_or(usize::MAX);
                return self.symbols.get(at).copied().ok_or(Bzip2Error::Format("no such symbol"));
            }
        }
        Err(Bzip2Error::Format("no such code"))
    }
}

/// Undoes the sorting of rotations, then the shortening of runs: four equal bytes are followed by how many more there are.
fn expand(columns: &[u8], start: usize, out: &mut Vec<u8>, limit: usize) -> Result<(), Bzip2Error> {
    if start >= columns.len() {
        return Err(Bzip2Error::Format("a block starts outside of itself"));
    }
    let mut below = [0_usize; 256];
    for byte in columns {
        if let Some(count) = below.get_mut(usize::from(*byte) + 1) {
            *count += 1;
        }
    }
    let mut sum = 0;
    for count in &mut below {
        sum += *count;
        *count = sum;
    }
    let mut next = vec![0_usize; columns.len()];
    for (at, byte) in columns.iter().enumerate() {
        if let Some(place) = below.get_mut(usize::from(*byte)) {
            if let Some(slot) = next.get_mut(*place) {
                *slot = at;
            }
            *place += 1;
        }
    }
    let mut at = next.get(start).copied().unwrap_or_default();
    let mut run = 0;
    let mut last = None;
    for _ in 0..columns.len() {
        let byte = columns.get(at).copied().unwrap_or_default();
        at = next.get(at).copied().unwrap_or_default();
        if run == 4 {
            out.resize(out.len() + usize::from(byte), last.unwrap_or_default());
            run = 0;
            last = None;
        } else {
            run = if last == Some(byte) { run + 1 } else { 1 };
            last = Some(byte);
            out.push(byte);
        }
        if out.len() > limit {
            return Err(Bzip2Error::TooLarge(limit));
        }
    }
    Ok(())
}

/// CRC-32 with the high bit first.
fn checksum(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte) << 24;
        for _ in 0..8 {
            sum = if sum & 1 << 31 == 0 { sum << 1 } else { sum << 1 ^ 0x04C1_1DB7 };
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    /// Packed by bzip2 itself: "hello\n".
    const HELLO: &[u8] = &[
        0x42, 0x5a, 0x68, 0x39, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, 0xc1, 0xc0, 0x80, 0xe2, 0x00, 0x00, 0x01, 0x41, 0x00, 0x00, 0x10, 0x02,
        0x44, 0xa0, 0x00, 0x30, 0xcd, 0x00, 0xc3, 0x46, 0x29, 0x97, 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, 0xc1, 0xc0, 0x80, 0xe2,
    ];

    #[test]
    fn hello_is_unpacked() {
        assert_eq!(unpack(HELLO, 100).unwrap(), b"hello\n");
        assert_eq!(unpack(HELLO, 5), Err(Bzip2Error::TooLarge(5)));
    }

    #[test]
    fn no_flipped_bit_gives_other_bytes_and_every_cut_is_noticed() {
        let mut noticed = 0;
        for at in 0..HELLO.len() * 8 {
            let mut bad = HELLO.to_vec();
            bad[at / 8] ^= 1 << (at % 8);
            // Some bits say nothing: another block size, a table that is not used, the padding.
            match unpack(&bad, 100_000) {
                Ok(bytes) => assert_eq!(bytes, b"hello\n", "bit {at}"),
                Err(_) => noticed += 1,
            }
        }
        assert!(noticed > HELLO.len() * 7, "{noticed}");
        for length in 0..HELLO.len() {
            assert!(unpack(&HELLO[..length], 100_000).is_err(), "{length} bytes");
        }
    }

    fn packed(data: &[u8]) -> Vec<u8> {
        let mut child = Command::new("bzip2")
            .arg("-1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let data = data.to_vec();
        let writer = std::thread::spawn(move || stdin.write_all(&data).unwrap());
        let out = child.wait_with_output().unwrap().stdout;
        writer.join().unwrap();
        out
    }

    #[test]
    fn what_bzip2_packs_comes_back() {
        let mut noise = 12345_u64;
        let mut random = || {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (noise >> 56) as u8
        };
        let mut cases: Vec<Vec<u8>> = vec![
            vec![],
            vec![0],
            vec![7; 4],
            vec![7; 5],
            vec![7; 259],
            vec![7; 260],
            vec![9; 300_000],
        ];
        cases.push((0..250_000).map(|_| random()).collect());
        cases.push((0..250_000).map(|_| random() & 3).collect());
        cases.push("int main(void) { return 0; }\n".repeat(9000).into_bytes());
        for case in cases {
            assert!(unpack(&packed(&case), 1 << 20).unwrap() == case, "{} bytes", case.len());
        }
    }
}
