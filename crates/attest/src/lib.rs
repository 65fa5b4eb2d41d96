//! Statements about software that other programs read: who signed what, what a system is made of, what is vulnerable in it.
//!
//! Bytes and values in, values out: nothing here reads a file, asks the clock or talks to a network.
//!
//! - [`signature`]: ed25519 keys and detached signatures.

pub mod signature;
