//! SPDX (ISO/IEC 5962 and what 2.3 changed), JSON: read in versions 2.2 and 2.3, written in 2.3.

mod read;
pub mod write;

pub use read::parse;
