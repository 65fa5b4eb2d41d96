//! Secure Boot for NixOS generations: keys, signatures and unified kernel images, all in this process.
//!
//! - [`keys`]: a folder of keys, and what firmware is to be told about them
//! - [`signer`]: who signs: a file, a security module, a command, or somebody later
//! - [`assemble`]: unified kernel images, fat and thin
//! - [`firmware`]: the key variables of this machine
//! - [`esp`]: the partitions that firmware reads; [`install`]: NixOS generations on them, as a transaction
//!
//! The formats themselves are in `boot-formats`.

pub mod assemble;
pub mod cli;
pub mod commands;
pub mod esp;
pub mod files;
pub mod firmware;
pub mod install;
pub mod keys;
mod parallel;
pub mod signer;
pub mod stub;
mod terminal;
