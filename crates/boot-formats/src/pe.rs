//! PE32+ images, as UEFI firmware loads them: read with every offset checked, written in a layout that firmware wants.
//!
//! After "PE Format" of Microsoft's documentation and the loader rules of the UEFI specification (2.1.1, 2.3).

mod write;

use alloc::string::String;
use alloc::vec::Vec;

use crate::bytes::{array, slice, u16_at, u32_at, usize_at};

pub use write::{NewSection, add_sections, empty_image};

/// Machine type of x86-64.
pub const X86_64: u16 = 0x8664;
/// Machine type of 64-bit Arm.
pub const AARCH64: u16 = 0xaa64;
/// Subsystem of an EFI application.
pub const EFI_APPLICATION: u16 = 10;
/// Flag in `dll_characteristics`: works when data is not executable and code not writable.
pub const NX_COMPAT: u16 = 0x0100;

/// More sections than any image has; firmware refuses more than 96.
const MOST_SECTIONS: u16 = 96;
/// Index of the certificate table among the data directories.
const CERTIFICATES: usize = 4;

/// An image whose headers and sections have been checked against the file.
#[derive(Debug, Clone)]
pub struct Pe<'a> {
    bytes: &'a [u8],
    headers: Headers,
}

/// What the headers say. Offsets and sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers {
    /// Where "PE\0\0" stands.
    pub pe_offset: usize,
    /// Which processor.
    pub machine: u16,
    /// Seconds since 1970, or a digest.
    pub timestamp: u32,
    /// Address of the first instruction, from the image's start in memory.
    pub entry_point: u32,
    /// Preferred address.
    pub image_base: u64,
    /// Sections begin at multiples of this in memory.
    pub section_alignment: usize,
    /// And at multiples of this in the file.
    pub file_alignment: usize,
    /// Memory the image takes.
    pub size_of_image: usize,
    /// Bytes of the file before the first section.
    pub size_of_headers: usize,
    /// What kind of program; [`EFI_APPLICATION`] for what we handle.
    pub subsystem: u16,
    /// Flags, [`NX_COMPAT`] among them.
    pub dll_characteristics: u16,
    /// Address and size of the base relocations in memory.
    pub relocations: Option<(u32, u32)>,
    /// Offset (in the file) and size of the certificate table.
    pub certificates: Option<(usize, usize)>,
    /// The sections, in the order of their table.
    pub sections: Vec<Section>,
    /// Where the section table begins.
    section_table: usize,
    /// Where CheckSum stands.
    pub(crate) checksum_at: usize,
    /// Where the directory entry of the certificate table stands.
    pub(crate) certificates_at: usize,
}

/// One entry of the section table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    name: [u8; 8],
    /// Bytes in memory.
    pub virtual_size: usize,
    /// Address in memory, from the image's start.
    pub virtual_address: usize,
    /// Bytes in the file.
    pub raw_size: usize,
    /// Offset in the file.
    pub raw_offset: usize,
    /// What it holds and how it may be used: see the constants of [`Section`].
    pub characteristics: u32,
}

/// Why bytes are no PE image that we handle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeError {
    /// The file ends inside a header.
    #[error("image is cut short: {what} lies outside of its {len} bytes")]
    CutShort {
        /// What should have been there.
        what: &'static str,
        /// How much there is.
        len: usize,
    },
    /// Another kind of file.
    #[error("not a PE32+ image: {0}")]
    NotPe(&'static str),
    /// More sections than firmware takes.
    #[error("image has {0} sections, more than the {MOST_SECTIONS} that firmware takes")]
    TooManySections(u16),
    /// Alignments that are no powers of two, or absurd.
    #[error("image has alignment {0}, which is no power of two up to 64 KiB")]
    Alignment(usize),
    /// A section reaches outside.
    #[error("section {name} lies outside of the {wher}")]
    Outside {
        /// Name of the section.
        name: String,
        /// File or image.
        wher: &'static str,
    },
    /// Two sections share bytes or addresses.
    #[error("sections {one} and {other} overlap in the {wher}")]
    Overlap {
        /// Name of one.
        one: String,
        /// Name of the other.
        other: String,
        /// File or memory.
        wher: &'static str,
    },
    /// There is no room for the section table.
    #[error("no room for {0} more section headers before the first section")]
    NoRoom(usize),
    /// An image that is too large for its 32-bit fields.
    #[error("image would be larger than 4 GiB")]
    TooLarge,
    /// A section name that does not fit.
    #[error("section name {0} is longer than 8 bytes")]
    LongName(String),
}

