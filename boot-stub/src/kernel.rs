//! Puts the kernel into memory and jumps into it.
//!
//! The firmware's own loader is not used: it would ask for a signature of the kernel alone, which is already covered by the
//! image's.

use alloc::vec::Vec;
use core::mem;
use core::ops::Range;
use core::slice;

use boot_formats::pe::{AARCH64, NX_COMPAT, Pe, Section, X86_64};
use uefi::boot::{self, AllocateType, MemoryType, PAGE_SIZE};
use uefi::proto::security::MemoryProtection;
use uefi::{Handle, Status};
use uefi_raw::table::boot::MemoryAttribute;
use uefi_raw::table::system::SystemTable;

use crate::refusal::{Refusal, Result, show};
use crate::{Never, image};

const MACHINE: u16 = if cfg!(target_arch = "aarch64") { AARCH64 } else { X86_64 };

/// How every UEFI program begins.
type EntryPoint = unsafe extern "efiapi" fn(Handle, *const SystemTable) -> Status;

/// Starts a kernel with its EFI entry point. Comes back only if that fails.
pub fn start(bytes: &[u8], command_line: &str) -> Result<Never> {
    let pe = Pe::parse(bytes).map_err(|_| Refusal::Kernel("is no image that UEFI can start"))?;
    let headers = pe.headers();
    if headers.machine != MACHINE {
        return Err(Refusal::Kernel("is for another kind of processor"));
    }
    let entry = usize::try_from(headers.entry_point).unwrap_or_default();
    if entry == 0 || entry >= headers.size_of_image {
        return Err(Refusal::Kernel("has no entry point"));
    }
    let memory = load(&pe)?;
    let start = memory.as_ptr();
    protect(&pe, start as u64..(start as u64).saturating_add(memory.len() as u64))?;

    let options: Vec<u16> = command_line.encode_utf16().chain([0]).collect();
    let options = options.leak();
    let options_size = u32::try_from(mem::size_of_val(options)).map_err(|_| Refusal::Kernel("has too long a command line"))?;
    let table = uefi::table::system_table_raw().ok_or(Refusal::Kernel("cannot be given the system table"))?;
    {
        let mut loaded = image::open(boot::image_handle())?;
        // SAFETY: the kernel runs under our handle and asks there for its own memory and command line. Both live until the
        // machine leaves boot services; nothing of ours looks there again.
        unsafe {
            loaded.set_image(start.cast(), memory.len() as u64);
            loaded.set_load_options(options.as_ptr().cast(), options_size);
        }
    }
    // SAFETY: the address lies inside of the memory that holds the kernel, whose header says that it begins there.
    let status = unsafe {
        let entry: EntryPoint = mem::transmute(start.add(entry));
        entry(boot::image_handle(), table.as_ptr())
    };
    Err(Refusal::Firmware {
        what: "leave boot services: the kernel gave up",
        status,
    })
}

/// Sections at their addresses in fresh memory, the rest zero.
fn load(pe: &Pe<'_>) -> Result<&'static mut [u8]> {
    let size = pe.headers().size_of_image.next_multiple_of(PAGE_SIZE);
    let pages = boot::allocate_pages(AllocateType::AnyPages, MemoryType::LOADER_CODE, size / PAGE_SIZE);
    let pages = pages.map_err(|e| Refusal::Firmware {
        what: "give memory for the kernel",
        status: e.status(),
    })?;
    // SAFETY: these pages were just given to us, for nobody else.
    let memory = unsafe {
        pages.as_ptr().write_bytes(0, size);
        slice::from_raw_parts_mut(pages.as_ptr(), size)
    };
    let header = (0, pe.bytes().get(..pe.headers().size_of_headers).unwrap_or_default());
    let sections = pe.headers().sections.iter().map(|s| (s.virtual_address, pe.data(s)));
    for (at, data) in sections.chain([header]) {
        // Offsets were checked when the image was read.
        if let Some(place) = at.checked_add(data.len()).and_then(|end| memory.get_mut(at..end)) {
            place.copy_from_slice(data);
        }
    }
    Ok(memory)
}

/// On firmware that forbids to execute fresh memory: code executable and read-only, data not executable. A kernel that is
/// not made for that gets memory as it was before such firmware.
fn protect(pe: &Pe<'_>, whole: Range<u64>) -> Result<()> {
    let Ok(handle) = boot::get_handle_for_protocol::<MemoryProtection>() else {
        return Ok(());
    };
    let refused = |e: uefi::Error| Refusal::Firmware {
        what: "protect the kernel's memory",
        status: e.status(),
    };
    let protection = boot::open_protocol_exclusive::<MemoryProtection>(handle).map_err(refused)?;
    let headers = pe.headers();
    if headers.dll_characteristics & NX_COMPAT == 0 || !headers.section_alignment.is_multiple_of(PAGE_SIZE) {
        show!("firn-stub: this kernel is not made for protected memory; its memory stays executable");
        let all = MemoryAttribute::EXECUTE_PROTECT | MemoryAttribute::READ_ONLY;
        return protection.clear_memory_attributes(whole, all).map_err(refused);
    }
    for section in &headers.sections {
        let from = whole.start.saturating_add(section.virtual_address as u64);
        let range = from..from
            .saturating_add(section.virtual_size.next_multiple_of(PAGE_SIZE) as u64)
            .min(whole.end);
        let (set, clear) = if section.characteristics & Section::EXECUTE != 0 {
            (MemoryAttribute::READ_ONLY, MemoryAttribute::EXECUTE_PROTECT)
        } else {
            (MemoryAttribute::EXECUTE_PROTECT, MemoryAttribute::READ_ONLY)
        };
        protection.clear_memory_attributes(range.clone(), clear).map_err(refused)?;
        protection.set_memory_attributes(range, set).map_err(refused)?;
    }
    Ok(())
}
