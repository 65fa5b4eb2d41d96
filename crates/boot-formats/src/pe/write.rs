//! Images with sections added. The same input gives the same bytes, on any day.

use alloc::vec;
use alloc::vec::Vec;

use super::{EFI_APPLICATION, NX_COMPAT, Pe, PeError, Section};
use crate::authenticode::set_checksum;
use crate::bytes::{align, put, slice};

/// A section to add.
#[derive(Debug, Clone)]
pub struct NewSection<'a> {
    /// At most 8 bytes.
    pub name: &'a str,
    /// What it says.
    pub data: &'a [u8],
}

/// New sections begin at multiples of this in memory, whatever the image's own alignment: firmware protects whole pages.
const PAGE: usize = 4096;

/// An unsigned copy of an image with sections added behind its own, in the order given.
///
/// Signatures are dropped, and so is what stands behind the last section: symbols, which nothing loads.
pub fn add_sections(pe: &Pe<'_>, new: &[NewSection<'_>]) -> Result<Vec<u8>, PeError> {
    let headers = pe.headers();
    let count = headers.sections.len() + new.len();
    let first = headers
        .sections
        .iter()
        .map(|s| s.virtual_address)
        .min()
        .unwrap_or(headers.size_of_image);
    let table_end = headers.section_table + 40 * count;
    let size_of_headers = align(table_end, headers.file_alignment).ok_or(PeError::TooLarge)?;
    if size_of_headers > first {
        return Err(PeError::NoRoom(new.len()));
    }
    let kept = slice(pe.bytes(), 0, headers.section_table).unwrap_or_default();
    let mut out = kept.to_vec();
    out.resize(size_of_headers, 0);
    let mut table = Vec::with_capacity(40 * count);
    let mut initialized = 0;
    for section in &headers.sections {
        let offset = append(
            &mut out,
            slice(pe.bytes(), section.raw_offset, section.raw_size).unwrap_or_default(),
            headers.file_alignment,
        )?;
        let moved = Section {
            // shim refuses a section inside of the headers, even one without bytes.
            raw_offset: offset,
            ..*section
        };
        table.extend_from_slice(&entry(&moved)?);
        if section.characteristics & Section::DATA != 0 {
            initialized += section.raw_size;
        }
    }
    let page = headers.section_alignment.max(PAGE);
    let mut address = headers.sections.iter().map(Section::virtual_end).max().unwrap_or(first);
    for section in new {
        let mut name = [0; 8];
        if !put(&mut name, 0, section.name.as_bytes()) {
            return Err(PeError::LongName(section.name.into()));
        }
        address = align(address, page).ok_or(PeError::TooLarge)?;
        let raw_offset = append(&mut out, section.data, headers.file_alignment)?;
        let placed = Section {
            name,
            virtual_size: section.data.len(),
            virtual_address: address,
            raw_size: out.len() - raw_offset,
            raw_offset,
            characteristics: Section::DATA | Section::READ,
        };
        table.extend_from_slice(&entry(&placed)?);
        initialized += placed.raw_size;
        address = address.checked_add(section.data.len()).ok_or(PeError::TooLarge)?;
    }
    let size_of_image = align(address, page).ok_or(PeError::TooLarge)?.max(headers.size_of_image);
    let optional = headers.pe_offset + 24;
    let number = u16::try_from(count).map_err(|_| PeError::TooLarge)?;
    let fields: [(usize, &[u8]); 8] = [
        (headers.section_table, &table),
        (headers.pe_offset + 6, &number.to_le_bytes()),
        // Symbols are not kept.
        (headers.pe_offset + 12, &[0; 8]),
        (optional + 8, &field(initialized)?),
        (optional + 56, &field(size_of_image)?),
        (optional + 60, &field(size_of_headers)?),
        (headers.certificates_at, &[0; 8]),
        (headers.checksum_at, &[0; 4]),
    ];
    for (at, bytes) in fields {
        if !put(&mut out, at, bytes) {
            return Err(PeError::NoRoom(new.len()));
        }
    }
    set_checksum(&mut out, headers.checksum_at);
    Ok(out)
}

/// An image without sections, for a program that is never started: addons are read, not run.
pub fn empty_image(machine: u16) -> Result<Vec<u8>, PeError> {
    const PE: usize = 0x40;
    const OPTIONAL: usize = PE + 24;
    let mut bytes = vec![0; 0x200];
    let fields: [(usize, &[u8]); 14] = [
        (0, b"MZ"),
        (0x3c, &[0x40]),
        (PE, b"PE\0\0"),
        (PE + 4, &machine.to_le_bytes()),
        // Size of the optional header; executable, addresses above 2 GiB.
        (PE + 20, &240_u16.to_le_bytes()),
        (PE + 22, &0x22_u16.to_le_bytes()),
        (OPTIONAL, &0x20b_u16.to_le_bytes()),
        (OPTIONAL + 32, &field(PAGE)?),
        (OPTIONAL + 36, &field(0x200)?),
        (OPTIONAL + 56, &field(PAGE)?),
        (OPTIONAL + 60, &field(0x200)?),
        (OPTIONAL + 68, &EFI_APPLICATION.to_le_bytes()),
        (OPTIONAL + 70, &NX_COMPAT.to_le_bytes()),
        // Data directories.
        (OPTIONAL + 108, &field(16)?),
    ];
    let fits = fields.iter().all(|(at, value)| put(&mut bytes, *at, value));
    if fits { Ok(bytes) } else { Err(PeError::TooLarge) }
}

/// Appends data padded to the alignment and returns where it begins.
fn append(out: &mut Vec<u8>, data: &[u8], alignment: usize) -> Result<usize, PeError> {
    let offset = out.len();
    let end = align(offset.checked_add(data.len()).ok_or(PeError::TooLarge)?, alignment).ok_or(PeError::TooLarge)?;
    if u32::try_from(end).is_err() {
        return Err(PeError::TooLarge);
    }
    out.extend_from_slice(data);
    out.resize(end, 0);
    Ok(offset)
}

fn entry(section: &Section) -> Result<Vec<u8>, PeError> {
    let mut entry = vec![0; 40];
    let fields = [
        (8, section.virtual_size),
        (12, section.virtual_address),
        (16, section.raw_size),
        (20, section.raw_offset),
    ];
    let mut fits = put(&mut entry, 0, &section.name) && put(&mut entry, 36, &section.characteristics.to_le_bytes());
    for (at, value) in fields {
        fits &= put(&mut entry, at, &field(value)?);
    }
    if fits { Ok(entry) } else { Err(PeError::TooLarge) }
}

fn field(value: usize) -> Result<[u8; 4], PeError> {
    u32::try_from(value).map(u32::to_le_bytes).map_err(|_| PeError::TooLarge)
}