impl Section {
    /// Contains code.
    pub const CODE: u32 = 0x20;
    /// Contains data.
    pub const DATA: u32 = 0x40;
    /// May be executed.
    pub const EXECUTE: u32 = 0x2000_0000;
    /// May be read.
    pub const READ: u32 = 0x4000_0000;
    /// May be written.
    pub const WRITE: u32 = 0x8000_0000;

    /// The name without its padding; not necessarily UTF-8.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        let end = self.name.iter().position(|b| *b == 0).unwrap_or(self.name.len());
        self.name.get(..end).unwrap_or_default()
    }

    /// The name for people.
    #[must_use]
    pub fn name_text(&self) -> String {
        String::from_utf8_lossy(self.name()).into_owned()
    }

    /// Bytes that are both in the file and in memory: what the section says.
    #[must_use]
    pub fn len(&self) -> usize {
        self.virtual_size.min(self.raw_size)
    }

    /// Whether the section says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn raw_end(&self) -> usize {
        self.raw_offset.saturating_add(self.raw_size)
    }

    fn virtual_end(&self) -> usize {
        self.virtual_address.saturating_add(self.virtual_size.max(self.raw_size))
    }
}

impl Headers {
    /// Reads headers alone. `bytes` is a file or, in the running program, the image in memory.
    pub fn parse(bytes: &[u8]) -> Result<Self, PeError> {
        let short = |what| PeError::CutShort { what, len: bytes.len() };
        if slice(bytes, 0, 2).ok_or(short("the DOS header"))? != b"MZ" {
            return Err(PeError::NotPe("it does not begin with MZ"));
        }
        let pe = usize_at(bytes, 0x3c).ok_or(short("the DOS header"))?;
        let coff = slice(bytes, pe, 24).ok_or(short("the COFF header"))?;
        if !coff.starts_with(b"PE\0\0") {
            return Err(PeError::NotPe("there is no PE signature"));
        }
        let count = u16_at(coff, 6).unwrap_or_default();
        if count > MOST_SECTIONS {
            return Err(PeError::TooManySections(count));
        }
        let optional_size = usize::from(u16_at(coff, 20).unwrap_or_default());
        // `pe` + 24 was reachable, so this cannot overflow.
        let optional_at = pe + 24;
        let optional = slice(bytes, optional_at, optional_size).ok_or(short("the optional header"))?;
        if u16_at(optional, 0) != Some(0x20b) {
            return Err(PeError::NotPe("its optional header is not the 64-bit one"));
        }
        let field = |at| usize_at(optional, at).ok_or(short("the optional header"));
        let directories = field(108)?;
        let directory = |index: usize| {
            let known = index < directories && optional_size >= 112 + 8 * (index + 1);
            let entry = (field(112 + 8 * index).ok()?, field(116 + 8 * index).ok()?);
            (known && entry.1 > 0).then_some(entry)
        };
        if optional_size < 112 + 8 * (CERTIFICATES + 1) || directories <= CERTIFICATES {
            return Err(PeError::NotPe("it has no place for a certificate table"));
        }
        let (section_alignment, file_alignment) = (field(32)?, field(36)?);
        for alignment in [section_alignment, file_alignment] {
            if !alignment.is_power_of_two() || alignment > 0x1_0000 {
                return Err(PeError::Alignment(alignment));
            }
        }
        let section_table = optional_at + optional_size;
        let table = slice(bytes, section_table, 40 * usize::from(count)).ok_or(short("the section table"))?;
        Ok(Self {
            pe_offset: pe,
            machine: u16_at(coff, 4).unwrap_or_default(),
            timestamp: u32_at(coff, 8).unwrap_or_default(),
            entry_point: u32_at(optional, 16).unwrap_or_default(),
            image_base: crate::bytes::u64_at(optional, 24).unwrap_or_default(),
            section_alignment,
            file_alignment,
            size_of_image: field(56)?,
            size_of_headers: field(60)?,
            subsystem: u16_at(optional, 68).unwrap_or_default(),
            dll_characteristics: u16_at(optional, 70).unwrap_or_default(),
            relocations: directory(5).and_then(|(at, size)| Some((u32::try_from(at).ok()?, u32::try_from(size).ok()?))),
            certificates: directory(CERTIFICATES),
            sections: table.chunks_exact(40).filter_map(section).collect(),
            section_table,
            checksum_at: optional_at + 64,
            certificates_at: optional_at + 112 + 8 * CERTIFICATES,
        })
    }

