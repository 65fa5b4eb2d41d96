//! Inputs: what a store, a file or a command knows of a closure, read into an [`Inventory`](crate::inventory::Inventory).
//!
//! - [`target`] turns what a person names (a path, a profile, `./result`) into a store path;
//! - [`closure`] reads closures: from the [`database`], from [Nix](nix), from a file;
//! - [`derivations`] reads .drv files, derivation JSON, and closures of what builds need;
//! - [`document`] reads SBOMs, [`channel`] the package set of a channel that the snapshot holds;
//! - [`source`] takes whatever a command is pointed at;
//! - [`assemble`] puts paths and packages together; [`package`] says which of them are packages, [`vendored`] what they carry inside.

pub mod assemble;
pub mod channel;
pub mod closure;
pub mod database;
pub mod derivations;
pub mod document;
pub mod file;
pub mod nix;
pub mod package;
pub mod source;
pub mod store;
pub mod target;
pub mod vendored;
