//! Hands the initrd to the kernel, which asks for it by a device path of its own and the protocol LoadFile2.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::ptr::{self, NonNull};

use uefi::proto::device_path::DevicePath;
use uefi::proto::media::load_file::LoadFile2;
use uefi::{Handle, Identify as _, Status, boot};
use uefi_raw::Boolean;
use uefi_raw::protocol::device_path::DevicePathProtocol;
use uefi_raw::protocol::media::LoadFile2Protocol;

use crate::refusal::{Refusal, Result};

/// Vendor media node with the kernel's GUID for initrds, and the end. After the kernel's efi-stub documentation.
static PATH: [u8; 24] = *b"\x04\x03\x14\x00\x27\xe4\x68\x55\xfc\x68\x3d\x4f\xac\x74\xca\x55\x52\x31\xcc\x68\x7f\xff\x04\x00";

/// What the kernel finds: the protocol, then what only we know of.
#[repr(C)]
struct Initrd {
    protocol: LoadFile2Protocol,
    bytes: Vec<u8>,
}

/// An initrd that is on offer until this is dropped. If the kernel does not start, firmware goes on with another entry, whose
/// kernel must not find ours, nor call into a program that is no longer there.
pub struct Offered {
    handle: Handle,
    initrd: NonNull<Initrd>,
}

/// Offers an initrd. The kernel takes any initrd offered at that path, so there must not be another.
pub fn offer(bytes: Vec<u8>) -> Result<Option<Offered>> {
    let mut path = <&DevicePath>::try_from(PATH.as_slice()).map_err(|_| Refusal::ForeignInitrd)?;
    if boot::locate_device_path::<LoadFile2>(&mut path).is_ok_and(|_| path.node_iter().next().is_none()) {
        return Err(Refusal::ForeignInitrd);
    }
    if bytes.is_empty() {
        return Ok(None);
    }
    let initrd = NonNull::from(Box::leak(Box::new(Initrd {
        protocol: LoadFile2Protocol { load_file },
        bytes,
    })));
    let refused = |e: uefi::Error| Refusal::Firmware {
        what: "take the initrd",
        status: e.status(),
    };
    // SAFETY: both interfaces are what their GUIDs say, and live until they are taken back.
    unsafe {
        let handle = boot::install_protocol_interface(None, &LoadFile2::GUID, initrd.as_ptr().cast()).map_err(refused)?;
        let offered = Offered { handle, initrd };
        boot::install_protocol_interface(Some(handle), &DevicePath::GUID, PATH.as_ptr().cast()).map_err(refused)?;
        Ok(Some(offered))
    }
}

impl Drop for Offered {
    fn drop(&mut self) {
        // SAFETY: what is taken back is what was put there. The initrd itself is given back only if the firmware no longer
        // knows of it.
        unsafe {
            // Not there if it could not be put there.
            let _ = boot::uninstall_protocol_interface(self.handle, &DevicePath::GUID, PATH.as_ptr().cast());
            if boot::uninstall_protocol_interface(self.handle, &LoadFile2::GUID, self.initrd.as_ptr().cast()).is_ok() {
                drop(Box::from_raw(self.initrd.as_ptr()));
            }
        }
    }
}

/// Called by the kernel: once for the size, once with a buffer.
unsafe extern "efiapi" fn load_file(
    this: *mut LoadFile2Protocol,
    path: *const DevicePathProtocol,
    policy: Boolean,
    size: *mut usize,
    buffer: *mut c_void,
) -> Status {
    if this.is_null() || path.is_null() || size.is_null() {
        return Status::INVALID_PARAMETER;
    }
    if policy != Boolean::FALSE {
        return Status::UNSUPPORTED;
    }
    // SAFETY: `this` is the protocol that we installed, the first field of an `Initrd`; `size` is valid by the protocol's
    // contract, and `buffer` has that many bytes if it is not null.
    unsafe {
        let bytes = &(*this.cast::<Initrd>()).bytes;
        let room = *size;
        *size = bytes.len();
        if buffer.is_null() || room < bytes.len() {
            return Status::BUFFER_TOO_SMALL;
        }
        ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.cast(), bytes.len());
    }
    Status::SUCCESS
}
