//! Reads tar archives. Depends on nothing, so that its fuzz target need not either.

/// An entry of a tar archive.
#[derive(Debug, PartialEq, Eq)]
pub struct TarEntry<'a> {
    /// Its path as written.
    pub name: String,
    /// `0` or zero a file, `5` a folder, others refused by whoever wants them.
    pub kind: u8,
    /// Whether its owner may run it.
    pub run: bool,
    /// Its bytes.
    pub content: &'a [u8],
}

const RECORD: usize = 512;

/// The entries of a tar archive (ustar, and GNU's long names).
pub fn entries(tar: &[u8]) -> Result<Vec<TarEntry<'_>>, &'static str> {
    let mut rest = tar;
    let mut entries = Vec::new();
    let mut long_name = None;
    loop {
        let Some((header, after)) = rest.split_at_checked(RECORD) else {
            return Err("it ends within a header");
        };
        if header.iter().all(|b| *b == 0) {
            return Ok(entries);
        }
        let field = |from: usize, to: usize| header.get(from..to).unwrap_or_default();
        let sum: u64 = header
            .iter()
            .enumerate()
            .map(|(at, b)| if (148..156).contains(&at) { 32 } else { u64::from(*b) })
            .sum();
        if octal(field(148, 156)) != Some(sum) {
            return Err("a header's checksum does not hold");
        }
        let size = octal(field(124, 136))
            .and_then(|s| usize::try_from(s).ok())
            .ok_or("a size is no number")?;
        let padded = size.checked_next_multiple_of(RECORD).ok_or("a size is too large")?;
        let (Some(content), Some(next)) = (after.get(..size), after.get(padded..)) else {
            return Err("it ends within a file");
        };
        rest = next;
        let kind = header.get(156).copied().unwrap_or_default();
        match kind {
            b'L' => long_name = Some(name(content)?),
            // comments and dates, which change nothing here
            b'g' => {}
            b'x' => return Err("extended headers are not supported"),
            _ => {
                let short = name(field(0, 100))?;
                let prefix = if field(257, 262) == b"ustar" {
                    name(field(345, 500))?
                } else {
                    String::new()
                };
                let plain = if prefix.is_empty() { short } else { format!("{prefix}/{short}") };
                entries.push(TarEntry {
                    name: long_name.take().unwrap_or(plain),
                    kind,
                    run: octal(field(100, 108)).is_some_and(|mode| mode & 0o100 != 0),
                    content,
                });
            }
        }
    }
}

fn name(field: &[u8]) -> Result<String, &'static str> {
    let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
    let text = field.get(..end).unwrap_or_default();
    String::from_utf8(text.to_vec()).map_err(|_| "a name is no UTF-8")
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    u64::from_str_radix(text.trim_matches([' ', '\0']), 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, kind: u8, size: usize) -> Vec<u8> {
        let mut h = vec![0; RECORD];
        h[..name.len()].copy_from_slice(name.as_bytes());
        h[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
        h[156] = kind;
        h[148..156].fill(b' ');
        let sum: u64 = h.iter().map(|b| u64::from(*b)).sum();
        h[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        h
    }

    #[test]
    fn files_and_long_names_are_read() {
        let long = "d/".repeat(80) + "f";
        let mut tar = header("././@LongLink", b'L', long.len());
        tar.extend(long.as_bytes());
        tar.resize(2 * RECORD, 0);
        tar.extend(header("short", b'0', 3));
        tar.extend(b"abc");
        tar.resize(4 * RECORD, 0);
        tar.extend(vec![0; 2 * RECORD]);
        let read = entries(&tar).unwrap();
        assert_eq!(
            (read.len(), read[0].name.as_str(), read[0].content),
            (1, long.as_str(), &b"abc"[..])
        );
        tar[RECORD * 2] ^= 1;
        assert_eq!(entries(&tar), Err("a header's checksum does not hold"));
        assert_eq!(entries(&tar[..700]), Err("it ends within a file"));
    }

    #[test]
    fn sizes_that_are_no_numbers_or_too_large_are_refused() {
        let with = |size: &[u8; 12]| {
            let mut h = header("f", b'0', 0);
            h[124..136].copy_from_slice(size);
            h[148..156].fill(b' ');
            let sum: u64 = h.iter().map(|b| u64::from(*b)).sum();
            h[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
            h.resize(3 * RECORD, 0);
            h
        };
        assert_eq!(entries(&with(b"00000000000\0")).unwrap().len(), 1);
        assert_eq!(entries(&with(b"77777777777\0")), Err("it ends within a file"));
        assert_eq!(entries(&with(b"777777777777")), Err("it ends within a file"));
        // Numbers to the base 256, which are for files of 8 GiB and more, and nonsense.
        assert_eq!(
            entries(&with(b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff")),
            Err("a size is no number")
        );
        assert_eq!(entries(&with(b"-1\0\0\0\0\0\0\0\0\0\0")), Err("a size is no number"));
        assert_eq!(entries(&[1; RECORD]), Err("a header's checksum does not hold"));
        assert_eq!(entries(&[]), Err("it ends within a header"));
    }
}
