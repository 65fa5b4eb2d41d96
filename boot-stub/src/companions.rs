//! What may lie beside the image: addons, credentials, extensions.
//!
//! Addons are images with a signature of their own, which the firmware checks. Credentials and extensions are checked by the
//! operating system; here they are measured and handed over.

use alloc::string::String;
use alloc::vec::Vec;

use boot_formats::cpio::{Archive, CpioError};
use boot_formats::pcr;
use boot_formats::uki::{Kind, Profile};
use uefi::boot::{self, LoadImageSource};
use uefi::proto::device_path::DevicePath;

use crate::image::{self, Image};
use crate::partition::Partition;
use crate::refusal::{Plain, Refusal, Result, show};
use crate::tpm::Tpm;

/// What addons add.
#[derive(Default)]
pub struct Addons {
    pub command_lines: Vec<String>,
    pub microcode: Vec<Vec<u8>>,
    pub initrds: Vec<Vec<u8>>,
    /// The last one replaces the image's.
    pub device_trees: Vec<Vec<u8>>,
}

const ADDON: &str = ".addon.efi";

impl Addons {
    /// Loads the addons of all images and of this one. One that the firmware refuses is left out, and said so.
    pub fn load(image: &Image, partition: &mut Partition, release: Option<&str>, tpm: &mut Tpm) -> Result<Self> {
        let mut addons = Self::default();
        let own = own_folder(image);
        for folder in [Some("\\loader\\addons"), own.as_deref()].into_iter().flatten() {
            for name in partition.names(folder, ADDON) {
                addons.take(&alloc::format!("{folder}\\{name}"), partition, release, tpm)?;
            }
        }
        Ok(addons)
    }

    fn take(&mut self, path: &str, partition: &mut Partition, release: Option<&str>, tpm: &mut Tpm) -> Result<()> {
        let Ok(bytes) = partition.read(path) else {
            show!("firn-stub: addon {} left out: it cannot be read", Plain(path));
            return Ok(());
        };
        let device_path = partition.device_path_of(path).unwrap_or_default();
        let file_path = <&DevicePath>::try_from(device_path.as_slice()).ok();
        let handle = match boot::load_image(boot::image_handle(), LoadImageSource::FromBuffer { buffer: &bytes, file_path }) {
            Ok(handle) => handle,
            Err(error) => {
                show!(
                    "firn-stub: addon {} left out: the firmware refuses it ({}); it has to be signed",
                    Plain(path),
                    error.status()
                );
                return Ok(());
            }
        };
        let taken = self.read(path, image::memory(&*image::open(handle)?), release, tpm);
        boot::unload_image(handle).map_err(|e| Refusal::Firmware {
            what: "unload an addon",
            status: e.status(),
        })?;
        taken
    }

    fn read(&mut self, path: &str, memory: &[u8], release: Option<&str>, tpm: &mut Tpm) -> Result<()> {
        let sections = image::sections(memory)?;
        let addon = Profile::select(&sections, 0)?;
        if let Some(why) = unfit(&addon, release)? {
            show!("firn-stub: addon {} left out: {why}", Plain(path));
            return Ok(());
        }
        if let Some(text) = addon.text(Kind::CommandLine)? {
            tpm.measure_text(pcr::KERNEL_CONFIG, text)?;
            self.command_lines.push(text.into());
        }
        let binaries = [
            (Kind::DeviceTree, "a device tree of an addon", &mut self.device_trees),
            (Kind::Microcode, "microcode of an addon", &mut self.microcode),
            (Kind::Initrd, "an initrd of an addon", &mut self.initrds),
        ];
        for (kind, what, place) in binaries {
            if let Some(data) = addon.get(kind) {
                tpm.measure(pcr::KERNEL_CONFIG, what, path, data)?;
                place.push(data.to_vec());
            }
        }
        Ok(())
    }
}

