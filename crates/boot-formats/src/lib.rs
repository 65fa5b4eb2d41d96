//! Formats of the boot chain, for the machine that signs and for the program that firmware starts.
//!
//! Nothing here reads files, keeps keys or knows the time. Every parser takes foreign bytes: it is bounded, never panics,
//! and names what it refuses.
//!
//! - [`pe`]: PE32+ images read and written; [`authenticode`]: their digest and certificate table
//! - [`der`], [`pem`], [`certificate`], [`pkcs7`], [`trust`]: signatures, built and checked against db and dbx (feature `signatures`)
//! - [`siglist`], [`authvar`]: what the firmware's key variables hold, and how they are changed
//! - [`load_options`], [`device_path`]: what firmware and loaders say to the image that they start
//! - [`uki`], [`sbat`], [`cpio`], [`pcr`]: unified kernel images and what is measured of them
#![no_std]

extern crate alloc;

pub mod authenticode;
pub mod authvar;
mod bytes;
#[cfg(feature = "signatures")]
pub mod certificate;
pub mod cpio;
#[cfg(feature = "signatures")]
pub mod der;
pub mod device_path;
mod guid;
pub mod load_options;
pub mod pcr;
pub mod pe;
#[cfg(feature = "signatures")]
pub mod pem;
#[cfg(feature = "signatures")]
pub mod pkcs7;
pub mod sbat;
pub mod siglist;
#[cfg(feature = "signatures")]
pub mod trust;
pub mod uki;

pub use guid::{Guid, ParseGuidError};

/// A SHA-256 digest.
pub type Sha256Digest = [u8; 32];

/// The SHA-256 digest of some bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Sha256Digest {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).into()
}
