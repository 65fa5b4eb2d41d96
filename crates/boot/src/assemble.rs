//! Unified kernel images: what goes in, and what comes out.

use boot_formats::pe::{NewSection, Pe, PeError, X86_64, add_sections, empty_image};
use boot_formats::uki::{Kind, Policy, Profile, Reference, UkiError};
use boot_formats::{Sha256Digest, cpio, sha256};
use cli_kit::{Exit, Explained};

/// Folder for files of thin images, on the EFI system partition.
const BESIDE: &str = "EFI/nixos";

/// What goes into an image. Texts and bytes as they will stand there.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    /// A kernel, as its EFI image. None makes an addon.
    pub linux: Option<Vec<u8>>,
    /// Initrds, in their order.
    pub initrds: Vec<Vec<u8>>,
    /// Everything else, in any order.
    pub others: Vec<(Kind, Vec<u8>)>,
    /// Profiles, the first of which is the default.
    pub profiles: Vec<NewProfile>,
    /// Rules for our stub.
    pub policy: Option<Policy>,
    /// Leave kernel and initrd beside the image.
    pub thin: bool,
}

/// A profile: text of `.profile`, and what comes in the place of common sections.
#[derive(Debug, Clone)]
pub struct NewProfile {
    /// As `ID=debug`.
    pub text: Vec<u8>,
    /// Its own sections.
    pub sections: Vec<(Kind, Vec<u8>)>,
}

/// An image that is not signed yet, and the files it refers to: path below the partition's root, and content.
#[derive(Debug, Clone)]
pub struct Built {
    /// The image.
    pub image: Vec<u8>,
    /// Files of a thin image.
    pub beside: Vec<(String, Vec<u8>)>,
}

