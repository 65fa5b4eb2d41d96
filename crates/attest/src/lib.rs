//! Statements about software that other programs read: who signed what, what a system is made of, what is vulnerable in it.
//!
//! Bytes and values in, values out: nothing here reads a file, asks the clock or talks to a network.
//!
//! - [`signature`]: ed25519 keys and detached signatures.
//! - [`dsse`]: signed envelopes; [`intoto`]: statements about what was made and how, which stand in them.
//! - [`sbom`]: what a system is made of, in one shape; read from [`cyclonedx`] and [`spdx`].
//! - [`sarif`]: results of a scan, as tools that look at code read them.
//! - [`vex`]: what somebody says about vulnerabilities, in one shape; read from [`openvex`], [`csaf`] and [`cyclonedx`].
//!
//! Readers take what they know and leave the rest: an unknown member is no error, a member of the wrong type costs itself alone. What is
//! not JSON, too large, too deep or of another format is refused with a [`document::ReadError`].

pub mod csaf;
pub mod cyclonedx;
pub mod document;
pub mod dsse;
pub mod intoto;
pub mod openvex;
pub mod sarif;
pub mod sbom;
pub mod signature;
pub mod spdx;
mod tolerant;
pub mod vex;