    /// The first section of this name.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|s| s.name() == name.as_bytes())
    }

    /// The names of the sections as they stand in `bytes`, the ones the headers were read from, in the order of the table.
    pub fn names<'b>(&self, bytes: &'b [u8]) -> impl Iterator<Item = &'b [u8]> {
        let table = slice(bytes, self.section_table, 40 * self.sections.len()).unwrap_or_default();
        table.chunks_exact(40).map(|entry| {
            let name = entry.get(..8).unwrap_or_default();
            name.split(|b| *b == 0).next().unwrap_or_default()
        })
    }

    /// What an image violates that firmware with strict memory protection asks for; empty if all is well.
    ///
    /// After Microsoft's "UEFI CA memory mitigation requirements": aligned to pages, no section both writable and
    /// executable, and the flag that says so.
    #[must_use]
    pub fn strictness_problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !self.section_alignment.is_multiple_of(4096) {
            problems.push(alloc::format!(
                "section alignment is {}, not a multiple of 4096",
                self.section_alignment
            ));
        }
        if self.dll_characteristics & NX_COMPAT == 0 {
            problems.push("the NX_COMPAT flag is not set".into());
        }
        for section in &self.sections {
            if section.characteristics & Section::WRITE != 0 && section.characteristics & Section::EXECUTE != 0 {
                problems.push(alloc::format!("section {} is writable and executable", section.name_text()));
            }
            if !section.virtual_address.is_multiple_of(self.section_alignment) {
                problems.push(alloc::format!("section {} is not aligned", section.name_text()));
            }
        }
        problems
    }
}

fn section(entry: &[u8]) -> Option<Section> {
    Some(Section {
        name: array(entry, 0)?,
        virtual_size: usize_at(entry, 8)?,
        virtual_address: usize_at(entry, 12)?,
        raw_size: usize_at(entry, 16)?,
        raw_offset: usize_at(entry, 20)?,
        characteristics: u32_at(entry, 36)?,
    })
}

impl<'a> Pe<'a> {
    /// Reads a file: headers as [`Headers::parse`], sections inside of file and image and apart from each other.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, PeError> {
        let headers = Headers::parse(bytes)?;
        if headers.size_of_headers > bytes.len() || headers.size_of_headers < headers.section_table + 40 * headers.sections.len() {
            return Err(PeError::CutShort {
                what: "the end of the headers",
                len: bytes.len(),
            });
        }
        for section in &headers.sections {
            let outside = |wher| PeError::Outside {
                name: section.name_text(),
                wher,
            };
            if section.raw_size > 0 && (section.raw_end() > bytes.len() || section.raw_offset < headers.size_of_headers) {
                return Err(outside("file"));
            }
            if section.virtual_address.saturating_add(section.virtual_size) > headers.size_of_image
                || section.virtual_address < headers.size_of_headers
            {
                return Err(outside("image"));
            }
        }
        overlap(&headers.sections, "file", |s| (s.raw_size > 0).then(|| (s.raw_offset, s.raw_end())))?;
        overlap(&headers.sections, "memory", |s| {
            Some((s.virtual_address, s.virtual_address.saturating_add(s.virtual_size)))
        })?;
        Ok(Self { bytes, headers })
    }

    /// The headers.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The whole file.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What a section says.
    #[must_use]
    pub fn data(&self, section: &Section) -> &'a [u8] {
        slice(self.bytes, section.raw_offset, section.len()).unwrap_or_default()
    }

    /// What the first section of this name says.
    #[must_use]
    pub fn section_data(&self, name: &str) -> Option<&'a [u8]> {
        self.headers.section(name).map(|s| self.data(s))
    }
}

/// Fails if two of these ranges share a byte.
fn overlap(sections: &[Section], wher: &'static str, range: impl Fn(&Section) -> Option<(usize, usize)>) -> Result<(), PeError> {
    let mut ranges: Vec<(usize, usize, &Section)> = sections.iter().filter_map(|s| range(s).map(|(a, b)| (a, b, s))).collect();
    ranges.sort_by_key(|(start, end, _)| (*start, *end));
    for pair in ranges.windows(2) {
        if let [(_, end, one), (start, _, other)] = pair
            && start < end
        {
            return Err(PeError::Overlap {
                one: one.name_text(),
                other: other.name_text(),
                wher,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
