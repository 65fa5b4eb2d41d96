//! A random seed for the kernel: from the file on the partition, the firmware's generator and a token that only this machine
//! has, so that neither a copied disk nor a repeated boot gives the same numbers.

use alloc::vec::Vec;

use boot_formats::{Sha256Digest, sha256};
use uefi::proto::rng::Rng;
use uefi::{boot, cstr16, runtime};

use crate::partition::Partition;
use crate::{tables, variables};

const FILE: &str = "\\loader\\random-seed";
const LEAST: usize = 32;
/// More than anybody writes there; the file is whoever's who has the disk.
const MOST: u64 = 32 << 10;

/// Mixes a seed, replaces the file, and hands the seed over; does nothing if a loader has done so. A boot without a seed is
/// slower to have random numbers, not less safe, so that nothing here stops it.
pub fn pass_on(partition: &mut Partition) {
    if tables::has_random_seed() {
        return;
    }
    let file = partition.read_at_most(FILE, MOST).ok().filter(|f| f.len() >= LEAST);
    let generator = from_generator();
    let mut token = [0; 1024];
    let token = runtime::get_variable(cstr16!("LoaderSystemToken"), &variables::LOADER, &mut token).map(|(t, _)| t.to_vec());
    // With a file alone, a copy of the disk would know the seed.
    if generator.is_none() && (file.is_none() || token.is_err()) {
        return;
    }
    let (has_file, has_generator) = (file.is_some(), generator.is_some());
    let parts = [
        file.unwrap_or_default(),
        generator.map(|g| g.to_vec()).unwrap_or_default(),
        token.unwrap_or_default(),
    ];
    // The file is replaced first: a seed must not be used twice.
    let replaced = !has_file || partition.write(FILE, &mix(b"firn-stub: seed of the next boot", &parts)).is_ok();
    if replaced || has_generator {
        // Without it the kernel waits for its own sources.
        let _ = tables::random_seed(&mix(b"firn-stub: seed of this kernel", &parts));
    }
}

fn from_generator() -> Option<[u8; 32]> {
    let handle = boot::get_handle_for_protocol::<Rng>().ok()?;
    let mut bytes = [0; 32];
    boot::open_protocol_exclusive::<Rng>(handle).ok()?.get_rng(None, &mut bytes).ok()?;
    Some(bytes)
}

/// One digest of a purpose and all parts with their lengths.
fn mix(purpose: &[u8], parts: &[Vec<u8>]) -> Sha256Digest {
    let mut all = purpose.to_vec();
    for part in parts {
        all.extend_from_slice(&(part.len() as u64).to_le_bytes());
        all.extend_from_slice(part);
    }
    sha256(&all)
}
