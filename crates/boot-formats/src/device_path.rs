//! Device paths: where firmware says that something lies. After the UEFI specification, 10.3.

use alloc::string::String;
use alloc::vec::Vec;

use crate::Guid;
use crate::bytes::array;

const MEDIA: u8 = 4;
const HARD_DRIVE: u8 = 1;
const FILE: u8 = 4;
/// How a partition is named: by the GUID of its GPT entry.
const BY_GUID: u8 = 2;
const END: [u8; 4] = [0x7f, 0xff, 4, 0];

/// One node: type, subtype and what follows its length.
struct Node<'a> {
    kind: (u8, u8),
    body: &'a [u8],
}

/// The nodes up to the end of the path, or up to the first that is cut short.
fn nodes(mut path: &[u8]) -> impl Iterator<Item = Node<'_>> {
    core::iter::from_fn(move || {
        let [kind, sub, low, high, ..] = *path else { return None };
        let length = usize::from(u16::from_le_bytes([low, high]));
        let body = path.get(4..length)?;
        path = path.get(length..)?;
        (kind & 0x7f != 0x7f).then_some(Node { kind: (kind, sub), body })
    })
}

/// The path of a file on its partition, with backslashes, of a device path that begins with file nodes.
#[must_use]
pub fn file_path(path: &[u8]) -> Option<String> {
    let mut text = String::new();
    for node in nodes(path).take_while(|n| n.kind == (MEDIA, FILE)) {
        let units = node.body.as_chunks::<2>().0.iter().map(|u| u16::from_le_bytes(*u));
        let part: String = char::decode_utf16(units.take_while(|u| *u != 0))
            .map(|c| c.unwrap_or('?'))
            .collect();
        if !part.starts_with(['\\', '/']) && !text.ends_with('\\') {
            text.push('\\');
        }
        text.push_str(&part.replace('/', "\\"));
    }
    (!text.is_empty()).then_some(text)
}

/// The GUID of the GPT partition in a device path.
#[must_use]
pub fn partition(path: &[u8]) -> Option<Guid> {
    nodes(path).find_map(|node| {
        // Number, start, size, signature, format, kind of signature.
        let by_guid = node.kind == (MEDIA, HARD_DRIVE) && node.body.get(37) == Some(&BY_GUID);
        by_guid.then(|| array(node.body, 20).map(Guid))?
    })
}

/// The device path of a file, below that of its partition. A path that is too long for a node has none.
#[must_use]
pub fn of_file(partition: &[u8], path: &str) -> Option<Vec<u8>> {
    let name: Vec<u8> = path.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
    let length = u16::try_from(name.len() + 4).ok()?.to_le_bytes();
    let above = partition.strip_suffix(&END).unwrap_or(partition);
    Some([above, &[MEDIA, FILE], &length, &name, &END].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hard_drive(kind: u8) -> Vec<u8> {
        let mut node = alloc::vec![MEDIA, HARD_DRIVE, 42, 0];
        node.extend([1; 20]);
        node.extend(Guid::GLOBAL.0);
        node.extend([2, kind]);
        node
    }

    #[test]
    fn files_are_named_below_their_partition() {
        let whole = of_file(&[hard_drive(BY_GUID), END.to_vec()].concat(), "\\EFI\\a.efi").unwrap();
        assert_eq!(partition(&whole), Some(Guid::GLOBAL));
        assert_eq!(file_path(&whole[42..]).as_deref(), Some("\\EFI\\a.efi"));
        assert_eq!(file_path(&whole), None, "it begins with a partition");
        assert_eq!(partition(&hard_drive(1)), None, "an MBR has no GUIDs");
        assert_eq!(of_file(&[], &"x".repeat(40_000)), None);
    }

    #[test]
    fn names_of_several_nodes_are_joined() {
        let node = |text: &str| {
            let whole = of_file(&[], text).unwrap();
            whole[..whole.len() - 4].to_vec()
        };
        let path = [node("EFI"), node("Linux/x.efi"), END.to_vec()].concat();
        assert_eq!(file_path(&path).as_deref(), Some("\\EFI\\Linux\\x.efi"));
        let path = [node("\\EFI\\"), node("x.efi")].concat();
        assert_eq!(file_path(&path).as_deref(), Some("\\EFI\\x.efi"));
    }

    #[test]
    fn attack_lengths_that_lie() {
        for length in [0_u16, 3, 0xffff] {
            let mut path = of_file(&[], "a").unwrap();
            path[2..4].copy_from_slice(&length.to_le_bytes());
            assert_eq!((file_path(&path), partition(&path)), (None, None), "{length}");
        }
        let whole = hard_drive(BY_GUID);
        for cut in 0..whole.len() {
            assert_eq!(partition(&whole[..cut]), None);
        }
        let mut short = hard_drive(BY_GUID);
        short[2] = 30;
        assert_eq!(partition(&short), None);
    }
}