/// Why an addon that the firmware accepts is not for this image.
fn unfit(addon: &Profile<'_>, release: Option<&str>) -> Result<Option<&'static str>> {
    if addon.get(Kind::Linux).is_some() {
        return Ok(Some("it is an image with a kernel"));
    }
    if addon.get(Kind::InitrdDigest).is_some() {
        return Ok(Some("its initrd is a file, and only images have such"));
    }
    Ok(match addon.text(Kind::KernelRelease)? {
        // An image that does not say what it has may have something else.
        Some(wanted) if release != Some(wanted) => Some("it is for another kernel"),
        _ => None,
    })
}

/// A kind of file, and where it goes.
struct Companion {
    end: &'static str,
    /// Common to all images, if `None` the image's own folder.
    folder: Option<&'static str>,
    inside: &'static str,
    permissions: u32,
    register: u32,
}

/// Secrets are for root alone; extensions are for all.
const COMPANIONS: [Companion; 4] = [
    Companion {
        end: ".cred",
        folder: None,
        inside: ".extra/credentials",
        permissions: 0o400,
        register: pcr::KERNEL_CONFIG,
    },
    Companion {
        end: ".cred",
        folder: Some("\\loader\\credentials"),
        inside: ".extra/global_credentials",
        permissions: 0o400,
        register: pcr::KERNEL_CONFIG,
    },
    Companion {
        end: ".sysext.raw",
        folder: None,
        inside: ".extra/sysext",
        permissions: 0o444,
        register: pcr::SYSEXTS,
    },
    Companion {
        end: ".confext.raw",
        folder: None,
        inside: ".extra/confext",
        permissions: 0o444,
        register: pcr::KERNEL_CONFIG,
    },
];

/// Archives of the credentials and extensions, each measured.
pub fn archives(image: &Image, partition: &mut Partition, tpm: &mut Tpm) -> Result<Vec<Vec<u8>>> {
    let own = own_folder(image);
    let mut archives = Vec::new();
    for companion in &COMPANIONS {
        let Some(folder) = companion.folder.or(own.as_deref()) else {
            continue;
        };
        let names = partition.names(folder, companion.end);
        if names.is_empty() {
            continue;
        }
        let mut files = Vec::new();
        for name in names {
            let path = alloc::format!("{folder}\\{name}");
            match partition.read(&path) {
                Ok(bytes) => files.push((name, bytes)),
                Err(status) => return Err(Refusal::Missing { path, status }),
            }
        }
        let archive = archive(companion.inside, companion.permissions, &files).map_err(|_| Refusal::Firmware {
            what: "give credentials or extensions that fit into an archive",
            status: uefi::Status::BAD_BUFFER_SIZE,
        })?;
        tpm.measure(companion.register, "credentials or extensions", companion.inside, &archive)?;
        archives.push(archive);
    }
    Ok(archives)
}

/// The archive of what the image says about itself: signatures of register values with their key, profile, release.
pub fn extra(profile: &Profile<'_>) -> Result<Option<Vec<u8>>> {
    let sections = [
        (Kind::PcrSignatures, "tpm2-pcr-signature.json"),
        (Kind::PcrPublicKey, "tpm2-pcr-public-key.pem"),
        (Kind::Profile, "profile"),
        (Kind::OsRelease, "os-release"),
    ];
    let mut files = Vec::new();
    for (kind, name) in sections {
        if let Some(text) = profile.text(kind)? {
            files.push((name.into(), text.as_bytes().to_vec()));
        }
    }
    if files.is_empty() {
        return Ok(None);
    }
    let archive = archive(".extra", 0o444, &files);
    archive.map(Some).map_err(|_| Refusal::Firmware {
        what: "take what the image says about itself",
        status: uefi::Status::BAD_BUFFER_SIZE,
    })
}

fn archive(folder: &str, permissions: u32, files: &[(String, Vec<u8>)]) -> core::result::Result<Vec<u8>, CpioError> {
    let mut archive = Archive::default();
    for (at, _) in folder.match_indices('/').chain([(folder.len(), "")]) {
        let permissions = if at == folder.len() {
            permissions | (permissions >> 2 & 0o111)
        } else {
            0o555
        };
        archive.folder(folder.get(..at).unwrap_or_default(), permissions)?;
    }
    for (name, bytes) in files {
        archive.file(&alloc::format!("{folder}/{name}"), permissions, bytes)?;
    }
    Ok(archive.finish())
}

/// `image.efi.extra.d` beside the image.
fn own_folder(image: &Image) -> Option<String> {
    let (folder, name) = image.folder_and_name()?;
    Some(alloc::format!("{folder}\\{name}.extra.d"))
}
