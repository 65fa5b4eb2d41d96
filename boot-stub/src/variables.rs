//! Variables: what the firmware says about Secure Boot, and what systemd wants to know from a stub.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use boot_formats::{Guid, device_path, pcr};
use uefi::boot;
use uefi::proto::device_path::DevicePath;
use uefi::runtime::{self, VariableAttributes, VariableVendor};
use uefi::{CStr16, CString16, Status, cstr16};

use crate::image::Image;

/// systemd's bits for what a stub does: boot partition, credentials, system extensions, three registers, random seed, addons
/// with command lines and device trees, configuration extensions, profiles, its own partition.
const FEATURES: u64 = (1 << 0) | (1 << 1) | (1 << 2) | (1 << 3) | (1 << 4) | (1 << 5) | (1 << 7) | (1 << 8) | (1 << 9) | (1 << 10);

pub const LOADER: VariableVendor = vendor(Guid::LOADER);

const fn vendor(guid: Guid) -> VariableVendor {
    VariableVendor(uefi::Guid::from_bytes(guid.0))
}

/// Whether the firmware checks signatures. It cannot be turned off for us alone: shim's own switch does not count.
///
/// Only a clear no is one: the variable is zero, or the firmware knows no such variable. A firmware that fails to answer
/// counts as one that checks, so that nothing is let in because of an error.
pub fn secure_boot() -> bool {
    let mut value = [0];
    match runtime::get_variable(cstr16!("SecureBoot"), &vendor(Guid::GLOBAL), &mut value) {
        Ok((data, _)) => data != [0],
        Err(error) => error.status() != Status::NOT_FOUND,
    }
}

/// Tells the operating system how it was booted. What cannot be set is missed by tools, not by the boot.
pub fn announce(image: &Image, profile: usize, profile_text: Option<&str>, measured: &[u32]) {
    set(cstr16!("StubInfo"), concat!("firn-stub ", env!("CARGO_PKG_VERSION")), true);
    set_bytes(cstr16!("StubFeatures"), &FEATURES.to_le_bytes(), true);
    let registers = [
        (pcr::KERNEL_BOOT, cstr16!("StubPcrKernelImage")),
        (pcr::KERNEL_CONFIG, cstr16!("StubPcrKernelParameters")),
        (pcr::SYSEXTS, cstr16!("StubPcrInitRDSysExts")),
    ];
    for (register, name) in registers.iter().filter(|(register, _)| measured.contains(register)) {
        set(name, &register.to_string(), true);
    }
    if let Some(id) = profile_text.and_then(|t| t.lines().find_map(|l| l.strip_prefix("ID="))) {
        set(cstr16!("StubProfile"), id, true);
    } else if profile_text.is_some() {
        set(cstr16!("StubProfile"), &profile.to_string(), true);
    }
    if let Some(path) = &image.path {
        set(cstr16!("LoaderImageIdentifier"), path, false);
        set(cstr16!("StubImageIdentifier"), path, true);
    }
    if let Some(part) = partition_guid(image) {
        set(cstr16!("LoaderDevicePartUUID"), &part, false);
        set(cstr16!("StubDevicePartUUID"), &part, true);
    }
    let vendor: String = uefi::system::firmware_vendor().into();
    let revision = uefi::system::firmware_revision();
    set(
        cstr16!("LoaderFirmwareInfo"),
        &alloc::format!("{vendor} {}.{:02}", revision >> 16, revision & 0xffff),
        false,
    );
    let revision = uefi::system::uefi_revision();
    set(
        cstr16!("LoaderFirmwareType"),
        &alloc::format!("UEFI {}.{:02}", revision.major(), revision.minor()),
        false,
    );
}

/// Sets a text; what a loader before us has said stays, unless it is ours to say.
fn set(name: &CStr16, text: &str, ours: bool) {
    if let Ok(text) = CString16::try_from(text) {
        let bytes: Vec<u8> = text.to_u16_slice_with_nul().iter().flat_map(|u| u.to_le_bytes()).collect();
        set_bytes(name, &bytes, ours);
    }
}

fn set_bytes(name: &CStr16, bytes: &[u8], ours: bool) {
    if ours || !runtime::variable_exists(name, &LOADER).unwrap_or(false) {
        let attributes = VariableAttributes::BOOTSERVICE_ACCESS | VariableAttributes::RUNTIME_ACCESS;
        // Tools miss it, the boot does not.
        let _ = runtime::set_variable(name, &LOADER, attributes, bytes);
    }
}

/// GUID of the GPT partition that the image came from.
fn partition_guid(image: &Image) -> Option<String> {
    let path = boot::open_protocol_exclusive::<DevicePath>(image.device?).ok()?;
    device_path::partition(path.as_bytes()).map(|guid| guid.to_string())
}
