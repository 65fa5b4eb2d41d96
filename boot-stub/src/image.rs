//! The image this program runs from: its memory, where it came from, what it was given.

use alloc::string::String;
use alloc::vec::Vec;
use core::slice;

use boot_formats::device_path;
use boot_formats::pe::Headers;
use uefi::Handle;
use uefi::boot::{self, ScopedProtocol};
use uefi::proto::loaded_image::LoadedImage;

use crate::refusal::{Refusal, Result};

/// Our own image.
pub struct Image {
    memory: &'static [u8],
    /// The partition it was loaded from, if there is one.
    pub device: Option<Handle>,
    /// Its path there, with backslashes.
    pub path: Option<String>,
    /// What the loader passed along.
    pub load_options: Vec<u8>,
}

impl Image {
    /// The one that is running.
    pub fn own() -> Result<Self> {
        let loaded = open(boot::image_handle())?;
        Ok(Self {
            memory: memory(&loaded),
            device: loaded.device(),
            path: loaded.file_path().and_then(|p| device_path::file_path(p.as_bytes())),
            load_options: loaded.load_options_as_bytes().unwrap_or_default().to_vec(),
        })
    }

    /// Name and content of every section, in the order of their table.
    pub fn sections(&self) -> Result<Vec<(&'static [u8], &'static [u8])>> {
        sections(self.memory)
    }

    /// Path without its last name, and that name without a counter of tries (`name+3-1.efi`).
    pub fn folder_and_name(&self) -> Option<(&str, String)> {
        let (folder, name) = self.path.as_deref()?.rsplit_once('\\')?;
        let counted = name.rsplit_once('.').and_then(|(stem, end)| {
            let (stem, tries) = stem.rsplit_once('+')?;
            tries
                .bytes()
                .all(|b| b.is_ascii_digit() || b == b'-')
                .then(|| alloc::format!("{stem}.{end}"))
        });
        Some((folder, counted.unwrap_or_else(|| name.into())))
    }
}

/// An image that the firmware has loaded.
pub fn open(handle: Handle) -> Result<ScopedProtocol<LoadedImage>> {
    boot::open_protocol_exclusive(handle).map_err(|e| Refusal::Firmware {
        what: "tell about a loaded image",
        status: e.status(),
    })
}

/// Name and content of every section of an image in memory.
pub fn sections(memory: &[u8]) -> Result<Vec<(&[u8], &[u8])>> {
    let headers = Headers::parse(memory).map_err(Refusal::Image)?;
    let data = headers
        .sections
        .iter()
        .map(|s| memory.get(s.virtual_address..s.virtual_address.saturating_add(s.virtual_size)));
    Ok(headers.names(memory).zip(data.map(Option::unwrap_or_default)).collect())
}

/// The memory of an image that stays loaded: our own, or another until it is unloaded.
pub fn memory(loaded: &LoadedImage) -> &'static [u8] {
    let (start, size) = loaded.info();
    let size = usize::try_from(size).unwrap_or_default();
    if start.is_null() {
        return &[];
    }
    // SAFETY: the firmware says that it loaded the image there, and nobody writes to our read-only sections. Our own image
    // stays until we return; the image of an addon is copied from before it is unloaded.
    unsafe { slice::from_raw_parts(start.cast(), size) }
}
