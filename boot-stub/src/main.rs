//! `firn-stub.efi`: the program a signed image is made of.
//!
//! The firmware has checked the signature of the whole image before the first line here runs. From then on this program
//! must not let anything in that the signature does not cover: it checks the files a thin image refers to, refuses command
//! lines from outside under Secure Boot, measures what it hands over, and starts the kernel.
//!
//! `unsafe` stands in [`image`] (the image's own memory), [`kernel`] (memory and jump), [`initrd`] (the protocol that the
//! kernel calls) and [`tables`] (one function that fills a configuration table); here it only places the text of `.sbat`.
#![no_main]
#![no_std]

extern crate alloc;

mod companions;
mod image;
mod initrd;
mod kernel;
mod partition;
mod refusal;
mod seed;
mod tables;
mod tpm;
mod variables;

use alloc::string::String;
use alloc::vec::Vec;

use boot_formats::cpio::pad;
use boot_formats::load_options::LoadOptions;
use boot_formats::uki::{Kind, Profile};
use boot_formats::{pcr, sha256};
use uefi::prelude::*;

use crate::companions::Addons;
use crate::image::Image;
use crate::partition::Partition;
use crate::refusal::{Refusal, Result, show};
use crate::tpm::Tpm;

/// What this program is, for shim: its generation grows when a hole was closed.
#[used]
// SAFETY: nothing else is called so, and nothing but data is put there.
#[unsafe(link_section = ".sbat")]
static SBAT: [u8; SBAT_TEXT.len()] = {
    let mut bytes = [0; SBAT_TEXT.len()];
    bytes.copy_from_slice(SBAT_TEXT.as_bytes());
    bytes
};
const SBAT_TEXT: &str = concat!(
    "sbat,1,SBAT Version,sbat,1,https://github.com/rhboot/shim/blob/main/SBAT.md\n",
    "firn-stub,1,Firn,firn-stub,",
    env!("CARGO_PKG_VERSION"),
    ",https://github.com/firn-nix/firn\n"
);

#[entry]
fn main() -> Status {
    match boot() {
        Ok(never) => match never {},
        Err(refusal) => refusal.report(),
    }
}

/// A value that does not come to be: a kernel that was started does not return.
enum Never {}

fn boot() -> Result<Never> {
    let image = Image::own()?;
    let options = LoadOptions::parse(&image.load_options);
    let sections = image.sections()?;
    let profile = Profile::select(&sections, options.profile)?;
    let policy = profile.policy()?;
    let secure = variables::secure_boot();
    let embedded = profile.text(Kind::CommandLine)?.unwrap_or_default();
    let mut command_line = command_line(embedded, &options, secure)?;

    let mut partition = Partition::of(&image);
    let kernel = content(&profile, Kind::Linux, &mut partition)?.ok_or(Refusal::NoKernel)?;
    let base_initrd = content(&profile, Kind::Initrd, &mut partition)?;

    let mut tpm = Tpm::open(policy.measure)?;
    for (kind, data) in profile.measured() {
        let data = match kind {
            Kind::Linux => kernel.bytes(),
            Kind::Initrd => base_initrd.as_ref().map_or(data, Content::bytes),
            _ => data,
        };
        tpm.measure_section(kind, data)?;
    }
    if options.edited(embedded).is_some() {
        tpm.measure_text(pcr::KERNEL_CONFIG, &command_line)?;
    }
    let addons = Addons::load(&image, &mut partition, profile.text(Kind::KernelRelease)?, &mut tpm)?;
    for text in &addons.command_lines {
        command_line.push(' ');
        command_line.push_str(text);
    }
    let archives = companions::archives(&image, &mut partition, &mut tpm)?;
    let extra = companions::extra(&profile)?;

    let mut parts: Vec<&[u8]> = addons.microcode.iter().map(Vec::as_slice).collect();
    parts.extend(profile.get(Kind::Microcode));
    parts.extend(base_initrd.as_ref().map(Content::bytes));
    parts.extend(addons.initrds.iter().map(Vec::as_slice));
    parts.extend(archives.iter().map(Vec::as_slice));
    parts.extend(extra.as_deref());
    // Taken back if the kernel does not start after all.
    let _offered = initrd::offer(join(&parts))?;

    let device_tree = addons.device_trees.last().map(Vec::as_slice);
    tables::device_tree(device_tree.or_else(|| profile.get(Kind::DeviceTree)))?;
    seed::pass_on(&mut partition);
    variables::announce(&image, options.profile, profile.text(Kind::Profile)?, tpm.has_measured());
    kernel::start(kernel.bytes(), &command_line)
}

/// Content of a section, or of the file that a thin image refers to.
enum Content<'a> {
    Inside(&'a [u8]),
    Beside(Vec<u8>),
}

impl Content<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Inside(bytes) => bytes,
            Self::Beside(bytes) => bytes,
        }
    }
}

/// Kernel or initrd, from inside of the image or from the partition; then it is read once and must have the signed digest.
fn content<'a>(profile: &Profile<'a>, kind: Kind, partition: &mut Partition) -> Result<Option<Content<'a>>> {
    let Some(reference) = profile.reference(kind)? else {
        return Ok(profile.get(kind).map(Content::Inside));
    };
    let bytes = partition.read(reference.path).map_err(|status| Refusal::Missing {
        path: reference.path.into(),
        status,
    })?;
    let actual = sha256(&bytes);
    if actual != reference.digest {
        return Err(Refusal::Changed {
            path: reference.path.into(),
            signed: reference.digest,
            actual,
        });
    }
    Ok(Some(Content::Beside(bytes)))
}

/// The command line: the signed one, or one from outside where Secure Boot does not forbid it.
fn command_line(embedded: &str, options: &LoadOptions, secure: bool) -> Result<String> {
    let Some(given) = options.edited(embedded) else {
        return Ok(embedded.into());
    };
    if secure {
        return Err(Refusal::CommandLine {
            given: given.into(),
            signed: embedded.into(),
        });
    }
    show!("firn-stub: Secure Boot is off, so the command line comes from the loader");
    Ok(given.into())
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    let mut all = Vec::with_capacity(parts.iter().map(|p| p.len() + 3).sum());
    for part in parts {
        all.extend_from_slice(part);
        pad(&mut all);
    }
    all
}
