//! Parts of ELF files and archives by the place of a byte. Depends on nothing, so that its fuzz target need not either.

/// Which part of an ELF file or archive a byte belongs to.
pub fn place(data: &[u8], at: usize) -> Option<String> {
    if data.starts_with(b"\x7fELF\x02\x01") {
        return elf_place(data, at);
    }
    if data.starts_with(b"!<arch>\n") {
        return archive_place(data, at);
    }
    None
}

/// The little-endian number of `N` bytes that stands `offset` bytes behind `start`; both may come from the file.
fn number<const N: usize>(data: &[u8], start: usize, offset: usize) -> Option<usize> {
    let at = start.checked_add(offset)?;
    let bytes: [u8; N] = data.get(at..at.checked_add(N)?)?.try_into().ok()?;
    let value = bytes.iter().rev().fold(0_u64, |v, b| v << 8 | u64::from(*b));
    usize::try_from(value).ok()
}

fn elf_place(data: &[u8], at: usize) -> Option<String> {
    if at < 64 {
        return Some("the ELF header".into());
    }
    let segments = number::<2>(data, 0, 56)?;
    let table = number::<8>(data, 0, 32)?;
    if at >= table && at < table.checked_add(segments * 56)? {
        return Some(format!("program header {}", (at - table) / 56));
    }
    let sections = number::<2>(data, 0, 60)?;
    let headers = number::<8>(data, 0, 40)?;
    let header = |index: usize| headers.checked_add(index.checked_mul(64)?);
    let names = header(number::<2>(data, 0, 62)?)?;
    for index in 1..sections {
        let at_header = header(index)?;
        let (kind, from, size) = (
            number::<4>(data, at_header, 4)?,
            number::<8>(data, at_header, 24)?,
            number::<8>(data, at_header, 32)?,
        );
        // Sections of kind 8 take no room in the file.
        if kind != 8 && at >= from && at < from.checked_add(size)? {
            let name = number::<8>(data, names, 24)?.checked_add(number::<4>(data, at_header, 0)?)?;
            let text = data.get(name..)?;
            let end = text.iter().position(|b| *b == 0)?;
            let text = String::from_utf8_lossy(text.get(..end)?);
            return Some(format!("section {text}, byte {}", at - from));
        }
    }
    for index in 0..segments {
        let header = table.checked_add(index * 56)?;
        let (from, address, size) = (
            number::<8>(data, header, 8)?,
            number::<8>(data, header, 16)?,
            number::<8>(data, header, 32)?,
        );
        if at >= from && at < from.checked_add(size)? {
            return Some(format!("segment {index}, address {:#x}", address.checked_add(at - from)?));
        }
    }
    None
}

fn archive_place(data: &[u8], at: usize) -> Option<String> {
    let mut from: usize = 8;
    loop {
        let content = from.checked_add(60)?;
        let header = data.get(from..content)?;
        let name = String::from_utf8_lossy(header.get(..16)?).trim_end().to_owned();
        let size: usize = std::str::from_utf8(header.get(48..58)?).ok()?.trim().parse().ok()?;
        let end = content.checked_add(size)?;
        if at < end {
            let inside = at.checked_sub(content);
            return Some(match inside {
                Some(inside) => format!("member {name}, byte {inside}"),
                None => format!("header of member {name}"),
            });
        }
        from = end.checked_add(size % 2)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_headers_are_survived() {
        let mut data = b"\x7fELF\x02\x01".to_vec();
        data.resize(200, 0xff);
        assert_eq!(place(&data, 150), None);
        assert_eq!(place(b"!<arch>\nx", 8), None);
    }

    /// Each table offset and count at its largest in turn: none may overflow on the way to the answer.
    #[test]
    fn offsets_at_the_end_of_memory_are_survived() {
        for field in [32, 40, 56, 60, 62] {
            let mut data = b"\x7fELF\x02\x01".to_vec();
            data.resize(400, 0);
            data[56] = 2;
            data[60] = 2;
            data[32] = 200;
            data[40] = 240;
            let width = if field < 56 { 8 } else { 2 };
            data[field..field + width].fill(0xff);
            for last in [0xff, 0xf0, 0x80] {
                data[field] = last;
                assert_eq!(place(&data, 100), None, "field {field} ending in {last:#x}");
            }
        }
    }
}
