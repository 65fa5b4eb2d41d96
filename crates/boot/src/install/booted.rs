//! What the loader says of this boot, through variables of the firmware.

use boot_formats::Guid;

use crate::esp::EntryName;
use crate::firmware::{Firmware, FirmwareError};

/// The entry that was started, if it is one of ours.
pub fn entry(firmware: &Firmware) -> Result<Option<EntryName>, FirmwareError> {
    Ok(firmware
        .text("LoaderEntrySelected", Guid::LOADER)?
        .and_then(|id| EntryName::parse(&id)))
}

/// Path below its partition's root of the entry that was started while it was counted, as it is now: the loader has lowered
/// its counter. `None` without counting.
pub fn counted(firmware: &Firmware) -> Result<Option<String>, FirmwareError> {
    let path = firmware.text("LoaderBootCountPath", Guid::LOADER)?;
    Ok(path.map(|p| p.trim_start_matches(['\\', '/']).replace('\\', "/")))
}
