//! Configuration tables: data that the kernel finds by a GUID.

use core::{mem, ptr, slice};

use uefi::boot::{self, MemoryType};
use uefi::{Guid, guid};

use crate::refusal::{Refusal, Result};

static DEVICE_TREE: Guid = guid!("b1b621d5-f19c-41a5-830b-d9152c69aae0");
static RANDOM_SEED: Guid = guid!("1ce1e5bc-7ceb-42f2-81e5-8aadf180f57b");

/// Hands over the device tree of the image, if it has one.
pub fn device_tree(tree: Option<&[u8]>) -> Result<()> {
    let Some(tree) = tree else { return Ok(()) };
    install(&DEVICE_TREE, &[tree]).map_err(|e| Refusal::Firmware {
        what: "take the device tree",
        status: e.status(),
    })
}

/// Whether a loader before us has handed over a random seed.
pub fn has_random_seed() -> bool {
    uefi::system::with_config_table(|tables| tables.iter().any(|t| t.guid == RANDOM_SEED))
}

/// Hands over a random seed.
pub fn random_seed(seed: &[u8; 32]) -> uefi::Result {
    let size = 32_u32.to_le_bytes();
    install(&RANDOM_SEED, &[&size, seed])
}

/// Copies data to memory that the kernel keeps, and announces it.
fn install(guid: &'static Guid, parts: &[&[u8]]) -> uefi::Result {
    let size = parts.iter().map(|p| p.len()).sum();
    let memory = boot::allocate_pool(MemoryType::ACPI_RECLAIM, size)?;
    // SAFETY: the memory was just given to us with this size, is written before it is announced, and never given back.
    unsafe {
        ptr::write_bytes(memory.as_ptr(), 0, size);
        let mut place = slice::from_raw_parts_mut(memory.as_ptr(), size);
        for part in parts {
            if let Some((head, rest)) = mem::take(&mut place).split_at_mut_checked(part.len()) {
                head.copy_from_slice(part);
                place = rest;
            }
        }
        boot::install_configuration_table(guid, memory.as_ptr().cast_const().cast())
    }
}
