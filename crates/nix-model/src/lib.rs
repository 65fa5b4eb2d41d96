//! Nix's formats: what store paths, package names and derivations say.
//!
//! Bytes and values in, values out: nothing here opens a file, asks the clock or waits. Archives are read from and written to whatever
//! gives and takes bytes.
//!
//! - [`StorePath`] is the only way to hold a path of the store; [`base32`] is the alphabet of its hash part;
//! - [`name`] splits `curl-7.71.1` and orders versions exactly as Nix does;
//! - [`nar`] reads and writes archives;
//! - [`output_name`] splits the names of outputs in the store into package, version and output;
//! - [`path_info`] reads what a store knows of its paths: the JSON of `nix path-info`, plain lists;
//! - [`bootspec`] is what a NixOS generation says of how it is booted;
//! - [`Derivation`] is a `.drv` file, read from ATerm or from the JSON of `nix derivation show`.

pub mod base32;
pub mod bootspec;
pub mod derivation;
pub mod name;
pub mod nar;
pub mod output_name;
pub mod path_info;
mod store_path;

pub use derivation::Derivation;
pub use store_path::{STORE_DIR, StorePath, StorePathError, StorePathErrorKind};
