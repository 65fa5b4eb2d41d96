use alloc::vec::Vec;

use super::*;
use crate::bytes::put;

/// A small image with these sections, as a linker would write it.
pub fn image(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = empty_image(X86_64).unwrap();
    assert!(put(&mut bytes, 0x68, &0x1000_u32.to_le_bytes()));
    let new: Vec<NewSection<'_>> = sections.iter().map(|(name, data)| NewSection { name, data }).collect();
    add_sections(&Pe::parse(&bytes).unwrap(), &new).unwrap()
}

#[test]
fn sections_are_written_and_read() {
    let bytes = image(&[(".text", &[1; 5000]), (".data", b"abc")]);
    let pe = Pe::parse(&bytes).unwrap();
    let headers = pe.headers();
    assert_eq!(
        (headers.machine, headers.subsystem, headers.entry_point),
        (X86_64, EFI_APPLICATION, 0x1000)
    );
    let places: Vec<_> = headers
        .sections
        .iter()
        .map(|s| (s.name_text(), s.virtual_address, s.virtual_size, s.raw_offset, s.raw_size))
        .collect();
    assert_eq!(
        places,
        [
            (".text".into(), 0x1000, 5000, 0x200, 5120),
            (".data".into(), 0x3000, 3, 0x1600, 512)
        ]
    );
    assert_eq!((headers.size_of_image, bytes.len()), (0x4000, 0x1800));
    assert_eq!(pe.section_data(".data"), Some(b"abc".as_slice()));
    assert_eq!(headers.strictness_problems(), [""; 0]);
    let long = add_sections(
        &pe,
        &[NewSection {
            name: ".much-too-long",
            data: b"",
        }],
    );
    assert_eq!(long, Err(PeError::LongName(".much-too-long".into())));
}

#[test]
fn the_section_table_may_grow_over_the_first_section() {
    let names: Vec<alloc::string::String> = (0..12).map(|i| alloc::format!(".s{i}")).collect();
    let first = image(&[(".text", b"code")]);
    let new: Vec<NewSection<'_>> = names
        .iter()
        .map(|name| NewSection {
            name,
            data: name.as_bytes(),
        })
        .collect();
    let bytes = add_sections(&Pe::parse(&first).unwrap(), &new).unwrap();
    let pe = Pe::parse(&bytes).unwrap();
    assert_eq!(pe.headers().size_of_headers, 0x400);
    assert_eq!(pe.section_data(".text"), Some(b"code".as_slice()));
    assert_eq!(pe.section_data(".s11"), Some(b".s11".as_slice()));
    let names: Vec<alloc::string::String> = (0..94).map(|i| alloc::format!(".t{i}")).collect();
    let new: Vec<NewSection<'_>> = names.iter().map(|name| NewSection { name, data: b"" }).collect();
    assert_eq!(add_sections(&Pe::parse(&first).unwrap(), &new), Err(PeError::NoRoom(94)));
}

#[test]
fn attack_truncated_image() {
    let bytes = image(&[(".text", &[1; 600]), (".data", b"abc")]);
    for len in 0..bytes.len() {
        assert!(Pe::parse(&bytes[..len]).is_err(), "{len} bytes were read");
    }
}

#[test]
fn attack_section_out_of_file() {
    let mut bytes = image(&[(".text", &[1; 600]), (".data", b"abc")]);
    let table = Pe::parse(&bytes).unwrap().headers().section_table;
    assert!(put(&mut bytes, table + 40 + 16, &u32::MAX.to_le_bytes()));
    assert_eq!(
        Pe::parse(&bytes).unwrap_err(),
        PeError::Outside {
            name: ".data".into(),
            wher: "file"
        }
    );
}

#[test]
fn attack_overlapping_sections() {
    let bytes = image(&[(".text", &[1; 600]), (".data", b"abc")]);
    let table = Pe::parse(&bytes).unwrap().headers().section_table;
    for (field, value, wher) in [(20, 0x200_u32, "file"), (12, 0x1000, "memory")] {
        let mut bad = bytes.clone();
        assert!(put(&mut bad, table + 40 + field, &value.to_le_bytes()));
        let error = Pe::parse(&bad).unwrap_err();
        assert!(matches!(&error, PeError::Overlap { wher: w, .. } if *w == wher), "{error}");
    }
}

#[test]
fn other_files_are_refused() {
    assert!(matches!(Pe::parse(b""), Err(PeError::CutShort { .. })));
    assert!(matches!(Pe::parse(b"\x7fELF"), Err(PeError::NotPe(_))));
    let mut many = image(&[(".text", b"x")]);
    assert!(put(&mut many, 0x46, &97_u16.to_le_bytes()));
    assert_eq!(Pe::parse(&many).unwrap_err(), PeError::TooManySections(97));
}

#[test]
fn loose_images_are_told() {
    let mut bytes = image(&[(".text", b"x")]);
    let table = Pe::parse(&bytes).unwrap().headers().section_table;
    assert!(put(&mut bytes, 0x9e, &[0, 0]));
    assert!(put(&mut bytes, table + 36, &(Section::WRITE | Section::EXECUTE).to_le_bytes()));
    assert_eq!(
        Pe::parse(&bytes).unwrap().headers().strictness_problems(),
        ["the NX_COMPAT flag is not set", "section .text is writable and executable"]
    );
}
