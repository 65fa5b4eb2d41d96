//! Variable stores of OVMF: variables put into a blank flash image, as if the firmware had written them.
//!
//! After the headers of EDK2 (VariableFormat.h): a firmware volume with a store of authenticated variables.

use std::path::Path;

use boot_formats::Guid;

const FLASH: &str = "/usr/share/OVMF/OVMF_VARS_4M.fd";
/// Flash as it is sold: with Microsoft's keys.
const FLASH_MICROSOFT: &str = "/usr/share/OVMF/OVMF_VARS_4M.ms.fd";
const STORE_HEADER: usize = 28;
const VARIABLE_HEADER: usize = 60;

pub const NV_BS: u32 = 3;
pub const NV_BS_RT: u32 = 7;
pub const KEY: u32 = 0x27;

/// A flash image in the making.
pub struct Store {
    bytes: Vec<u8>,
    end: usize,
}

impl Store {
    /// Without any key: setup mode.
    pub fn blank() -> Self {
        Self::read(Path::new(FLASH))
    }

    pub fn microsoft() -> Self {
        Self::read(Path::new(FLASH_MICROSOFT))
    }

    /// Microsoft's keys, but nobody's platform key: setup mode.
    pub fn microsoft_in_setup_mode() -> Self {
        let (sold, mut store) = (Self::microsoft(), Self::blank());
        for (name, vendor) in [
            ("KEK", Guid::GLOBAL),
            ("db", Guid::SECURITY_DATABASE),
            ("dbx", Guid::SECURITY_DATABASE),
        ] {
            store.set(name, vendor, KEY, &sold.get(name, vendor).unwrap());
        }
        store
    }

    /// With these files from `keys export` as keys, and Secure Boot on.
    pub fn with_keys(folder: &Path) -> Self {
        let mut store = Self::blank();
        for (name, vendor) in [
            ("PK", Guid::GLOBAL),
            ("KEK", Guid::GLOBAL),
            ("db", Guid::SECURITY_DATABASE),
            ("dbx", Guid::SECURITY_DATABASE),
        ] {
            if let Ok(value) = std::fs::read(folder.join(format!("{name}.esl"))) {
                store.set(name, vendor, KEY, &value);
            }
        }
        store.set(
            "SecureBootEnable",
            "f0a30bc7-af08-4556-99c4-001009c93a44".parse().unwrap(),
            NV_BS,
            &[1],
        );
        store
    }

    pub fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let field = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
        assert_eq!(&bytes[0x28..0x2c], b"_FVH", "no firmware volume");
        let store = field(0x30);
        let mut end = store + STORE_HEADER;
        while bytes[end..end + 2] == [0xaa, 0x55] {
            let size = |at: usize| u32::from_le_bytes(bytes[end + at..end + at + 4].try_into().unwrap()) as usize;
            end = (end + VARIABLE_HEADER + size(36) + size(40)).next_multiple_of(4);
        }
        Self { bytes, end }
    }

    /// The value of a variable.
    pub fn get(&self, name: &str, vendor: Guid) -> Option<Vec<u8>> {
        let name: Vec<u8> = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        let mut at = usize::from(u16::from_le_bytes([self.bytes[0x30], self.bytes[0x31]])) + STORE_HEADER;
        while at < self.end {
            let size = |field: usize| u32::from_le_bytes(self.bytes[at + field..at + field + 4].try_into().unwrap()) as usize;
            let (names, values) = (at + VARIABLE_HEADER, at + VARIABLE_HEADER + size(36));
            let next = values + size(40);
            // State: added, and nothing that took it back.
            let is_valid = self.bytes[at + 2] == 0x3f;
            if is_valid && self.bytes[at + 44..names] == vendor.0 && self.bytes[names..values] == name {
                return Some(self.bytes[values..next].to_vec());
            }
            at = next.next_multiple_of(4);
        }
        None
    }

    pub fn set(&mut self, name: &str, vendor: Guid, attributes: u32, value: &[u8]) {
        let name: Vec<u8> = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        let mut variable = vec![0xaa, 0x55, 0x3f, 0];
        variable.extend(attributes.to_le_bytes());
        variable.extend([0; 8]);
        // 2026-01-01, for variables that are signed later.
        let time = if attributes & 0x20 == 0 { [0; 4] } else { [0xea, 7, 1, 1] };
        variable.extend(time);
        variable.extend([0; 12 + 4]);
        variable.extend((name.len() as u32).to_le_bytes());
        variable.extend((value.len() as u32).to_le_bytes());
        variable.extend(vendor.0);
        variable.extend(name);
        variable.extend(value);
        let end = self.end + variable.len();
        self.bytes[self.end..end].copy_from_slice(&variable);
        self.end = end.next_multiple_of(4);
    }

    /// An entry of the boot menu for a file of the test partition, with text for it; the only one in the order.
    pub fn boot_entry(&mut self, partition: &[u8; 16], path: &str, text: Option<&str>) {
        self.boot_entries(partition, &[(path, text)]);
    }

    /// Entries of the boot menu, in this order.
    pub fn boot_entries(&mut self, partition: &[u8; 16], entries: &[(&str, Option<&str>)]) {
        for (number, (path, text)) in entries.iter().enumerate() {
            let option = boot_option(partition, path, *text);
            self.set(&format!("Boot{number:04X}"), Guid::GLOBAL, NV_BS_RT, &option);
        }
        let order: Vec<u8> = (0..entries.len()).flat_map(|n| (n as u16).to_le_bytes()).collect();
        self.set("BootOrder", Guid::GLOBAL, NV_BS_RT, &order);
    }

    pub fn write(&self, path: &Path) {
        std::fs::write(path, &self.bytes).unwrap();
    }
}

fn boot_option(partition: &[u8; 16], path: &str, text: Option<&str>) -> Vec<u8> {
    let wide = |text: &str| -> Vec<u8> { text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect() };
    let mut nodes = vec![4, 1, 42, 0];
    nodes.extend(1_u32.to_le_bytes());
    nodes.extend(super::vm::PARTITION_START.to_le_bytes());
    nodes.extend(super::vm::PARTITION_SECTORS.to_le_bytes());
    nodes.extend(partition);
    nodes.extend([2, 2]);
    let file = wide(path);
    nodes.extend([4, 4]);
    nodes.extend((file.len() as u16 + 4).to_le_bytes());
    nodes.extend(file);
    nodes.extend([0x7f, 0xff, 4, 0]);
    let mut option = 1_u32.to_le_bytes().to_vec();
    option.extend((nodes.len() as u16).to_le_bytes());
    option.extend(wide("test"));
    option.extend(nodes);
    option.extend(text.map(wide).unwrap_or_default());
    option
}
