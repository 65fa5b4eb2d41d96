//! CycloneDX (ECMA-424), JSON.

mod read;

pub use read::{Bom, parse};
