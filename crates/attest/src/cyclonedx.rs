//! CycloneDX (ECMA-424), JSON: read in versions 1.4 to 1.7, written in 1.6.

mod read;
pub mod write;

pub use read::{Bom, parse};