/// Why no image was built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The stub.
    #[error("stub is refused")]
    Stub(#[source] PeError),
    /// The stub is somebody else's.
    #[error("the stub has no .sbat of ours, and only ours boots thin images")]
    ForeignStub,
    /// The kernel.
    #[error("kernel is refused")]
    Kernel(#[source] PeError),
    /// Kernel and stub are for different processors.
    #[error("kernel is for machine type {kernel:#06x}, the stub for {stub:#06x}")]
    Machine {
        /// Of the kernel.
        kernel: u16,
        /// Of the stub.
        stub: u16,
    },
    /// Writing the image.
    #[error("image cannot be written")]
    Write(#[source] PeError),
    /// The sections.
    #[error("sections are refused")]
    Sections(#[source] UkiError),
    /// Thin addons.
    #[error("an addon has no kernel, and only images with one leave files beside them")]
    ThinAddon,
    /// A file that the kernel would read by itself.
    #[error("the command line has {0}, which makes the kernel read a file that nobody signed")]
    ForeignInitrd(String),
    /// A command line that ends before its end.
    #[error("section {0} has a zero in it")]
    Zero(&'static str),
    /// An addon has to add something.
    #[error("an image without a kernel is an addon and needs a command line, an initrd, microcode or a device tree")]
    EmptyAddon,
}

impl Explained for BuildError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::ForeignInitrd(_) => Some("give the file with --initrd instead".into()),
            Self::Kernel(PeError::NotPe(_)) => Some("give the kernel itself (bzImage), not an archive or an ELF file".into()),
            _ => None,
        }
    }
}

/// What the stub's own `.sbat` says of it.
const OUR_STUB: &[u8] = b"\nfirn-stub,";

/// SBAT of an addon, which has no stub that would bring one.
const ADDON_SBAT: &[u8] = b"sbat,1,SBAT Version,sbat,1,https://github.com/rhboot/shim/blob/main/SBAT.md\n\
    firn-addon,1,Firn,firn-addon,1,https://github.com/firn-nix/firn\n";

/// Builds an image. The same parts give the same bytes.
pub fn build(stub: &[u8], mut parts: Parts) -> Result<Built, BuildError> {
    let mut sections: Vec<(Kind, Vec<u8>)> = Vec::new();
    let mut beside = Vec::new();
    let stub = match &parts.linux {
        Some(_) => stub.to_vec(),
        None => empty_image(X86_64).map_err(BuildError::Write)?,
    };
    let stub = Pe::parse(&stub).map_err(BuildError::Stub)?;
    let brings_sbat = stub.headers().section(Kind::Sbat.name()).is_some();
    let is_ours = stub
        .section_data(Kind::Sbat.name())
        .is_some_and(|s| s.windows(OUR_STUB.len()).any(|w| w == OUR_STUB));
    if let Some(linux) = parts.linux.take() {
        let kernel = Pe::parse(&linux).map_err(BuildError::Kernel)?;
        let machines = (kernel.headers().machine, stub.headers().machine);
        if machines.0 != machines.1 {
            return Err(BuildError::Machine {
                kernel: machines.0,
                stub: machines.1,
            });
        }
        if parts.thin && !is_ours {
            return Err(BuildError::ForeignStub);
        }
        place(Kind::Linux, linux, parts.thin, &mut sections, &mut beside);
    } else if !parts
        .others
        .iter()
        .any(|(kind, _)| matches!(kind, Kind::CommandLine | Kind::Microcode | Kind::DeviceTree))
        && parts.initrds.is_empty()
    {
        return Err(BuildError::EmptyAddon);
    } else if parts.thin {
        return Err(BuildError::ThinAddon);
    } else if !parts.others.iter().any(|(kind, _)| *kind == Kind::Sbat) {
        parts.others.push((Kind::Sbat, ADDON_SBAT.to_vec()));
    }
    if !parts.initrds.is_empty() {
        let mut initrd = Vec::with_capacity(parts.initrds.iter().map(|i| i.len() + 3).sum());
        for part in &parts.initrds {
            cpio::pad(&mut initrd);
            initrd.extend_from_slice(part);
        }
        place(Kind::Initrd, initrd, parts.thin, &mut sections, &mut beside);
    }
    sections.append(&mut parts.others);
    if let Some(policy) = parts.policy {
        sections.push((Kind::Policy, policy.to_text().into_bytes()));
    }
    sections.sort_by_key(|(kind, _)| *kind);
    for profile in parts.profiles {
        sections.push((Kind::Profile, profile.text));
        sections.extend(profile.sections);
    }
    check(&sections, brings_sbat)?;
    let new: Vec<NewSection<'_>> = sections.iter().map(|(kind, data)| NewSection { name: kind.name(), data }).collect();
    let image = add_sections(&stub, &new).map_err(BuildError::Write)?;
    Ok(Built { image, beside })
}

/// Builds a thin image whose kernel and initrd lie beside it already (or will): their digests say which files.
pub fn build_thin(
    stub: &[u8],
    machine: u16,
    kernel: &Sha256Digest,
    initrd: Option<&Sha256Digest>,
    others: &[(Kind, Vec<u8>)],
) -> Result<Vec<u8>, BuildError> {
    let stub = Pe::parse(stub).map_err(BuildError::Stub)?;
    let sbat = stub.section_data(Kind::Sbat.name());
    if sbat.is_none_or(|s| !s.windows(OUR_STUB.len()).any(|w| w == OUR_STUB)) {
        return Err(BuildError::ForeignStub);
    }
    if machine != stub.headers().machine {
        return Err(BuildError::Machine {
            kernel: machine,
            stub: stub.headers().machine,
        });
    }
    let mut sections = others.to_vec();
    refer(Kind::Linux, kernel, &mut sections);
    if let Some(initrd) = initrd {
        refer(Kind::Initrd, initrd, &mut sections);
    }
    sections.sort_by_key(|(kind, _)| *kind);
    check(&sections, true)?;
    let new: Vec<NewSection<'_>> = sections.iter().map(|(kind, data)| NewSection { name: kind.name(), data }).collect();
    add_sections(&stub, &new).map_err(BuildError::Write)
}

/// Where a thin image's kernel or initrd lies, below the partition's root: the name says what is in it.
#[must_use]
pub fn beside(kind: Kind, digest: &Sha256Digest) -> String {
    let hex = boot_formats::trust::Hex(digest);
    let word = if kind == Kind::Linux { "kernel" } else { "initrd" };
    format!("{BESIDE}/{word}-{hex}.efi")
}

/// Sections that refer to a file beside the image; gives its path.
fn refer(kind: Kind, digest: &Sha256Digest, sections: &mut Vec<(Kind, Vec<u8>)>) -> String {
    let path = beside(kind, digest);
    let digest_kind = if kind == Kind::Linux {
        Kind::LinuxDigest
    } else {
        Kind::InitrdDigest
    };
    sections.push((kind, format!("\\{}", path.replace('/', "\\")).into_bytes()));
    sections.push((digest_kind, digest.to_vec()));
    path
}

/// Puts a kernel or an initrd into the image, or beside it under a name that says what is in it.
fn place(kind: Kind, data: Vec<u8>, thin: bool, sections: &mut Vec<(Kind, Vec<u8>)>, beside: &mut Vec<(String, Vec<u8>)>) {
    if !thin {
        sections.push((kind, data));
        return;
    }
    let path = refer(kind, &sha256(&data), sections);
    beside.push((path, data));
}

/// Every profile must be one that the stub takes.
fn check(sections: &[(Kind, Vec<u8>)], brings_sbat: bool) -> Result<(), BuildError> {
    let named: Vec<(&[u8], &[u8])> = sections
        .iter()
        .map(|(kind, data)| (kind.name().as_bytes(), data.as_slice()))
        .collect();
    if brings_sbat && sections.iter().any(|(kind, _)| *kind == Kind::Sbat) {
        return Err(BuildError::Sections(UkiError::Twice(Kind::Sbat.name())));
    }
    for number in 0..boot_formats::uki::profiles(named.iter().map(|(name, _)| *name)) {
        let profile = Profile::select(&named, number).map_err(BuildError::Sections)?;
        for kind in [Kind::CommandLine, Kind::OsRelease, Kind::KernelRelease, Kind::Profile] {
            if profile.text(kind).map_err(BuildError::Sections)?.is_some_and(|t| t.contains('\0')) {
                return Err(BuildError::Zero(kind.name()));
            }
        }
        let line = profile.text(Kind::CommandLine).map_err(BuildError::Sections)?.unwrap_or_default();
        if let Some(word) = line.split_whitespace().find(|w| w.trim_start_matches('"').starts_with("initrd=")) {
            return Err(BuildError::ForeignInitrd(word.into()));
        }
        for kind in [Kind::Linux, Kind::Initrd] {
            let _: Option<Reference<'_>> = profile.reference(kind).map_err(BuildError::Sections)?;
        }
    }
    Ok(())
}
